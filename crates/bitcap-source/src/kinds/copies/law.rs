//! How often each string stands in a dataset, and where.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::Exposure;
use crate::math::first_that;

/// The law of repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CopiesLaw {
    /// Every sequence has `count` copies, one after another; the last has fewer if `count` does not
    /// divide N.
    Constant,
    /// The sequence of rank r, 1 to `distinct`, has a share of the copies proportional to
    /// r^-`exponent`.
    Zipf,
}

/// Gives the string of one place of a dataset after another, numbered in the order of first appearance.
pub(super) type Places = Box<dyn FnMut() -> u64 + Send>;

/// A valid law with its numbers.
///
/// By Zipf's law each place goes to the string whose r^-exponent / (2 c + 1) is largest, c its copies
/// so far, the first of those that are equal: the apportionment of Webster and Sainte-Lague, which
/// comes as near to the shares as whole counts can and, being made place by place, gives a smaller
/// dataset as a prefix of a larger one. Strings first appear in the order of their rank.
#[derive(Clone, Copy, Debug)]
pub(super) enum Law {
    Constant { count: u64 },
    Zipf { exponent: f64, distinct: u64 },
}

impl Law {
    pub(super) fn places(self) -> Places {
        match self {
            Self::Constant { count } => {
                let mut place = 0;
                Box::new(move || {
                    place += 1;
                    (place - 1) / count
                })
            }
            Self::Zipf { exponent, distinct } => {
                // What a string has to say for its next copy: the quotient's bits, which order as
                // numbers do that are not negative, its rank and its copies so far.
                let claim = move |rank, copies| {
                    let quotient = quotient(weight(rank, exponent), copies);
                    (quotient.to_bits(), Reverse(rank), copies)
                };
                // A claim of each string that has appeared, and of the next one that has not.
                // Those behind it have no larger weight and a higher rank, so none of them can come
                // before it: the heap need not hold all `distinct` strings from the start.
                let mut claims = BinaryHeap::from([claim(0, 0)]);
                Box::new(move || {
                    let (_, Reverse(rank), copies) = claims.pop().expect("each is put back");
                    if copies == 0 && rank + 1 < distinct {
                        claims.push(claim(rank + 1, 0));
                    }
                    claims.push(claim(rank, copies + 1));
                    rank
                })
            }
        }
    }

    /// Which string each of `samples` places holds.
    pub(super) fn exposure(self, samples: usize) -> Exposure {
        let mut places = self.places();
        let string: Vec<usize> = (0..samples).map(|_| places() as usize).collect();
        let (mut count, mut first) = (Vec::new(), Vec::new());
        for (place, &string) in string.iter().enumerate() {
            // Strings are numbered as they appear.
            if string == count.len() {
                count.push(0);
                first.push(place);
            }
            count[string] += 1;
        }
        Exposure {
            string,
            count,
            first,
        }
    }

    /// How many different strings the first `samples` places hold, without going through them.
    pub(super) fn distinct(self, samples: u64) -> u64 {
        match self {
            Self::Constant { count } => samples.div_ceil(count),
            Self::Zipf { exponent, distinct } => {
                // String `rank` is there if fewer than `samples` places come before its first.
                let out = |rank| places_before(rank, exponent) >= samples;
                first_that(0, distinct.min(samples), out)
            }
        }
    }
}

/// The weight of the string number `rank`, from 0.
fn weight(rank: u64, exponent: f64) -> f64 {
    libm::pow((rank + 1) as f64, -exponent)
}

fn quotient(weight: f64, copies: u64) -> f64 {
    weight / (2.0 * copies as f64 + 1.0)
}

/// Places that come before the first of string `rank`: for each string before it, the copies whose
/// quotient is not below the weight of `rank`.
fn places_before(rank: u64, exponent: f64) -> u64 {
    let own = weight(rank, exponent);
    let mut places = 0_u64;
    for other in 0..rank {
        let weight = weight(other, exponent);
        // w / (2 c + 1) >= own up to c = (w / own - 1) / 2, less or more by rounding.
        let last = (weight / own - 1.0) / 2.0;
        if last >= (1_u64 << 52) as f64 {
            // More than any dataset has, and more than an f64 counts.
            return u64::MAX;
        }
        let mut copies = last as u64;
        // The last word has the very comparison that `places` makes, a tie going to the lower rank,
        // so that both count the same whatever the division above was rounded to.
        while quotient(weight, copies) >= own {
            copies += 1;
        }
        while copies > 0 && quotient(weight, copies - 1) < own {
            copies -= 1;
        }
        places = places.saturating_add(copies);
    }
    places
}
