//! Trainings that end with L-BFGS: what their files say.

use crate::{Place, TINY};

/// One cell, of V 4, S 4 with a start token, and so many steps of 4 sequences.
fn experiment(samples: u32) -> String {
    TINY.replace("[4, 9]", &format!("[{samples}]"))
        .replace("\"seed\" = [0, 1]\n", "")
        .replace("[train]\n", "[train]\nbatch = 4\n")
}

fn number(value: &str) -> f64 {
    value.parse().unwrap()
}

#[test]
fn a_polish_is_told_and_counted() {
    let place = Place::new(&experiment(9));
    let once = [
        "--set",
        "measure.metrics_every=5",
        "--set",
        "train.steps=20",
    ];
    place.sweep(&once);
    let unpolished = place.rows("outputs/tiny/runs.csv").remove(0);
    assert!(!unpolished.contains_key("polish_steps"));
    place.sweep(&[&once[..], &["--set", "train.polish_steps=15"]].concat());
    let rows = place.rows("outputs/tiny/runs.csv");
    let [first, row] = &rows[..] else {
        panic!("{rows:?}");
    };
    // The column is empty for who has none.
    assert_eq!((&*first["polish_steps"], &*row["polish_steps"]), ("", "15"));
    assert_eq!((&*first["steps"], &*row["steps"]), ("20", "20"));
    let tokens = [first, row].map(|row| number(&row["training_tokens"]));
    assert_eq!(tokens, [20.0 * 4.0 * 4.0, (20.0 * 4.0 + 15.0 * 9.0) * 4.0]);
    let flops = [first, row].map(|row| number(&row["training_flops"]));
    assert!((flops[1] / flops[0] - tokens[1] / tokens[0]).abs() < 1e-12);
    let bits = [first, row].map(|row| number(&row["memorized_bits_strict"]));
    assert!(bits[1] > bits[0], "{bits:?}");
    // No step of the polish has a rate.
    let metrics = place.rows(&format!("outputs/tiny/cells/{}/metrics.csv", row["cell"]));
    let steps: Vec<&str> = metrics.iter().map(|row| &*row["step"]).collect();
    assert_eq!(steps, ["5", "10", "15", "20", "25", "30", "35"]);
    let rates: Vec<bool> = metrics
        .iter()
        .map(|row| row["learning_rate"].is_empty())
        .collect();
    assert_eq!(rates, [false, false, false, false, true, true, true]);
    assert_eq!(number(&metrics[6]["tokens"]), tokens[1]);
}

/// One sequence is memorized until no f32 makes it better: fewer steps than were asked for, and no more are
/// counted.
#[test]
fn a_polish_that_has_converged_is_counted_as_long_as_it_was() {
    let place = Place::new(&experiment(1));
    place.sweep(&["--set", "train.polish_steps=100000"]);
    let row = place.rows("outputs/tiny/runs.csv").remove(0);
    assert_eq!(row["polish_steps"], "100000");
    let cell = format!("outputs/tiny/cells/{}", row["cell"]);
    let metrics = place.rows(&format!("{cell}/metrics.csv"));
    let last = metrics.last().unwrap();
    assert_eq!(row["training_tokens"], last["tokens"]);
    assert!(number(&last["step"]) < 10_000.0, "{last:?}");
    let log = place.text(&format!("{cell}/log.txt"));
    let said = format!("no way down is found after step {}", last["step"]);
    assert!(log.contains(&said), "{log}");
    let manifest = place.json(&format!("{cell}/manifest.json"));
    assert_eq!(manifest["training_tokens"].to_string(), last["tokens"]);
    assert!(number(&row["fraction_of_ceiling"]) > 0.999, "{row:?}");
}
