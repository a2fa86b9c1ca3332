//! From cells to curves: one group's means over seeds at each dataset size.

use std::collections::BTreeMap;

use crate::accounting::{Accounted, Accounting};
use crate::runs::{Bits, Cell, Group, Model};
use crate::statistics::{Spread, finite, mean, spread};

/// One model's curve: everything but the dataset's size, the seeds and the doubling of steps is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The group's name in runs.csv.
    pub group: String,
    /// What its cells share.
    pub model: Model,
    /// By dataset size, ascending; cells with doubled steps are not among them.
    pub points: Vec<Point>,
    /// The cells with doubled steps, by dataset size, ascending.
    pub doubled: Vec<Point>,
    /// Relative gains mem(2x steps)/mem(1x) - 1 by dataset size, one a seed that has both cells. A size is left
    /// out where some such pair starts at or below zero bits, where a relative gain says nothing.
    pub(crate) gains: BTreeMap<u64, Vec<f64>>,
}

/// The seeds of one dataset size.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// N.
    pub samples: u64,
    /// Entropy / (3.6 x parameters), mean over seeds.
    pub load: f64,
    /// How many seeds.
    pub seeds: usize,
    /// Mean over seeds, in bits.
    pub entropy_bits: f64,
    /// Mean over seeds, in bits.
    pub ceiling_bits: Accounted<f64>,
    /// Over seeds, in bits.
    pub memorized_bits: Accounted<Spread>,
    /// Mean over seeds of memorized / ceiling (the same by either accounting); `None` where a ceiling is not above
    /// zero.
    pub fraction_of_ceiling: Option<f64>,
    /// Every seed's memorized bits, by seed ascending.
    pub(crate) seed_bits: Vec<Accounted<f64>>,
    /// Over the seeds where fresh data was measured, in bits.
    pub fresh_memorized_bits: Option<Accounted<Spread>>,
}

impl Curve {
    /// Bits per parameter.
    pub(crate) fn per_parameter(&self, bits: f64) -> f64 {
        bits / self.model.parameters as f64
    }
}

/// A row whose entropy is known.
#[derive(Clone, Copy)]
struct Known {
    samples: u64,
    seed: u64,
    bits: Bits,
}

/// The curve of a group; `None` where the entropy of none of its cells is known.
pub(crate) fn curve(group: &Group) -> Option<Curve> {
    let known = |cells: &[Cell]| -> Vec<Known> {
        let known = cells.iter().filter_map(|cell| {
            Some(Known {
                samples: cell.run.samples,
                seed: cell.run.seed,
                bits: cell.bits?,
            })
        });
        let mut known: Vec<Known> = known.collect();
        // Sums do not depend on the order of the rows.
        known.sort_by(|a, b| {
            let order = (a.samples, a.seed).cmp(&(b.samples, b.seed));
            order.then(a.bits.memorized.strict.total_cmp(&b.bits.memorized.strict))
        });
        known
    };
    let (plain, doubled) = (known(&group.plain), known(&group.doubled));
    (!plain.is_empty() || !doubled.is_empty()).then(|| Curve {
        group: group.group.clone(),
        model: group.model.clone(),
        points: points(&plain),
        doubled: points(&doubled),
        gains: gains(&plain, &doubled),
    })
}

/// Of cells by size, a point a size.
fn points(cells: &[Known]) -> Vec<Point> {
    let sizes = cells.chunk_by(|a, b| a.samples == b.samples);
    sizes.filter_map(point).collect()
}

fn point(seeds: &[Known]) -> Option<Point> {
    let all = |of: &dyn Fn(&Bits) -> f64| -> Vec<f64> {
        seeds.iter().map(|cell| of(&cell.bits)).collect()
    };
    let fresh: Vec<_> = seeds.iter().filter_map(|cell| cell.bits.fresh).collect();
    let seed_bits: Vec<_> = seeds.iter().map(|cell| cell.bits.memorized).collect();
    Some(Point {
        samples: seeds.first()?.samples,
        load: mean(&all(&|bits| bits.load))?,
        seeds: seeds.len(),
        entropy_bits: mean(&all(&|bits| bits.entropy))?,
        ceiling_bits: Accounted {
            strict: mean(&all(&|bits| bits.ceiling.strict))?,
            paper: mean(&all(&|bits| bits.ceiling.paper))?,
        },
        memorized_bits: spreads(&seed_bits)?,
        seed_bits,
        fraction_of_ceiling: mean(&all(&|bits| match bits.ceiling.strict > 0.0 {
            true => bits.memorized.strict / bits.ceiling.strict,
            false => f64::NAN,
        }))
        .and_then(finite),
        fresh_memorized_bits: spreads(&fresh),
    })
}

fn spreads(values: &[Accounted<f64>]) -> Option<Accounted<Spread>> {
    let by = |accounting| {
        let values: Vec<f64> = values.iter().map(|v| v.by(accounting)).collect();
        spread(&values)
    };
    Some(Accounted {
        strict: by(Accounting::Strict)?,
        paper: by(Accounting::Paper)?,
    })
}

/// Pairs are of one size and one seed. Cells that have the same seed, as those that differ in `train.seed` alone, count
/// as one by their mean.
fn gains(plain: &[Known], doubled: &[Known]) -> BTreeMap<u64, Vec<f64>> {
    let by_seed = |cells: &[Known]| -> BTreeMap<(u64, u64), f64> {
        let seeds = cells.chunk_by(|a, b| (a.samples, a.seed) == (b.samples, b.seed));
        let mean_of = |cells: &[Known]| {
            let bits: Vec<f64> = cells
                .iter()
                .map(|cell| cell.bits.memorized.strict)
                .collect();
            Some(((cells[0].samples, cells[0].seed), mean(&bits)?))
        };
        seeds.filter_map(mean_of).collect()
    };
    let once = by_seed(plain);
    let mut gains: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (cell, twice) in by_seed(doubled) {
        if let Some(&once) = once.get(&cell) {
            // Not finite where the pair starts at or below zero.
            let gain = if once > 0.0 {
                twice / once - 1.0
            } else {
                f64::NAN
            };
            gains.entry(cell.0).or_default().push(gain);
        }
    }
    gains.retain(|_, pairs| pairs.iter().all(|gain| gain.is_finite()));
    gains
}
