//! The coin: one parameter out of a finite prior, drawn once a dataset, and bits that are
//! independent given it. With prior 1/2, 1/2 on 0.1 and 0.9 it is the toy case.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Split;
use crate::kind::{Kind, Parameters, Rows, Statistics, parameter_words};
use crate::math::{binary_entropy, log2_sum, times_log2};
use crate::random::{fraction, threshold};
use bitcap_base::{InvalidSetting, in_range, stream};

/// Settings of the coin; V = 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoinSettings {
    /// Sequence length S, 1 to 4,096 bits.
    pub length: u32,
    /// The prior probability of each of `probabilities`: 1 to 1,024 numbers from 0 to 1 whose sum is
    /// 1 to within 1e-9. They are divided by their sum.
    pub prior: Vec<f64>,
    /// The values that the probability of a 1 may have, as many as in `prior`.
    pub probabilities: Vec<f64>,
    /// Seed that the probability is drawn with.
    pub seed: u64,
}

impl CoinSettings {
    /// The prior, its sum taken out, with the parameters it is of.
    fn weighted(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        let sum: f64 = self.prior.iter().sum();
        let pairs = self.prior.iter().zip(&self.probabilities);
        pairs.map(move |(prior, &p)| (prior / sum, p))
    }
}

impl Kind for CoinSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.length", self.length, 1, 4096)?;
        // In an order in which each check rests on those before: as many numbers in both lists, all
        // from 0 to 1, and then the sum, which would be NaN if one of them were.
        let (count, sum) = (self.prior.len(), self.prior.iter().sum::<f64>());
        // NaN is in no range.
        let outside = |list: &[f64]| list.iter().copied().find(|p| !(0.0..=1.0).contains(p));
        let of_probabilities = "a list of numbers from 0 to 1";
        let (key, found, allowed) = if !(1..=1024).contains(&count) {
            let allowed = "a list of 1 to 1024 numbers";
            ("source.prior", format!("a list of {count}"), allowed.into())
        } else if self.probabilities.len() != count {
            let found = format!("a list of {}", self.probabilities.len());
            let allowed = format!("a list of {count}, one for each number in source.prior");
            ("source.probabilities", found, allowed)
        } else if let Some(value) = outside(&self.prior) {
            (
                "source.prior",
                format!("a list with {value}"),
                of_probabilities.into(),
            )
        } else if let Some(value) = outside(&self.probabilities) {
            (
                "source.probabilities",
                format!("a list with {value}"),
                of_probabilities.into(),
            )
        } else if (sum - 1.0).abs() > 1e-9 {
            let found = format!("a list whose sum is {sum}");
            ("source.prior", found, "a list whose sum is 1".into())
        } else {
            return Ok(());
        };
        Err(InvalidSetting::new(key, found, allowed))
    }

    fn common(&self) -> (u32, u32, u64) {
        (2, self.length, self.seed)
    }

    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let bits: f64 = self.weighted().map(|(w, p)| w * binary_entropy(p)).sum();
        samples as f64 * (f64::from(self.length) * bits)
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        let point = fraction(&mut parameter_words(self.seed));
        let sum: f64 = self.prior.iter().sum();
        let mut cumulative = 0.0;
        // A value of prior 0 does not raise the threshold, so it is never the first above the
        // point.
        let drawn = self.prior.iter().position(|prior| {
            cumulative += prior;
            point < threshold(cumulative / sum)
        });
        // Rounding may leave a gap before 1; the last that is likely at all takes it.
        let likely = self.prior.iter().rposition(|&prior| prior > 0.0);
        let at = drawn.or(likely).unwrap_or(0);
        Ok(Arc::new(Coin(self.probabilities[at])))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        let settings = self.clone();
        Some(Box::new(Ones { settings, ones: 0 }))
    }
}

/// How likely a bit is 1 of the coin that was drawn.
#[derive(Debug)]
struct Coin(f64);

impl Parameters for Coin {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let ones = ones(sequence);
        let zeros = sequence.len() as u64 - ones;
        Some(log2_probability(zeros, ones, self.0))
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        let threshold = threshold(self.0);
        Box::new(move |row| row.fill_with(|| u16::from(fraction(&mut words) < threshold)))
    }
}

/// How many bits were 1: all that the data say of the parameter.
struct Ones {
    settings: CoinSettings,
    ones: u64,
}

impl Statistics for Ones {
    fn observe(&mut self, sequence: &[u16]) {
        self.ones += ones(sequence);
    }

    /// log2 of the sum over the prior of prior x p^ones x (1 - p)^zeros.
    fn log2_marginal(&self, sequences: u64) -> f64 {
        let zeros = sequences * u64::from(self.settings.length) - self.ones;
        // A weight of 0 is a term of minus infinity, which adds nothing. No part of a term is
        // positive, so none is NaN.
        let terms = self.settings.weighted();
        log2_sum(terms.map(|(w, p)| libm::log2(w) + log2_probability(zeros, self.ones, p)))
    }
}

fn ones(sequence: &[u16]) -> u64 {
    sequence.iter().filter(|&&bit| bit == 1).count() as u64
}

fn log2_probability(zeros: u64, ones: u64, probability: f64) -> f64 {
    times_log2(ones, probability) + times_log2(zeros, 1.0 - probability)
}
