//! Model folders: the round trip, and clear errors for all that is not one.

use std::fs;
use std::path::Path;

use bitcap_model::{Model, ModelFileError, architecture, initial_weights, open};
use bitcap_plan::{
    DeviceSpec, Gpt2Settings, GruSettings, LlamaSettings, LstmSettings, MambaSettings, MlpSettings,
    ModelSettings, MoeSettings,
};
use bitcap_source::DataShape;
use proptest::prelude::*;
use serde_json::{Value, json};

fn model(tied_head: bool, start_token: bool) -> Model {
    of(&ModelSettings::Gpt2(Gpt2Settings {
        mlp_ratio: 2,
        tied_head,
        start_token,
        ..Gpt2Settings::new(2, 6, 3)
    }))
}

/// Every other kind.
fn other_kinds(tied_head: bool, start_token: bool) -> Vec<Model> {
    let llama = ModelSettings::Llama(LlamaSettings {
        mlp_width: Some(5),
        tied_head,
        start_token,
        ..LlamaSettings::new(2, 6, 3)
    });
    let lstm = ModelSettings::Lstm(LstmSettings {
        tied_head,
        start_token,
        ..LstmSettings::new(2, 6)
    });
    let gru = ModelSettings::Gru(GruSettings {
        tied_head,
        start_token,
        ..GruSettings::new(2, 6)
    });
    let mlp = ModelSettings::Mlp(MlpSettings {
        mlp_ratio: 2,
        tied_head,
        start_token,
        ..MlpSettings::new(2, 6)
    });
    let mamba = ModelSettings::Mamba(MambaSettings {
        state: 3,
        expand: 3,
        // More than there are positions.
        conv_kernel: 5,
        tied_head,
        start_token,
        ..MambaSettings::new(2, 6)
    });
    let moe = ModelSettings::Moe(MoeSettings {
        mlp_width: Some(5),
        experts: 3,
        auxiliary_loss: 0.1,
        tied_head,
        start_token,
        ..MoeSettings::new(2, 6, 3)
    });
    [llama, lstm, gru, mlp, mamba, moe].iter().map(of).collect()
}

fn of(settings: &ModelSettings) -> Model {
    let device = open(DeviceSpec::FLEX).unwrap();
    let data = DataShape {
        vocabulary: 8,
        length: 4,
        start_token: settings.start_token(),
    };
    let architecture = architecture(settings, data, &device);
    let weights = initial_weights(architecture.layout(), 3);
    Model::new(architecture, weights, &device)
}

fn load(folder: &Path) -> Result<Model, ModelFileError> {
    Model::load(folder, &open(DeviceSpec::FLEX).unwrap())
}

fn flat(model: &Model) -> Vec<f32> {
    model.flat().try_to_vec_as::<f32>().unwrap()
}

#[test]
fn every_option_comes_back_as_it_was() {
    for (tied_head, start_token) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut all = other_kinds(tied_head, start_token);
        all.push(model(tied_head, start_token));
        for saved in all {
            let folder = tempfile::tempdir().unwrap();
            saved.save(folder.path()).unwrap();
            let loaded = load(folder.path()).unwrap();
            let identity = |model: &Model| model.architecture().identity();
            assert_eq!(identity(&loaded), identity(&saved));
            assert_eq!(flat(&loaded), flat(&saved));
            assert_eq!(loaded.blake3().unwrap(), saved.blake3().unwrap());
        }
    }
}

/// Whatever key of a config is left out, made 0, 1 or another text: refused, or a model that predicts.
#[test]
fn configs_of_every_kind_with_a_key_altered() {
    for saved in other_kinds(false, true) {
        let folder = tempfile::tempdir().unwrap();
        saved.save(folder.path()).unwrap();
        let config = saved.architecture().config();
        for key in config.as_object().unwrap().keys() {
            for value in [Value::Null, json!(0), json!(1), json!(u32::MAX), json!("x")] {
                let mut altered = config.clone();
                altered[key] = value.clone();
                fs::write(folder.path().join("config.json"), altered.to_string()).unwrap();
                if let Ok(loaded) = load(folder.path()) {
                    // What is in no tensor's dimensions, or what it was before.
                    let unseen = [
                        "num_attention_heads",
                        "max_position_embeddings",
                        "num_experts_per_tok",
                    ];
                    let same = config[key] == value;
                    assert!(same || unseen.contains(&&key[..]), "{key} {value}");
                    assert_eq!(loaded.next(&[], 1, 0).unwrap().len(), 9, "{key} {value}");
                }
            }
        }
    }
}

/// Coded files name their model by this: it must stay what it was.
#[test]
fn the_hash_of_a_known_model() {
    assert_eq!(
        model(false, true).blake3().unwrap(),
        "b8bc5aacdc73c5362bc5b0a75d122cce383ac538f4e028d8b4243b7c4bb51d07"
    );
}

fn error_after(spoil: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    model(false, true).save(folder.path()).unwrap();
    spoil(folder.path());
    load(folder.path()).err().unwrap().to_string()
}

fn change_config(folder: &Path, key: &str, value: Value) {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(config.get(key).is_some(), "{config}");
    config[key] = value;
    fs::write(path, config.to_string()).unwrap();
}

fn error_with(changes: &[(&str, Value)]) -> String {
    error_after(|folder| {
        for (key, value) in changes {
            change_config(folder, key, value.clone());
        }
    })
}

fn assert_says(error: &str, what: &str) {
    assert!(error.contains(what), "{error}");
}

#[test]
fn what_is_wrong_is_said() {
    let missing = error_after(|f| fs::remove_file(f.join("config.json")).unwrap());
    assert_says(&missing, "config.json");
    let missing = error_after(|f| fs::remove_file(f.join("model.safetensors")).unwrap());
    assert_says(&missing, "model.safetensors");
    let folder = error_after(|f| {
        fs::remove_file(f.join("model.safetensors")).unwrap();
        fs::create_dir(f.join("model.safetensors")).unwrap();
    });
    assert_says(&folder, "not a regular file");

    let cut = error_after(|f| {
        let path = f.join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    });
    assert_says(&cut, "not a safetensors file");
    let not_json = error_after(|f| fs::write(f.join("config.json"), "{").unwrap());
    assert_says(&not_json, "not JSON");

    for (key, value, what) in [
        (
            "n_embd",
            json!(-6),
            "`n_embd` must be a positive whole number",
        ),
        (
            "n_layer",
            json!(0),
            "`n_layer` must be a positive whole number",
        ),
        (
            "n_head",
            json!(1u64 << 32),
            "`n_head` must be a positive whole number",
        ),
        (
            "model_type",
            json!("bert"),
            "`model_type` must be \"gpt2\", \"llama\", \"lstm\", \"gru\", \"mlp\", \"mamba\" or \"mixtral\"",
        ),
        (
            "bitcap_start_token",
            json!(1),
            "`bitcap_start_token` must be true or false",
        ),
        (
            "activation_function",
            json!("relu"),
            "not a GPT-2 as bitcap writes it",
        ),
        ("n_inner", json!(13), "not a GPT-2 as bitcap writes it"),
        ("n_layer", json!(3), "there is no tensor `transformer.h.2"),
        (
            "n_positions",
            json!(5),
            "`transformer.wpe.weight` is F32 [4, 6]; it must be F32 [5, 6]",
        ),
        // Sizes that no model has are known before anything is made of them.
        (
            "n_head",
            json!(4),
            "`model.heads` is 4; it must be a divisor of model.width, which is 6",
        ),
        (
            "n_head",
            json!(7),
            "`model.heads` is 7; it must be from 1 to 6",
        ),
        (
            "n_layer",
            json!(u32::MAX),
            "`model.layers` is 4294967295; it must be from 1 to 1024",
        ),
        (
            "n_inner",
            json!(6 * 65),
            "`model.mlp_ratio` is 65; it must be from 1 to 64",
        ),
        (
            "n_inner",
            json!(5),
            "`model.mlp_ratio` is 0; it must be from 1 to 64",
        ),
        (
            "vocab_size",
            json!(u32::MAX),
            "`vocabulary` is 4294967294; it must be from 2 to 65536",
        ),
        (
            "vocab_size",
            json!(1),
            "`vocabulary` is 0; it must be from 2 to 65536",
        ),
        (
            "n_positions",
            json!(1 << 24),
            "`length` is 16777216; it must be from 1 to 4096",
        ),
    ] {
        assert_says(&error_with(&[(key, value)]), what);
    }
    // The largest model there may be has 5 10^14 weights: no room is made for what is not there.
    let huge = error_with(&[
        ("n_layer", json!(1024)),
        ("n_embd", json!(65_536)),
        ("n_head", json!(1)),
        ("n_inner", json!(64 * 65_536)),
        ("n_positions", json!(4096)),
    ]);
    assert_says(
        &huge,
        "`transformer.wte.weight` is F32 [9, 6]; it must be F32 [9, 65536]",
    );
    // A file with more than a model can have is not read; it takes no room on the disk here.
    let bloated = error_after(|f| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(f.join("model.safetensors"));
        file.unwrap().set_len(1 << 40).unwrap();
    });
    assert_says(
        &bloated,
        "1099511627776 bytes; of such a model it has at most",
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = model(true, true).save(&file.join("model")).unwrap_err();
    assert_says(&error.to_string(), "model");
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

/// One of the two files is wrong, and nobody can say which.
#[test]
fn a_head_of_its_own_beside_a_tied_configuration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    model(false, true).save(folder.path()).unwrap();
    change_config(folder.path(), "tie_word_embeddings", Value::Bool(true));
    let error = load(folder.path()).err().unwrap().to_string();
    assert!(
        error.contains("the model has no tensor `lm_head.weight`"),
        "{error}"
    );
}

proptest! {
    /// Whatever stands in the config for a size or an option, it is refused, or the same model.
    #[test]
    fn altered_configs(
        key in prop::sample::select(vec![
            "vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner",
            "tie_word_embeddings", "bitcap_start_token", "bos_token_id", "model_type",
        ]),
        value in prop_oneof![
            (0u64..200).prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
            Just(json!("gpt2")),
            Just(json!([6])),
        ],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let saved = model(false, true);
        saved.save(folder.path()).unwrap();
        change_config(folder.path(), key, value.clone());
        if let Ok(loaded) = load(folder.path()) {
            // Heads are in no tensor's dimensions.
            prop_assert!(key == "n_head" || loaded.blake3().unwrap() == saved.blake3().unwrap());
            let predicted = loaded.next(&[], 1, 0).unwrap();
            prop_assert_eq!(predicted.len(), 9);
        }
    }

    /// Bytes altered anywhere in either file are refused, or give a model: no panic.
    #[test]
    fn damaged_files(
        name in prop::sample::select(vec!["config.json", "model.safetensors"]),
        at in any::<prop::sample::Index>(),
        flip: u8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        model(false, true).save(folder.path()).unwrap();
        let path = folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, &bytes).unwrap();
        if let Ok(loaded) = load(folder.path()) {
            prop_assert_eq!(loaded.next(&[], 1, 0).unwrap().len(), loaded.data().rows());
        }
    }
}

/// Every place at which a file can end too early.
#[test]
fn files_cut_short() {
    for name in ["config.json", "model.safetensors"] {
        let folder = tempfile::tempdir().unwrap();
        model(false, true).save(folder.path()).unwrap();
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        for end in 0..bytes.len() {
            fs::write(&path, &bytes[..end]).unwrap();
            // A config without its last line break says all that it said.
            let whole = bytes[end..] == *b"\n";
            assert_eq!(load(folder.path()).is_ok(), whole, "{name} up to {end}");
        }
    }
}
