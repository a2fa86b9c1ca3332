//! What a comparison holds: its pairs, and what they come to.

use std::collections::BTreeSet;

use serde::Serialize;

use super::cells::{Cell, PairedBy};
use crate::accounting::Accounting;
use crate::statistics::{finite, mean};
use bitcap_plan::Timing;

/// The same of both folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sides<T> {
    /// In A, the folder that differences and ratios are against.
    pub a: T,
    /// In B.
    pub b: T,
}

/// Which cells two folders have in common, and how they differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The accounting of all memorized bits in here.
    pub accounting: Accounting,
    /// The folders, as they were given.
    pub folders: Sides<String>,
    /// Everything at a glance.
    pub summary: Summary,
    /// In the order of A's runs.csv.
    pub pairs: Vec<Pair>,
    /// The cells without a partner, in the order of their runs.csv.
    pub only_in: Sides<Vec<String>>,
}

/// A cell of A and the one of B that it is held against. What is unknown is `None`, never 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The cells' names; the same if they are paired by name.
    pub cell: Sides<String>,
    /// Why they are a pair.
    pub paired_by: PairedBy,
    /// What runs.csv says is set otherwise. Empty if they are paired by name, and where the difference is in a
    /// setting that runs.csv has no column for.
    pub differing_settings: Vec<SettingDifference>,
    /// Memorized bits; `None` where the entropy of the data is not known.
    pub memorized_bits: Sides<Option<f64>>,
    /// B - A, in bits.
    pub difference_bits: Option<f64>,
    /// B - A in percent of A's absolute value, so that its sign is that of the difference; `None` if A is 0.
    pub difference_percent: Option<f64>,
    /// Memorized bits over the parameters of the model.
    pub bits_per_parameter: Sides<Option<f64>>,
    /// Cross-entropy on the training data, in nats a predicted token.
    pub training_loss: Sides<f64>,
    /// Seconds that the training took; `None` without a row in timings.csv.
    pub seconds: Sides<Option<f64>>,
    /// B / A; `None` if A is 0.
    pub seconds_ratio: Option<f64>,
    /// What the seconds are of.
    pub machine: Sides<Option<Machine>>,
}

/// A setting in which a pair differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingDifference {
    /// The column of runs.csv.
    pub setting: &'static str,
    /// What it is in A.
    pub a: String,
    /// What it is in B.
    pub b: String,
}

/// What a cell was trained on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Machine {
    /// The host's name.
    pub host: String,
    /// The device's name on it, such as `flex`.
    pub device: String,
}

/// A comparison at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How many pairs there are.
    pub pairs: usize,
    /// How many of them are of the same name.
    pub paired_by_name: usize,
    /// How many of them have memorized bits on both sides.
    pub bits_known: usize,
    /// How many of these have the same memorized bits, to the last bit of the number.
    pub same_bits: usize,
    /// The mean of B - A over the pairs whose bits are known, in bits.
    pub mean_difference_bits: Option<f64>,
    /// The largest B - A by absolute value; of several that are as large, the first.
    pub largest_difference: Option<LargestDifference>,
    /// How many pairs have seconds on both sides.
    pub seconds_known: usize,
    /// The sums of these; `None` if there are none.
    pub seconds: Option<Sides<f64>>,
    /// B / A of these sums; `None` if A is 0.
    pub seconds_ratio: Option<f64>,
    /// What all seconds in the pairs are of: each once, sorted.
    pub machines: Sides<Vec<Machine>>,
}

/// The pair that differs most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LargestDifference {
    /// The cells' names.
    pub cell: Sides<String>,
    /// B - A, in bits.
    pub difference_bits: f64,
}

impl<T> Sides<T> {
    pub(super) fn new(a: T, b: T) -> Self {
        Self { a, b }
    }

    /// The same of both.
    pub(super) fn map<U>(self, of: impl Fn(T) -> U) -> Sides<U> {
        Sides::new(of(self.a), of(self.b))
    }
}

impl Sides<Option<f64>> {
    /// Both, where both are known.
    fn both(self) -> Option<Sides<f64>> {
        let (a, b) = self.a.zip(self.b)?;
        Some(Sides { a, b })
    }
}

impl Sides<f64> {
    /// B / A, unless A is 0.
    fn ratio(self) -> Option<f64> {
        finite(self.b / self.a)
    }
}

impl Pair {
    pub(super) fn new(cells: Sides<&Cell>, paired_by: PairedBy, accounting: Accounting) -> Self {
        let bits = cells.map(|cell| Some(cell.memorized_bits?.by(accounting)));
        let per_parameter = |cell: &Cell| {
            let bits = cell.memorized_bits?.by(accounting);
            Some(bits / cell.run.parameters as f64)
        };
        let machine = |cell: &Cell| {
            let Timing { host, device, .. } = cell.timing.clone()?;
            Some(Machine { host, device })
        };
        let seconds = cells.map(|cell| Some(cell.timing.as_ref()?.seconds));
        let both = bits.both();
        let percent = both.map(|bits| 100.0 * (bits.b - bits.a) / bits.a.abs());
        Self {
            cell: cells.map(|cell| cell.run.cell.clone()),
            paired_by,
            // Cells of one name have the same settings by the hash in it.
            differing_settings: match paired_by {
                PairedBy::Name => Vec::new(),
                PairedBy::Sizes => differences(cells),
            },
            memorized_bits: bits,
            difference_bits: both.map(|bits| bits.b - bits.a),
            difference_percent: percent.and_then(finite),
            bits_per_parameter: cells.map(per_parameter),
            training_loss: cells.map(|cell| cell.run.training_loss),
            seconds,
            seconds_ratio: seconds.both().and_then(Sides::ratio),
            machine: cells.map(machine),
        }
    }
}

/// Where both say what a setting is, and not the same.
fn differences(cells: Sides<&Cell>) -> Vec<SettingDifference> {
    // What only one file has a column for is not known to differ.
    let differing = cells.a.settings.iter().filter_map(|(setting, a)| {
        let mut settings = cells.b.settings.iter();
        let (_, b) = settings.find(|(name, b)| name == setting && b != a)?;
        let (a, b) = (a.clone(), b.clone());
        Some(SettingDifference { setting, a, b })
    });
    differing.collect()
}

impl Summary {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let differences = || pairs.iter().filter_map(|pair| pair.difference_bits);
        let timed = pairs.iter().filter_map(|pair| pair.seconds.both());
        let sums = |sums: Sides<f64>, one: Sides<f64>| Sides::new(sums.a + one.a, sums.b + one.b);
        let seconds = timed.clone().reduce(sums);
        let by_name = pairs.iter().filter(|pair| pair.paired_by == PairedBy::Name);
        Self {
            pairs: pairs.len(),
            paired_by_name: by_name.count(),
            bits_known: differences().count(),
            same_bits: differences().filter(|&bits| bits == 0.0).count(),
            mean_difference_bits: mean(differences()),
            largest_difference: largest(pairs),
            seconds_known: timed.count(),
            seconds,
            seconds_ratio: seconds.and_then(Sides::ratio),
            machines: Sides::new(
                machines(pairs.iter().map(|pair| &pair.machine.a)),
                machines(pairs.iter().map(|pair| &pair.machine.b)),
            ),
        }
    }
}

fn largest(pairs: &[Pair]) -> Option<LargestDifference> {
    let known = pairs.iter().filter_map(|pair| {
        Some(LargestDifference {
            cell: pair.cell.clone(),
            difference_bits: pair.difference_bits?,
        })
    });
    // Reversed, since `max_by` keeps the last of equals.
    let size = |known: &LargestDifference| known.difference_bits.abs();
    known.rev().max_by(|a, b| size(a).total_cmp(&size(b)))
}

fn machines<'a>(machines: impl Iterator<Item = &'a Option<Machine>>) -> Vec<Machine> {
    let each_once: BTreeSet<&Machine> = machines.flatten().collect();
    each_once.into_iter().cloned().collect()
}
