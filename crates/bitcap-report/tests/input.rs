//! Bad input: one clear message each.

mod common;

use bitcap_report::ReportOptions;
use common::{ROUND, report_of};

/// The message, without the folder's name.
fn message(runs: &str) -> String {
    let (folder, report) = report_of(runs, &ReportOptions::default());
    let error = report.unwrap_err().to_string();
    assert!(!folder.path().join("curve.csv").exists());
    error.replace(&format!("{}/", folder.path().display()), "")
}

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
    assert!(message(&(first_lines(2) + "x,0,b\n")).contains("rows of equal length"));
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("runs.csv");
    let error =
        bitcap_report::report(&absent, folder.path(), &ReportOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read "), "{error}");
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
    for (from, to, column, found, allowed) in [
        ("x,0,", "x,-1,", "seed", "-1", "a whole number from 0"),
        (",b,", ",,", "group", "", "the group's name"),
        ("tied\",0,", "tied\",2,", "doubled", "2", "0 or 1"),
        (",50,", ",0,", "samples", "0", "a whole number from 1"),
        (",50,", ",5e1,", "samples", "5e1", "a whole number from 1"),
        (
            ",0.25,",
            ",NaN,",
            "load",
            "NaN",
            "a number from 1e-30 to 1e30",
        ),
        (",false,", ",no,", "start_token", "no", "true or false"),
        (",200,", ",,", "parameters", "", "a whole number from 1"),
        (
            ",400,",
            ",inf,",
            "ceiling_bits_strict",
            "inf",
            "a number from -1e30 to 1e30",
        ),
        (
            ",396,",
            ",inf,",
            "memorized_bits_strict",
            "inf",
            "a number from -1e30 to 1e30",
        ),
        (
            ",-10",
            ",",
            "fresh_memorized_bits_paper",
            "",
            "a number from -1e30 to 1e30",
        ),
    ] {
        let broken = row.replacen(from, to, 1);
        assert_ne!(broken, row, "{from}");
        assert_eq!(
            message(&ROUND.replacen(row, &broken, 1)),
            format!("runs.csv line 2: `{column}` is {found:?}; it must be {allowed}")
        );
    }
}

#[test]
fn rows_that_contradict_each_other() {
    let repeated = first_lines(3) + ROUND.lines().nth(1).unwrap() + "\n";
    assert_eq!(
        message(&repeated),
        "runs.csv line 4: the same group, samples, seed and doubled as in line 2; each cell must be there once"
    );
    let other = first_lines(3).replacen(",16,false,200,", ",16,false,201,", 1);
    assert!(
        message(&other).starts_with("runs.csv line 3: group \"b\" differs from line 2 in label,")
    );
}

#[test]
fn a_broken_reference_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("table1.csv");
    let options = ReportOptions {
        reference: Some(reference.clone()),
        ..ReportOptions::default()
    };
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
        std::fs::write(&reference, text).unwrap();
        let (_folder, report) = report_of(ROUND, &options);
        let error = report.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
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
        "runs.csv has no memorized bits: the entropy of its data is not known (a file of your own), so there is no \
         curve to draw; its other columns hold what was measured"
    );
    // Beside rows that have one, it is left out.
    let with = format!("{}\n{row}\n{}\n", lines[0], lines[2..].join("\n"));
    let without = format!("{}\n{}\n", lines[0], lines[2..].join("\n"));
    let curve = |runs: &str| {
        let (folder, report) = report_of(runs, &ReportOptions::default());
        report.unwrap();
        std::fs::read(folder.path().join("curve.csv")).unwrap()
    };
    assert_eq!(curve(&with), curve(&without));
}

#[test]
fn a_ceiling_below_zero_is_no_error_and_gives_no_share() {
    let lines: Vec<&str> = ROUND.lines().collect();
    let low = lines[1].replacen(",400,500,396,495,", ",-4,-5,-6,-7.5,", 1);
    let (folder, report) = report_of(&format!("{}\n{low}\n", lines[0]), &ReportOptions::default());
    let report = report.unwrap();
    assert_eq!(report.groups[0].curve.points[0].fraction_of_ceiling, None);
    assert!(folder.path().join("curve.png").exists());
}
