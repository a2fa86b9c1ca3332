//! The pictures beside curve and capacity: made where the files hold what they need, and of what they hold.

#[path = "common/experiment.rs"]
mod experiment;

use std::fs;
use std::path::Path;

use bitcap_report::{Accounting, ReportOptions};
use experiment::{POSITIONS, SEQUENCES, report, runs, words, write};
use resvg::tiny_skia::Pixmap;
use resvg::usvg;
use tempfile::TempDir;

const FILES: [(&str, &str); 2] = [("sequences.csv", SEQUENCES), ("positions.csv", POSITIONS)];

/// Reports on these files and returns the names of the pictures.
fn made(runs: &str, files: &[(&str, &str)], options: &ReportOptions) -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), runs, files);
    let report = report(folder.path(), options).unwrap();
    let names = report
        .files
        .iter()
        .filter_map(|name| name.strip_suffix(".svg"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    for name in &names {
        check(folder.path(), name);
    }
    (folder, names)
}

fn plain(runs: &str, files: &[(&str, &str)]) -> (TempDir, Vec<String>) {
    made(runs, files, &ReportOptions::default())
}

fn svg(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(format!("{name}.svg"))).unwrap()
}

/// The drawing parses, holds numbers only, and the picture shows something.
fn check(folder: &Path, name: &str) {
    let text = fs::read_to_string(folder.join(format!("{name}.svg"))).unwrap();
    for word in ["NaN", "inf\"", "inf "] {
        assert!(!text.contains(word), "{name}.svg holds {word}");
    }
    usvg::Tree::from_str(&text, &usvg::Options::default()).unwrap();
    let png = fs::read(folder.join(format!("{name}.png"))).unwrap();
    let pixels = Pixmap::decode_png(&png).unwrap();
    assert_eq!(pixels.width(), 2100, "7 inches at 300 dots");
    let dark = |p: &&resvg::tiny_skia::PremultipliedColorU8| {
        u16::from(p.red()) + u16::from(p.green()) + u16::from(p.blue()) < 200
    };
    assert!(
        pixels.pixels().iter().filter(dark).count() > 10_000,
        "{name}"
    );
}

/// The places of the circles, which are the first model's marks, without the legend's at its own origin.
fn circles(svg: &str) -> Vec<(f64, f64)> {
    svg.lines()
        .filter_map(|line| {
            let after = line.strip_prefix("<circle cx=\"")?;
            let (x, after) = after.split_once("\" cy=\"")?;
            let (y, _) = after.split_once('"')?;
            Some((x.parse().unwrap(), y.parse().unwrap()))
        })
        .filter(|&at| at != (0.0, 0.0))
        .collect()
}

#[test]
fn all_are_made_of_a_whole_experiment_and_say_what_they_show() {
    let options = ReportOptions {
        title: "study".to_owned(),
        ..ReportOptions::default()
    };
    let (folder, names) = made(&runs(), &FILES, &options);
    assert_eq!(
        names,
        [
            "curve",
            "capacity",
            "sequences",
            "positions",
            "membership",
            "generalization",
            "exposure"
        ]
    );
    for name in &names[2..] {
        insta::assert_snapshot!(name.as_str(), words(&svg(&folder, name)));
    }
}

#[test]
fn membership_is_drawn_to_scale() {
    let (folder, _) = plain(&runs(), &[]);
    let svg = svg(&folder, "membership");
    let marks = circles(&svg);
    // AUC 1, 0.8, 0.6 of the first model, in the first panel.
    let [one, middle, low] = [marks[0].1, marks[1].1, marks[2].1];
    assert!((middle - one - (low - middle)).abs() < 0.02, "{marks:?}");
    // The floor of 0.5 is as far below 0.6 as half of that.
    let floor = low + (low - middle) / 2.0;
    let drawn = svg.lines().any(|text| {
        text.contains("stroke-dasharray=\"4 3\"")
            && text
                .split([' ', 'M', 'L', '"'])
                .filter_map(|part| part.parse::<f64>().ok())
                .any(|y| (y - floor).abs() < 0.02)
    });
    assert!(drawn, "no floor at {floor}");
    // Loads 1/4, 1, 4: equal steps on a logarithmic axis.
    assert!((marks[1].0 - marks[0].0 - (marks[2].0 - marks[1].0)).abs() < 0.02);
}

#[test]
fn intended_bits_are_drawn_below_their_limit_in_scale_with_unintended_ones() {
    let (folder, _) = plain(&runs(), &[]);
    let marks = circles(&svg(&folder, "generalization"));
    // Means over seeds: unintended 164, 84, 57.33; intended 0, 30, 46.67.
    let scale = (marks[1].1 - marks[0].1) / 80.0;
    for (i, bits) in [164.0, 84.0, 160.0 / 3.0 + 4.0, 0.0, 30.0, 60.0 - 40.0 / 3.0]
        .into_iter()
        .enumerate()
    {
        let y = marks[0].1 + (164.0 - bits) * scale;
        assert!((marks[i].1 - y).abs() < 0.05, "{i}: {marks:?}");
    }
}

#[test]
fn exposure_is_the_mean_over_strings_of_a_count() {
    let (folder, _) = plain(&runs(), &FILES);
    let marks = circles(&svg(&folder, "exposure"));
    // Copies 1, 2, 8: 10, 20 and 36 bits.
    assert_eq!(marks.len(), 3);
    let step = |a: usize, b: usize| marks[a].1 - marks[b].1;
    assert!((step(1, 2) / step(0, 1) - 1.6).abs() < 0.01, "{marks:?}");
    assert!(((marks[2].0 - marks[1].0) / (marks[1].0 - marks[0].0) - 2.0).abs() < 0.01);
}

#[test]
fn what_is_not_there_is_not_drawn() {
    let pictures = |runs: &str, files: &[(&str, &str)]| plain(runs, files).1[2..].to_vec();
    let none: [String; 0] = [];
    let all = runs();
    // An experiment of before: none of the columns, none of the files.
    let before: String = all
        .lines()
        .map(|line| line.split(',').take(20).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    assert_eq!(pictures(&before, &[]), none);
    assert_eq!(pictures(&before, &FILES[1..]), ["positions"]);
    assert_eq!(
        pictures(&before.replacen("cell,", "host,", 1), &FILES),
        none,
        "cells that have no names"
    );
    // A sequences.csv of before has no counts.
    let old = SEQUENCES
        .lines()
        .map(|line| line.split(',').take(6).collect::<Vec<_>>().join(",") + "\n")
        .collect::<String>();
    assert_eq!(pictures(&before, &[("sequences.csv", &old)]), ["sequences"]);
    // Uniform data: its limit is 0, there is nothing to generalize to.
    let uniform = all
        .replace(",40,4", ",0,4")
        .replace(",50,1", ",0,1")
        .replace(",60,0", ",0,0");
    assert_eq!(pictures(&uniform, &[]), ["membership"]);
}

#[test]
fn a_source_with_parameters_is_judged_by_its_own_probabilities() {
    let structured = SEQUENCES
        .lines()
        .map(|line| {
            let mut fields: Vec<&str> = line.split(',').collect();
            if fields[0] != "data" {
                (fields[4], fields[5], fields[6], fields[7]) = ("", "", "", "");
            }
            fields.join(",") + "\n"
        })
        .collect::<String>();
    let (folder, names) = plain(&runs(), &[("sequences.csv", &structured)]);
    assert!(names.contains(&"sequences".to_owned()) && !names.contains(&"exposure".to_owned()));
    let words = words(&svg(&folder, "sequences"));
    assert!(
        words.contains("saved against the true source (bits a sequence)"),
        "{words}"
    );
    // Model less source: 10, 18, 22, 36, and -12, -20.
    assert!(
        words.contains("means: training 21.5, fresh −16.0 bits"),
        "{words}"
    );
    // Of a user's file neither is known.
    let unknown = structured.replace(",-40,", ",,");
    let (_folder, names) = plain(&runs(), &[("sequences.csv", &unknown)]);
    assert!(!names.contains(&"sequences".to_owned()));
}

/// As of a user's file: no entropy, and nothing that needs it.
fn without_entropy(runs: &str) -> String {
    runs.lines()
        .enumerate()
        .map(|(i, line)| {
            let mut fields: Vec<&str> = line.split(',').collect();
            for column in [6, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23] {
                if i > 0 {
                    fields[column] = "";
                }
            }
            fields.join(",") + "\n"
        })
        .collect()
}

#[test]
fn where_no_entropy_is_known_the_rest_is_drawn_against_samples() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &without_entropy(&runs()), &FILES[1..]);
    let report = report(folder.path(), &ReportOptions::default()).unwrap();
    assert_eq!(
        report.files,
        [
            "positions.svg",
            "positions.png",
            "membership.svg",
            "membership.png"
        ]
    );
    assert!(report.groups.is_empty() && report.slope().is_none());
    assert!(
        report
            .table()
            .contains("the entropy of its data is not known")
    );
    let words = words(&svg(&folder, "membership"));
    assert!(
        words.contains("\nsequences\n") && !words.contains("load"),
        "{words}"
    );
}

#[test]
fn the_accounting_is_named_where_it_matters() {
    let runs = runs().replace(",true,", ",false,");
    let options = ReportOptions {
        accounting: Accounting::Paper,
        ..ReportOptions::default()
    };
    let sequences = SEQUENCES.replace(",36,36,", ",36,48,");
    let (folder, _) = made(&runs, &[("sequences.csv", &sequences)], &options);
    for name in ["sequences", "exposure"] {
        assert!(svg(&folder, name).contains("Accounting: paper"), "{name}");
    }
    // 10, 18, 22 and 48.
    assert!(svg(&folder, "sequences").contains("training 24.5"));
}

#[test]
fn same_rows_same_bytes_whatever_their_order_within_a_group() {
    let text = runs();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..7].reverse();
    let (first, names) = plain(&text, &FILES);
    let (second, _) = plain(&lines.join("\n"), &FILES);
    for name in names {
        assert!(svg(&first, &name) == svg(&second, &name), "{name}");
    }
}

#[test]
fn edge_cases_are_drawn() {
    let text = runs();
    let one: String = text
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    // One cell, no fresh data, one position.
    let sequences = SEQUENCES
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let positions = POSITIONS
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let files = [
        ("sequences.csv", sequences.as_str()),
        ("positions.csv", &positions),
    ];
    let (folder, names) = plain(&one, &files);
    assert_eq!(names.len(), 7);
    assert!(svg(&folder, "membership").contains("One seed a point"));
    assert!(svg(&folder, "exposure").contains("load 0.25, 20 sequences"));

    // All cells of twice the steps: none of a plain curve.
    let doubled: String = text
        .lines()
        .map(|line| {
            line.replacen(",0,0,", ",0,1,", 1)
                .replacen(",1,0,", ",1,1,", 1)
                + "\n"
        })
        .collect();
    assert_eq!(plain(&doubled, &FILES).1, ["curve", "capacity"]);

    // Thirty models, with names of all kinds.
    let mut many = format!("{}\n", experiment::COLUMNS);
    let row = text.lines().nth(1).unwrap();
    for i in 0..30 {
        let name = format!("{i}<&{}", "wide ".repeat(i));
        let row = row.replace(",g8,width=8,", &format!(",g{i},{name},"));
        many += &format!("{row}\n");
    }
    assert_eq!(plain(&many, &FILES).1.len(), 7);
}

/// The message, without the folder's name.
fn message(runs: &str, files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), runs, files);
    let error = report(folder.path(), &ReportOptions::default()).unwrap_err();
    assert!(!folder.path().join("curve.csv").exists());
    error
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn what_is_there_and_wrong_is_named() {
    let text = runs();
    let runs_with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    assert_eq!(
        message(&runs_with(",1,1,1,0.5", ",1.5,1,1,0.5"), &[]),
        "runs.csv line 2: `membership_auc` is \"1.5\"; it must be a number from 0 to 1"
    );
    assert_eq!(
        message(&runs_with(",160,0,40,", ",many,0,40,"), &[]),
        "runs.csv line 2: `unintended_bits` is \"many\"; it must be a number from -1e30 to 1e30"
    );
    assert_eq!(
        message(&text.replace("extraction_8", "extraction_16"), &[]),
        "runs.csv line 1: the column `extraction_16` is there 2 times; it must be there once"
    );
    for name in ["..", "../../etc", "/etc", "a/b"] {
        let folder = tempfile::tempdir().unwrap();
        let runs = runs_with("c8-1-0,", &format!("{name},"));
        fs::write(folder.path().join("runs.csv"), runs).unwrap();
        let error = report(folder.path(), &ReportOptions::default())
            .unwrap_err()
            .to_string();
        let end = format!("line 2: `cell` is {name:?}; it must be the name of a folder");
        assert!(error.ends_with(&end), "{error}");
    }
    for (file, from, to, end) in [
        (
            "sequences.csv",
            "fresh,0",
            "test,0",
            "line 6: `data` is \"test\"; it must be \"training\" or \"fresh\"",
        ),
        (
            "sequences.csv",
            ",36,36,",
            ",,36,",
            "line 5: `memorized_bits_strict` is \"\"; it must be a number from -1e30 to 1e30",
        ),
        (
            "sequences.csv",
            ",3,8",
            ",3,0",
            "line 5: `count` is \"0\"; it must be a whole number from 1",
        ),
        (
            "sequences.csv",
            "data,",
            "kind,",
            "line 1: the column `data` is there 0 times; it must be there once",
        ),
        (
            "positions.csv",
            ",0.25",
            ",-1",
            "line 4: `code_bits_mean` is \"-1\"; it must be a number from 0 to 1e30",
        ),
        (
            "positions.csv",
            "training,2",
            "training,x",
            "line 4: `position` is \"x\"; it must be a whole number from 0 to 65535",
        ),
    ] {
        let (_, whole) = FILES.into_iter().find(|(name, _)| *name == file).unwrap();
        assert!(whole.contains(from), "{from}");
        let broken = whole.replacen(from, to, 1);
        // The largest model's lowest load, seed 0, is read first.
        assert_eq!(
            message(&text, &[(file, &broken)]),
            format!("cells/c16-1-0/{file} {end}")
        );
    }
    assert!(message(&text, &[("positions.csv", "data\n1,2\n")]).contains("rows of equal length"));
}
