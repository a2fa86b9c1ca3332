//! What a model still knows of its data against the bits that its weights take.

use std::path::Path;

use serde::Deserialize;

use super::{looks, titled};
use crate::chart::{Axis, Block, Chart, Entry, Layer, Panel};
use crate::error::ReportError;
use crate::records;

/// A row of the file: one precision of one model.
#[derive(Debug, Clone, Deserialize)]
struct QuantizedRow {
    weight_bits: f64,
    scales: String,
    stored_bits: f64,
    memorized_bits_strict: f64,
}

/// What shares a scale, as the file and as the legend have it.
const SCALES: [(&str, &str); 2] = [
    ("tensor", "a scale for each tensor"),
    ("row", "a scale for each row"),
];

/// The chart of a CSV file that `bitcap quantize` wrote (columns `weight_bits`, `scales`, `stored_bits`,
/// `memorized_bits_strict`): bits memorized against bits stored. `title` names the cell; empty for none.
///
/// # Errors
/// Where the file cannot be read, a column is missing, a value is impossible, or there are no rows.
pub fn quantize_figure(csv: &Path, title: &str) -> Result<Chart, ReportError> {
    let records = records::read(csv, "")?;
    let rows: Vec<QuantizedRow> = records.rows.into_iter().map(|(_, row)| row).collect();
    let x = Axis::log(
        "bits that the weights take",
        rows.iter().map(|row| row.stored_bits),
        0.08,
    );
    let memorized = rows.iter().map(|row| row.memorized_bits_strict);
    // Of a model that is broken the code is longer than the data: how much longer says nothing.
    let y = Axis::linear(
        "bits memorized",
        memorized.map(|bits| bits.max(0.0)).chain([0.0]),
    );
    let series = |name: &str, look| {
        let rows = rows.iter().filter(|row| row.scales == name);
        let points = rows.map(|row| (row.stored_bits, row.memorized_bits_strict));
        Layer::new(points.filter(|&(_, bits)| bits >= 0.0), look)
    };
    let looks = looks(SCALES.map(|_| 1));
    let layers = SCALES.iter().zip(&looks);
    let layers = layers.map(|((name, _), look)| series(name, look)).collect();
    let entries = SCALES.iter().zip(&looks);
    let entries = entries.map(|((_, text), look)| Entry::new(look, *text));
    // Levels are named in the subtitle in the order of the marks, as a mark has no room for words.
    let mut levels: Vec<f64> = rows.iter().map(|row| row.weight_bits).collect();
    levels.sort_by(|a, b| b.total_cmp(a));
    levels.dedup();
    let levels: Vec<String> = levels.iter().map(f64::to_string).collect();
    Ok(Chart {
        name: "quantize",
        title: titled(title, "what rounded weights still know"),
        subtitle: format!(
            "Marks from right to left: {} bits a weight",
            levels.join(", ")
        ),
        panels: vec![vec![Panel::new("", 220.0, x, y, layers)]],
        legend: vec![Block::of(entries.collect())],
        notes: match rows.iter().any(|row| row.memorized_bits_strict < 0.0) {
            true => vec!["Where the code is longer than the data there is no mark.".to_owned()],
            false => Vec::new(),
        },
    })
}
