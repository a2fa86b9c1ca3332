//! Unigram and Markov data: rows of token probabilities out of a Dirichlet prior.
//!
//! A Markov source of order k has a row of V probabilities for each of the V^k contexts; a unigram
//! source is the one of order 0. The first k tokens of a sequence are uniform, and contexts do not
//! cross sequences.

mod counts;
mod rows;

use serde::{Deserialize, Serialize};

pub(crate) use counts::Counts;
pub(crate) use rows::Rows;

use crate::math::mean_dirichlet_entropy;
use crate::settings::{in_range, number_in_range};
use bitcap_base::InvalidSetting;

/// Most numbers in a source's rows, V^(k+1): 128 MiB in f64. Two tables of that size are held to
/// draw, one to count.
const MAX_ENTRIES: u64 = 1 << 24;

/// Settings of the unigram source: tokens independent, one row of probabilities a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnigramSettings {
    /// Vocabulary V, 2 to 65,536.
    pub vocabulary: u32,
    /// Length S, 1 to 4,096 tokens a sequence.
    pub length: u32,
    /// Parameter of the symmetric Dirichlet prior, a token: 0.001 to 1,000. 1 is the uniform prior
    /// over all distributions; smaller gives fewer tokens more of the probability.
    pub concentration: f64,
    /// Seed of the source's parameters.
    pub seed: u64,
}

/// Settings of the Markov source of order k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkovSettings {
    /// Vocabulary V, at least 2, with V^(k+1) at most 2^24.
    pub vocabulary: u32,
    /// Length S, above the order and at most 4,096 tokens a sequence.
    pub length: u32,
    /// Order k, at least 1: how many tokens back a token depends on.
    pub order: u32,
    /// Parameter of each row's symmetric Dirichlet prior, a token: 0.001 to 1,000.
    pub concentration: f64,
    /// Seed of the source's parameters.
    pub seed: u64,
}

impl UnigramSettings {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 1, 4096)?;
        number_in_range("source.concentration", self.concentration, 0.001, 1000.0)
    }

    pub(crate) fn chain(&self) -> Chain {
        Chain {
            vocabulary: self.vocabulary,
            length: self.length,
            order: 0,
            concentration: self.concentration,
        }
    }
}

impl MarkovSettings {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 2, 4096)?;
        in_range("source.order", self.order, 1, self.length - 1)?;
        number_in_range("source.concentration", self.concentration, 0.001, 1000.0)?;
        let entries = u64::from(self.vocabulary).checked_pow(self.order + 1);
        if entries.is_none_or(|entries| entries > MAX_ENTRIES) {
            let tokens = MAX_ENTRIES.ilog(u64::from(self.vocabulary));
            let allowed = match tokens {
                // The vocabulary is too large for any order.
                0 | 1 => "0 with this vocabulary, that is a `unigram` source".into(),
                _ => format!("at most {} with this vocabulary", tokens - 1),
            };
            return Err(InvalidSetting {
                key: "source.order".into(),
                found: self.order.to_string(),
                allowed: format!(
                    "{allowed}: the V^(k+1) numbers in its rows are limited to {MAX_ENTRIES}"
                ),
            });
        }
        Ok(())
    }

    pub(crate) fn chain(&self) -> Chain {
        Chain {
            vocabulary: self.vocabulary,
            length: self.length,
            order: self.order,
            concentration: self.concentration,
        }
    }
}

/// A valid source of either kind.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    vocabulary: u32,
    length: u32,
    order: u32,
    concentration: f64,
}

impl Chain {
    /// V^k, one row a context.
    fn rows(&self) -> usize {
        (self.vocabulary as usize).pow(self.order)
    }

    /// Entropy of a sequence given the rows, on average over the prior; all rows have the same
    /// prior, so that it does not matter how often each is used.
    pub(crate) fn mean_source_bits_per_sequence(&self) -> f64 {
        let uniform = f64::from(self.order) * libm::log2(f64::from(self.vocabulary));
        let drawn = f64::from(self.length - self.order);
        uniform + drawn * mean_dirichlet_entropy(self.vocabulary, self.concentration)
    }

    /// Calls `each` with the row and the token of every token after the first k.
    fn walk(&self, sequence: &[u16], mut each: impl FnMut(usize, u16)) {
        let mut context = 0;
        for (position, &token) in sequence.iter().enumerate() {
            if position >= self.order as usize {
                each(context, token);
            }
            context = self.next(context, token);
        }
    }

    /// The context after `token`: the last k tokens as the digits of a number, the latest lowest.
    fn next(&self, context: usize, token: u16) -> usize {
        (context * self.vocabulary as usize + usize::from(token)) % self.rows()
    }
}
