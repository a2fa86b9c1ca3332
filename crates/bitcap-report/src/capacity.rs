//! How much a model holds, and how well the grid shows it.
//!
//! Capacity is the largest mean over seeds of memorized bits over the dataset sizes trained with the plain number
//! of steps. From training it is always a lower bound. Two rules say how good a bound:
//!
//! - The knee is the smallest size whose mean is within 2 % of the capacity. `bracketed`: some size below the knee
//!   reaches 97 % of its ceiling (there the curve follows the diagonal), and at least one size above the knee is in
//!   the grid (by definition of the capacity, none of those rises more than 2 %).
//! - `plateau`: bracketed, and the upper end of the gain's 95 % interval is below 2 %: twice the steps add nothing
//!   that matters.

use crate::accounting::{Accounted, Accounting};
use crate::curve::{Curve, Point};
use crate::fit::{self, Fit};
use crate::slope::Slopes;
use crate::statistics::{Interval, interval, mean};

/// A mean this close to the capacity is at the capacity, and a gain this small is none: 2 %.
const SAME: f64 = 0.02;
/// A size that reaches this part of its ceiling follows the diagonal.
const FOLLOWS: f64 = 0.97;
/// With fewer seeds an interval of the capacity would say more of Student's t than of the model.
const SEEDS_FOR_INTERVAL: usize = 3;

/// One model.
#[derive(Debug, Clone)]
pub struct GroupReport {
    /// What tells it from the others, such as `width=16`.
    pub name: String,
    /// Its means over seeds.
    pub curve: Curve,
    /// How much it holds.
    pub capacity: Capacity,
    /// Its place among all groups, those without a curve among them.
    pub(crate) place: usize,
}

impl GroupReport {
    /// The model's parameters.
    pub(crate) fn parameters(&self) -> f64 {
        self.curve.model.parameters as f64
    }
}

/// One model's capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// The point with the largest mean (by the strict count), the smallest of equals; `None` where no cell had the plain
    /// number of steps.
    pub peak: Option<Point>,
    /// 95 % interval over the seeds there, in bits, where there are at least three.
    pub interval: Option<Accounted<Interval>>,
    /// Fitted to the means, by both accountings; `None` where the sizes do not determine it.
    pub fit: Option<Accounted<Fit>>,
    /// What twice the steps add; `None` where no seed has both cells.
    pub gain: Option<Gain>,
    /// Whether the grid shows the curve both following the diagonal and flat.
    pub bracketed: bool,
    /// Whether the capacity is shown to be a plateau; otherwise it is a lower bound not shown to be one.
    pub plateau: bool,
}

/// What twice the steps add at the same size: mean over seeds of mem(2x steps)/mem(1x) - 1, paired by seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// Relative: 0.05 is 5 % more bits.
    pub mean: f64,
    /// 95 % interval over pairs, where there are at least two.
    pub interval: Option<Interval>,
    /// Pairs.
    pub seeds: usize,
}

/// The slopes of capacity against parameters, of two models or more that memorized anything.
pub(crate) fn slopes(groups: &[GroupReport], accounting: Accounting) -> Option<Slopes> {
    let models = groups.iter().filter_map(|group| {
        let bits = group.capacity.bits(accounting)?;
        (bits > 0.0).then(|| (group.parameters(), bits))
    });
    Slopes::of(&models.collect::<Vec<_>>())
}

/// Whether every model predicts every token, so that both accountings are one.
pub(crate) fn accountings_agree(groups: &[GroupReport]) -> bool {
    groups.iter().all(|group| group.curve.model.start_token)
}

impl Capacity {
    /// The largest mean, in bits.
    #[must_use]
    pub fn bits(&self, accounting: Accounting) -> Option<f64> {
        let peak = self.peak.as_ref()?;
        Some(peak.memorized_bits.by(accounting).mean)
    }
}

/// By the rules above.
pub(crate) fn capacity(curve: &Curve) -> Capacity {
    let gain = gain(curve);
    let points = curve.points.iter();
    // `max_by` keeps the last of equals; reversed, that is the smallest size.
    let peak = points.rev().max_by(|a, b| mem(a).total_cmp(&mem(b)));
    let bracketed = peak.is_some_and(|peak| bracketed(&curve.points, mem(peak)));
    let of_gain = gain.as_ref().and_then(|gain| gain.interval);
    Capacity {
        peak: peak.cloned(),
        interval: peak.and_then(peak_interval),
        fit: Accounted::known(|accounting| {
            let pair = |p: &Point| {
                (
                    p.ceiling_bits.by(accounting),
                    p.memorized_bits.by(accounting).mean,
                )
            };
            fit::fit(&curve.points.iter().map(pair).collect::<Vec<_>>())
        }),
        gain,
        bracketed,
        plateau: bracketed && of_gain.is_some_and(|interval| interval.high < SAME),
    }
}

fn mem(point: &Point) -> f64 {
    // Within a curve the paper's count is so many times this one for all sizes, so peak, knee and
    // bracket are the same by either.
    point.memorized_bits.strict.mean
}

fn bracketed(points: &[Point], capacity: f64) -> bool {
    let mut points = points.iter();
    // What is before the knee, and whether anything is after it.
    // `take_while` takes the knee with it, at which it ends: what the iterator has left is above.
    let below: Vec<&Point> = points
        .by_ref()
        .take_while(|p| mem(p) < (1.0 - SAME) * capacity)
        .collect();
    let follows = |point: &&Point| point.fraction_of_ceiling.is_some_and(|f| f >= FOLLOWS);
    // Of a capacity below 0 the 2 % would go the wrong way.
    capacity > 0.0 && below.iter().any(follows) && points.next().is_some()
}

fn peak_interval(point: &Point) -> Option<Accounted<Interval>> {
    let by = |accounting| interval(point.seed_bits.iter().map(|bits| bits.by(accounting)));
    Accounted::known(by).filter(|_| point.seeds >= SEEDS_FOR_INTERVAL)
}

/// Where several sizes were doubled, the largest counts: there the most is left to learn.
fn gain(curve: &Curve) -> Option<Gain> {
    let (_, pairs) = curve.gains.last_key_value()?;
    Some(Gain {
        mean: mean(pairs.iter().copied())?,
        interval: interval(pairs.iter().copied()),
        seeds: pairs.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::curve;
    use crate::runs::{Bits, Cell, Group};
    use bitcap_plan::Run;

    /// A model of 1000 parameters; the sizes of its data are their ceilings.
    fn cell(ceiling: f64, seed: u64, doubled: bool, memorized: f64) -> Cell {
        let both = |strict: f64| Accounted {
            strict,
            paper: 1.25 * strict,
        };
        let run = Run {
            seed,
            doubled,
            samples: ceiling as u64,
            parameters: 1000,
            ..Run::default()
        };
        let bits = Bits {
            load: ceiling / 100.0,
            entropy: ceiling * 1.5,
            ceiling: both(ceiling),
            memorized: both(memorized),
            fresh: None,
        };
        Cell {
            run,
            bits: Some(bits),
        }
    }

    fn of(cells: &[Cell]) -> Capacity {
        let (doubled, plain) = cells.iter().cloned().partition(|cell| cell.run.doubled);
        capacity(&curve(&Group { plain, doubled }).unwrap())
    }

    /// Of (ceiling, memorized) by size, one seed a size.
    fn plain(points: &[(f64, f64)]) -> Vec<Cell> {
        let cells = points.iter();
        cells
            .map(|&(ceiling, memorized)| cell(ceiling, 0, false, memorized))
            .collect()
    }

    /// Doubled cells at the largest of `plain`'s sizes, with these relative gains, one a seed.
    fn with_gains(points: &[(f64, f64)], gains: &[f64]) -> Vec<Cell> {
        let (last, below) = points.split_last().unwrap();
        let mut cells = plain(below);
        for seed in 0..gains.len().max(1) as u64 {
            cells.push(cell(last.0, seed, false, last.1));
        }
        for (seed, gain) in (0..).zip(gains) {
            cells.push(cell(last.0, seed, true, last.1 * (1.0 + gain)));
        }
        cells
    }

    const FLAT: [(f64, f64); 4] = [
        (100.0, 99.0),
        (200.0, 190.0),
        (400.0, 200.0),
        (800.0, 199.0),
    ];

    /// Three sizes.
    fn three(first: f64, second: f64, third: f64) -> [(f64, f64); 3] {
        [(100.0, first), (400.0, second), (800.0, third)]
    }

    #[test]
    fn bracketed_needs_a_diagonal_below_and_a_size_above_the_knee() {
        for (points, bracketed, why) in [
            (&FLAT[..], true, "follows, bends, is flat"),
            (&FLAT[..3], false, "nothing above the knee"),
            (&FLAT[1..], false, "nothing reaches 97 % (95 %)"),
            (&FLAT[2..], false, "nothing below the knee"),
            (&three(96.0, 200.0, 200.0), false, "96 % of the ceiling"),
            (&three(97.0, 200.0, 200.0), true, "97 % of the ceiling"),
            (&three(99.0, 200.0, 150.0), true, "a tail that falls"),
            (&three(-1.0, -2.0, -3.0), false, "nothing memorized"),
            // The knee is the smallest size within 2 % of the largest mean, here the middle one or the last.
            (&three(99.0, 196.5, 200.0), true, "within 2 %"),
            (&three(99.0, 195.5, 200.0), false, "just outside"),
        ] {
            assert_eq!(of(&plain(points)).bracketed, bracketed, "{why}");
        }
    }

    #[test]
    fn a_plateau_needs_the_whole_interval_of_the_gain_below_two_percent() {
        for (gains, plateau, why) in [
            (&[0.0][..], false, "one pair has no interval"),
            (&[], false, "not measured"),
            (&[0.001, 0.0012], true, "small and sure"),
            (&[0.001, 0.009], false, "small, but two pairs leave it open"),
            (&[0.03, 0.0301], false, "not small"),
        ] {
            assert_eq!(of(&with_gains(&FLAT, gains)).plateau, plateau, "{why}");
        }
        // Without the bracket, a small gain shows nothing.
        let short = of(&with_gains(&FLAT[..3], &[0.001, 0.0012]));
        assert!(!short.plateau && short.gain.is_some());
    }

    #[test]
    fn doubled_cells_only_give_the_gain() {
        let capacity = of(&with_gains(&FLAT, &[0.5, 0.7]));
        let bits = [Accounting::Strict, Accounting::Paper].map(|by| capacity.bits(by));
        assert_eq!(bits, [Some(200.0), Some(250.0)]);
        let peak = capacity.peak.unwrap();
        assert_eq!((peak.samples, peak.load, peak.seeds), (400, 4.0, 1));
        let gain = capacity.gain.unwrap();
        assert!((gain.mean - 0.6).abs() < 1e-12);
        assert_eq!(gain.seeds, 2);
        // t(0.975) at 1 degree of freedom is 12.706; the deviation is 0.1 sqrt 2, over sqrt 2.
        let interval = gain.interval.unwrap();
        assert!((interval.high - 0.6 - 1.2706).abs() < 1e-4);
        let alone = of(&[cell(100.0, 0, true, 80.0)]);
        assert_eq!((alone.peak, alone.gain, alone.fit), (None, None, None));
    }

    #[test]
    fn gains_are_paired_by_seed() {
        let mut cells = plain(&FLAT);
        cells.push(cell(800.0, 7, true, 500.0));
        assert_eq!(of(&cells).gain, None, "seed 7 has no plain cell");
        cells.push(cell(800.0, 7, false, 400.0));
        let quarter = Gain {
            mean: 0.25,
            interval: None,
            seeds: 1,
        };
        assert_eq!(of(&cells).gain.as_ref(), Some(&quarter));
        // A pair that starts below zero has no relative gain, and leaving it out would flatter the rest.
        cells.push(cell(800.0, 8, false, -1.0));
        cells.push(cell(800.0, 8, true, 300.0));
        assert_eq!(of(&cells).gain, None);
        // Of one seed, as of a grid over `train.seed`, where the column `seed` is the same, they are one pair.
        let alike = [(false, 100.0), (false, 300.0), (true, 120.0), (true, 380.0)];
        let alike = alike.map(|(doubled, bits)| cell(800.0, 0, doubled, bits));
        assert_eq!(of(&alike).gain, Some(quarter));
    }

    #[test]
    fn an_interval_needs_three_seeds() {
        let seeds = [80.0, 81.0, 82.0].iter().zip(0..);
        let seeds = seeds.map(|(bits, seed)| cell(100.0, seed, false, *bits));
        let seeds: Vec<Cell> = seeds.collect();
        assert_eq!(of(&seeds[..2]).interval, None);
        let interval = of(&seeds).interval.unwrap();
        // Mean 81, deviation 1, t(0.975) at 2 degrees of freedom 4.3027.
        assert!((interval.strict.high - 81.0 - 4.3027 / 3.0_f64.sqrt()).abs() < 1e-3);
        assert!((interval.paper.low - 1.25 * interval.strict.low).abs() < 1e-9);
    }

    #[test]
    fn the_smallest_of_equal_sizes_is_the_capacity() {
        let capacity = of(&plain(&three(50.0, 60.0, 60.0)));
        assert_eq!(capacity.peak.unwrap().samples, 400);
    }
}
