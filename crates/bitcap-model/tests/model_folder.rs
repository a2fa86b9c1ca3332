//! Model folders: the round trip, and clear errors for all that is not one.

use std::fs;
use std::path::Path;

use bitcap_model::{initial_weights, load, save};
use bitcap_plan::{Gpt2Shape, Initialization};

const SHAPE: Gpt2Shape = Gpt2Shape {
    vocabulary: 8,
    length: 4,
    layers: 2,
    width: 6,
    heads: 3,
    mlp_ratio: 2,
    tied_head: false,
    start_token: true,
};

fn saved(folder: &Path, shape: &Gpt2Shape) -> Vec<f32> {
    let weights = initial_weights(shape, Initialization::FanIn, 3);
    save(folder, shape, &weights).unwrap();
    weights
}

#[test]
fn every_option_comes_back_as_it_was() {
    for (tied_head, start_token) in [(false, false), (false, true), (true, false), (true, true)] {
        let folder = tempfile::tempdir().unwrap();
        let shape = Gpt2Shape {
            tied_head,
            start_token,
            ..SHAPE
        };
        let weights = saved(folder.path(), &shape);
        assert_eq!(load(folder.path()).unwrap(), (shape, weights));
    }
}

fn error_after(spoil: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path(), &SHAPE);
    spoil(folder.path());
    load(folder.path()).unwrap_err().to_string()
}

fn replace_in_config(folder: &Path, from: &str, to: &str) {
    let path = folder.join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn what_is_wrong_is_said() {
    let missing = error_after(|f| fs::remove_file(f.join("config.json")).unwrap());
    assert!(missing.contains("config.json"), "{missing}");
    let missing = error_after(|f| fs::remove_file(f.join("model.safetensors")).unwrap());
    assert!(missing.contains("model.safetensors"), "{missing}");

    let cut = error_after(|f| {
        let path = f.join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    });
    assert!(cut.contains("not a safetensors file"), "{cut}");

    let not_json = error_after(|f| fs::write(f.join("config.json"), "{").unwrap());
    assert!(not_json.contains("not JSON"), "{not_json}");
    let width = error_after(|f| replace_in_config(f, "\"n_embd\": 6", "\"n_embd\": -6"));
    assert!(
        width.contains("`n_embd` must be a positive whole number"),
        "{width}"
    );
    let other = error_after(|f| replace_in_config(f, "gelu_new", "relu"));
    assert!(other.contains("not a GPT-2 as bitcap writes it"), "{other}");
    let deeper = error_after(|f| replace_in_config(f, "\"n_layer\": 2", "\"n_layer\": 3"));
    assert!(
        deeper.contains("there is no tensor `transformer.h.2"),
        "{deeper}"
    );
    let longer = error_after(|f| replace_in_config(f, "\"n_positions\": 4", "\"n_positions\": 5"));
    assert!(
        longer.contains("`transformer.wpe.weight` is F32 [4, 6]; it must be F32 [5, 6]"),
        "{longer}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let weights = initial_weights(&SHAPE, Initialization::FanIn, 3);
    let error = save(&file.join("model"), &SHAPE, &weights)
        .unwrap_err()
        .to_string();
    assert!(error.contains("model"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}
