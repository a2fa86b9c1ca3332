//! `compress` and `decompress`.

use std::fs;

use serde_json::Value;

use crate::structured::MARKOV;
use crate::{Place, assert_says, refused, stdout};

#[test]
fn a_dataset_comes_back_from_its_code_and_the_model_alone() {
    let place = Place::new(MARKOV);
    place.sweep(&[]);
    let cell = place.cells("outputs/markov").remove(0);
    let run = place.bitcap(&["compress", &cell, "-o", "coded", "--json"]);
    let found: Value = serde_json::from_str(&stdout(&run.success())).unwrap();
    let number = |key: &str| found[key].as_f64().unwrap();
    assert!(number("difference_bits").abs() <= 1e-3 * number("claimed_bits") + 64.0);
    assert_eq!(number("file_bits"), 8.0 * place.read("coded").len() as f64);
    assert_says(
        &stdout(&place.bitcap(&["compress", &cell, "-o", "again"]).success()),
        &["claimed_bits", "payload_bits", "zstd_bits", "xz_bits"],
    );
    assert_eq!(place.read("again"), place.read("coded"));

    fs::rename(place.path(&format!("{cell}/model")), place.path("model")).unwrap();
    fs::remove_dir_all(place.path("outputs")).unwrap();
    place
        .bitcap(&["decompress", "model", "coded", "-o", "d"])
        .success();
    let run = place.bitcap(&["inspect", "d", "--json"]).success();
    let info: Value = serde_json::from_str(&stdout(&run)).unwrap();
    assert_eq!(info["tokens_blake3"], found["tokens_blake3"]);
    assert_eq!(info["entropy_bits"], Value::Null);

    let coded = place.read("coded");
    refused(
        place.bitcap(&["decompress", "model", "coded", "-o", "coded"]),
        &["is what is to be read"],
    );
    assert_eq!(place.read("coded"), coded);
    fs::write(place.path("cut"), &coded[..coded.len() - 1]).unwrap();
    refused(
        place.bitcap(&["decompress", "model", "cut", "-o", "e"]),
        &["cut: the file is cut"],
    );
    refused(
        place.bitcap(&["decompress", "model", "e.toml", "-o", "e"]),
        &["not a file that bitcap coded"],
    );
    refused(
        place.bitcap(&["decompress", "nowhere", "coded", "-o", "e"]),
        &["there is no config.json here"],
    );
    assert!(!place.path("e").exists());
}
