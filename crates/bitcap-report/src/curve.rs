//! From cells to curves: one group's means over seeds at each dataset size.

use std::collections::BTreeMap;

use crate::runs::{Model, Run};
use crate::statistics::{Spread, finite, mean, spread};
use crate::{Accounted, Accounting};

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
    /// What the model is called in legends and tables: its label, or "layers x width" as in the paper's Table 1.
    #[must_use]
    pub fn name(&self) -> String {
        if self.model.label.trim().is_empty() {
            format!("{}×{}", self.model.layers, self.model.width)
        } else {
            self.model.label.clone()
        }
    }

    /// Bits per parameter.
    pub(crate) fn per_parameter(&self, bits: f64) -> f64 {
        bits / self.model.parameters as f64
    }
}

/// Groups in the order of the rows; within each, sizes ascending.
pub(crate) fn curves(runs: &[Run]) -> Vec<Curve> {
    let mut order: Vec<&str> = Vec::new();
    let mut groups: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        let group = groups.entry(&run.group).or_default();
        if group.is_empty() {
            order.push(&run.group);
        }
        group.push(run);
    }
    order
        .iter()
        .map(|name| curve(name, &groups[name]))
        .collect()
}

fn curve(group: &str, runs: &[&Run]) -> Curve {
    Curve {
        group: group.to_owned(),
        model: runs[0].model.clone(),
        points: points(runs.iter().copied().filter(|run| !run.doubled)),
        doubled: points(runs.iter().copied().filter(|run| run.doubled)),
        gains: gains(runs),
    }
}

fn points<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<Point> {
    let mut sizes: BTreeMap<u64, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        sizes.entry(run.samples).or_default().push(run);
    }
    sizes
        .into_iter()
        .map(|(samples, mut seeds)| {
            // Sums do not depend on the order of the rows.
            seeds.sort_by_key(|run| run.seed);
            point(samples, &seeds)
        })
        .collect()
}

fn point(samples: u64, seeds: &[&Run]) -> Point {
    let all = |f: &dyn Fn(&Run) -> f64| seeds.iter().map(|run| f(run)).collect::<Vec<_>>();
    let mean_of = |f: &dyn Fn(&Run) -> f64| mean(&all(f)).expect("a size has at least one cell");
    let by = |f: &dyn Fn(&Run, Accounting) -> f64| Accounted {
        strict: mean_of(&|run| f(run, Accounting::Strict)),
        paper: mean_of(&|run| f(run, Accounting::Paper)),
    };
    let fresh: Vec<_> = seeds
        .iter()
        .filter_map(|run| run.fresh_memorized_bits)
        .collect();
    let seed_bits: Vec<_> = seeds.iter().map(|run| run.memorized_bits).collect();
    Point {
        samples,
        load: mean_of(&|run| run.load),
        seeds: seeds.len(),
        entropy_bits: mean_of(&|run| run.entropy_bits),
        ceiling_bits: by(&|run, accounting| run.ceiling_bits.by(accounting)),
        memorized_bits: spreads(&seed_bits).expect("a size has at least one cell"),
        seed_bits,
        fraction_of_ceiling: finite(mean_of(&|run| {
            if run.ceiling_bits.strict > 0.0 {
                run.memorized_bits.strict / run.ceiling_bits.strict
            } else {
                f64::NAN
            }
        })),
        fresh_memorized_bits: spreads(&fresh),
    }
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

fn gains(runs: &[&Run]) -> BTreeMap<u64, Vec<f64>> {
    let once: BTreeMap<(u64, u64), f64> = runs
        .iter()
        .filter(|run| !run.doubled)
        .map(|run| ((run.samples, run.seed), run.memorized_bits.strict))
        .collect();
    let twice: BTreeMap<(u64, u64), f64> = runs
        .iter()
        .filter(|run| run.doubled)
        .map(|run| ((run.samples, run.seed), run.memorized_bits.strict))
        .collect();
    let mut gains: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (cell, doubled) in &twice {
        if let Some(plain) = once.get(cell) {
            // Not finite where the pair starts at or below zero.
            let gain = if *plain > 0.0 {
                doubled / plain - 1.0
            } else {
                f64::NAN
            };
            gains.entry(cell.0).or_default().push(gain);
        }
    }
    gains.retain(|_, pairs| pairs.iter().all(|gain| gain.is_finite()));
    gains
}
