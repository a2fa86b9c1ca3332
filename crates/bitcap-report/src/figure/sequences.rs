//! Histograms of the bits of single sequences, training and fresh, of a few sizes of one model.

use super::axis::Axis;
use super::frame::{Page, grid};
use super::legend::Entry;
use super::linear::LinearScale;
use super::means::model_text;
use super::panel::Panel;
use super::style::PALE;
use super::svg::Path;
use super::{accounting_words, titled};
use crate::Accounting;
use crate::cell_files::{Kind, Sequence, Sequences};
use crate::cells::{Cell, Group};
use crate::statistics::mean;

/// The palette's blue and vermilion; one is filled and the other an outline, so they differ in grey too.
pub(super) const TRAINING: &str = "#0072B2";
pub(super) const FRESH: &str = "#D55E00";
const HEIGHT: f64 = 105.0;
/// Bins: about four times as many as the cube root of the sequences, within these.
const BINS: (f64, f64) = (32.0, 60.0);

/// Draws a panel a cell, all of `group` and of one kind; there must be at least one.
pub(crate) fn svg(
    group: &Group,
    cells: &[(&Cell, Sequences)],
    accounting: Accounting,
    title: &str,
) -> String {
    let kind = cells.first().map_or(Kind::Memorized, |(_, s)| s.kind);
    let areas = grid(cells.len(), 1, HEIGHT, 20.0);
    let last = cells.len().saturating_sub(1);
    let mut panels = Vec::new();
    for (i, ((cell, sequences), area)) in cells.iter().zip(areas).enumerate() {
        let bits = |of: &[Sequence]| -> Vec<f64> {
            of.iter()
                .map(|sequence| sequence.bits.by(accounting))
                .collect()
        };
        let (training, fresh) = (bits(&sequences.training), bits(&sequences.fresh));
        let bins = Bins::over(&[&training, &fresh]);
        let (of_training, of_fresh) = (bins.shares(&training), bins.shares(&fresh));
        let most = of_training
            .iter()
            .chain(&of_fresh)
            .copied()
            .fold(0.0, f64::max);
        let x = LinearScale::between(bins.ends(), (area.left, area.right));
        let y = LinearScale::between((0.0, 1.08 * most), (area.bottom, area.top));
        let mut panel = Panel::new(area, Axis::Linear(x), Axis::Linear(y));
        panel.heading = heading(cell, &training, &fresh);
        panel.behind.push_str(
            &Path::polyline(&[(x.pixel(0.0), area.top), (x.pixel(0.0), area.bottom)])
                .stroke(PALE, 1.0, ""),
        );
        panel
            .lines
            .push_str(&filled(&bins.outline(&of_training, &panel)));
        if !fresh.is_empty() {
            panel
                .lines
                .push_str(&outlined(&bins.outline(&of_fresh, &panel)));
        }
        if i == last / 2 {
            panel.y_label = "share of sequences".to_owned();
        }
        if i == last {
            panel.x_label = match kind {
                Kind::Memorized => "memorized (bits a sequence)",
                Kind::SavedAgainstSource => "saved against the true source (bits a sequence)",
            }
            .to_owned();
        }
        panels.push(panel);
    }
    let subtitle = format!(
        "{}{}",
        model_text(&group.name, group.parameters),
        match kind {
            Kind::Memorized if !group.start_token => format!("; {}", accounting_words(accounting)),
            _ => String::new(),
        }
    );
    let what = match kind {
        Kind::Memorized => "memorized bits of single sequences",
        Kind::SavedAgainstSource => "bits saved on single sequences",
    };
    Page {
        title: &titled(title, what),
        subtitle: &subtitle,
        panels,
        legend: vec![data_key()],
        notes: vec![
            "Each panel has its own axes. Shown are the lowest load of the largest model, the one nearest to 1 and the \
             highest; of each the lowest seed. Of copies every string counts once."
                .to_owned(),
        ],
    }
    .svg()
}

fn heading(cell: &Cell, training: &[f64], fresh: &[f64]) -> String {
    let bits = |values: &[f64]| mean(values).map(|x| format!("{x:.1}").replace('-', "−"));
    let mut out = cell.heading();
    if let Some(training) = bits(training) {
        out.push_str(&format!("; means: training {training}"));
    }
    if let Some(fresh) = bits(fresh) {
        out.push_str(&format!(", fresh {fresh} bits"));
    }
    out
}

fn filled(outline: &[(f64, f64)]) -> String {
    Path::polygon(outline).with(&format!("fill=\"{TRAINING}\" fill-opacity=\"0.55\""))
}

fn outlined(outline: &[(f64, f64)]) -> String {
    Path::polyline(outline).stroke(FRESH, 1.6, "")
}

/// What the two kinds of data look like.
fn data_key() -> Vec<Entry> {
    let bar = [(-12.0, 4.5), (-12.0, -4.5), (12.0, -4.5), (12.0, 4.5)];
    [
        ("training data", filled(&bar)),
        ("fresh data", outlined(&bar)),
    ]
    .into_iter()
    .map(|(text, swatch)| Entry {
        swatch,
        text: text.to_owned(),
    })
    .collect()
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
    fn over(data: &[&[f64]]) -> Self {
        let all = || data.iter().copied().flatten().copied();
        let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        if low > high {
            return Self {
                width: 1.0,
                first: 0.0,
                count: 1,
            };
        }
        let wanted = (4.0 * (all().count() as f64).cbrt()).clamp(BINS.0, BINS.1);
        // A narrower histogram would tell roundings apart.
        let least = 1e-6 * low.abs().max(high.abs()).max(1.0);
        let rough = ((high - low) / wanted).max(least);
        let power = 10.0_f64.powf(rough.log10().floor());
        let width = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|width| *width >= rough)
            .unwrap_or(10.0 * power);
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
            shares[(bin.max(0.0) as usize).min(self.count - 1)] += 1.0 / values.len() as f64;
        }
        shares
    }

    /// Up and down over the bins, from the axis to the axis.
    fn outline(&self, shares: &[f64], panel: &Panel) -> Vec<(f64, f64)> {
        let edge = |i: usize| (self.first + i as f64) * self.width;
        let mut out = vec![panel.at((edge(0), 0.0))];
        for (i, &share) in shares.iter().enumerate() {
            out.push(panel.at((edge(i), share)));
            out.push(panel.at((edge(i + 1), share)));
        }
        out.push(panel.at((edge(self.count), 0.0)));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_round_and_hold_all() {
        let data: Vec<f64> = (0..27).map(f64::from).collect();
        let bins = Bins::over(&[&data, &[-3.0]]);
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
            let bins = Bins::over(&[&values]);
            assert!((1..=70).contains(&bins.count), "{values:?}: {bins:?}");
            let total: f64 = bins.shares(&values).iter().sum();
            assert!(values.is_empty() || (total - 1.0).abs() < 1e-9);
        }
    }
}
