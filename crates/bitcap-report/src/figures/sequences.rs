//! Histograms of the bits of single sequences, training and fresh, of a few sizes of one model.

use super::positions::{FEW, chosen};
use super::{Experiment, FRESH, TRAINING, accounting_words, model_text, size_of_data};
use crate::cell_files::{self, Kind, Sequence, Sequences};
use crate::chart::{Axis, Block, Chart, Entry, Layer, Look, PALE, Panel, Scale};
use crate::error::ReportError;
use crate::runs::Cell;
use crate::statistics::{mean, range, round_step};
use crate::text::decimals;

const HEIGHT: f64 = 105.0;
/// Bins: about four times as many as the cube root of the sequences, within these.
const BINS: (f64, f64) = (32.0, 60.0);

/// A panel a cell, all of one model; `None` where no cell has a file of sequences.
pub(crate) fn chart(of: &Experiment<'_>) -> Result<Option<Chart>, ReportError> {
    let mut cells = chosen(of.runs, cell_files::sequences)?;
    let Some(&(Cell { run: model, .. }, Sequences { kind, .. })) = cells.first() else {
        return Ok(None);
    };
    // Cells of one group have one source, so this leaves out none.
    cells.retain(|(_, sequences)| sequences.kind == kind);
    let what = match kind {
        Kind::Memorized => "memorized bits of single sequences",
        Kind::SavedAgainstSource => "bits saved on single sequences",
    };
    let mut subtitle = model_text(model);
    if kind == Kind::Memorized && !model.start_token {
        subtitle.push_str(&format!("; {}", accounting_words(of.accounting)));
    }
    let panels = cells.iter();
    let panels = panels.map(|(cell, sequences)| vec![panel(of, cell, sequences)]);
    let legend = vec![
        Entry::new(&training_look(), "training data"),
        Entry::new(&fresh_look(), "fresh data"),
    ];
    let note = format!("Each panel has its own axes. {FEW} Of copies every string counts once.");
    Ok(Some(Chart {
        name: "sequences",
        title: of.titled(what),
        subtitle,
        panels: panels.collect(),
        legend: vec![Block::of(legend)],
        notes: vec![note],
    }))
}

fn panel(of: &Experiment<'_>, cell: &Cell, sequences: &Sequences) -> Panel {
    let bits = |data: &[Sequence]| -> Vec<f64> {
        data.iter().map(|row| row.bits.by(of.accounting)).collect()
    };
    let (training, fresh) = (bits(&sequences.training), bits(&sequences.fresh));
    let bins = Bins::over(training.iter().chain(&fresh).copied());
    let (of_training, of_fresh) = (bins.shares(&training), bins.shares(&fresh));
    let shares = of_training.iter().chain(&of_fresh);
    let most = shares.copied().fold(0.0, f64::max);
    let x = Axis::between(
        &sequences.kind.label("sequence"),
        Scale::Linear,
        bins.ends(),
    );
    let y = Axis::between("share of sequences", Scale::Linear, (0.0, 1.08 * most));
    let mut layers = vec![
        Layer::new([(0.0, y.low), (0.0, y.high)], &Look::line(PALE, 1.0, "")),
        Layer::new(bins.outline(&of_training), &training_look()),
    ];
    if !fresh.is_empty() {
        layers.push(Layer::new(bins.outline(&of_fresh), &fresh_look()));
    }
    let mut means = Vec::new();
    for (data, values) in [("training", training), ("fresh", fresh)] {
        let mean = mean(values).map(|mean| decimals(mean, 1).replace('-', "−"));
        means.extend(mean.map(|mean| format!("{data} {mean}")));
    }
    let heading = format!("{}; means: {} bits", size_of_data(cell), means.join(", "));
    Panel::new(&heading, HEIGHT, x, y, layers)
}

/// One is filled and the other an outline, so they differ in grey too.
fn training_look() -> Look {
    Look::area(TRAINING, 0.55)
}

fn fresh_look() -> Look {
    Look::line(FRESH, 1.6, "")
}

/// Bins of equal, round width.
#[derive(Debug, PartialEq)]
struct Bins {
    width: f64,
    /// The lower edge of the first, in widths.
    first: f64,
    count: usize,
}

impl Bins {
    fn over(values: impl Iterator<Item = f64> + Clone) -> Self {
        // Of nothing a bin that is empty.
        let (low, high) = range(values.clone()).unwrap_or((0.0, 0.0));
        let wanted = (4.0 * (values.count() as f64).cbrt()).clamp(BINS.0, BINS.1);
        // A narrower histogram would tell roundings apart.
        let least = 1e-6 * low.abs().max(high.abs()).max(1.0);
        let width = round_step(((high - low) / wanted).max(least));
        let first = (low / width).floor() - 1.0;
        // One bin more at either end, so that the outline comes down to zero.
        let count = ((high / width).floor() - first + 2.0) as usize;
        Self {
            width,
            first,
            count,
        }
    }

    fn ends(&self) -> (f64, f64) {
        let last = self.first + self.count as f64;
        (self.first * self.width, last * self.width)
    }

    /// The part of the values in each bin.
    fn shares(&self, values: &[f64]) -> Vec<f64> {
        let mut shares = vec![0.0; self.count];
        for value in values {
            let bin = (value / self.width).floor() - self.first;
            // The ends were found by the same divisions, but no rounding may lead out of the bins.
            shares[(bin.max(0.0) as usize).min(self.count - 1)] += 1.0 / values.len() as f64;
        }
        shares
    }

    /// Up and down over the bins, from the axis to the axis.
    fn outline(&self, shares: &[f64]) -> Vec<(f64, f64)> {
        let mut out = Vec::new();
        let mut before = 0.0;
        for (i, &share) in shares.iter().chain([&0.0]).enumerate() {
            let edge = (self.first + i as f64) * self.width;
            // Only where the height changes: a long run of empty bins needs no points.
            if share != before || i == 0 || i == self.count {
                out.extend([(edge, before), (edge, share)]);
            }
            before = share;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_round_and_hold_all() {
        let data: Vec<f64> = (0..27).map(f64::from).collect();
        let bins = Bins::over(data.iter().copied().chain([-3.0]));
        // A span of 29 over 32 bins: at least 0.9, so 1. From -3 to 26, and one at either end.
        assert_eq!((bins.width, bins.first, bins.count), (1.0, -4.0, 32));
        let shares = bins.shares(&data);
        assert_eq!(shares[0] + shares[31], 0.0, "empty at either end");
        assert!((shares[4] - 1.0 / 27.0).abs() < 1e-12, "0 alone");
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn any_values_have_a_sane_number_of_bins() {
        for values in [
            vec![],
            vec![0.0],
            vec![7.0; 3],
            vec![1e30, -1e30],
            vec![1e30, 1e30],
            vec![1e-300, 0.0],
            vec![96.0, 95.999_999_999],
        ] {
            let bins = Bins::over(values.iter().copied());
            assert!((1..=70).contains(&bins.count), "{values:?}: {bins:?}");
            let total: f64 = bins.shares(&values).iter().sum();
            assert!(values.is_empty() || (total - 1.0).abs() < 1e-9);
        }
    }
}
