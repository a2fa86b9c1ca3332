//! Addition: two uniform numbers and their sum, which follows from them.

use std::iter::once;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{Kind, Parameters, Rows, Statistics};
use crate::random::below;
use crate::{Dataset, Split};
use bitcap_base::{InvalidSetting, in_range, stream};

/// Settings of the additions. A sequence is the n digits of one number, the n digits of another and
/// the n + 1 digits of their sum, each the least significant first; S = 3 n + 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdditionSettings {
    /// Base of the numbers, 2 to 65,536: the vocabulary V is its digits.
    pub base: u32,
    /// Digits n of each of the two numbers, 1 to 1,365; S is 3 n + 1.
    pub digits: u32,
    /// Without effect: addition has no parameters to draw.
    pub seed: u64,
}

impl Kind for AdditionSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.base", self.base, 2, 65_536)?;
        in_range("source.digits", self.digits, 1, 1365)
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.base, 3 * self.digits + 1, self.seed)
    }

    /// Of the two numbers, exactly.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let number = f64::from(self.digits) * libm::log2(f64::from(self.base));
        samples as f64 * (2.0 * number)
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(self.clone()))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(Sums {
            settings: self.clone(),
            wrong: false,
        }))
    }
}

impl AdditionSettings {
    /// The digits of the sum of two numbers that stand one after the other.
    fn sum(&self, numbers: &[u16]) -> impl Iterator<Item = u16> {
        let (one, other) = numbers.split_at(self.digits as usize);
        let pairs = one.iter().zip(other);
        let columns = pairs.map(|(&one, &other)| u32::from(one) + u32::from(other));
        let base = self.base;
        let mut carry = 0;
        columns.chain(once(0)).map(move |column| {
            let column = column + carry;
            carry = column / base;
            (column % base) as u16
        })
    }

    fn is_right(&self, sequence: &[u16]) -> bool {
        let (numbers, sum) = sequence.split_at(2 * self.digits as usize);
        self.sum(numbers).eq(sum.iter().copied())
    }
}

impl Parameters for AdditionSettings {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        Some(if self.is_right(sequence) {
            -self.expected_entropy_bits(1)
        } else {
            f64::NEG_INFINITY
        })
    }

    fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        // There is nothing not to know: the entropy to the last bit.
        Some(if dataset.sequences().all(|row| self.is_right(row)) {
            self.expected_entropy_bits(dataset.samples as u64)
        } else {
            f64::INFINITY
        })
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        Box::new(move |row| {
            let (numbers, sum) = row.split_at_mut(2 * self.digits as usize);
            numbers.fill_with(|| below(&mut words, self.base) as u16);
            for (digit, right) in sum.iter_mut().zip(self.sum(numbers)) {
                *digit = right;
            }
        })
    }
}

/// Whether a sum was wrong: there are no parameters, so that nothing else can be said.
struct Sums {
    settings: AdditionSettings,
    wrong: bool,
}

impl Statistics for Sums {
    fn observe(&mut self, sequence: &[u16]) {
        self.wrong |= !self.settings.is_right(sequence);
    }

    fn log2_marginal(&self, sequences: u64) -> f64 {
        if self.wrong {
            f64::NEG_INFINITY
        } else {
            -self.settings.expected_entropy_bits(sequences)
        }
    }
}
