//! What is written, and that it is written whole or not at all.

mod common;

use std::path::Path;

use bitcap_report::{Accounting, ReportOptions};
use common::{ROUND, model, read_of, report_of, runs_csv};

const OUTPUTS: [&str; 6] = [
    "curve.csv",
    "capacity.csv",
    "curve.svg",
    "curve.png",
    "capacity.svg",
    "capacity.png",
];

/// Column by column, numbers to nine digits: the last ones may differ between machines' logarithms.
fn readable(csv: &[u8]) -> String {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().unwrap().clone();
    let mut out = String::new();
    for record in reader.records() {
        for (name, field) in header.iter().zip(&record.unwrap()) {
            let field = match field.parse::<f64>() {
                Ok(x) if field.contains('.') => {
                    format!("{:.9}", format!("{x:.8e}").parse::<f64>().unwrap())
                }
                _ => field.to_owned(),
            };
            let field = if field.contains('.') {
                field.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                field
            };
            out.push_str(format!("{name}: {field}").trim_end());
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

#[test]
fn tables() {
    let (folder, report) = report_of(ROUND, &ReportOptions::default());
    report.unwrap();
    let read = |name: &str| readable(&std::fs::read(folder.path().join(name)).unwrap());
    insta::assert_snapshot!("curve_csv", read("curve.csv"));
    insta::assert_snapshot!("capacity_csv", read("capacity.csv"));
}

#[test]
fn table() {
    let report = read_of(ROUND, &ReportOptions::default());
    insta::assert_snapshot!(report.unwrap().table());
}

#[test]
fn table_by_the_papers_accounting() {
    let options = ReportOptions {
        accounting: Accounting::Paper,
        ..ReportOptions::default()
    };
    let report = read_of(ROUND, &options);
    let report = report.unwrap();
    let table = report.table();
    assert!(table.contains("905") && table.contains("4.53"), "{table}");
    assert!(table.contains("by the paper accounting"), "{table}");
    // 905/200 and 320/100.
    assert!((report.slope().unwrap().bits_per_parameter - (4.525 + 3.2) / 2.0).abs() < 1e-12);
}

#[test]
fn a_known_capacity_comes_back() {
    let mut known = model(16, 4_608, 2.25);
    known.noise = 0.0;
    let report = read_of(&runs_csv(&[known]), &ReportOptions::default());
    let capacity = &report.unwrap().groups[0].capacity;
    let fit = capacity.fit.unwrap().strict;
    assert!((fit.capacity_bits / (2.25 * 4_608.0) - 1.0).abs() < 0.01);
    assert!((capacity.peak.as_ref().unwrap().bits.strict / (2.25 * 4_608.0) - 1.0).abs() < 0.01);
}

#[test]
fn same_rows_same_bytes_whatever_their_order_within_a_group() {
    let (first, report) = report_of(ROUND, &ReportOptions::default());
    report.unwrap();
    let mut lines: Vec<&str> = ROUND.lines().collect();
    // Group b is lines 1 to 15 below the header.
    lines[1..16].reverse();
    let (second, report) = report_of(&lines.join("\n"), &ReportOptions::default());
    report.unwrap();
    for name in OUTPUTS {
        let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(name)).unwrap();
        assert!(read(&first) == read(&second), "{name}");
    }
}

#[test]
fn failure_leaves_what_was_there() {
    let (folder, report) = report_of(ROUND, &ReportOptions::default());
    report.unwrap();
    let before: Vec<Vec<u8>> = OUTPUTS
        .iter()
        .map(|name| std::fs::read(folder.path().join(name)).unwrap())
        .collect();
    let runs = folder.path().join("runs.csv");
    std::fs::write(
        &runs,
        ROUND.replace("width=8,0,400,4,", "width=8,0,400,nan,"),
    )
    .unwrap();
    bitcap_report::report(&runs, folder.path(), &ReportOptions::default()).unwrap_err();
    for (name, before) in OUTPUTS.iter().zip(&before) {
        assert!(
            std::fs::read(folder.path().join(name)).unwrap() == *before,
            "{name}"
        );
    }
    // Nothing aside is left over: the outputs and runs.csv.
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        OUTPUTS.len() + 1
    );
}

#[test]
fn pictures_are_those_of_the_charts() {
    let (folder, report) = report_of(ROUND, &ReportOptions::default());
    for chart in report.unwrap().charts {
        let read = |ending: &str| {
            let path = folder.path().join(format!("{}.{ending}", chart.name));
            std::fs::read(path).unwrap()
        };
        assert!(read("svg") == chart.svg().into_bytes(), "{}", chart.name);
        assert!(read("png") == chart.png().unwrap(), "{}", chart.name);
        assert!(read("png").starts_with(b"\x89PNG\r\n\x1a\n"));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn what_no_longer_holds_is_removed() {
    let (folder, report) = report_of(ROUND, &ReportOptions::default());
    let made = report.unwrap().files;
    let path = |name: &str| folder.path().join(name);
    // Of an earlier report on other rows, and what is none of a report's.
    for name in [
        "generalization.svg",
        "generalization.png",
        "sequences.png",
        "notes.svg",
    ] {
        std::fs::write(path(name), "old").unwrap();
    }
    bitcap_report::report(&path("runs.csv"), folder.path(), &ReportOptions::default()).unwrap();
    let mut expected = [&made[..], &["notes.svg".to_owned(), "runs.csv".to_owned()]].concat();
    expected.sort();
    assert_eq!(names(folder.path()), expected);
    // Rows whose entropy is not known have no curves; what can be drawn of them is.
    let unknown = ROUND.lines().take(2).map(|line| {
        let line = line.replace(",0.25,4,", ",,4,");
        line.replace("500,400,500,396,495,-8,-10", ",,,,,,") + "\n"
    });
    let unknown: String = unknown.collect();
    let measured = unknown
        .replacen("host", "membership_auc", 1)
        .replace("x,0,", "0.75,0,");
    std::fs::write(path("runs.csv"), measured).unwrap();
    let report = bitcap_report::report(&path("runs.csv"), folder.path(), &ReportOptions::default());
    assert_eq!(report.unwrap().files, ["membership.svg", "membership.png"]);
    let expected = ["membership.png", "membership.svg", "notes.svg", "runs.csv"];
    assert_eq!(names(folder.path()), expected);
    // A report that fails harms nothing; its caller may know that the rows are gone.
    std::fs::write(path("runs.csv"), unknown).unwrap();
    bitcap_report::report(&path("runs.csv"), folder.path(), &ReportOptions::default()).unwrap_err();
    assert_eq!(names(folder.path()), expected);
    bitcap_report::remove_report(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["notes.svg", "runs.csv"]);
    bitcap_report::remove_report(folder.path()).unwrap();
    std::fs::create_dir(path("curve.csv")).unwrap();
    let error = bitcap_report::remove_report(folder.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot remove ") && error.contains("curve.csv"),
        "{error}"
    );
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs.csv");
    std::fs::write(&runs, ROUND).unwrap();
    let error = bitcap_report::report(
        &runs,
        &folder.path().join("absent"),
        &ReportOptions::default(),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.starts_with("cannot write ") && error.contains("absent"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn outputs_are_as_readable_as_other_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, report) = report_of(ROUND, &ReportOptions::default());
    report.unwrap();
    let mode = |name: &str| {
        let path = folder.path().join(name);
        std::fs::metadata(path).unwrap().permissions().mode()
    };
    // runs.csv was written by the test in the ordinary way.
    assert_eq!(mode("curve.png"), mode("runs.csv"));
}
