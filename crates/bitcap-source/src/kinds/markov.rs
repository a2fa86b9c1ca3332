//! Unigram and Markov data: rows of token probabilities out of a Dirichlet prior.
//!
//! A Markov source of order k has a row of V probabilities for each of the V^k contexts; a unigram
//! source is the one of order 0. The first k tokens of a sequence are uniform, and contexts do not
//! cross sequences.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Split;
use crate::dirichlet::{DirichletRows, ln_mean_likelihood};
use crate::kind::{Kind, Parameters, Rows, Statistics, parameter_words};
use crate::math::mean_dirichlet_entropy;
use crate::random::below;
use bitcap_base::{InvalidSetting, in_range, stream};

/// Most numbers in a source's rows, V^(k+1): 128 MiB in f64. Two tables of that size are held to
/// draw, one to count.
const MAX_ENTRIES: u64 = 1 << 24;

/// Settings of the unigram source: tokens independent, one row of probabilities a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnigramSettings {
    /// Vocabulary V, 2 to 65,536.
    pub vocabulary: u32,
    /// Sequence length S, 1 to 4,096 tokens.
    pub length: u32,
    /// Concentration of the Dirichlet prior for each token, 0.001 to 1,000. 1 is the uniform prior
    /// over all distributions; smaller values favour distributions with few likely tokens.
    pub concentration: f64,
    /// Seed that the distribution is drawn with.
    pub seed: u64,
}

/// Settings of the Markov source of order k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkovSettings {
    /// Vocabulary V, at least 2, with V^(k+1) at most 2^24.
    pub vocabulary: u32,
    /// Sequence length S in tokens, above the order and at most 4,096.
    pub length: u32,
    /// Order k, at least 1: the number of preceding tokens that a token depends on.
    pub order: u32,
    /// Concentration of the Dirichlet prior for each token, 0.001 to 1,000. 1 is the uniform prior
    /// over all distributions; smaller values favour distributions with few likely tokens.
    pub concentration: f64,
    /// Seed that the distributions are drawn with.
    pub seed: u64,
}

impl Kind for UnigramSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 1, 4096)?;
        in_range("source.concentration", self.concentration, 0.001, 1000.0)
    }

    fn common(&self) -> (u32, u32, u64) {
        self.chain().common()
    }

    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        self.chain().expected_entropy_bits(samples)
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        self.chain().parameters()
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        self.chain().statistics()
    }
}

impl UnigramSettings {
    /// The Markov source of order 0.
    fn chain(&self) -> MarkovSettings {
        MarkovSettings {
            vocabulary: self.vocabulary,
            length: self.length,
            order: 0,
            concentration: self.concentration,
            seed: self.seed,
        }
    }
}

impl Kind for MarkovSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 2, 4096)?;
        in_range("source.order", self.order, 1, self.length - 1)?;
        in_range("source.concentration", self.concentration, 0.001, 1000.0)?;
        // The order may be thousands by its range alone, so the power can overflow.
        let entries = u64::from(self.vocabulary).checked_pow(self.order + 1);
        if entries.is_none_or(|entries| entries > MAX_ENTRIES) {
            let allowed = match MAX_ENTRIES.ilog(u64::from(self.vocabulary)) {
                // The vocabulary is too large for any order.
                0 | 1 => "0 with this vocabulary, that is a `unigram` source".into(),
                tokens => format!("at most {} with this vocabulary", tokens - 1),
            };
            let allowed =
                format!("{allowed}: the V^(k+1) numbers in its rows are limited to {MAX_ENTRIES}");
            return Err(InvalidSetting::new("source.order", self.order, allowed));
        }
        Ok(())
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.vocabulary, self.length, self.seed)
    }

    /// Given the rows, on average over the prior; all rows have the same prior, so that it does not
    /// matter how often each is used.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let uniform = f64::from(self.order) * libm::log2(f64::from(self.vocabulary));
        let drawn = f64::from(self.length - self.order);
        let each = mean_dirichlet_entropy(self.vocabulary, self.concentration);
        samples as f64 * (uniform + drawn * each)
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        let words = &mut parameter_words(self.seed);
        let symbols = self.vocabulary as usize;
        let rows = DirichletRows::draw(words, self.contexts(), symbols, self.concentration);
        Ok(Arc::new(Contexts {
            chain: self.clone(),
            rows,
        }))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(Counts {
            counts: vec![0; self.contexts() * self.vocabulary as usize],
            chain: self.clone(),
        }))
    }
}

impl MarkovSettings {
    /// V^k, with a row each.
    fn contexts(&self) -> usize {
        (self.vocabulary as usize).pow(self.order)
    }

    /// Calls `each` with the row and the token of every token after the first k.
    fn walk(&self, sequence: &[u16], mut each: impl FnMut(usize, u16)) {
        let mut context = 0;
        for (position, &token) in sequence.iter().enumerate() {
            if position >= self.order as usize {
                each(context, token);
            }
            // It starts as if k zeros came before, which have all left it when the first row is
            // looked up.
            context = self.next(context, token);
        }
    }

    /// The context after `token`: the last k tokens as the digits of a number, the latest lowest.
    fn next(&self, context: usize, token: u16) -> usize {
        (context * self.vocabulary as usize + usize::from(token)) % self.contexts()
    }
}

/// The parameters: V probabilities a context.
#[derive(Debug)]
struct Contexts {
    chain: MarkovSettings,
    rows: DirichletRows,
}

impl Parameters for Contexts {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let symbols = f64::from(self.chain.vocabulary);
        let first = f64::from(self.chain.order) * libm::log2(symbols);
        let mut drawn = 0.0;
        self.chain.walk(sequence, |row, token| {
            drawn += self.rows.row(row)[usize::from(token)];
        });
        Some(drawn - first)
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        let symbols = self.chain.vocabulary;
        Box::new(move |tokens| {
            let mut context = 0;
            for (position, token) in tokens.iter_mut().enumerate() {
                *token = if position < self.chain.order as usize {
                    below(&mut words, symbols) as u16
                } else {
                    self.rows.pick(context, &mut words) as u16
                };
                context = self.chain.next(context, *token);
            }
        })
    }
}

/// How often each token followed each context: rows are independent, and the counts are all that
/// matters.
struct Counts {
    chain: MarkovSettings,
    counts: Vec<u64>,
}

impl Statistics for Counts {
    fn observe(&mut self, sequence: &[u16]) {
        let symbols = self.chain.vocabulary as usize;
        let counts = &mut self.counts;
        self.chain.walk(sequence, |row, token| {
            counts[row * symbols + usize::from(token)] += 1;
        });
    }

    fn log2_marginal(&self, sequences: u64) -> f64 {
        let concentration = self.chain.concentration;
        let symbols = f64::from(self.chain.vocabulary);
        let rows = self.counts.chunks_exact(self.chain.vocabulary as usize);
        let ln: f64 = rows.map(|row| ln_mean_likelihood(concentration, row)).sum();
        let first = sequences as f64 * f64::from(self.chain.order) * libm::log2(symbols);
        ln * std::f64::consts::LOG2_E - first
    }
}
