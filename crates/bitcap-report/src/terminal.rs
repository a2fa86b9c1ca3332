//! The table that a sweep ends with.

use std::fmt::Write as _;

use crate::columns::{aligned, plain};
use crate::figure::format::thousands;
use crate::{Accounting, GroupReport, Report};

/// A row a model, columns aligned, numbers to the right; plain text without colours.
pub(crate) fn table(report: &Report) -> String {
    if report.groups.is_empty() {
        return "No capacities: the entropy of its data is not known (a file of your own), so runs.csv has no memorized \
                bits.\n"
            .to_owned();
    }
    let header = [
        "model",
        "parameters",
        "capacity (bits)",
        "at load",
        "bits/parameter",
        "twice the steps add",
        "bracketed",
        "shown as",
    ];
    let mut rows: Vec<[String; 8]> = vec![header.map(str::to_owned)];
    rows.extend(
        report
            .groups
            .iter()
            .map(|group| row(group, report.accounting)),
    );
    let mut out = aligned(&rows, 1..5);
    out.push_str(&notes(report));
    out
}

fn row(group: &GroupReport, accounting: Accounting) -> [String; 8] {
    let none = || "-".to_owned();
    let capacity = &group.capacity;
    let peak = capacity.peak.as_ref();
    let bits = peak.map(|peak| peak.bits.by(accounting));
    [
        plain(&group.curve.name()),
        thousands(group.curve.model.parameters as f64),
        bits.map_or_else(none, thousands),
        peak.map_or_else(none, |peak| format!("{:.2}", peak.load)),
        bits.map_or_else(none, |bits| {
            format!("{:.2}", group.curve.per_parameter(bits))
        }),
        capacity.gain.as_ref().map_or_else(none, |gain| {
            let mean = format!("{:+.1} %", gain.mean * 100.0);
            match gain.interval {
                Some(i) => format!("{mean} [{:+.1}, {:+.1}]", i.low * 100.0, i.high * 100.0),
                None => mean,
            }
        }),
        if capacity.bracketed { "yes" } else { "no" }.to_owned(),
        if capacity.plateau {
            "plateau"
        } else {
            "lower bound"
        }
        .to_owned(),
    ]
}

fn notes(report: &Report) -> String {
    let mut out = format!("\nBits by the {} accounting", report.accounting.name());
    out.push_str(if report.accountings_agree() {
        " (strict = paper: every token is predicted)."
    } else {
        "."
    });
    out.push_str(" A lower bound is a capacity not shown to be a plateau: a longer training or another grid may \
                  show more.\nPlateau: bracketed, and the upper end of what twice the steps add is below 2 %.\n");
    if let Some(slope) = report.slope() {
        let _ = writeln!(
            out,
            "Slope through the origin over {} models: {:.2} bits per parameter (mean of their bits per parameter).",
            slope.models, slope.bits_per_parameter
        );
    }
    out
}
