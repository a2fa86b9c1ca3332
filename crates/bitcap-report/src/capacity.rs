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

/// Bits per parameter over models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Least squares through the origin, each model's residual relative to its parameters, so that all count the
    /// same: minimizing the sum of (capacity/parameters - slope)^2 gives the mean of the models' alphas.
    pub bits_per_parameter: f64,
    /// How many models it is over: at least two.
    pub models: usize,
}

/// One model's capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// The largest mean over dataset sizes, and where; `None` where no cell had the plain number of steps.
    pub peak: Option<Peak>,
    /// Fitted to the means, by both accountings; `None` where the sizes do not determine it.
    pub fit: Option<Accounted<Fit>>,
    /// What twice the steps add; `None` where no seed has both cells.
    pub gain: Option<Gain>,
    /// Whether the grid shows the curve both following the diagonal and flat.
    pub bracketed: bool,
    /// Whether the capacity is shown to be a plateau; otherwise it is a lower bound not shown to be one.
    pub plateau: bool,
}

/// The largest mean over seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Peak {
    /// In bits.
    pub bits: Accounted<f64>,
    /// 95 % interval over the seeds at that size, in bits, where there are at least three.
    pub interval: Option<Accounted<Interval>>,
    /// The dataset size with the largest mean (by the strict count), the smallest of equals.
    pub samples: u64,
    /// Its load.
    pub load: f64,
    /// Its seeds.
    pub seeds: usize,
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

/// The fitted slope of capacity against parameters, of two models or more that memorized anything.
pub(crate) fn slope(groups: &[GroupReport], accounting: Accounting) -> Option<Slope> {
    let alphas = groups.iter().filter_map(|group| {
        let bits = group.capacity.peak.as_ref()?.bits.by(accounting);
        (bits > 0.0).then(|| group.curve.per_parameter(bits))
    });
    let alphas: Vec<f64> = alphas.collect();
    let bits_per_parameter = mean(&alphas).filter(|_| alphas.len() >= 2)?;
    Some(Slope {
        bits_per_parameter,
        models: alphas.len(),
    })
}

/// Whether every model predicts every token, so that both accountings are one.
pub(crate) fn accountings_agree(groups: &[GroupReport]) -> bool {
    groups.iter().all(|group| group.curve.model.start_token)
}

/// By the rules above.
pub(crate) fn capacity(curve: &Curve) -> Capacity {
    let gain = gain(curve);
    let peak_point = peak(&curve.points);
    let bracketed = peak_point.is_some_and(|peak| bracketed(&curve.points, peak));
    let small_gain = gain
        .as_ref()
        .and_then(|gain| gain.interval)
        .is_some_and(|interval| interval.high < SAME);
    Capacity {
        peak: peak_point.map(|point| Peak {
            bits: point.memorized_bits.map(|spread| spread.mean),
            interval: peak_interval(point),
            samples: point.samples,
            load: point.load,
            seeds: point.seeds,
        }),
        fit: fit(&curve.points),
        gain,
        bracketed,
        plateau: bracketed && small_gain,
    }
}

fn mem(point: &Point) -> f64 {
    point.memorized_bits.strict.mean
}

fn peak(points: &[Point]) -> Option<&Point> {
    // `max_by` keeps the last of equals; reversed, that is the smallest size.
    points.iter().rev().max_by(|a, b| mem(a).total_cmp(&mem(b)))
}

fn bracketed(points: &[Point], peak: &Point) -> bool {
    let capacity = mem(peak);
    if capacity <= 0.0 {
        return false;
    }
    let Some(knee) = points
        .iter()
        .position(|point| mem(point) >= (1.0 - SAME) * capacity)
    else {
        return false;
    };
    let follows = points[..knee]
        .iter()
        .any(|point| point.fraction_of_ceiling.is_some_and(|f| f >= FOLLOWS));
    follows && knee + 1 < points.len()
}

fn peak_interval(point: &Point) -> Option<Accounted<Interval>> {
    if point.seeds < SEEDS_FOR_INTERVAL {
        return None;
    }
    let by = |accounting| {
        interval(
            &point
                .seed_bits
                .iter()
                .map(|s| s.by(accounting))
                .collect::<Vec<_>>(),
        )
    };
    Some(Accounted {
        strict: by(Accounting::Strict)?,
        paper: by(Accounting::Paper)?,
    })
}

/// Where several sizes were doubled, the largest counts: there the most is left to learn.
fn gain(curve: &Curve) -> Option<Gain> {
    let (_, pairs) = curve.gains.last_key_value()?;
    Some(Gain {
        mean: mean(pairs)?,
        interval: interval(pairs),
        seeds: pairs.len(),
    })
}

fn fit(points: &[Point]) -> Option<Accounted<Fit>> {
    let by = |accounting| {
        let means: Vec<(f64, f64)> = points
            .iter()
            .map(|p| {
                (
                    p.ceiling_bits.by(accounting),
                    p.memorized_bits.by(accounting).mean,
                )
            })
            .collect();
        fit::fit(&means)
    };
    Some(Accounted {
        strict: by(Accounting::Strict)?,
        paper: by(Accounting::Paper)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::curve;
    use crate::runs::{Bits, Cell, Group, Model};
    use bitcap_plan::Run;

    fn run(samples: u64, seed: u64, doubled: bool, ceiling: f64, memorized: f64) -> Cell {
        let both = |x: f64| Accounted {
            strict: x,
            paper: x * 1.25,
        };
        Cell {
            run: Run {
                seed,
                doubled,
                samples,
                ..Run::default()
            },
            bits: Some(Bits {
                load: samples as f64 / 100.0,
                entropy: ceiling * 1.5,
                ceiling: both(ceiling),
                memorized: both(memorized),
                fresh: None,
            }),
        }
    }

    fn of(runs: &[Cell]) -> Capacity {
        let (doubled, plain) = runs.iter().cloned().partition(|cell| cell.run.doubled);
        let group = Group {
            group: "g".to_owned(),
            model: Model {
                label: String::new(),
                vocabulary: 4,
                length: 5,
                layers: 1,
                width: 8,
                parameters: 1000,
                start_token: false,
            },
            plain,
            doubled,
        };
        capacity(&curve(&group).unwrap())
    }

    /// One seed a size; sizes are the ceilings.
    fn plain(points: &Means) -> Vec<Cell> {
        points
            .iter()
            .map(|&(ceiling, memorized)| run(ceiling as u64, 0, false, ceiling, memorized))
            .collect()
    }

    /// Doubled cells at the largest of `plain`'s sizes, with these relative gains, one a seed.
    fn with_gains(points: &Means, gains: &[f64]) -> Vec<Cell> {
        let mut runs = plain(points);
        let &(ceiling, memorized) = points.last().unwrap();
        for (seed, gain) in gains.iter().enumerate() {
            if seed > 0 {
                runs.push(run(ceiling as u64, seed as u64, false, ceiling, memorized));
            }
            let more = memorized * (1.0 + gain);
            runs.push(run(ceiling as u64, seed as u64, true, ceiling, more));
        }
        runs
    }

    /// (ceiling, memorized) by size.
    type Means = [(f64, f64)];

    const FLAT: [(f64, f64); 4] = [
        (100.0, 99.0),
        (200.0, 190.0),
        (400.0, 200.0),
        (800.0, 199.0),
    ];

    #[test]
    fn bracketed_needs_a_diagonal_below_and_a_size_above_the_knee() {
        let table: [(&Means, bool, &str); 8] = [
            (&FLAT, true, "follows, bends, is flat"),
            (&FLAT[..3], false, "nothing above the knee"),
            (
                &FLAT[1..],
                false,
                "nothing that reaches 97 % of its ceiling (95 %)",
            ),
            (&FLAT[2..], false, "nothing below the knee"),
            (
                &[(100.0, 96.0), (400.0, 200.0), (800.0, 200.0)],
                false,
                "96 % of the ceiling",
            ),
            (
                &[(100.0, 97.0), (400.0, 200.0), (800.0, 200.0)],
                true,
                "97 % of the ceiling",
            ),
            (
                &[(100.0, 99.0), (400.0, 200.0), (800.0, 150.0)],
                true,
                "a tail that falls",
            ),
            (
                &[(100.0, -1.0), (400.0, -2.0), (800.0, -3.0)],
                false,
                "nothing memorized",
            ),
        ];
        for (points, bracketed, why) in table {
            assert_eq!(of(&plain(points)).bracketed, bracketed, "{why}");
        }
    }

    #[test]
    fn the_knee_is_the_smallest_size_within_two_percent() {
        // 400 is within 2 % of the largest mean, which is at the largest size: there is a size above the knee.
        assert!(of(&plain(&[(100.0, 99.0), (400.0, 196.5), (800.0, 200.0)])).bracketed);
        // Just outside: the knee is the largest size.
        assert!(!of(&plain(&[(100.0, 99.0), (400.0, 195.5), (800.0, 200.0)])).bracketed);
    }

    #[test]
    fn a_plateau_needs_the_whole_interval_of_the_gain_below_two_percent() {
        let table: [(&[f64], bool, &str); 5] = [
            (&[], false, "not measured"),
            (&[0.0], false, "one pair has no interval"),
            (&[0.001, 0.0012], true, "small and sure"),
            (&[0.001, 0.009], false, "small, but two pairs leave it open"),
            (&[0.03, 0.0301], false, "not small"),
        ];
        for (gains, plateau, why) in table {
            assert_eq!(of(&with_gains(&FLAT, gains)).plateau, plateau, "{why}");
        }
        // Without the bracket, a small gain shows nothing.
        let short = of(&with_gains(&FLAT[..3], &[0.001, 0.0012]));
        assert!(!short.plateau && short.gain.is_some());
    }

    #[test]
    fn doubled_cells_only_give_the_gain() {
        let capacity = of(&with_gains(&FLAT, &[0.5, 0.7]));
        let peak = capacity.peak.unwrap();
        assert_eq!((peak.bits.strict, peak.bits.paper), (200.0, 250.0));
        assert_eq!((peak.samples, peak.load, peak.seeds), (400, 4.0, 1));
        let gain = capacity.gain.unwrap();
        assert!((gain.mean - 0.6).abs() < 1e-12);
        assert_eq!(gain.seeds, 2);
        // t(0.975) at 1 degree of freedom is 12.706; the deviation is 0.1 sqrt 2, over sqrt 2.
        let interval = gain.interval.unwrap();
        assert!((interval.high - 0.6 - 1.2706).abs() < 1e-4);
    }

    #[test]
    fn gains_are_paired_by_seed() {
        let mut runs = plain(&FLAT);
        runs.push(run(800, 7, true, 800.0, 500.0));
        assert_eq!(of(&runs).gain, None, "seed 7 has no plain cell");
        runs.push(run(800, 7, false, 800.0, 400.0));
        let gain = of(&runs).gain.unwrap();
        assert_eq!((gain.mean, gain.seeds, gain.interval), (0.25, 1, None));
        // A pair that starts below zero has no relative gain, and leaving it out would flatter the rest.
        runs.push(run(800, 8, false, 800.0, -1.0));
        runs.push(run(800, 8, true, 800.0, 300.0));
        assert_eq!(of(&runs).gain, None);
    }

    #[test]
    fn cells_of_one_seed_are_one_pair() {
        // As of a grid over `train.seed`: the column `seed` is the same.
        let pair = |plain, twice| {
            [
                run(800, 0, false, 800.0, plain),
                run(800, 0, true, 800.0, twice),
            ]
        };
        let gain = of(&[pair(100.0, 120.0), pair(300.0, 380.0)].concat())
            .gain
            .unwrap();
        assert_eq!((gain.mean, gain.seeds, gain.interval), (0.25, 1, None));
    }

    #[test]
    fn an_interval_needs_three_seeds() {
        let seeds = |n: u64| -> Vec<Cell> {
            (0..n)
                .map(|seed| run(100, seed, false, 100.0, 80.0 + seed as f64))
                .collect()
        };
        assert_eq!(of(&seeds(2)).peak.unwrap().interval, None);
        let peak = of(&seeds(3)).peak.unwrap();
        let interval = peak.interval.unwrap();
        // Mean 81, deviation 1, t(0.975) at 2 degrees of freedom 4.3027.
        assert!((interval.strict.high - 81.0 - 4.3027 / 3.0_f64.sqrt()).abs() < 1e-3);
        assert!((interval.paper.low - 1.25 * interval.strict.low).abs() < 1e-9);
    }

    #[test]
    fn the_smallest_of_equal_sizes_is_the_capacity() {
        let capacity = of(&plain(&[(100.0, 50.0), (200.0, 60.0), (400.0, 60.0)]));
        assert_eq!(capacity.peak.unwrap().samples, 200);
    }

    #[test]
    fn doubled_cells_alone_are_no_capacity() {
        let capacity = of(&[run(100, 0, true, 100.0, 80.0)]);
        assert_eq!(
            (capacity.peak, capacity.gain, capacity.fit),
            (None, None, None)
        );
    }
}
