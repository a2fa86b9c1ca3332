//! Trainings that come to nothing.

use std::fs;

use crate::{Place, TINY, assert_says, assert_untouched, stderr, stdout};

/// With a learning rate of 1e30 the weights are no numbers after a step or two.
fn diverging() -> String {
    TINY.replace("learning_rate = 0.01\n", "") + "\"train.learning_rate\" = [0.01, 1e30]\n"
}

#[test]
fn a_training_that_diverges_fails_alone_and_is_tried_again_only_when_asked() {
    let place = Place::new(&diverging());
    let run = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
    assert_says(
        &stderr(&run),
        &[
            "4 of 8 cells failed",
            "at step ",
            "lower train.learning_rate",
        ],
    );
    assert_says(&stdout(&run), &["learning_rate=0.01", "lower bound"]);
    assert!(!stdout(&run).contains("1e30"), "{}", stdout(&run));
    let rows = place.rows("outputs/tiny/runs.csv");
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["learning_rate"] == "0.01"));

    let failed: Vec<String> = place
        .cells("outputs/tiny")
        .into_iter()
        .filter(|cell| place.path(&format!("{cell}/failure.json")).is_file())
        .collect();
    assert_eq!(failed.len(), 4);
    for cell in &failed {
        let reason = place.json(&format!("{cell}/failure.json"))["reason"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_says(&reason, &["is NaN at step ", "learning rate"]);
        assert_says(
            &place.text(&format!("{cell}/log.txt")),
            &["failed: ", &reason],
        );
        assert_says(&stderr(&run), &[cell.rsplit('/').next().unwrap(), &reason]);
        assert!(!place.path(&format!("{cell}/measurement.json")).exists());
        assert!(!place.path(&format!("{cell}/model")).exists());
    }

    let before = place.files("outputs/tiny/cells");
    let again = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
    let text = stderr(&again);
    assert_says(
        &text,
        &[
            "4 cells are done already",
            "4 of 8 cells failed",
            "--retry-failed",
            "is NaN at step ",
        ],
    );
    assert_eq!(stdout(&again), stdout(&run));
    assert_untouched(&place, "outputs/tiny/cells", &before);

    let retried = place
        .bitcap(&["sweep", "e.toml", "--retry-failed"])
        .failure()
        .code(1);
    assert_says(&stderr(&retried), &["4 of 8 cells failed"]);
    assert!(!stderr(&retried).contains("failed before"));
    let after = place.files("outputs/tiny/cells");
    for cell in &failed {
        let failure = place.path(&format!("{cell}/failure.json"));
        assert_eq!(after[&failure].0, before[&failure].0);
        assert!(after[&failure].1 > before[&failure].1, "not tried again");
    }

    let status = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
    assert_says(
        &status,
        &[
            "4 done, 0 running",
            "4 failed, 0 missing",
            "is NaN at step ",
        ],
    );
}

#[test]
fn a_sweep_of_failures_only_leaves_no_tables() {
    let place = Place::new(TINY);
    let diverge = ["sweep", "e.toml", "--set", "train.learning_rate=1e30"];
    let run = place.bitcap(&diverge).failure().code(1);
    assert_says(&stderr(&run), &["4 of 4 cells failed"]);
    assert_eq!(stdout(&run), "");
    assert_eq!(place.names("outputs/tiny"), ["cells", "plan.json"]);
    let again = place.bitcap(&diverge).failure().code(1);
    assert!(
        !stderr(&again).contains("done already"),
        "{}",
        stderr(&again)
    );
}

/// What was made of cells that are not there any more does not look like the result of a sweep that
/// fails; what was made of others that are there stands, and is named.
#[test]
fn a_sweep_of_failures_only_leaves_no_tables_of_before() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let diverge = [
        "sweep",
        "e.toml",
        "--json",
        "--set",
        "train.learning_rate=1e30",
    ];
    let files = || {
        let run = place.bitcap(&diverge).failure().code(1);
        let last = stdout(&run).lines().last().unwrap().to_owned();
        let last: serde_json::Value = serde_json::from_str(&last).unwrap();
        let files = last["files"].as_array().unwrap().iter();
        files
            .map(|file| file.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // None of its own curves has a cell; those of the other sweep have.
    assert_eq!(files()[..2], ["runs.csv", "curve.csv"]);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
    fs::remove_dir_all(place.path("outputs/tiny/cells")).unwrap();
    assert!(files().is_empty());
    assert_eq!(place.names("outputs/tiny"), ["cells", "plan.json"]);
}

/// What made it fail is gone: the cell is trained, and nothing of the failure is left.
#[test]
fn a_cell_that_failed_can_come_to_a_good_end() {
    let place = Place::new(TINY);
    place.sweep(&["--outputs", "whole"]);
    place.bitcap(&["run", "e.toml", "--cell", "0"]).success();
    let cell = place.cells("outputs/tiny").remove(0);
    fs::remove_dir_all(place.path(&cell)).unwrap();
    fs::create_dir_all(place.path(&cell)).unwrap();
    fs::write(
        place.path(&cell).join("failure.json"),
        "{\"reason\": \"a fault of the machine\"}",
    )
    .unwrap();
    let run = place.bitcap(&["sweep", "e.toml"]).failure().code(1);
    assert_says(
        &stderr(&run),
        &["1 of 4 cells failed", "a fault of the machine"],
    );
    place.sweep(&["--retry-failed"]);
    assert!(!place.path(&cell).join("failure.json").exists());
    assert_eq!(
        place.read("outputs/tiny/runs.csv"),
        place.read("whole/tiny/runs.csv")
    );
}

#[test]
fn a_failed_cell_run_by_itself_says_why() {
    let place = Place::new(TINY);
    let run = [
        "run",
        "e.toml",
        "--cell",
        "0",
        "--set",
        "train.learning_rate=1e30",
    ];
    let plain = place.bitcap(&run).failure().code(3);
    assert_says(&stdout(&plain), &["failed: ", "at step "]);
    let json = |more: &[&str]| {
        let run = place.bitcap(&[&run[..], &["--json"], more].concat());
        let text = stdout(&run.failure().code(3));
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        events.collect::<Vec<serde_json::Value>>()
    };
    // Not tried again unless that is asked for; there is no checkpoint of it to go on from.
    let before = place.files("outputs");
    let told = json(&[]);
    assert_eq!(told.len(), 1);
    assert_says(
        told[0]["reason"].as_str().unwrap(),
        &["failed before", "--retry-failed"],
    );
    assert_untouched(&place, "outputs", &before);
    let told = json(&["--retry-failed"]);
    assert_eq!(told.last().unwrap()["event"], "failed");
    assert!(
        !told.last().unwrap()["reason"]
            .as_str()
            .unwrap()
            .contains("failed before")
    );
    assert!(
        !told.iter().any(|event| event["event"] == "resumed"),
        "{told:?}"
    );
}
