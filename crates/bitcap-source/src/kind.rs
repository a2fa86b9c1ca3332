//! What a kind of source must be able to do. Each is a file in `kinds`, and a line in `settings.rs`.

use std::fmt::Debug;
use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use serde::Serialize;

use crate::{Dataset, Split};
use bitcap_base::{InvalidSetting, stream};

/// A kind of source by its settings; [`SourceSettings`](crate::SourceSettings) is one, of any kind.
pub trait Kind {
    /// Whether every setting is in its range. Reads no file.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    fn validate(&self) -> Result<(), InvalidSetting>;

    /// What every source is set by: vocabulary V, length S and seed.
    fn common(&self) -> (u32, u32, u64);

    /// Vocabulary V: tokens go from 0 to V - 1.
    fn vocabulary(&self) -> u32 {
        self.common().0
    }

    /// Length S: tokens a sequence.
    fn length(&self) -> u32 {
        self.common().1
    }

    /// The seed that the parameters are drawn with.
    fn seed(&self) -> u64 {
        self.common().2
    }

    /// Whether a sequence is of S tokens that are all below V.
    fn is_possible(&self, sequence: &[u16]) -> bool {
        let (vocabulary, length, _) = self.common();
        let inside = |&token: &u16| u32::from(token) < vocabulary;
        sequence.len() == length as usize && sequence.iter().all(inside)
    }

    /// Whether a model of this source needs a start token: all but uniform data do, as there the
    /// first token has a distribution to be learned, which must be predicted to be measured.
    fn needs_start_token(&self) -> bool {
        true
    }

    /// Whether the exact entropy of a dataset is known. Where it is not, what [`Statistics`] there are
    /// give a bound of it.
    fn entropy_is_known(&self) -> bool {
        true
    }

    /// Bits to plan a dataset of `samples` sequences by: those of
    /// [`Self::expected_entropy_bits_per_sequence`] for each, of copies for each string. For uniform
    /// data it is the exact entropy, N S log2 V, rounded to f64 where it is no whole number below
    /// 2^53.
    fn expected_entropy_bits(&self, samples: u64) -> f64;

    /// Bits to plan a sequence by, before there is any data: how much N grows the entropy. None for
    /// copies by Zipf's law, whose entropy is not proportional to N.
    ///
    /// It is the mean over the prior of H(X | source) / N, the same for every seed. For uniform data
    /// that is the entropy. For the others, what the data say of the parameters comes on top of it
    /// in the entropy of a dataset: about (log2 N)/2 bits for each of them, which is not proportional
    /// to N. Where the entropy is not known it is the bound S log2 V: for planning, never a measure.
    fn expected_entropy_bits_per_sequence(&self) -> Option<f64> {
        Some(self.expected_entropy_bits(1))
    }

    /// How many different strings the first `samples` sequences are copies of; all, where the source
    /// is not copies.
    fn strings(&self, samples: u64) -> u64 {
        samples
    }

    /// Which string each of `samples` sequences is a copy of, and how many copies each has; None
    /// where the source is not copies. It follows from the settings alone. They must be valid.
    fn exposure(&self, _samples: usize) -> Option<Exposure> {
        None
    }

    /// Draws the parameters by the seed, or reads them. The settings must be valid.
    ///
    /// # Errors
    /// What is wrong with a file that is read.
    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting>;

    /// The statistics of no sequences yet; None where nothing is known of the distribution. The
    /// settings must be valid.
    fn statistics(&self) -> Option<Box<dyn Statistics>>;
}

/// A source's parameters, shared by all that draw from it.
pub trait Parameters: Debug + Send + Sync {
    /// log2 of the probability of a possible sequence; None where nobody knows it.
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64>;

    /// -log2 of the probability of a dataset of possible sequences.
    fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        let each = dataset.sequences().map(|row| self.log2_probability(row));
        // From 0, since the negative of a certain dataset's 0 would be -0.
        each.sum::<Option<f64>>().map(|log2| 0.0 - log2)
    }

    /// The sequences of a dataset from the first on. A file's must not go beyond its last.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows;

    /// What the file holds, where the parameters are one.
    fn file(&self) -> Option<&FileFacts> {
        None
    }
}

/// Draws one sequence after another into a row of S tokens.
pub(crate) type Rows = Box<dyn FnMut(&mut [u16]) + Send>;

/// What the sequences so far say of the parameters: all that their marginal probability needs.
pub trait Statistics: Send {
    /// Takes in a possible sequence.
    fn observe(&mut self, sequence: &[u16]);

    /// log2 of the mean over the prior of the probability of all `sequences` that were observed; at
    /// most that, a lower bound, where the entropy is not known ([`Kind::entropy_is_known`]).
    fn log2_marginal(&self, sequences: u64) -> f64;
}

/// The random words that the parameters of this seed are drawn from.
pub(crate) fn parameter_words(seed: u64) -> ChaCha8Rng {
    stream(seed, "source")
}

/// Which string each sequence of a dataset is, and how often each string stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// For each of the N sequences the number of its string; strings are numbered from 0 in the
    /// order in which they first appear.
    pub string: Vec<usize>,
    /// For each string how many of the N sequences are copies of it.
    pub count: Vec<usize>,
    /// For each string which of the N sequences is the first copy of it.
    pub first: Vec<usize>,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Whole sequences.
    pub sequences: u64,
    /// Tokens after the last whole sequence: dropped.
    pub dropped_tokens: u64,
    /// BLAKE3 of the file's bytes, of a dataset's tokens (`u16` little-endian); 64 hexadecimal
    /// digits.
    pub blake3: String,
}
