//! What programs read: JSON of sweep and status, event files, comparisons.

use std::fs;

use serde_json::{Value, json};

use crate::process::until;
use crate::{Place, TINY, assert_says, refused, stderr, stdout};

fn lines(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(line).collect()
}

#[test]
fn a_sweep_tells_programs_all_that_happens() {
    let place = Place::new(&(TINY.replace("[0.01]", "[0.01, 1e30]")));
    let run = place.sweep(&["--json", "--jobs", "1"]);
    let told = lines(&stdout(&run));
    let plan = json!({"event": "plan", "experiment": "tiny", "cells": 4, "done": 0, "open": 4});
    assert_eq!(told[0], plan);
    let of = |event: &str| told.iter().filter(|line| line["event"] == event).count();
    let counts = [
        ("started", 4),
        ("progress", 12),
        ("measuring", 4),
        ("done", 4),
    ];
    for (event, count) in counts {
        assert_eq!(of(event), count, "{event}");
    }
    let cells: Vec<String> = place.cells("outputs/tiny");
    for line in &told[1..told.len() - 1] {
        let cell = line["cell"].as_str().unwrap();
        assert!(cells.iter().any(|name| name.ends_with(cell)), "{line}");
    }
    let last = told.last().unwrap();
    assert_eq!(last["event"], "ended");
    assert_eq!((&last["cells"], &last["done"]), (&json!(4), &json!(4)));
    assert_eq!(
        (&last["stopped"], &last["failed"]),
        (&json!(false), &json!([]))
    );
    let files: Vec<&str> = last["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_str().unwrap())
        .collect();
    assert_eq!(files[..2], ["runs.csv", "curve.csv"]);
    for file in files {
        assert!(
            place
                .path(last["outputs"].as_str().unwrap())
                .join(file)
                .is_file(),
            "{file}"
        );
    }

    let failing = [
        "sweep",
        "e.toml",
        "--json",
        "--outputs",
        "other",
        "--set",
        "train.learning_rate=1e30",
    ];
    let run = place.bitcap(&failing).failure().code(1);
    let told = lines(&stdout(&run));
    let last = told.last().unwrap();
    assert_eq!((&last["done"], &last["files"]), (&json!(0), &json!([])));
    assert_eq!(last["failed"].as_array().unwrap().len(), 4);
    assert_says(last["failed"][0]["reason"].as_str().unwrap(), &["at step "]);
    assert_eq!(
        told.iter().filter(|line| line["event"] == "failed").count(),
        4
    );
}

#[test]
fn a_watched_status_tells_what_changes_and_ends_with_the_cells() {
    let place = Place::new(TINY);
    place.bitcap(&["run", "e.toml", "--cell", "0"]).success();
    for json in [false, true] {
        let cells = place.cells("outputs/tiny");
        for cell in &cells[1..] {
            fs::remove_dir_all(place.path(cell)).unwrap_or_default();
        }
        let mut arguments = vec!["status", "outputs/tiny", "--watch"];
        arguments.extend(json.then_some("--json"));
        let mut watch = place.start(&arguments);
        until("it shows how they stand", || {
            !place.read("out.txt").is_empty()
        });
        place.sweep(&[]);
        assert!(watch.wait().success());
        let text = place.text("out.txt");
        if json {
            let told = lines(&text);
            assert_eq!(
                (&told[0]["done"], &told[0]["missing"]),
                (&json!(1), &json!(3))
            );
            let last = told.last().unwrap();
            assert_eq!((&last["done"], &last["missing"]), (&json!(4), &json!(0)));
            assert!(told.windows(2).all(|two| two[0] != two[1]), "{text}");
        } else {
            assert_says(&text, &["4 cells, 1 done", "3 missing", "4 cells, 4 done"]);
            // Only what changed is told again.
            assert_eq!(
                text.matches("done     l1-w4-n4-t6-s0-").count(),
                1,
                "{text}"
            );
        }
    }
}

#[test]
fn event_files_hold_what_metrics_csv_holds() {
    let place = Place::new(TINY);
    place.sweep(&["--tensorboard", "board", "--only", "seed=0"]);
    let runs = |place: &Place| place.names("board/tiny").len();
    assert_eq!(runs(&place), 2);
    // Those that were done before get theirs too.
    place.sweep(&[]);
    place.sweep(&["--tensorboard", "board"]);
    assert_eq!(runs(&place), 4);
    for cell in place.cells("outputs/tiny") {
        let name = cell.rsplit('/').next().unwrap();
        let files = place.names(&format!("board/tiny/{name}"));
        assert!(
            files.iter().all(|file| file.contains("tfevents")),
            "{files:?}"
        );
        let last = place.read(&format!("board/tiny/{name}/{}", files.last().unwrap()));
        for tag in ["loss", "memorized_bits", "learning_rate"] {
            let found = last
                .windows(tag.len())
                .filter(|bytes| *bytes == tag.as_bytes());
            assert_eq!(found.count(), 3, "{tag}: a row each for steps 2, 4 and 6");
        }
    }
    let run = ["run", "e.toml", "--cell", "1", "--tensorboard", "other"];
    place.bitcap(&run).success();
    assert_eq!(place.names("other/tiny").len(), 1);
}

#[test]
fn two_folders_are_compared_cell_by_cell() {
    let place = Place::new(TINY);
    place.sweep(&["--outputs", "a"]);
    place.sweep(&["--outputs", "b", "--set", "grid.\"data.samples\"=[4, 6]"]);
    place.sweep(&["--outputs", "c", "--set", "train.optimizer=muon"]);
    let compare = |b: &str| {
        [
            "compare".to_owned(),
            "a/tiny".to_owned(),
            format!("{b}/tiny"),
        ]
    };
    let shown = |b: &str| {
        let words = compare(b);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        stdout(&place.bitcap(&words).success())
    };
    assert_says(
        &shown("b"),
        &[
            "Pairs: 2",
            "Bits the same to the last bit: 2 of 2",
            "Only in A (2)",
            "Only in B (2)",
        ],
    );
    assert_says(
        &shown("c"),
        &["of the same sizes 4", "optimizer: adam | muon"],
    );

    let json = place
        .bitcap(&["compare", "a/tiny", "c/tiny", "--json"])
        .success();
    let comparison: Value = serde_json::from_str(&stdout(&json)).unwrap();
    let pairs = comparison["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 4);
    let bits = |outputs: &str| {
        let rows = place.rows(&format!("{outputs}/tiny/runs.csv"));
        rows[0]["memorized_bits_strict"].parse::<f64>().unwrap()
    };
    assert_eq!(pairs[0]["memorized_bits"]["a"].as_f64(), Some(bits("a")));
    assert_eq!(pairs[0]["memorized_bits"]["b"].as_f64(), Some(bits("c")));
    assert!(pairs[0]["seconds"]["a"].as_f64().unwrap() > 0.0);

    fs::create_dir(place.path("empty")).unwrap();
    let refusal = place.bitcap(&["compare", "a/tiny", "empty"]);
    refused(refusal, &["empty has no runs.csv", "bitcap collect empty"]);
    refused(
        place.bitcap(&["compare", "nowhere", "a/tiny"]),
        &["nowhere"],
    );
    let same = place.bitcap(&["compare", "a/tiny", "a/tiny"]).success();
    assert_says(&stdout(&same), &["Bits the same to the last bit: 4 of 4"]);
    assert_eq!(stderr(&same), "");
}

/// TensorBoard's own reader finds what metrics.csv holds, each step once, also of trainings that
/// were interrupted.
#[test]
#[ignore = "needs TensorBoard: BITCAP_TEST_PYTHON names a python that has it"]
fn tensorboard_reads_the_event_files() {
    use std::collections::BTreeMap;
    let place = Place::new(&TINY.replace("steps = 6", "steps = 4000"));
    let run = ["run", "e.toml", "--cell", "3", "--tensorboard", "board"];
    let mut first = place.start(&run);
    until("it trains", || {
        let status = place.bitcap(&["status", "outputs/tiny"]);
        stdout(&status).contains("1 running") && stdout(&status).contains("  step ")
    });
    first.signal("TERM");
    assert_eq!(first.wait().code(), Some(143));
    let again = place.bitcap(&run).success();
    assert_says(&stdout(&again), &["going on after step "]);
    place.sweep(&["--tensorboard", "board"]);

    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = std::env::var("BITCAP_TEST_PYTHON").unwrap_or("python3".into());
    let read = assert_cmd::Command::new(python)
        .arg(root.join("tests/reference/read_tensorboard.py"))
        .arg(place.path("board"))
        .assert()
        .success();
    let runs: BTreeMap<String, BTreeMap<String, Vec<(u64, f64)>>> =
        serde_json::from_str(&stdout(&read)).unwrap();
    let cells = place.cells("outputs/tiny");
    assert_eq!(runs.len(), cells.len());
    for cell in cells {
        let name = cell.rsplit('/').next().unwrap();
        let found = &runs[&format!("tiny/{name}")];
        let rows = place.rows(&format!("{cell}/metrics.csv"));
        assert_eq!(found.len(), 3, "{:?}", found.keys());
        for (tag, points) in found {
            // An f32 there.
            let expected: Vec<(u64, f64)> = rows
                .iter()
                .map(|row| {
                    let value: f64 = row[tag].parse().unwrap();
                    (row["step"].parse().unwrap(), f64::from(value as f32))
                })
                .collect();
            assert_eq!(points, &expected, "{name} {tag}");
        }
    }
}

#[test]
fn shells_complete_commands() {
    let place = Place::new(TINY);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&place.bitcap(&["completions", shell]).success());
        assert!(script.contains("compress"), "{shell}: {script}");
    }
    let script = stdout(&place.bitcap(&["completions", "bash"]).success());
    fs::write(place.path("bitcap.bash"), script).unwrap();
    let asks =
        "COMP_WORDS=(bitcap decom); COMP_CWORD=1; _bitcap bitcap decom bitcap; echo $COMPREPLY";
    let completed = std::process::Command::new("bash")
        .args(["-c", &format!(". ./bitcap.bash; {asks}")])
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let reply = String::from_utf8_lossy(&completed.stdout);
    assert_eq!(reply, "decompress\n", "{completed:?}");
}

#[test]
fn the_version_names_the_revision() {
    let place = Place::new(TINY);
    let version = stdout(&place.bitcap(&["--version"]).success());
    let revision = version
        .trim()
        .strip_prefix(concat!("bitcap ", env!("CARGO_PKG_VERSION"), " ("))
        .and_then(|rest| rest.strip_suffix(')'));
    let revision = revision.unwrap_or_else(|| panic!("{version}"));
    place.sweep(&[]);
    let manifest = place.json(&format!("{}/manifest.json", place.cells("outputs/tiny")[0]));
    assert_eq!(manifest["git_revision"], revision);
}
