//! Several sweeps on one folder: cells are shared, none is done twice.

use crate::process::until;
use crate::swept_before::{assert_same, without_the_clock};
use crate::{Place, TINY, assert_says, changed};

fn longer() -> String {
    TINY.replace("steps = 6", "steps = 300")
        .replace("\"seed\" = [0, 1]", "\"seed\" = [0, 1, 2]")
}

#[test]
fn sweeps_side_by_side_share_the_cells() {
    let place = Place::new(&longer());
    place.sweep(&["--outputs", "alone"]);
    // One each, so that all of them find cells that others work on.
    let sweep = ["sweep", "e.toml", "--outputs", "shared", "--jobs", "1"];
    let mut sweeps: Vec<_> = (0..3).map(|_| place.start(&sweep)).collect();
    for running in &mut sweeps {
        assert!(running.wait().success(), "{}", place.text("err.txt"));
    }
    assert_same(
        &without_the_clock(&place, "shared"),
        &without_the_clock(&place, "alone"),
    );
    for cell in place.cells("shared/tiny") {
        // A log that was begun again would have lost its first line's time; two trainings, two of them.
        let log = place.text(&format!("{cell}/log.txt"));
        assert_eq!(log.matches("  training l1-").count(), 1, "{log}");
        assert_eq!(log.matches("  trained").count(), 1, "{log}");
        let manifest = place.json(&format!("{cell}/manifest.json"));
        assert_eq!(manifest["sessions"].as_array().unwrap().len(), 1);
    }
}

/// The second says who is at work, waits, and takes over what the first leaves.
#[test]
fn a_second_sweep_takes_over_from_one_that_dies() {
    let place = Place::new(TINY);
    let endless = place.path("endless.toml");
    std::fs::write(&endless, TINY.replace("steps = 6", "steps = 3000")).unwrap();
    let alone = ["sweep", "endless.toml", "--outputs", "alone"];
    place.bitcap(&alone).success();
    let options = ["--set", "engine.checkpoint_seconds=0"];
    let mut first = place.start(&[&["run", "endless.toml", "--cell", "0"][..], &options].concat());
    until("it has a checkpoint", || {
        let cells = std::fs::read_dir(place.path("outputs/tiny/cells"));
        let mut cells = cells.into_iter().flatten().flatten();
        cells.any(|cell| {
            let files = std::fs::read_dir(cell.path().join("checkpoint"));
            let mut files = files.into_iter().flatten().flatten();
            files.any(|file| file.file_name().to_string_lossy().starts_with("step-"))
        })
    });
    // It holds the cell, and gets no further.
    first.signal("STOP");
    let mut second = place.start(&["sweep", "endless.toml", "--jobs", "1"]);
    until("the second waits for the first", || {
        let text = place.text("err.txt");
        text.contains("another process works on it (process ") && text.contains("waiting for it")
    });
    first.kill_group();
    assert!(second.wait().success(), "{}", place.text("err.txt"));
    assert_says(&place.text("err.txt"), &["going on after step"]);
    let found = without_the_clock(&place, "outputs");
    assert_same(&found, &without_the_clock(&place, "alone"));
}

/// A cell that is done by another sweep while this one waits is not done again.
#[test]
fn what_another_process_finishes_is_taken_as_it_is() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let cell = place.cells("outputs/tiny").remove(0);
    let measurement = place.path(&cell).join("measurement.json");
    let done = std::fs::read(&measurement).unwrap();
    std::fs::remove_file(&measurement).unwrap();
    let lock = std::fs::File::create(place.path(&cell).join("lock")).unwrap();
    lock.lock().unwrap();
    let before = place.files(&cell);
    let mut sweep = place.start(&["sweep", "e.toml"]);
    until("it finds the cell busy", || {
        place.text("err.txt").contains("waiting for it")
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(sweep.has_ended().is_none(), "it did not wait");
    std::fs::write(&measurement, done).unwrap();
    drop(lock);
    assert!(sweep.wait().success());
    assert_eq!(changed(&before, &place.files(&cell)), [measurement]);
    assert_eq!(place.rows("outputs/tiny/runs.csv").len(), 4);
}
