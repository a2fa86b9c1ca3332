//! Curves, fits and figures out of runs.csv; reads CSV only, trains nothing.
//!
//! [`report`] reads the tidy rows of a sweep and writes, beside each other,
//!
//! - `curve.csv`: a row a (group, doubled, samples), means and deviations over seeds;
//! - `capacity.csv`: a row a group, the rules of which are in [`capacity`];
//! - `curve.svg`, `curve.png`: memorized bits against dataset size;
//! - `capacity.svg`, `capacity.png`: capacity against parameters.
//!
//! All bits are base 2. The same rows give the same bytes.

mod accounting;
pub mod capacity;
mod curve;
mod error;
mod figure;
mod fit;
mod input;
mod reference;
mod runs;
mod statistics;
mod tables;
mod terminal;
mod write;

use std::path::{Path, PathBuf};

pub use accounting::{Accounted, Accounting};
pub use capacity::{Capacity, Gain, Peak};
pub use curve::{Curve, Point, Spread};
pub use error::ReportError;
pub use fit::Fit;
pub use runs::Model;
pub use statistics::Interval;

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

/// Reads `runs_csv` and writes tables and figures into `out_dir`, which must exist.
///
/// # Errors
/// Where an input is not as it must be, or an output cannot be written. Everything is made before anything is
/// written, so outputs of before stay as they were.
pub fn report(
    runs_csv: &Path,
    out_dir: &Path,
    options: &ReportOptions,
) -> Result<Report, ReportError> {
    let runs = runs::read(runs_csv)?;
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
    let report = Report {
        groups,
        accounting: options.accounting,
    };
    let curve_svg = figure::curve::svg(&report, &options.title);
    let capacity_svg = figure::capacity::svg(&report, &options.title, &reference);
    let curve_png = figure::png::render("curve.png", &curve_svg)?;
    let capacity_png = figure::png::render("capacity.png", &capacity_svg)?;
    write::write_all(
        out_dir,
        &[
            ("curve.csv", tables::curve_csv(&report.groups)),
            ("capacity.csv", tables::capacity_csv(&report.groups)),
            ("curve.svg", curve_svg.into_bytes()),
            ("curve.png", curve_png),
            ("capacity.svg", capacity_svg.into_bytes()),
            ("capacity.png", capacity_png),
        ],
    )?;
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
