//! Checkpoints and growing files that are cut short, altered or gone: the checkpoint before, or the
//! beginning, and never another figure.

use std::fs;
use std::path::PathBuf;

use crate::process::until;
use crate::swept_before::{assert_same, without_the_clock};
use crate::{Place, TINY, assert_says, refused, stderr, stdout};

fn longer() -> String {
    TINY.replace("steps = 6", "steps = 400\noptimizer = \"muon\"")
        + "[engine]\ncheckpoint_seconds = 0\n"
}

const CELL: [&str; 4] = ["run", "e.toml", "--cell", "3"];

/// A cell that was killed in its training, with two checkpoints; and what it is left alone.
struct Cut {
    place: Place,
    whole: std::collections::BTreeMap<PathBuf, Vec<u8>>,
    cell: String,
    /// Newest first.
    checkpoints: Vec<PathBuf>,
}

fn cut() -> Cut {
    let place = Place::new(&longer());
    place
        .bitcap(&[&CELL[..], &["--outputs", "whole"]].concat())
        .success();
    let whole = without_the_clock(&place, "whole");
    let cell = place
        .cells("whole/tiny")
        .remove(3)
        .replacen("whole", "outputs", 1);
    let mut running = place.start(&CELL);
    let folder = place.path(&format!("{cell}/checkpoint"));
    let found = || -> Vec<PathBuf> {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'))
            .collect()
    };
    let metrics = place.path(&format!("{cell}/metrics.csv"));
    until("there are checkpoints after the first rows", || {
        let rows = fs::read_to_string(&metrics).unwrap_or_default();
        found().len() >= 2 && rows.lines().count() > 4
    });
    running.kill_group();
    let mut checkpoints = found();
    checkpoints.sort_by_key(|path| std::cmp::Reverse(step(path)));
    checkpoints.truncate(2);
    Cut {
        place,
        whole,
        cell,
        checkpoints,
    }
}

fn step(checkpoint: &std::path::Path) -> u64 {
    let name = checkpoint.file_name().unwrap().to_str().unwrap();
    name.split('-').nth(1).unwrap().parse().unwrap()
}

impl Cut {
    /// Goes on, says all of `words` and ends as one that was left alone.
    #[track_caller]
    fn goes_on(&self, words: &[&str]) {
        let run = self.place.bitcap(&CELL).success();
        assert_says(&(stdout(&run) + &stderr(&run)), words);
        assert_same(&without_the_clock(&self.place, "outputs"), &self.whole);
        assert!(
            !self
                .place
                .path(&format!("{}/checkpoint", self.cell))
                .exists()
        );
    }
}

#[test]
fn a_sound_checkpoint_is_gone_on_from() {
    let cut = cut();
    let newest = format!("going on after step {} of 400", step(&cut.checkpoints[0]));
    cut.goes_on(&[&newest]);
}

#[test]
fn a_checkpoint_that_is_cut_short_or_altered_gives_way_to_the_one_before() {
    for damage in ["cut", "altered", "empty", "renamed"] {
        let cut = cut();
        let newest = &cut.checkpoints[0];
        let mut bytes = fs::read(newest).unwrap();
        let middle = bytes.len() / 2;
        match damage {
            "cut" => bytes.truncate(bytes.len() - 1),
            "altered" => bytes[middle] ^= 1,
            "empty" => bytes.clear(),
            // A later step than it has: its hash does not know of it, its header does.
            _ => {
                let name = newest.file_name().unwrap().to_str().unwrap();
                let later = name.replacen(&format!("-{}-", step(newest)), "-399-", 1);
                fs::rename(newest, newest.with_file_name(later)).unwrap();
            }
        }
        if damage != "renamed" {
            fs::write(newest, bytes).unwrap();
        }
        let before = format!("going on after step {} of 400", step(&cut.checkpoints[1]));
        cut.goes_on(&["a checkpoint is left out", "checkpoint/step-", &before]);
    }
}

#[test]
fn without_a_sound_checkpoint_it_begins_again() {
    let both = cut();
    for checkpoint in &both.checkpoints {
        fs::write(checkpoint, "not a checkpoint").unwrap();
    }
    both.goes_on(&["it was cut short or altered"]);

    // Rows that are not those the checkpoints know of.
    let rows = cut();
    let metrics = rows.place.path(&format!("{}/metrics.csv", rows.cell));
    let text = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, text.replacen("\n2,", "\n3,", 1)).unwrap();
    rows.goes_on(&["metrics.csv is not what it was"]);

    let gone = cut();
    fs::remove_file(gone.place.path(&format!("{}/metrics.csv", gone.cell))).unwrap();
    gone.goes_on(&["metrics.csv is not what it was"]);
}

/// What was written after the checkpoint, whole or torn, is cut off again.
#[test]
fn what_came_after_the_checkpoint_is_cut_off() {
    let cut = cut();
    for (name, more) in [
        ("metrics.csv", "398,1,0.1,1,0.1\n399,"),
        ("log.txt", "torn"),
    ] {
        let path = cut.place.path(&format!("{}/{name}", cut.cell));
        let text = fs::read_to_string(&path).unwrap() + more;
        fs::write(&path, text).unwrap();
    }
    cut.goes_on(&["going on after step"]);
    let log = cut.place.text(&format!("{}/log.txt", cut.cell));
    assert!(!log.contains("torn"), "{log}");
}

/// A log is no figure: without it the training goes on.
#[test]
fn a_lost_log_costs_nothing_else() {
    let cut = cut();
    fs::remove_file(cut.place.path(&format!("{}/log.txt", cut.cell))).unwrap();
    cut.goes_on(&["going on after step"]);
}

/// Data that changed since the checkpoint: no figure of both.
#[test]
fn a_checkpoint_of_other_data_is_refused() {
    let text = longer()
        .replace(
            "kind = \"uniform\"\nvocabulary = 4\nlength = 4\n",
            "kind = \"file\"\npath = \"data\"\nformat = \"bytes\"\nlength = 4\n",
        )
        .replace("steps = 400", "steps = 100000000");
    let place = Place::new(&text);
    fs::write(place.path("data"), [7; 400]).unwrap();
    let mut running = place.start(&CELL);
    until("it trains", || {
        let status = place.bitcap(&["status", "outputs/tiny"]);
        stdout(&status).contains("  step 4 ")
            || stdout(&status).contains("  step 6 ")
            || stdout(&status).contains(" of 100000000")
    });
    running.signal("TERM");
    running.wait();
    fs::write(place.path("data"), [8; 400]).unwrap();
    refused(
        place.bitcap(&CELL),
        &[
            "is not what it was when this cell was trained",
            "put it back",
        ],
    );
}

/// Files of two trainings put together, as by copies between machines: not taken for one.
#[test]
fn a_model_with_the_metrics_of_another_time_is_trained_again() {
    let place = Place::new(TINY);
    place.sweep(&[]);
    let whole = without_the_clock(&place, "outputs");
    let cell = place.cells("outputs/tiny").remove(0);
    let metrics = place.path(&format!("{cell}/metrics.csv"));
    let text = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, &text[..text.len() / 2]).unwrap();
    fs::remove_file(place.path(&format!("{cell}/measurement.json"))).unwrap();
    let run = place.sweep(&[]);
    assert_says(
        &stderr(&run),
        &["metrics.csv is not the one that was written with the model"],
    );
    assert_same(&without_the_clock(&place, "outputs"), &whole);
}
