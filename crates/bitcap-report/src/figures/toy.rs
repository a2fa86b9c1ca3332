//! The toy case: what is memorized, and how well the learner answers, against its samples.

use std::path::Path;

use serde::Deserialize;

use super::{looks, titled};
use crate::chart::{Axis, Block, Chart, Entry, Layer, Panel, Scale};
use crate::error::ReportError;
use crate::records;
use bitcap_plan::record::{count, share};

/// A row of the file: a learner of so many samples. Bits are of all of them together.
#[derive(Debug, Clone, Copy, Deserialize)]
struct ToyRow {
    #[serde(deserialize_with = "count")]
    samples: u64,
    memorized_bits: f64,
    unintended_bits: f64,
    intended_bits: f64,
    #[serde(deserialize_with = "share")]
    accuracy_on_data: f64,
    #[serde(deserialize_with = "share")]
    accuracy_baseline: f64,
    #[serde(deserialize_with = "share")]
    accuracy_best: f64,
    #[serde(deserialize_with = "share")]
    accuracy_on_source: f64,
}

/// What lines are of, what each is called, and where it is taken from.
type Lines = (&'static str, &'static [(&'static str, fn(&ToyRow) -> f64)]);

const BITS: Lines = (
    "bits",
    &[
        ("unintended (rote)", |row| row.unintended_bits),
        ("intended (generalization)", |row| row.intended_bits),
        ("total memorized", |row| row.memorized_bits),
    ],
);
const ACCURACY: Lines = (
    "accuracy",
    &[
        ("on new samples of the same source", |row| {
            row.accuracy_on_data
        }),
        ("the best possible there", |row| row.accuracy_best),
        ("a fair guess", |row| row.accuracy_baseline),
        ("on samples of another source", |row| row.accuracy_on_source),
    ],
);

/// The chart of a toy case's CSV file (columns as `bitcap toy` writes them: `samples`, `memorized_bits`,
/// `unintended_bits`, `intended_bits`, `accuracy_on_data`, `accuracy_baseline`, `accuracy_best`,
/// `accuracy_on_source`): bits and accuracies against the number of samples. `title` names the case; empty for none.
///
/// # Errors
/// Where the file cannot be read, a column is missing, a value is impossible, or there are no rows.
pub fn toy_figure(csv: &Path, title: &str) -> Result<Chart, ReportError> {
    let mut rows: Vec<ToyRow> = records::read(csv, "")?.into_rows();
    rows.sort_by_key(|row| row.samples);
    let samples = rows.iter().map(|row| row.samples as f64);
    let x = Axis::linear("samples that the learner sees", samples).of_whole_numbers();
    let bits = BITS.1.iter().flat_map(|(_, of)| rows.iter().map(of));
    let bits = Axis::linear(BITS.0, bits.chain([0.0]));
    let accuracy = Axis::between(ACCURACY.0, Scale::Linear, (-0.05, 1.05));
    let panel = |heading: &str, height, y, lines: &Lines| {
        // The first of the lines stand for what matters and lie on top.
        // So few lines get the palette's colours in order, whatever the parameters.
        let lines = lines.1.iter().zip(looks(vec![1; lines.1.len()])).rev();
        let layers = lines.map(|((_, of), look)| {
            Layer::new(rows.iter().map(|row| (row.samples as f64, of(row))), &look)
        });
        vec![Panel::new(heading, height, x.clone(), y, layers.collect())]
    };
    let block = |(label, lines): &Lines| {
        let lines = lines.iter().zip(looks(vec![1; lines.len()]));
        let entries = lines.map(|((name, _), look)| Entry::new(&look, format!("{label}: {name}")));
        Block::of(entries.collect())
    };
    Ok(Chart {
        name: "toy",
        title: titled(title, "from rote to generalization"),
        subtitle: "By exact enumeration".to_owned(),
        panels: vec![
            panel("memorized of all samples together", 190.0, bits, &BITS),
            panel("of the learner's answer", 130.0, accuracy, &ACCURACY),
        ],
        legend: vec![block(&BITS), block(&ACCURACY)],
        notes: Vec::new(),
    })
}
