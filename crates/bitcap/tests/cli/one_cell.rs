//! `run`: one cell by itself.

use serde_json::Value;

use crate::{Place, TINY, assert_says, assert_untouched, refused, stderr, stdout};

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_cell_is_run_by_index_or_name_and_tells_in_json_lines() {
    let place = Place::new(TINY);
    let run = place
        .bitcap(&["run", "e.toml", "--cell", "1", "--json"])
        .success();
    let told = events(&stdout(&run));
    let kinds: Vec<&str> = told
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["progress", "progress", "progress", "measuring", "done"]
    );
    let steps: Vec<_> = told[..3]
        .iter()
        .map(|event| event["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [2, 4, 6]);

    let cells = place.cells("outputs/tiny");
    let measurement = place.json(&format!("{}/measurement.json", cells[1]));
    assert_eq!(
        told[4]["memorized_bits"],
        measurement["memorized_bits_strict"]
    );
    assert_eq!(place.names("outputs/tiny/cells").len(), 1);

    let name = cells[2].rsplit('/').next().unwrap();
    let run = place.bitcap(&["run", "e.toml", "--cell", name]).success();
    assert_says(
        &stdout(&run),
        &["step 6/6", "measuring", "done:", "of the ceiling"],
    );
    assert!(place.path(&cells[2]).join("measurement.json").is_file());

    // What is done is told again and not done again.
    let files = place.files(&cells[1]);
    let run = place
        .bitcap(&["run", "e.toml", "--cell", "1", "--json"])
        .success();
    assert_eq!(events(&stdout(&run)), told[4..]);
    assert_untouched(&place, &cells[1], &files);
}

#[test]
fn a_cell_that_is_not_in_the_plan_is_refused() {
    let place = Place::new(TINY);
    for cell in ["4", "-1", "l1-w4", ""] {
        let run = place.bitcap(&["run", "e.toml", &format!("--cell={cell}")]);
        refused(run, &[&format!("no cell `{cell}`"), "0 to 3", "--dry-run"]);
    }
    assert_eq!(place.names("."), ["e.toml"]);
}

#[test]
fn a_cell_that_another_process_works_on_is_left_alone() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let cells = place.cells("outputs/tiny");
    std::fs::remove_file(place.path(&cells[0]).join("measurement.json")).unwrap();
    let lock = std::fs::File::create(place.path(&cells[0]).join("lock")).unwrap();
    lock.lock().unwrap();
    let files = place.files(&cells[0]);
    // 75 is EX_TEMPFAIL: to try again later.
    let run = place.bitcap(&["run", "e.toml", "--cell", "0"]).code(75);
    assert_says(
        &stderr(&run),
        &["another process works on it", "l1-w4-n4-t6-s0-"],
    );
    let run = place
        .bitcap(&["run", "e.toml", "--cell", "0", "--json"])
        .code(75);
    assert_eq!(stdout(&run), "{\"event\":\"busy\"}\n");
    assert_untouched(&place, &cells[0], &files);
    drop(lock);
    place.bitcap(&["run", "e.toml", "--cell", "0"]).success();
}

/// A panic, here of the standard library where there is no room for the stack of a thread, is one line
/// with its place, as a sweep takes it for the reason of a cell.
#[test]
fn a_defect_is_one_line_with_its_place() {
    let place = Place::new(TINY);
    let run = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("bitcap"))
        .current_dir(&place.folder)
        .args(["run", "e.toml", "--cell", "0"])
        .env("RUST_MIN_STACK", (1_u64 << 50).to_string())
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .assert()
        .failure();
    let text = stderr(&run);
    let told = text.strip_prefix("error: a defect of bitcap at ");
    let (at, what) = told.and_then(|told| told.split_once(": ")).unwrap();
    assert!(at.contains(".rs:"), "{text}");
    assert!(what.contains("thread"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
