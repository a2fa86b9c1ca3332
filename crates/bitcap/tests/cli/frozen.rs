//! A sweep is frozen when it starts: what changes on disk afterwards does not touch it, and sweeps of
//! one name do not take each other's cells out of sight.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use assert_cmd::Command;

use crate::process::until;
use crate::swept_before::{assert_same, without_the_clock};
use crate::{Place, TINY, assert_says, stderr, stdout};

/// Trainings that last for a while, one after another.
fn long() -> String {
    TINY.replace("steps = 6", "steps = 400") + "[engine]\njobs = 1\n"
}

/// The steps of all cells in the tables of an outputs folder, and those in its plan.
fn steps(place: &Place, outputs: &str) -> (BTreeSet<String>, usize) {
    let rows = place.rows(&format!("{outputs}/runs.csv"));
    let steps = rows.iter().map(|row| row["steps"].clone()).collect();
    (steps, place.cells(outputs).len())
}

fn both() -> BTreeSet<String> {
    ["400", "6"].map(str::to_owned).into()
}

/// Starts a sweep and returns when it trains its first cell.
fn started(place: &Place, arguments: &[&str]) -> crate::process::Running {
    let sweep = place.start(&[&["sweep", "e.toml"], arguments].concat());
    until("the first cell trains", || {
        let cells = fs::read_dir(place.path("outputs/tiny/cells"));
        let mut cells = cells.into_iter().flatten().flatten();
        cells.any(|cell| cell.path().join("metrics.csv").is_file())
    });
    sweep
}

#[test]
fn two_sweeps_of_one_name_have_their_own_tables_and_keep_each_others_cells() {
    let place = Place::new(&long());
    let mut first = started(&place, &[]);
    let second = place.sweep(&["--set", "train.steps=6"]);
    assert_says(&stderr(&second), &["has 4 cells of other settings too"]);
    let own = stdout(&second);
    assert!(first.wait().success(), "{}", place.text("err.txt"));
    assert_says(
        &place.text("err.txt"),
        &["has 4 cells of other settings too"],
    );
    // The same number of lines, and not one figure of the other's.
    let table = place.text("out.txt");
    assert_eq!(table.lines().count(), own.lines().count());
    assert_ne!(table, own);
    assert_eq!(steps(&place, "outputs/tiny"), (both(), 8));
    let status = stdout(&place.bitcap(&["status", "outputs/tiny"]).success());
    assert_says(&status, &["8 cells, 8 done"]);
    // Curves of two plans that would have had the same name are told apart.
    assert_says(
        &stdout(&place.bitcap(&["report", "outputs/tiny"]).success()),
        &["steps=400", "steps=6"],
    );
    // Nothing flips: neither of them, again, changes a byte of plan and tables.
    let names = ["plan.json", "runs.csv", "curve.csv", "capacity.csv"];
    let files = |place: &Place| names.map(|name| place.read(&format!("outputs/tiny/{name}")));
    let before = files(&place);
    place.sweep(&["--set", "train.steps=6"]);
    place.sweep(&[]);
    assert!(files(&place) == before);
}

#[test]
fn a_later_sweep_of_the_same_name_drops_nothing() {
    let place = Place::new(&long());
    place.sweep(&[]);
    let note = stderr(&place.sweep(&["--set", "train.steps=6"]));
    assert_says(
        &note,
        &["note: outputs/tiny has 4 cells of other settings too"],
    );
    assert_eq!(steps(&place, "outputs/tiny"), (both(), 8));
    // One cell alone joins the others too.
    place
        .bitcap(&["run", "e.toml", "--cell", "0", "--set", "train.steps=2"])
        .success();
    assert_eq!(place.cells("outputs/tiny").len(), 12);
}

/// What was planned and never begun is forgotten when another plan comes.
#[test]
fn a_plan_that_was_never_run_leaves_nothing_behind() {
    let place = Place::new(TINY);
    place
        .bitcap(&["run", "e.toml", "--cell", "0", "--set", "train.steps=3"])
        .success();
    assert_eq!(place.cells("outputs/tiny").len(), 4);
    place.sweep(&[]);
    assert_eq!(place.cells("outputs/tiny").len(), 1 + 4);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 1 + 4);
}

/// While a cell is at work, nothing is forgotten of the plan that it belongs to.
#[test]
fn a_plan_of_a_cell_that_runs_is_kept() {
    let place = Place::new(TINY);
    let endless = ["--cell", "0", "--set", "train.steps=100000000"];
    let mut run = place.start(&[&["run", "e.toml"], &endless[..]].concat());
    until("it trains", || {
        let cells = fs::read_dir(place.path("outputs/tiny/cells"));
        let mut cells = cells.into_iter().flatten().flatten();
        cells.any(|cell| cell.path().join("metrics.csv").is_file())
    });
    place.sweep(&[]);
    assert_eq!(place.cells("outputs/tiny").len(), 4 + 4);
    run.signal("TERM");
    assert_eq!(run.wait().code(), Some(143));
    // Its own cell was begun; the others were not.
    place.sweep(&[]);
    assert_eq!(place.cells("outputs/tiny").len(), 1 + 4);
}

#[test]
fn an_experiment_file_that_changes_meanwhile_changes_nothing() {
    for spoil in ["name = \"other\"\n", "", "no TOML at all ["] {
        let place = Place::new(&long());
        let mut sweep = started(&place, &[]);
        fs::write(place.path("e.toml"), spoil).unwrap();
        assert!(sweep.wait().success(), "{}", place.text("err.txt"));
        assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
        assert_eq!(place.names("outputs"), ["tiny"]);
    }
}

#[test]
fn an_experiment_may_come_through_a_pipe() {
    let place = Place::new(TINY);
    place.sweep(&["--outputs", "file"]);
    let script = "\"$0\" sweep <(cat e.toml) --outputs substituted";
    Command::new("bash")
        .current_dir(&place.folder)
        .args(["-c", script])
        .arg(assert_cmd::cargo::cargo_bin!("bitcap"))
        .assert()
        .success();
    Command::new(assert_cmd::cargo::cargo_bin!("bitcap"))
        .current_dir(&place.folder)
        .args(["sweep", "/dev/stdin", "--outputs", "input"])
        .write_stdin(TINY)
        .assert()
        .success();
    for outputs in ["substituted", "input"] {
        let found = without_the_clock(&place, outputs);
        assert_same(&found, &without_the_clock(&place, "file"));
    }
}

/// A build in the middle of a sweep replaces the program's file, or removes it.
#[test]
fn the_cells_of_a_sweep_are_run_by_the_program_that_runs_it() {
    for replaced in [true, false] {
        let place = Place::new(&long());
        let program = place.path("bitcap");
        fs::copy(assert_cmd::cargo::cargo_bin!("bitcap"), &program).unwrap();
        let mut sweep = std::process::Command::new(&program)
            .current_dir(&place.folder)
            .args(["sweep", "e.toml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until("the first cell trains", || {
            let cells = fs::read_dir(place.path("outputs/tiny/cells"));
            let mut cells = cells.into_iter().flatten().flatten();
            cells.any(|cell| cell.path().join("metrics.csv").is_file())
        });
        fs::remove_file(&program).unwrap();
        if replaced {
            let mut other = fs::File::create(&program).unwrap();
            other.write_all(b"#!/bin/sh\nexit 1\n").unwrap();
        }
        let ended = sweep.wait().unwrap();
        assert!(ended.success());
        assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
    }
}

#[test]
fn values_that_look_like_options_or_are_no_text_reach_the_cells() {
    let place = Place::new(TINY);
    fs::copy(place.path("e.toml"), place.path("-e.toml")).unwrap();
    place
        .bitcap(&[
            "sweep",
            "--outputs=-o",
            "--tensorboard=-tb",
            "--",
            "-e.toml",
        ])
        .success();
    assert_eq!(place.rows("-o/tiny/runs.csv").len(), 4);
    assert_eq!(place.names("-tb/tiny").len(), 4);
    let not_utf8 = std::ffi::OsStr::from_bytes(b"out\xff");
    Command::new(assert_cmd::cargo::cargo_bin!("bitcap"))
        .current_dir(&place.folder)
        .args(["sweep", "e.toml", "--outputs"])
        .arg(not_utf8)
        .assert()
        .success();
    assert!(
        place
            .folder
            .path()
            .join(not_utf8)
            .join("tiny/runs.csv")
            .is_file()
    );
}
