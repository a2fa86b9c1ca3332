//! From runs.csv to tables and figures.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bitcap_base::write_all_atomic;

use crate::accounting::Accounting;
use crate::capacity::{GroupReport, capacity, slopes};
use crate::chart::Chart;
use crate::curve::curve;
use crate::error::ReportError;
use crate::figures::{
    self, Experiment,
    capacity::{read_reference, reference_slopes},
};
use crate::names::Names;
use crate::slope::Slopes;
use crate::{runs, tables};

/// What the report is to show.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// The figures' title: the experiment's name. Empty for none.
    pub title: String,
    /// Which accounting figures and table show; the CSV files always hold both.
    pub accounting: Accounting,
    /// The paper's Table 1 (`data/reference/morris2025-table1.csv`), to be drawn beside our capacities. It must
    /// have the columns `params` and `capacity_bits_fp32`.
    pub reference: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Report {
    /// A curve and a capacity a group, in the order of runs.csv.
    pub groups: Vec<GroupReport>,
    /// The accounting that figures and table show.
    pub accounting: Accounting,
    /// The figures.
    pub charts: Vec<Chart>,
    /// The files that were written, tables first.
    pub files: Vec<String>,
    /// What all models share and their names leave out.
    common: String,
    /// The slopes of the reference's models.
    reference: Option<Slopes>,
}

/// The tables that a report may write.
pub const TABLES: [&str; 2] = ["curve.csv", "capacity.csv"];
/// The figures that a report may make; each is two files, an SVG and a PNG.
const FIGURES: [&str; 9] = [
    "curve",
    "capacity",
    "budget",
    "sequences",
    "positions",
    "membership",
    "generalization",
    "matrix",
    "exposure",
];

/// Reads `runs_csv` and writes tables and figures into `out_dir`, which must exist. The cells' own files are looked for
/// in `cells/` beside `runs_csv`; a figure is left out where the files do not hold what it needs. Tables and figures of
/// an earlier report that are not made now are removed, since they are not of these rows.
///
/// Where the entropy of no row is known there are no curves and capacities, and the rest is made alone.
///
/// # Errors
/// Where an input is not as it must be, or an output cannot be written. Everything is made before anything is
/// written, so outputs of before stay as they were.
pub fn report(
    runs_csv: &Path,
    out_dir: &Path,
    options: &ReportOptions,
) -> Result<Report, ReportError> {
    let mut report = Report::read(runs_csv, options)?;
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    if !report.groups.is_empty() {
        let made = [tables::curve_csv, tables::capacity_csv].map(|made| made(&report.groups));
        files.extend(TABLES.map(str::to_owned).into_iter().zip(made));
    }
    for chart in &report.charts {
        files.push((format!("{}.svg", chart.name), chart.svg().into_bytes()));
        files.push((format!("{}.png", chart.name), chart.png()?));
    }
    write_all_atomic(out_dir, &files).map_err(|(name, source)| ReportError::Io {
        action: "write",
        path: out_dir.join(name),
        source,
    })?;
    report.files = files.into_iter().map(|(name, _)| name).collect();
    // Only when the new ones are in their places: a failure until then leaves the earlier report
    // whole.
    remove(out_dir, |name| {
        !report.files.iter().any(|file| file == name)
    })?;
    Ok(report)
}

/// Removes the tables and figures that a [`report`] wrote into a folder: for callers whose rows are gone, so that what
/// is left does not look like their result.
///
/// # Errors
/// Where a file is there and cannot be removed.
pub fn remove_report(out_dir: &Path) -> Result<(), ReportError> {
    remove(out_dir, |_| true)
}

/// Removes those of the files that a report may write that are `stale`.
fn remove(out_dir: &Path, stale: impl Fn(&str) -> bool) -> Result<(), ReportError> {
    let files = |name: &&str| [format!("{name}.svg"), format!("{name}.png")];
    let names = TABLES.map(str::to_owned).into_iter();
    let names = names.chain(FIGURES.iter().flat_map(files));
    for name in names.filter(|name| stale(name)) {
        let path = out_dir.join(name);
        if let Err(source) = std::fs::remove_file(&path)
            && source.kind() != ErrorKind::NotFound
        {
            let action = "remove";
            return Err(ReportError::Io {
                action,
                path,
                source,
            });
        }
    }
    Ok(())
}

impl Report {
    /// What [`report`] finds, without its files.
    ///
    /// # Errors
    /// Where an input is not as it must be.
    pub fn read(runs_csv: &Path, options: &ReportOptions) -> Result<Self, ReportError> {
        let runs = runs::read(runs_csv)?;
        // Of all groups, those without a curve too: other figures show them.
        let names = Names::of(&runs.groups);
        let groups = (0..).zip(&runs.groups).filter_map(|(place, group)| {
            let curve = curve(group)?;
            Some(GroupReport {
                name: names.long[place].clone(),
                capacity: capacity(&curve),
                curve,
                place,
            })
        });
        let groups: Vec<GroupReport> = groups.collect();
        let reference = options.reference.as_deref();
        let reference = reference.map_or(Ok(Vec::new()), read_reference)?;
        let of = Experiment {
            title: &options.title,
            accounting: options.accounting,
            runs: &runs,
            names: &names,
        };
        let mut charts = Vec::new();
        if !groups.is_empty() {
            charts.push(figures::curve::chart(&of, &groups, &reference));
            charts.push(figures::capacity::chart(&of, &groups, &reference));
            charts.extend(figures::budget::chart(&of, &groups));
        }
        charts.extend(figures::sequences::chart(&of)?);
        charts.extend(figures::positions::chart(&of)?);
        charts.extend(figures::membership::chart(&of));
        charts.extend(figures::generalization::chart(&of));
        charts.extend(figures::matrix::chart(&of));
        charts.extend(figures::exposure::chart(&of)?);
        if charts.is_empty() {
            let path = runs_csv.to_path_buf();
            return Err(ReportError::EntropyUnknown { path });
        }
        Ok(Self {
            groups,
            accounting: options.accounting,
            charts,
            files: Vec::new(),
            common: names.common,
            reference: reference_slopes(&reference),
        })
    }

    /// Plain text for a terminal: a row a model, with what the words in it mean below.
    #[must_use]
    pub fn table(&self) -> String {
        let slopes = [self.slopes(), self.reference];
        tables::table(&self.groups, self.accounting, &self.common, slopes)
    }

    /// The slopes of capacity against parameters, of two models or more that memorized anything.
    #[must_use]
    pub fn slopes(&self) -> Option<Slopes> {
        slopes(&self.groups, self.accounting)
    }
}
