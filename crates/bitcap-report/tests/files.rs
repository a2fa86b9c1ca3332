//! What is written, and that it is written whole or not at all.

mod common;

use std::path::Path;

use bitcap_report::{Accounting, ReportError, ReportOptions, remove_report};
use common::{
    ROUND, assert_says, by_paper, folder_with, model, read, read_of, report_of, runs_csv,
};

/// The files of a report on [`ROUND`].
fn outputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names = names(folder);
    names.retain(|name| name != "runs.csv");
    let read = |name: String| (name.clone(), std::fs::read(folder.join(name)).unwrap());
    names.into_iter().map(read).collect()
}

/// The report on what runs.csv in the folder now says.
fn again(folder: &Path, runs: &str) -> Result<Vec<String>, ReportError> {
    std::fs::write(folder.join("runs.csv"), runs).unwrap();
    let options = ReportOptions::default();
    bitcap_report::report(&folder.join("runs.csv"), folder, &options).map(|made| made.files)
}

/// Column by column, numbers to nine digits: the last ones may differ between machines' logarithms.
fn readable(csv: &[u8]) -> String {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().unwrap().clone();
    let mut out = String::new();
    for record in reader.records() {
        for (name, field) in header.iter().zip(&record.unwrap()) {
            let field = match field.parse::<f64>() {
                Ok(x) if field.contains('.') => {
                    let nine = format!("{:.9}", format!("{x:.8e}").parse::<f64>().unwrap());
                    nine.trim_end_matches('0').trim_end_matches('.').to_owned()
                }
                _ => field.to_owned(),
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
    let (folder, report) = report_of(ROUND);
    report.unwrap();
    let read = |name: &str| readable(&std::fs::read(folder.path().join(name)).unwrap());
    insta::assert_snapshot!("curve_csv", read("curve.csv"));
    insta::assert_snapshot!("capacity_csv", read("capacity.csv"));
}

#[test]
fn table() {
    insta::assert_snapshot!(read_of(ROUND).unwrap().table());
}

#[test]
fn table_by_the_papers_accounting() {
    let report = read(ROUND, &[], &by_paper()).unwrap();
    assert_says(&report.table(), &["905", "4.53", "by the paper accounting"]);
    // 905/200 and 320/100.
    let slopes = report.slopes().unwrap();
    assert!((slopes.unweighted.bits_per_parameter - (4.525 + 3.2) / 2.0).abs() < 1e-12);
}

#[test]
fn a_known_capacity_comes_back() {
    let mut known = model(16, 4_608, 2.25);
    known.noise = 0.0;
    let report = read_of(&runs_csv(&[known]));
    let capacity = &report.unwrap().groups[0].capacity;
    let fit = capacity.fit.unwrap().strict;
    assert!((fit.capacity_bits / (2.25 * 4_608.0) - 1.0).abs() < 0.01);
    let bits = capacity.bits(Accounting::Strict).unwrap();
    assert!((bits / (2.25 * 4_608.0) - 1.0).abs() < 0.01);
}

#[test]
fn same_rows_same_bytes_whatever_their_order_within_a_group() {
    let (first, report) = report_of(ROUND);
    report.unwrap();
    let mut lines: Vec<&str> = ROUND.lines().collect();
    // Group b is lines 1 to 15 below the header.
    lines[1..16].reverse();
    let (second, report) = report_of(&lines.join("\n"));
    report.unwrap();
    assert!(outputs(first.path()) == outputs(second.path()));
}

#[test]
fn failure_leaves_what_was_there() {
    let (folder, report) = report_of(ROUND);
    report.unwrap();
    let before = outputs(folder.path());
    assert_eq!(before.len(), 6);
    let broken = ROUND.replace("width=8,0,400,4,", "width=8,0,400,nan,");
    again(folder.path(), &broken).unwrap_err();
    // Nothing aside is left over, and nothing is changed.
    assert!(outputs(folder.path()) == before);
}

#[test]
fn pictures_are_those_of_the_charts() {
    let (folder, report) = report_of(ROUND);
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
    let (folder, report) = report_of(ROUND);
    let made = report.unwrap().files;
    let path = |name: &str| folder.path().join(name);
    // Of an earlier report on other rows, and what is none of a report's.
    for name in "generalization.svg generalization.png sequences.png notes.svg".split(' ') {
        std::fs::write(path(name), "old").unwrap();
    }
    again(folder.path(), ROUND).unwrap();
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
    let made = again(folder.path(), &measured).unwrap();
    assert_eq!(made, ["membership.svg", "membership.png"]);
    let expected = ["membership.png", "membership.svg", "notes.svg", "runs.csv"];
    assert_eq!(names(folder.path()), expected);
    // A report that fails harms nothing; its caller may know that the rows are gone.
    again(folder.path(), &unknown).unwrap_err();
    assert_eq!(names(folder.path()), expected);
    remove_report(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["notes.svg", "runs.csv"]);
    remove_report(folder.path()).unwrap();
    std::fs::create_dir(path("curve.csv")).unwrap();
    let error = remove_report(folder.path()).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot remove ") && error.contains("curve.csv"),
        "{error}"
    );
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, runs) = folder_with(&[("runs.csv", ROUND)]);
    let absent = folder.path().join("absent");
    let error = bitcap_report::report(&runs, &absent, &ReportOptions::default());
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot write ") && error.contains("absent"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn outputs_are_as_readable_as_other_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, report) = report_of(ROUND);
    report.unwrap();
    let mode = |name: &str| {
        let path = folder.path().join(name);
        std::fs::metadata(path).unwrap().permissions().mode()
    };
    // runs.csv was written by the test in the ordinary way.
    assert_eq!(mode("curve.png"), mode("runs.csv"));
}
