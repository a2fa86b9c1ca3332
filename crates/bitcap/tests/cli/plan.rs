//! What is planned: dry runs and overrides.

use crate::{Place, TINY, stdout};

#[test]
fn a_dry_run_prints_every_cell_with_a_time_and_makes_nothing() {
    let place = Place::new(&(TINY.to_owned() + "[sweep]\ndoubled_at_load = 0.1\n"));
    let text = stdout(&place.sweep(&["--dry-run"]));
    assert_eq!(place.names("."), ["e.toml"]);
    let mut lines = text.lines();
    let headings = lines.next().unwrap();
    for heading in ["cell", "parameters", "entropy", "load", "FLOPs", "time"] {
        assert!(headings.contains(heading), "{headings}");
    }
    let rows: Vec<Vec<&str>> = lines
        .map(|line| line.split_whitespace().collect())
        .collect();
    let (total, rows) = rows.split_last().unwrap();
    assert_eq!(total[..2], ["6", "cells,"]);
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row[0], index.to_string());
        assert_eq!(row[2], "288");
        assert_eq!(row[8], "s", "no time: {row:?}");
        assert!(row[7].parse::<f64>().unwrap() < 100.0);
    }
    assert!(
        rows[4..]
            .iter()
            .all(|row| row[9..] == ["twice", "the", "steps"])
    );

    // What is made is what was planned.
    place.sweep(&[]);
    let cells = place.cells("outputs/tiny");
    let planned: Vec<String> = rows
        .iter()
        .map(|row| format!("outputs/tiny/cells/{}", row[1]))
        .collect();
    assert_eq!(cells, planned);
}

/// The names of the cells that a dry run plans.
fn planned(place: &Place, arguments: &[&str]) -> Vec<String> {
    let text = stdout(&place.sweep(&[&["--dry-run"], arguments].concat()));
    let cells = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    cells
        .filter(|name| name.starts_with("l1-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn overrides_go_before_the_file_and_later_ones_before_earlier_ones() {
    let place = Place::new(TINY);
    let steps = |arguments: &[&str], part: &str| {
        let cells = planned(&place, arguments);
        assert!(cells.iter().all(|cell| cell.contains(part)), "{cells:?}");
        cells.len()
    };
    assert_eq!(steps(&[], "-t6-"), 4);
    assert_eq!(steps(&["--set", "train.steps=7"], "-t7-"), 4);
    assert_eq!(
        steps(
            &["--set", "train.steps=7", "--set", "train.steps=8"],
            "-t8-"
        ),
        4
    );
    // A single value takes the place of a list.
    assert_eq!(steps(&["--set", "seed=3"], "-s3-"), 2);
    assert_eq!(steps(&["--set", "grid.seed=[5]"], "-s5-"), 2);
}

#[test]
fn the_device_flag_goes_before_all_and_changes_no_name() {
    let place = Place::new(TINY);
    let plain = planned(&place, &[]);
    // Where this build has no such device, there is a plan all the same.
    assert_eq!(planned(&place, &["--set", "engine.device=cuda:1"]), plain);
    place
        .bitcap(&[
            "run",
            "e.toml",
            "--cell",
            "0",
            "--device",
            "flex",
            "--set",
            "engine.device=ndarray",
        ])
        .success();
    let manifest = place.json(&format!("outputs/tiny/cells/{}/manifest.json", plain[0]));
    assert_eq!(manifest["device"], "flex");
}

#[cfg(feature = "ndarray")]
#[test]
fn the_devices_agree() {
    let place = Place::new(TINY);
    place.sweep(&["--outputs", "flex", "--device", "flex"]);
    place.sweep(&["--outputs", "ndarray", "--device", "ndarray"]);
    let (flex, ndarray) = (place.cells("flex/tiny"), place.cells("ndarray/tiny"));
    let mut compared = 0;
    for (flex, ndarray) in flex.iter().zip(&ndarray) {
        let flex = place.rows(&format!("{flex}/metrics.csv"));
        let ndarray = place.rows(&format!("{ndarray}/metrics.csv"));
        assert_eq!(flex.len(), ndarray.len());
        for (flex, ndarray) in flex.iter().zip(&ndarray) {
            let [a, b] = [flex, ndarray].map(|row| row["loss"].parse::<f64>().unwrap());
            assert!((a - b).abs() <= 1e-4 * a, "{a} on flex, {b} on ndarray");
            compared += 1;
        }
    }
    assert_eq!(compared, 4 * 3);
}

#[test]
fn the_devices_and_the_verbs_are_listed() {
    let place = Place::new(TINY);
    let devices = stdout(&place.bitcap(&["devices"]).success());
    let lines: Vec<&str> = devices.lines().collect();
    assert!(
        lines[0].starts_with("device  ") && lines[0].ends_with("driver"),
        "{devices}"
    );
    assert!(
        lines[1].starts_with("flex ") && lines[1].contains("f32, bf16"),
        "{devices}"
    );
    let ndarray = lines.iter().any(|line| line.starts_with("ndarray "));
    assert_eq!(ndarray, cfg!(feature = "ndarray"), "{devices}");
    let help = stdout(&place.bitcap(&["--help"]).success());
    for verb in [
        "generate", "inspect", "sweep", "run", "status", "collect", "report", "bench", "devices",
    ] {
        assert!(help.contains(&format!("\n  {verb}")), "{help}");
        let own = stdout(&place.bitcap(&[verb, "--help"]).success());
        assert!(own.contains("Usage: bitcap"), "{own}");
    }
    place.bitcap(&[]).failure().code(2);
    place.bitcap(&["swep"]).failure().code(2);
}
