//! `quantize`.

use std::fs;

use serde_json::Value;

use crate::user_file::OWN;
use crate::{Place, TINY, refused, stdout};

#[test]
fn fewer_bits_a_weight_keep_less() {
    let place = Place::new(TINY);
    place.sweep(&[
        "--set",
        "train.steps=200",
        "--set",
        "grid.data.samples=[9]",
        "--set",
        "grid.seed=[0]",
    ]);
    let cell = place.cells("outputs/tiny").remove(0);
    let run = place.bitcap(&["quantize", &cell, "--json", "-o", "q.csv"]);
    let rows: Vec<Value> = serde_json::from_str(&stdout(&run.success())).unwrap();
    assert_eq!(rows.len(), 14);
    let number = |row: &Value, key: &str| row[key].as_f64();
    let of = |scales: &str, bits: u64| {
        let is = |row: &&Value| row["scales"] == scales && row["weight_bits"] == bits;
        rows.iter().find(is).unwrap()
    };

    // All 32 bits are the model as it was measured.
    let measured = place.json(&format!("{cell}/measurement.json"));
    let parameters = measured["parameters"].as_f64().unwrap();
    let memorized = measured["memorized_bits_strict"].as_f64().unwrap();
    assert!(memorized > 20.0, "something to lose: {memorized}");
    for scales in ["tensor", "row"] {
        let all = of(scales, 32);
        assert_eq!(number(all, "memorized_bits_strict"), Some(memorized));
        assert_eq!(number(all, "stored_bits"), Some(32.0 * parameters));
        assert!(number(of(scales, 16), "kept").unwrap() > 0.99);
        assert!(number(of(scales, 2), "kept").unwrap() < 0.9);
    }
    assert!(number(of("row", 8), "stored_bits") > number(of("tensor", 8), "stored_bits"));

    // The code is really made at one level, and is no shorter than the likelihoods say.
    let proven: Vec<&Value> = rows
        .iter()
        .filter(|row| !row["proven_bits"].is_null())
        .collect();
    let [proven] = proven[..] else {
        panic!("one level is proven: {rows:?}");
    };
    let claimed = number(proven, "memorized_bits_strict").unwrap();
    let bits = number(proven, "proven_bits").unwrap();
    assert!(
        (claimed - 64.0..=claimed + 1.0).contains(&bits),
        "{bits} of {claimed}"
    );

    let table = place.text("q.csv");
    assert_eq!(table.lines().count(), 15);
    assert!(place.text("q.svg").contains("bits memorized"));
    assert!(place.path("q.png").is_file());
}

#[test]
fn what_it_cannot_do_it_says() {
    let place = Place::new(TINY);
    place.sweep(&["--set", "grid.data.samples=[4]"]);
    let cell = place.cells("outputs/tiny").remove(0);
    refused(
        place.bitcap(&["quantize", &cell, "-o", "q.txt"]),
        &["q.txt: it must end in .csv"],
    );
    let inside = format!("{cell}/q.csv");
    refused(
        place.bitcap(&["quantize", &cell, "-o", &inside]),
        &["which is to be read; write elsewhere"],
    );
    refused(
        place.bitcap(&["quantize", "nowhere"]),
        &["there is no cell.toml here"],
    );
    let place = Place::new(&OWN.replace("data/own.bin", "own.bin"));
    fs::write(place.path("own.bin"), [7; 400]).unwrap();
    place.sweep(&[]);
    let cell = place.cells("outputs/own").remove(0);
    refused(
        place.bitcap(&["quantize", &cell]),
        &["entropy", "not known"],
    );
}
