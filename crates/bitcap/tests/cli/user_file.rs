//! A source that is a user's own file: it means the same from everywhere, is refused when it changed,
//! and no figure is made up for it.

use std::fs;

use crate::{Place, assert_says, assert_untouched, refused, stderr, stdout};

pub(crate) const OWN: &str = r#"name = "own"

[source]
kind = "file"
path = "data/own.bin"
format = "bytes"
length = 4

[model]
layers = 1
width = 4
heads = 1
start_token = true

[train]
learning_rate = 0.01
steps = 3

[grid]
"data.samples" = [4, 9]
"#;

/// An experiment in a folder of its own, with its data beside it.
fn place() -> Place {
    let place = Place::new(OWN);
    fs::create_dir_all(place.path("study/data")).unwrap();
    fs::rename(place.path("e.toml"), place.path("study/e.toml")).unwrap();
    let bytes: Vec<u8> = (0..100).map(|i| (i * 37 % 251) as u8).collect();
    fs::write(place.path("study/data/own.bin"), bytes).unwrap();
    place
}

#[test]
fn a_path_begins_at_the_experiment_file_wherever_the_program_runs() {
    let place = place();
    place.bitcap(&["sweep", "study/e.toml"]).success();
    let cell = place.cells("outputs/own").remove(0);
    let settings = place.text(&format!("{cell}/cell.toml"));
    assert_says(
        &settings,
        &["path = \"data/own.bin\"", "resolved = ", "blake3 = "],
    );
    // Another working directory, which has another file of that name.
    let elsewhere = place.path("elsewhere");
    fs::create_dir_all(elsewhere.join("data")).unwrap();
    fs::write(elsewhere.join("data/own.bin"), [1; 100]).unwrap();
    let whole = place.path(&cell);
    for arguments in [
        vec!["measure", whole.to_str().unwrap()],
        vec!["compress", whole.to_str().unwrap(), "-o", "coded"],
    ] {
        assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("bitcap"))
            .current_dir(&elsewhere)
            .args(arguments)
            .assert()
            .success();
    }
    // The same cells, named alike, from there.
    let again = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("bitcap"))
        .current_dir(&elsewhere)
        .args(["sweep", "../study/e.toml", "--outputs", "../outputs"])
        .assert()
        .success();
    assert_says(&stderr(&again), &["2 cells are done already"]);
}

#[test]
fn a_file_that_changed_is_refused() {
    let place = place();
    place.bitcap(&["sweep", "study/e.toml"]).success();
    let file = place.path("study/data/own.bin");
    let before = fs::read(&file).unwrap();
    let mut other = before.clone();
    other[0] ^= 1;
    fs::write(&file, &other).unwrap();
    let cells = place.files("outputs/own/cells");
    let run = place.bitcap(&["sweep", "study/e.toml"]).failure().code(1);
    assert_says(
        &stderr(&run),
        &[
            "2 of 2 cells failed",
            "own.bin is not what it was when this cell was trained",
        ],
    );
    let measured = place.bitcap(&["measure", &place.cells("outputs/own")[0]]);
    refused(measured, &["source.blake3", "the file was changed"]);
    assert_untouched(&place, "outputs/own/cells", &cells);
    fs::write(&file, before).unwrap();
    let run = place.bitcap(&["sweep", "study/e.toml"]).success();
    assert_says(&stderr(&run), &["2 cells are done already"]);
}

/// Cells of versions that kept neither the hash nor the place of the file.
#[test]
fn cells_of_before_are_held_against_what_was_drawn() {
    let place = place();
    place.bitcap(&["sweep", "study/e.toml"]).success();
    let cell = place.cells("outputs/own").remove(0);
    let toml = format!("{cell}/cell.toml");
    let text = place.text(&toml);
    let kept = text
        .lines()
        .filter(|line| !line.starts_with("resolved = ") && !line.starts_with("blake3 = "));
    let old = kept.collect::<Vec<_>>().join("\n") + "\n";
    assert_ne!(old, text);
    fs::write(place.path(&toml), old).unwrap();
    let run = place.bitcap(&["sweep", "study/e.toml"]).success();
    assert_says(&stderr(&run), &["2 cells are done already"]);
    let file = place.path("study/data/own.bin");
    let mut other = fs::read(&file).unwrap();
    other[0] ^= 1;
    fs::write(&file, &other).unwrap();
    let run = place.bitcap(&["sweep", "study/e.toml"]).failure();
    assert_says(&stderr(&run), &["2 of 2 cells failed"]);
}

#[test]
fn a_plan_makes_up_no_figure_and_takes_no_file_that_is_none() {
    let place = place();
    let plan = |arguments: &[&str]| {
        place.bitcap(&[&["sweep", "study/e.toml", "--dry-run"], arguments].concat())
    };
    let table = stdout(&plan(&[]).success());
    for line in table.lines().filter(|line| line.contains("l1-w4")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(fields[3..5], ["-", "-"], "{table}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&plan(&["--json"]).success())).unwrap();
    assert!(json[0]["entropy_bits"].is_null() && json[0]["load"].is_null());
    let few = plan(&["--set", "data.samples=26"]);
    refused(
        few,
        &[
            "data.samples",
            "26",
            "smaller: the file has 25 whole sequences",
        ],
    );
    refused(
        plan(&["--set", "data.load=1"]),
        &["data.load", "entropy of this source is not known"],
    );
    refused(
        plan(&["--set", "sweep.doubled_at_load=1"]),
        &[
            "sweep.doubled_at_load",
            "entropy of this source is not known",
        ],
    );
    fs::write(place.path("study/empty"), []).unwrap();
    for (path, why) in [
        ("none", "No such file"),
        ("empty", "at least one sequence"),
        ("data", "regular file"),
        ("/dev/zero", "regular file"),
    ] {
        let set = format!("source.path={path:?}");
        refused(plan(&["--set", &set]), &["source.path", path, why]);
    }
    assert!(!place.path("outputs").exists());
}

#[test]
fn data_in_the_folder_that_a_sweep_writes_into_are_refused() {
    let place = place();
    place.bitcap(&["sweep", "study/e.toml"]).success();
    let set = "source.path=\"../outputs/own/runs.csv\"";
    let before = place.files("outputs/own");
    let run = place.bitcap(&["sweep", "study/e.toml", "--set", set]);
    refused(run, &["cannot lie in the folder that it writes into"]);
    assert_untouched(&place, "outputs/own", &before);
}
