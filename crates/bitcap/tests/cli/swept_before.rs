//! Sweeps of what was swept before: nothing is done twice, and the same work gives the same bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Place, TINY, assert_says, assert_untouched, changed, stderr};

/// The files below a folder that have nothing of the clock in them, but for what a process that was
/// killed left half written.
pub(crate) fn without_the_clock(place: &Place, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let clock = ["timings.csv", "log.txt", "manifest.json"].map(Path::new);
    let root = place.path(folder);
    place
        .files(folder)
        .into_iter()
        .filter(|(path, _)| !clock.iter().any(|name| path.ends_with(name)))
        .filter(|(path, _)| path.extension().is_none_or(|ending| ending != "partial"))
        .map(|(path, (bytes, _))| (path.strip_prefix(&root).unwrap().to_owned(), bytes))
        .collect()
}

#[track_caller]
pub(crate) fn assert_same(
    found: &BTreeMap<PathBuf, Vec<u8>>,
    expected: &BTreeMap<PathBuf, Vec<u8>>,
) {
    let differ = changed(expected, found);
    assert!(differ.is_empty(), "not the same bytes: {differ:?}");
}

#[test]
fn a_second_sweep_does_nothing() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let (cells, all) = (
        place.files("outputs/tiny/cells"),
        without_the_clock(&place, "outputs"),
    );
    let again = place.sweep(&[]);
    assert_says(&stderr(&again), &["4 cells are done already"]);
    assert_untouched(&place, "outputs/tiny/cells", &cells);
    assert_same(&without_the_clock(&place, "outputs"), &all);
}

#[test]
fn the_same_work_gives_the_same_bytes_however_many_run_side_by_side() {
    let place = Place::new(TINY);
    place.sweep(&["--outputs", "a"]);
    let a = without_the_clock(&place, "a");
    assert!(
        a.keys()
            .any(|path| path.ends_with("model/model.safetensors"))
    );
    for jobs in ["1", "3"] {
        place.sweep(&["--outputs", jobs, "--jobs", jobs]);
        assert_same(&without_the_clock(&place, jobs), &a);
    }
}

#[test]
fn a_larger_grid_trains_only_what_is_new() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let before = place.files("outputs/tiny/cells");
    let grown = place.sweep(&["--set", "grid.\"data.samples\"=[4, 6, 9]"]);
    assert_says(&stderr(&grown), &["4 cells are done already", "[2/2]"]);
    let anew = changed(&before, &place.files("outputs/tiny/cells"));
    assert!(
        anew.iter().all(|path| !before.contains_key(path)),
        "{anew:?}"
    );
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 6);
}

#[test]
fn fresh_data_is_measured_later_without_training() {
    let place = Place::new(TINY);
    place.sweep(&["--set", "measure.fresh=false"]);
    let fresh = |place: &Place| -> Vec<String> {
        let rows = place.rows("outputs/tiny/runs.csv");
        rows.into_iter()
            .map(|mut row| row.remove("fresh_samples").unwrap())
            .collect()
    };
    assert_eq!(fresh(&place), [""; 4]);
    let cell = place.cells("outputs/tiny").remove(0);
    let before = place.files("outputs/tiny/cells");
    let training_rows = place.text(&format!("{cell}/sequences.csv"));

    place.sweep(&[]);
    let measured = [
        "cell.toml",
        "measurement.json",
        "positions.csv",
        "roc.csv",
        "sequences.csv",
    ]
    .map(Path::new);
    let anew = changed(&before, &place.files("outputs/tiny/cells"));
    assert!(
        anew.iter()
            .all(|path| measured.iter().any(|name| path.ends_with(name))),
        "{anew:?}"
    );
    assert_eq!(fresh(&place), ["4", "4", "9", "9"]);
    let rows = place.text(&format!("{cell}/sequences.csv"));
    assert!(rows.starts_with(&training_rows));
    assert!(rows.contains("fresh,0,"));

    // Less is asked for than is there: nothing is taken away.
    let all = place.files("outputs/tiny/cells");
    place.sweep(&["--set", "measure.fresh=false"]);
    assert_untouched(&place, "outputs/tiny/cells", &all);
}

#[test]
fn a_training_that_was_cut_off_is_made_again() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let whole = without_the_clock(&place, "outputs");
    let cells = place.cells("outputs/tiny");
    // As it is when the process ended while it wrote the model, and just before the measurement.
    std::fs::remove_file(place.path(&format!("{}/measurement.json", cells[0]))).unwrap();
    std::fs::remove_file(place.path(&format!("{}/manifest.json", cells[0]))).unwrap();
    std::fs::remove_file(place.path(&format!("{}/measurement.json", cells[1]))).unwrap();
    let log = place.read(&format!("{}/log.txt", cells[1]));
    place.sweep(&[]);
    assert_same(&without_the_clock(&place, "outputs"), &whole);
    assert_eq!(
        place.read(&format!("{}/log.txt", cells[1])),
        log,
        "trained again"
    );
}
