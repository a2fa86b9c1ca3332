//! From cells to curves: one group's means over seeds at each dataset size.

use std::collections::BTreeMap;

use crate::accounting::Accounted;
use crate::runs::{Bits, Cell, Group};
use crate::statistics::{Spread, finite, mean, spread};
use bitcap_plan::Run;

/// One model's curve: everything but the dataset's size, the seeds and the doubling of steps is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// A row of runs.csv, for what is the same in all of the curve: the columns that say what is trained on what.
    pub model: Run,
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
type Known<'a> = (&'a Run, Bits);

/// The curve of a group; `None` where the entropy of none of its cells is known.
pub(crate) fn curve(group: &Group) -> Option<Curve> {
    fn known(cells: &[Cell]) -> Vec<Known<'_>> {
        let known = cells.iter().map(|cell| Some((&cell.run, cell.bits?)));
        known.flatten().collect()
    }
    let (plain, doubled) = (known(&group.plain), known(&group.doubled));
    (!plain.is_empty() || !doubled.is_empty()).then(|| Curve {
        model: group.model().clone(),
        points: points(&plain),
        doubled: points(&doubled),
        gains: gains(&plain, &doubled),
    })
}

/// Of cells by size, a point a size.
fn points(cells: &[Known<'_>]) -> Vec<Point> {
    // Cells come sorted by size, so all seeds of one stand together.
    let sizes = cells.chunk_by(|a, b| a.0.samples == b.0.samples);
    sizes.filter_map(point).collect()
}

fn point(seeds: &[Known<'_>]) -> Option<Point> {
    let mean_of = |of: &dyn Fn(&Bits) -> f64| mean(seeds.iter().map(|(_, bits)| of(bits)));
    let fresh: Vec<_> = seeds.iter().filter_map(|(_, bits)| bits.fresh).collect();
    let seed_bits: Vec<_> = seeds.iter().map(|(_, bits)| bits.memorized).collect();
    let spreads = |values: &[Accounted<f64>]| {
        Accounted::known(|accounting| spread(values.iter().map(|v| v.by(accounting))))
    };
    let fraction = |bits: &Bits| match bits.ceiling.strict > 0.0 {
        true => bits.memorized.strict / bits.ceiling.strict,
        // Makes the mean NaN, and that None: a mean over the other seeds alone would be read as one
        // over all.
        false => f64::NAN,
    };
    Some(Point {
        samples: seeds.first()?.0.samples,
        load: mean_of(&|bits| bits.load)?,
        seeds: seeds.len(),
        entropy_bits: mean_of(&|bits| bits.entropy)?,
        ceiling_bits: Accounted::known(|accounting| mean_of(&|bits| bits.ceiling.by(accounting)))?,
        memorized_bits: spreads(&seed_bits)?,
        seed_bits,
        fraction_of_ceiling: mean_of(&fraction).and_then(finite),
        fresh_memorized_bits: spreads(&fresh),
    })
}

/// Pairs are of one size and one seed. Cells that have the same seed, as those that differ in `train.seed` alone, count
/// as one by their mean.
fn gains(plain: &[Known<'_>], doubled: &[Known<'_>]) -> BTreeMap<u64, Vec<f64>> {
    let by_seed = |cells: &[Known<'_>]| {
        let mut seeds: BTreeMap<(u64, u64), Vec<f64>> = BTreeMap::new();
        for (run, bits) in cells {
            let seed = seeds.entry((run.samples, run.seed)).or_default();
            seed.push(bits.memorized.strict);
        }
        seeds
    };
    let once = by_seed(plain);
    let mut gains: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (cell, twice) in by_seed(doubled) {
        let once = once.get(&cell).and_then(|once| mean(once.iter().copied()));
        if let Some((once, twice)) = once.zip(mean(twice)) {
            // Not finite where the pair starts at or below zero.
            let gain = if once > 0.0 {
                twice / once - 1.0
            } else {
                f64::NAN
            };
            gains.entry(cell.0).or_default().push(gain);
        }
    }
    // The whole size goes: without the pair that started so low the others would flatter the model.
    gains.retain(|_, pairs| pairs.iter().all(|gain| gain.is_finite()));
    gains
}
