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

use crate::curve::{Curve, Point};
use crate::fit::{self, Fit};
use crate::statistics::{Interval, interval, mean};
use crate::{Accounted, Accounting};

/// A mean this close to the capacity is at the capacity, and a gain this small is none: 2 %.
const SAME: f64 = 0.02;
/// A size that reaches this part of its ceiling follows the diagonal.
const FOLLOWS: f64 = 0.97;
/// With fewer seeds an interval of the capacity would say more of Student's t than of the model.
const SEEDS_FOR_INTERVAL: usize = 3;

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
    points
        .iter()
        .rev()
        .max_by(|a, b| mem(a).total_cmp(&mem(b)))
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
    let by = |accounting| interval(&point.seed_bits.iter().map(|s| s.by(accounting)).collect::<Vec<_>>());
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
