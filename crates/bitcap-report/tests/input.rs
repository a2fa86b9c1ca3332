//! Bad input: one clear message each.

mod common;

use std::path::Path;

use bitcap_report::{Report, ReportError, ReportOptions, report};
use common::experiment::{POSITIONS, SEQUENCES, runs, write};
use common::{ROUND, assert_says, folder_with, read, read_of, report_of};

/// The message, without the folder's name.
fn said<T: std::fmt::Debug>(result: Result<T, ReportError>, folder: &Path) -> String {
    let folder = format!("{}/", folder.display());
    result.unwrap_err().to_string().replace(&folder, "")
}

fn message(runs: &str) -> String {
    let (folder, report) = report_of(runs);
    assert!(!folder.path().join("curve.csv").exists());
    said(report, folder.path())
}

/// What is said of a value in line 2 that it must be something else.
#[track_caller]
fn assert_refused(runs: &str, column: &str, found: &str, must: &str) {
    let expected = format!("runs.csv line 2: `{column}` is {found:?}; it must be {must}");
    assert_eq!(message(runs), expected);
}

const NUMBER: &str = "a number from -1e30 to 1e30";
const COUNT: &str = "a whole number from 1";

fn first_lines(count: usize) -> String {
    let lines: Vec<&str> = ROUND.lines().take(count).collect();
    lines.join("\n") + "\n"
}

#[test]
fn files_that_are_not_rows() {
    assert_eq!(
        message(&first_lines(1)),
        "runs.csv has no rows below its header; it must have at least one"
    );
    assert_eq!(
        message(""),
        "runs.csv line 1: the column `group` is there 0 times; it must be there once"
    );
    for (separator, shown) in [(";", "';'"), ("\t", "'\\t'")] {
        let said = message(&ROUND.replace(',', separator));
        assert_eq!(
            said,
            format!(
                "runs.csv line 1: the columns are separated by {shown}; they must be separated by commas"
            )
        );
    }
    let unequal = message(&(first_lines(2) + "x,0,b\n"));
    assert_says(&unequal, &["rows of equal length"]);
    let folder = tempfile::tempdir().unwrap();
    let error = |runs: &Path| {
        let report = report(runs, folder.path(), &ReportOptions::default());
        report.unwrap_err().to_string()
    };
    let name = folder.path().display();
    assert_eq!(
        error(&folder.path().join("runs.csv")),
        format!(
            "{name} has no runs.csv; `bitcap collect {name}` makes it from the cells that are done"
        )
    );
    assert!(error(folder.path()).starts_with("cannot read "));
}

#[test]
fn columns() {
    assert_eq!(
        message(&ROUND.replace("ceiling_bits_paper", "ceiling_bits")),
        "runs.csv line 1: the column `ceiling_bits_paper` is there 0 times; it must be there once"
    );
    assert_eq!(
        message(&ROUND.replace("host", "seed")),
        "runs.csv line 1: the column `seed` is there 2 times; it must be there once"
    );
}

#[test]
fn values() {
    // In line 2: seed, group, label, doubled, samples, load, ... memorized, fresh.
    let row = "x,0,b,\"width=16, tied\",0,50,0.25,4,5,1,16,false,200,500,400,500,396,495,-8,-10";
    for (from, to, column, found, must) in [
        ("x,0,", "x,-1,", "seed", "-1", "a whole number from 0"),
        (",b,", ",,", "group", "", "the group's name"),
        ("tied\",0,", "tied\",2,", "doubled", "2", "0 or 1"),
        (",50,", ",0,", "samples", "0", COUNT),
        (",50,", ",5e1,", "samples", "5e1", COUNT),
        (",0.25,", ",NaN,", "load", "NaN", "a number from 0 to 1e30"),
        (",false,", ",no,", "start_token", "no", "true or false"),
        (",200,", ",,", "parameters", "", COUNT),
        (",400,", ",inf,", "ceiling_bits_strict", "inf", NUMBER),
        (",396,", ",inf,", "memorized_bits_strict", "inf", NUMBER),
        (",-10", ",", "fresh_memorized_bits_paper", "", NUMBER),
    ] {
        let broken = row.replacen(from, to, 1);
        assert_ne!(broken, row, "{from}");
        assert_refused(&ROUND.replacen(row, &broken, 1), column, found, must);
    }
}

#[test]
fn rows_that_contradict_each_other() {
    let repeated = first_lines(3) + ROUND.lines().nth(1).unwrap() + "\n";
    assert_eq!(
        message(&repeated),
        "runs.csv line 4: the same group, samples, seed and doubled as in line 2; each cell must be on a curve once"
    );
    let other = first_lines(3).replacen(",16,false,200,", ",16,false,201,", 1);
    let start = "runs.csv line 3: group \"b\" differs from line 2 in label,";
    assert!(message(&other).starts_with(start));
}

#[test]
fn rows_of_one_cell() {
    let named = |rows: &[(usize, &str)]| {
        let mut lines = ROUND.lines();
        let mut text = format!("cell,{}\n", lines.next().unwrap());
        let lines: Vec<&str> = lines.collect();
        for (line, cell) in rows {
            text += &format!("{cell},{}\n", lines[*line]);
        }
        text
    };
    // As of a grid over `train.seed`, where cells differ in nothing that has a column: each counts.
    let alike = named(&[(0, "c1"), (0, "c2"), (1, "c3")]);
    assert_eq!(read_of(&alike).unwrap().groups[0].curve.points[0].seeds, 3);
    let twice = named(&[(0, "c1"), (1, "c2"), (0, "c1")]);
    assert_eq!(
        message(&twice),
        "runs.csv line 4: the cell \"c1\" is in line 2 already; each cell must be on a curve once"
    );
    // On another curve it may be, as the same cell.
    let (head, last) = twice.trim_end().rsplit_once('\n').unwrap();
    let last = last.replace(",b,", ",d,").replace("tied\",0,", "tied\",1,");
    let report = read_of(&format!("{head}\n{last}\n"));
    assert_eq!(report.unwrap().groups.len(), 2);
    let last = last.replace(",396,", ",397,");
    assert_eq!(
        message(&format!("{head}\n{last}\n")),
        "runs.csv line 4: the cell \"c1\" is in line 2 with other values; rows of one cell must be the same but for \
         group, label and doubled"
    );
}

#[test]
fn columns_of_other_versions() {
    // A column that came later than the file has no values, one that came later than the program is left alone; what a
    // known column holds must be right, whether a figure is made of it or not.
    let later = |column: &str, value: &str| {
        let lines = ROUND.replace('\n', &format!(",{value}\n"));
        lines.replacen(&format!(",{value}\n"), &format!(",{column}\n"), 1)
    };
    for (column, value) in [
        ("moon_phase", "full"),
        ("heads", "2"),
        ("oracle", ""),
        ("counted", ""),
    ] {
        assert!(read_of(&later(column, value)).is_ok(), "{column}");
    }
    for (column, value, must) in [
        ("heads", "two", COUNT),
        ("mlp_ratio", "0", COUNT),
        ("learning_rate", "NaN", NUMBER),
        ("tied_head", "1", "true or false"),
        ("fresh_extraction_8", "1.01", "a number from 0 to 1"),
        ("cell", "a/b", "the name of a folder"),
    ] {
        assert_refused(&later(column, value), column, value, must);
    }
}

/// The message of an experiment whose cells have these files.
fn message_of_files(runs: &str, files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), runs, files);
    let read = Report::read(&folder.path().join("runs.csv"), &ReportOptions::default());
    said(read, folder.path())
}

#[test]
fn what_is_there_and_wrong_is_named() {
    let text = runs();
    let runs_with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let auc = runs_with(",1,1,1,0.5", ",1.5,1,1,0.5");
    assert_refused(&auc, "membership_auc", "1.5", "a number from 0 to 1");
    let bits = runs_with(",160,0,40,", ",many,0,40,");
    assert_refused(&bits, "unintended_bits", "many", NUMBER);
    assert_eq!(
        message(&text.replace("extraction_8", "extraction_16")),
        "runs.csv line 1: the column `extraction_16` is there 2 times; it must be there once"
    );
    for name in ["..", "../../etc", "/etc", "a/b"] {
        let leads_out = runs_with("c8-1-0,", &format!("{name},"));
        assert_refused(&leads_out, "cell", name, "the name of a folder");
    }
    let sequences = ("sequences.csv", SEQUENCES);
    let positions = ("positions.csv", POSITIONS);
    for ((file, whole), from, to, end) in [
        (
            sequences,
            "fresh,0",
            "test,0",
            "line 6: `data` is \"test\"; it must be \"training\" or \"fresh\"",
        ),
        (
            sequences,
            ",36,36,",
            ",,36,",
            "line 5: `memorized_bits_strict` is \"\"; it must be a number from -1e30 to 1e30",
        ),
        (
            sequences,
            ",3,8",
            ",3,0",
            "line 5: `count` is \"0\"; it must be a whole number from 1",
        ),
        (
            sequences,
            "data,",
            "kind,",
            "line 1: the column `data` is there 0 times; it must be there once",
        ),
        (
            positions,
            ",0.25",
            ",-1",
            "line 4: `code_bits_mean` is \"-1\"; it must be a number from 0 to 1e30",
        ),
        (
            positions,
            "training,2",
            "training,x",
            "line 4: `position` is \"x\"; it must be a whole number from 0 to 65535",
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        let broken = whole.replacen(from, to, 1);
        // The largest model's lowest load, seed 0, is read first.
        assert_eq!(
            message_of_files(&text, &[(file, &broken)]),
            format!("cells/c16-1-0/{file} {end}")
        );
    }
    let unequal = message_of_files(&text, &[("positions.csv", "data\n1,2\n")]);
    assert_says(&unequal, &["rows of equal length"]);
}

#[test]
fn a_broken_reference_is_named() {
    for (text, part) in [
        (
            "params,capacity_bits_fp32\n80352,many\n",
            "table1.csv line 2: `capacity_bits_fp32` is \"many\"",
        ),
        (
            "params\n1\n",
            "the column `capacity_bits_fp32` is there 0 times",
        ),
    ] {
        let (_folder, reference) = folder_with(&[("table1.csv", text)]);
        let options = ReportOptions {
            reference: Some(reference),
            ..ReportOptions::default()
        };
        let error = read(ROUND, &[], &options).unwrap_err();
        assert_says(&error.to_string(), &[part]);
    }
}

#[test]
fn rows_without_an_entropy_are_on_no_curve() {
    let unknown = |line: &str| {
        let mut fields: Vec<&str> = line.split(',').collect();
        // The label is quoted and holds a comma: two fields here.
        for field in &mut fields[14..=18] {
            *field = "";
        }
        fields[7] = "";
        fields.join(",")
    };
    let lines: Vec<&str> = ROUND.lines().collect();
    let row = unknown(lines[1]);
    assert_eq!(
        message(&format!("{}\n{row}\n", lines[0])),
        "runs.csv has no memorized bits: the entropy of its data is 0, or not known (a file of your own, hidden_markov, grammar), so there is no \
         curve to draw; its other columns hold what was measured"
    );
    // Beside rows that have one, it is left out.
    let with = format!("{}\n{row}\n{}\n", lines[0], lines[2..].join("\n"));
    let without = format!("{}\n{}\n", lines[0], lines[2..].join("\n"));
    let charts = |runs: &str| read_of(runs).unwrap().charts;
    assert_eq!(charts(&with)[..2], charts(&without)[..2]);
}

#[test]
fn a_ceiling_below_zero_is_no_error_and_gives_no_share() {
    let lines: Vec<&str> = ROUND.lines().collect();
    let low = lines[1].replacen(",400,500,396,495,", ",-4,-5,-6,-7.5,", 1);
    let report = read_of(&format!("{}\n{low}\n", lines[0])).unwrap();
    assert_eq!(report.groups[0].curve.points[0].fraction_of_ceiling, None);
    assert!(report.charts[0].svg().starts_with("<svg"));
}
