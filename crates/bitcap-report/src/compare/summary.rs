//! What all pairs come to.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Machine, Pair, PairedBy, Sides};
use crate::statistics::mean;

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

impl Summary {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let differences: Vec<f64> = pairs
            .iter()
            .filter_map(|pair| pair.difference_bits)
            .collect();
        let timed: Vec<Sides<f64>> = pairs
            .iter()
            .filter_map(|pair| pair.seconds.both())
            .collect();
        let seconds = (!timed.is_empty()).then(|| Sides {
            a: timed.iter().map(|seconds| seconds.a).sum(),
            b: timed.iter().map(|seconds| seconds.b).sum(),
        });
        Self {
            pairs: pairs.len(),
            paired_by_name: pairs
                .iter()
                .filter(|pair| pair.paired_by == PairedBy::Name)
                .count(),
            bits_known: differences.len(),
            same_bits: differences.iter().filter(|&&bits| bits == 0.0).count(),
            mean_difference_bits: mean(&differences),
            largest_difference: largest(pairs),
            seconds_known: timed.len(),
            seconds,
            seconds_ratio: seconds.and_then(Sides::ratio),
            machines: Sides {
                a: machines(pairs.iter().map(|pair| &pair.machine.a)),
                b: machines(pairs.iter().map(|pair| &pair.machine.b)),
            },
        }
    }
}

fn largest(pairs: &[Pair]) -> Option<LargestDifference> {
    let mut largest: Option<(&Pair, f64)> = None;
    for pair in pairs {
        let Some(bits) = pair.difference_bits else {
            continue;
        };
        if largest.is_none_or(|(_, before)| bits.abs() > before.abs()) {
            largest = Some((pair, bits));
        }
    }
    largest.map(|(pair, difference_bits)| LargestDifference {
        cell: pair.cell.clone(),
        difference_bits,
    })
}

fn machines<'a>(machines: impl Iterator<Item = &'a Option<Machine>>) -> Vec<Machine> {
    let each_once: BTreeSet<&Machine> = machines.flatten().collect();
    each_once.into_iter().cloned().collect()
}
