//! Curves, fits and figures out of runs.csv; reads CSV only, trains nothing.
//!
//! [`report()`] reads the tidy rows of a sweep and writes, beside each other,
//!
//! - `curve.csv`: a row a (group, doubled, samples), means and deviations over seeds;
//! - `capacity.csv`: a row a group, the rules of which are in [`capacity`];
//! - `curve.svg`, `curve.png`: memorized bits against dataset size;
//! - `capacity.svg`, `capacity.png`: capacity against parameters;
//!
//! and, where runs.csv and the cells' own files (`cells/<cell>/`) hold what they need, as SVG and PNG,
//!
//! - `budget`: bits a parameter against passes over the data, of models trained for three lengths or more;
//! - `sequences`: histograms of the bits of single sequences, training and fresh, for a few sizes of the largest model;
//! - `positions`: mean bits by position, for the same cells;
//! - `membership`: membership inference and extraction against load;
//! - `generalization`: unintended and intended bits and the excess on fresh data against load, of structured sources;
//! - `exposure`: bits memorized of a string against its copies.
//!
//! A figure is a [`Chart`], data that anyone can draw, before it is a drawing. [`toy_figure`] makes that of the toy
//! case. [`compare()`] sets two outputs folders side by side, cell by cell.
//!
//! All bits are base 2. The same rows give the same bytes.

mod accounting;
pub mod capacity;
mod cell_files;
pub mod chart;
mod compare;
mod curve;
mod draw;
mod error;
mod figures;
mod fit;
mod names;
mod records;
mod report;
mod runs;
mod slope;
mod statistics;
mod tables;
mod text;

pub use accounting::{Accounted, Accounting};
pub use capacity::{Capacity, Gain, GroupReport};
pub use chart::Chart;
pub use compare::{
    Comparison, LargestDifference, Machine, Pair, PairedBy, SettingDifference, Sides, Summary,
    compare,
};
pub use curve::{Curve, Point};
pub use error::ReportError;
pub use figures::quantize::quantize_figure;
pub use figures::toy::toy_figure;
pub use fit::Fit;
pub use report::{Report, ReportOptions, TABLES, remove_report, report};
pub use slope::{Slope, Slopes};
pub use statistics::{Interval, Spread};
