//! Curves, fits and figures out of runs.csv; reads CSV only, trains nothing.
//!
//! [`report`] reads the tidy rows of a sweep and writes, beside each other,
//!
//! - `curve.csv`: a row a (group, doubled, samples), means and deviations over seeds;
//! - `capacity.csv`: a row a group, the rules of which are in [`capacity`];
//! - `curve.svg`, `curve.png`: memorized bits against dataset size;
//! - `capacity.svg`, `capacity.png`: capacity against parameters;
//!
//! and, where runs.csv and the cells' own files (`cells/<cell>/`) hold what they need, as SVG and PNG,
//!
//! - `sequences`: histograms of the bits of single sequences, training and fresh, for a few sizes of the largest model;
//! - `positions`: mean bits by position, for the same cells;
//! - `membership`: membership inference and extraction against load;
//! - `generalization`: unintended and intended bits and the excess on fresh data against load, of structured sources;
//! - `exposure`: bits memorized of a string against its copies.
//!
//! [`toy_figure`] draws the toy case. [`compare()`] sets two outputs folders side by side, cell by cell.
//!
//! All bits are base 2. The same rows give the same bytes.

mod accounting;
pub mod capacity;
mod cell_files;
mod cells;
mod chosen;
mod columns;
mod compare;
mod curve;
mod error;
mod exposure;
mod figure;
mod fit;
mod input;
mod pictures;
mod reference;
mod runs;
mod statistics;
mod tables;
mod terminal;
mod toy;
mod write;

use std::path::{Path, PathBuf};

pub use accounting::{Accounted, Accounting};
pub use capacity::{Capacity, Gain, Peak};
pub use compare::{
    Comparison, LargestDifference, Machine, Pair, PairedBy, SettingDifference, Sides, Summary,
    compare,
};
pub use curve::{Curve, Point};
pub use error::ReportError;
pub use fit::Fit;
pub use pictures::Picture;
pub use runs::Model;
pub use statistics::{Interval, Spread};
pub use toy::toy_figure;

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
    /// The files that were written, tables first.
    pub files: Vec<String>,
}

/// One model.
#[derive(Debug, Clone)]
pub struct GroupReport {
    /// Its means over seeds.
    pub curve: Curve,
    /// How much it holds.
    pub capacity: Capacity,
}

/// Bits per parameter over models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Least squares through the origin, each model's residual relative to its parameters, so that all count the
    /// same: minimizing the sum of (capacity/parameters - slope)^2 gives the mean of the models' alphas.
    pub bits_per_parameter: f64,
    /// How many models it is over: at least two.
    pub models: usize,
}

/// Reads `runs_csv` and writes tables and figures into `out_dir`, which must exist. The cells' own files are looked for
/// in `cells/` beside `runs_csv`; a figure is left out where the files do not hold what it needs.
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
    let (runs, unknown) = match runs::read(runs_csv) {
        Err(unknown @ ReportError::EntropyUnknown { .. }) => (Vec::new(), Some(unknown)),
        runs => (runs?, None),
    };
    let pictures = pictures::pictures(runs_csv, options.accounting, &options.title)?;
    if let Some(unknown) = unknown.filter(|_| pictures.is_empty()) {
        return Err(unknown);
    }
    let reference = match &options.reference {
        Some(path) => reference::read(path)?,
        None => Vec::new(),
    };
    let groups = curve::curves(&runs)
        .into_iter()
        .map(|curve| GroupReport {
            capacity: capacity::capacity(&curve),
            curve,
        })
        .collect();
    let mut report = Report {
        groups,
        accounting: options.accounting,
        files: Vec::new(),
    };
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut all = Vec::new();
    if !report.groups.is_empty() {
        files.push(("curve.csv".to_owned(), tables::curve_csv(&report.groups)));
        files.push((
            "capacity.csv".to_owned(),
            tables::capacity_csv(&report.groups),
        ));
        let curve = figure::curve::svg(&report, &options.title);
        let capacity = figure::capacity::svg(&report, &options.title, &reference);
        all.push(Picture::new("curve", curve)?);
        all.push(Picture::new("capacity", capacity)?);
    }
    for picture in all.into_iter().chain(pictures) {
        files.push((format!("{}.svg", picture.name), picture.svg.into_bytes()));
        files.push((format!("{}.png", picture.name), picture.png));
    }
    write::write_all(out_dir, &files)?;
    report.files = files.into_iter().map(|(name, _)| name).collect();
    Ok(report)
}

impl Report {
    /// Plain text for a terminal: a row a model, with what the words in it mean below.
    #[must_use]
    pub fn table(&self) -> String {
        terminal::table(self)
    }

    /// The fitted slope of capacity against parameters, of two models or more that memorized anything.
    #[must_use]
    pub fn slope(&self) -> Option<Slope> {
        let alphas: Vec<f64> = self
            .groups
            .iter()
            .filter_map(|group| {
                let bits = group.capacity.peak.as_ref()?.bits.by(self.accounting);
                (bits > 0.0).then(|| group.curve.per_parameter(bits))
            })
            .collect();
        (alphas.len() >= 2).then(|| Slope {
            bits_per_parameter: statistics::mean(&alphas).expect("there are two or more"),
            models: alphas.len(),
        })
    }

    /// Whether every model predicts every token, so that both accountings are one.
    pub(crate) fn accountings_agree(&self) -> bool {
        self.groups
            .iter()
            .all(|group| group.curve.model.start_token)
    }
}
