//! The `[source]` section of an experiment: which distribution the sequences come from.

use serde::{Deserialize, Serialize};

use crate::{InvalidSetting, UniformSettings};

/// A source of sequences; `kind` tells which one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceSettings {
    /// Every token uniform over the vocabulary and independent of all others.
    Uniform(UniformSettings),
}

impl SourceSettings {
    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        match self {
            Self::Uniform(uniform) => uniform.validate(),
        }
    }

    /// The name of the source, as in `kind`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Uniform(_) => "uniform",
        }
    }

    /// Vocabulary V: tokens go from 0 to V - 1.
    #[must_use]
    pub fn vocabulary(&self) -> u32 {
        match self {
            Self::Uniform(uniform) => uniform.vocabulary,
        }
    }

    /// Length S: tokens a sequence.
    #[must_use]
    pub fn length(&self) -> u32 {
        match self {
            Self::Uniform(uniform) => uniform.length,
        }
    }

    /// Entropy of one sequence, in bits: S log2 V for uniform data, exact where V is a power of two.
    #[must_use]
    pub fn entropy_bits_per_sequence(&self) -> f64 {
        self.entropy_bits(1)
    }

    /// Entropy of a dataset of `samples` sequences, in bits: N S log2 V for uniform data. Exact
    /// where V is a power of two and the result is below 2^53, else rounded to f64.
    #[must_use]
    pub fn entropy_bits(&self, samples: u64) -> f64 {
        match self {
            Self::Uniform(uniform) => uniform.entropy_bits(samples),
        }
    }
}

/// An error naming `key` unless `found` lies from `low` to `high`, both allowed.
pub(crate) fn in_range(key: &str, found: u32, low: u32, high: u32) -> Result<(), InvalidSetting> {
    if (low..=high).contains(&found) {
        return Ok(());
    }
    Err(InvalidSetting {
        key: key.into(),
        found: found.to_string(),
        allowed: format!("from {low} to {high}"),
    })
}
