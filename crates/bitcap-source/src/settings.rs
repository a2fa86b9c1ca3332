//! The `[source]` section of an experiment: which distribution the sequences come from.

use serde::{Deserialize, Serialize};

use crate::{
    CoinSettings, CopiesSettings, Exposure, FileSettings, LinearSettings, MarkovSettings,
    UniformSettings, UnigramSettings,
};
use bitcap_base::InvalidSetting;

/// A source of sequences; `kind` tells which one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceSettings {
    /// Every token uniform over the vocabulary and independent of all others.
    Uniform(UniformSettings),
    /// Bits with one parameter out of a finite prior.
    Coin(CoinSettings),
    /// Independent tokens, their probabilities out of a Dirichlet prior.
    Unigram(UnigramSettings),
    /// Tokens that depend on the k before them.
    Markov(MarkovSettings),
    /// Bits of which the last are a linear map of the first.
    Linear(LinearSettings),
    /// Strings of another source, each repeated.
    Copies(CopiesSettings),
    /// A user's own bytes or tokens.
    File(FileSettings),
}

impl SourceSettings {
    /// Whether every setting is in its range. Reads no file.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        match self {
            Self::Uniform(uniform) => uniform.validate(),
            Self::Coin(coin) => coin.validate(),
            Self::Unigram(unigram) => unigram.validate(),
            Self::Markov(markov) => markov.validate(),
            Self::Linear(linear) => linear.validate(),
            Self::Copies(copies) => copies.validate(),
            Self::File(file) => file.validate(),
        }
    }

    /// The name of the source, as in `kind`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Uniform(_) => "uniform",
            Self::Coin(_) => "coin",
            Self::Unigram(_) => "unigram",
            Self::Markov(_) => "markov",
            Self::Linear(_) => "linear",
            Self::Copies(_) => "copies",
            Self::File(_) => "file",
        }
    }

    /// Vocabulary V: tokens go from 0 to V - 1.
    #[must_use]
    pub fn vocabulary(&self) -> u32 {
        match self {
            Self::Uniform(uniform) => uniform.vocabulary,
            Self::Coin(_) | Self::Linear(_) => 2,
            Self::Unigram(unigram) => unigram.vocabulary,
            Self::Markov(markov) => markov.vocabulary,
            Self::Copies(copies) => copies.of.vocabulary(),
            Self::File(file) => file.vocabulary(),
        }
    }

    /// Length S: tokens a sequence.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            Self::Uniform(uniform) => uniform.length,
            Self::Coin(coin) => coin.length,
            Self::Unigram(unigram) => unigram.length,
            Self::Markov(markov) => markov.length,
            Self::Linear(linear) => linear.length,
            Self::Copies(copies) => copies.of.length(),
            Self::File(file) => file.length,
        }
    }

    /// The seed that the parameters are drawn with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        match self {
            Self::Uniform(uniform) => uniform.seed,
            Self::Coin(coin) => coin.seed,
            Self::Unigram(unigram) => unigram.seed,
            Self::Markov(markov) => markov.seed,
            Self::Linear(linear) => linear.seed,
            Self::Copies(copies) => copies.seed,
            Self::File(file) => file.seed,
        }
    }

    /// Whether a model of this source needs a start token: all but uniform data do, as there the
    /// first token has a distribution to be learned, which must be predicted to be measured.
    #[must_use]
    pub fn needs_start_token(&self) -> bool {
        !matches!(self, Self::Uniform(_))
    }

    /// Whether the exact entropy of a dataset is known; it is not where the source is a file.
    #[must_use]
    pub fn entropy_is_known(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Copies(copies) => copies.of.entropy_is_known(),
            _ => true,
        }
    }

    /// Bits to plan a sequence by, before there is any data: how much N grows the entropy. None for
    /// copies by Zipf's law, whose entropy is not proportional to N.
    ///
    /// It is the mean over the prior of H(X | source) / N, the same for every seed. For uniform data
    /// that is the entropy. For the others, what the data say of the parameters comes on top of it
    /// in the entropy of a dataset: about (log2 N)/2 bits for each of them, which is not proportional
    /// to N. For files, whose entropy is not known, it is the bound S log2 V: for planning, never a
    /// measure.
    #[must_use]
    pub fn expected_entropy_bits_per_sequence(&self) -> Option<f64> {
        match self {
            Self::Copies(copies) => {
                let string = copies.of.expected_entropy_bits_per_sequence()?;
                copies.copies_each().map(|count| string / count as f64)
            }
            _ => Some(self.expected_entropy_bits(1)),
        }
    }

    /// Bits to plan a dataset of `samples` sequences by: those of
    /// [`Self::expected_entropy_bits_per_sequence`] for each, of copies for each string. For uniform
    /// data it is the exact entropy, N S log2 V, rounded to f64 where it is no whole number below
    /// 2^53.
    #[must_use]
    pub fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let n = samples as f64;
        match self {
            Self::Uniform(uniform) => uniform.entropy_bits(samples),
            Self::Coin(coin) => n * coin.mean_source_bits_per_sequence(),
            Self::Unigram(unigram) => n * unigram.chain().mean_source_bits_per_sequence(),
            Self::Markov(markov) => n * markov.chain().mean_source_bits_per_sequence(),
            Self::Linear(linear) => n * linear.source_bits_per_sequence(),
            Self::Copies(copies) => copies.of.expected_entropy_bits(copies.distinct(samples)),
            Self::File(_) => {
                n * f64::from(self.length()) * libm::log2(f64::from(self.vocabulary()))
            }
        }
    }

    /// Which string each of `samples` sequences is a copy of, and how many copies each has; None
    /// where the source is not copies. It follows from the settings alone. They must be valid.
    #[must_use]
    pub fn exposure(&self, samples: usize) -> Option<Exposure> {
        match self {
            Self::Copies(copies) => Some(copies.exposure(samples)),
            _ => None,
        }
    }
}

/// An error naming `key` unless `found` lies from `low` to `high`, both allowed.
pub(crate) fn in_range(key: &str, found: u32, low: u32, high: u32) -> Result<(), InvalidSetting> {
    whole_in_range(key, found.into(), low.into(), high.into())
}

/// As [`in_range`].
pub(crate) fn whole_in_range(
    key: &str,
    found: u64,
    low: u64,
    high: u64,
) -> Result<(), InvalidSetting> {
    if (low..=high).contains(&found) {
        return Ok(());
    }
    Err(InvalidSetting {
        key: key.into(),
        found: found.to_string(),
        allowed: format!("from {low} to {high}"),
    })
}

/// As [`in_range`]; NaN is in no range.
pub(crate) fn number_in_range(
    key: &str,
    found: f64,
    low: f64,
    high: f64,
) -> Result<(), InvalidSetting> {
    if (low..=high).contains(&found) {
        return Ok(());
    }
    Err(InvalidSetting {
        key: key.into(),
        found: found.to_string(),
        allowed: format!("from {low} to {high}"),
    })
}
