//! The coin: one parameter out of a finite prior, drawn once a dataset, and bits that are
//! independent given it. With prior 1/2, 1/2 on 0.1 and 0.9 it is the toy case.

use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::math::{binary_entropy, log2_sum, times_log2};
use crate::random::{fraction, threshold};
use crate::settings::in_range;
use bitcap_base::InvalidSetting;

/// Settings of the coin; V = 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoinSettings {
    /// Length S, 1 to 4,096 bits a sequence.
    pub length: u32,
    /// The prior: how likely each of `probabilities` is. 1 to 1,024 numbers from 0 to 1 whose sum
    /// is 1 to within 1e-9; they are divided by their sum.
    pub prior: Vec<f64>,
    /// The parameters there may be: each a probability that a bit is 1. As many as in `prior`.
    pub probabilities: Vec<f64>,
    /// Seed of the source's parameter.
    pub seed: u64,
}

impl CoinSettings {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.length", self.length, 1, 4096)?;
        let wrong = |key: &str, found: String, allowed: &str| InvalidSetting {
            key: key.into(),
            found,
            allowed: allowed.into(),
        };
        let count = self.prior.len();
        if !(1..=1024).contains(&count) {
            let allowed = "a list of 1 to 1024 numbers";
            let found = format!("a list of {count}");
            return Err(wrong("source.prior", found, allowed));
        }
        if self.probabilities.len() != count {
            let found = format!("a list of {}", self.probabilities.len());
            let allowed = format!("a list of {count}, one for each number in source.prior");
            return Err(wrong("source.probabilities", found, &allowed));
        }
        let lists = [
            ("source.prior", &self.prior),
            ("source.probabilities", &self.probabilities),
        ];
        for (key, list) in lists {
            // NaN is in no range.
            if let Some(&value) = list.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                let allowed = "a list of numbers from 0 to 1";
                return Err(wrong(key, format!("a list with {value}"), allowed));
            }
        }
        let sum: f64 = self.prior.iter().sum();
        if (sum - 1.0).abs() > 1e-9 {
            let found = format!("a list whose sum is {sum}");
            return Err(wrong("source.prior", found, "a list whose sum is 1"));
        }
        Ok(())
    }

    /// The parameter of the source with this seed.
    pub(crate) fn draw_parameters(&self, words: &mut ChaCha8Rng) -> Coin {
        let sum: f64 = self.prior.iter().sum();
        let point = fraction(words);
        let mut cumulative = 0.0;
        let drawn = self.prior.iter().position(|prior| {
            cumulative += prior;
            point < threshold(cumulative / sum)
        });
        // Rounding may leave a gap before 1; the last that is likely at all takes it.
        let likely = self.prior.iter().rposition(|&prior| prior > 0.0);
        let at = drawn.or(likely).unwrap_or(0);
        Coin {
            probability: self.probabilities[at],
        }
    }

    /// Entropy of a sequence given the parameter, on average over the prior.
    pub(crate) fn mean_source_bits_per_sequence(&self) -> f64 {
        let sum: f64 = self.prior.iter().sum();
        let of = |(prior, p): (&f64, &f64)| prior / sum * binary_entropy(*p);
        let bits: f64 = self.prior.iter().zip(&self.probabilities).map(of).sum();
        f64::from(self.length) * bits
    }
}

/// The coin that was drawn.
#[derive(Clone, Debug)]
pub(crate) struct Coin {
    /// How likely a bit is 1.
    probability: f64,
}

impl Coin {
    /// `sequence` holds bits only.
    pub(crate) fn log2_probability(&self, sequence: &[u16]) -> f64 {
        Bits::of(sequence).log2_probability(self.probability)
    }

    pub(crate) fn sequence(&self, words: &mut ChaCha8Rng, row: &mut [u16]) {
        let threshold = threshold(self.probability);
        for bit in row {
            *bit = u16::from(fraction(words) < threshold);
        }
    }
}

/// How many bits of each kind: all that the data say of the parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    zeros: u64,
    ones: u64,
}

impl Bits {
    fn of(sequence: &[u16]) -> Self {
        let mut bits = Self::default();
        bits.observe(sequence);
        bits
    }

    pub(crate) fn observe(&mut self, sequence: &[u16]) {
        let ones = sequence.iter().filter(|&&bit| bit == 1).count() as u64;
        self.ones += ones;
        self.zeros += sequence.len() as u64 - ones;
    }

    fn log2_probability(&self, probability: f64) -> f64 {
        times_log2(self.ones, probability) + times_log2(self.zeros, 1.0 - probability)
    }

    /// log2 of the sum over the prior of prior x p^ones x (1 - p)^zeros.
    pub(crate) fn log2_marginal(&self, settings: &CoinSettings) -> f64 {
        let sum: f64 = settings.prior.iter().sum();
        let terms = settings.prior.iter().zip(&settings.probabilities);
        log2_sum(terms.map(|(prior, &p)| libm::log2(prior / sum) + self.log2_probability(p)))
    }
}
