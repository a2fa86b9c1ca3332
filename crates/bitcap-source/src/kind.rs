//! What a kind of source must be able to do. Each is a file in `kinds`, and a line in `settings.rs`.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use serde::Serialize;

use crate::{Dataset, Split};
use bitcap_base::InvalidSetting;
use bitcap_base::stream;

/// A kind of source by its settings. What is not said here is said of the methods of
/// [`SourceSettings`](crate::SourceSettings) with the same names.
pub(crate) trait Kind {
    fn validate(&self) -> Result<(), InvalidSetting>;
    fn common(&self) -> Common;
    fn expected_entropy_bits(&self, samples: u64) -> f64;

    fn expected_entropy_bits_per_sequence(&self) -> Option<f64> {
        Some(self.expected_entropy_bits(1))
    }

    fn needs_start_token(&self) -> bool {
        true
    }

    fn entropy_is_known(&self) -> bool {
        true
    }

    /// The marginal of no sequences yet; None where the entropy is not known. The settings are valid.
    fn marginal(&self) -> Option<Box<dyn Statistics>>;

    /// Draws the parameters by the seed, or reads them. The settings are valid.
    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting>;

    /// The file that parameters are read from, where they are not drawn.
    fn file(&self) -> Option<&Path> {
        None
    }

    /// Whether sequences are copies of strings.
    fn is_copies(&self) -> bool {
        false
    }

    /// How many different strings the first `samples` sequences are copies of.
    fn strings(&self, samples: u64) -> u64 {
        samples
    }

    fn exposure(&self, _samples: usize) -> Option<Exposure> {
        None
    }

    fn resolve_paths(&mut self, _base: &Path) {}

    fn inspect_file(&self) -> Result<Option<FileFacts>, InvalidSetting> {
        Ok(None)
    }

    fn file_blake3(&self) -> Option<&str> {
        None
    }

    fn set_file_blake3(&mut self, _blake3: &str) {}
}

/// What every source is set by.
pub(crate) struct Common {
    pub(crate) vocabulary: u32,
    pub(crate) length: u32,
    pub(crate) seed: u64,
}

/// Settings of any kind.
pub(crate) trait AnyKind {
    fn as_kind(&self) -> &dyn Kind;
    fn as_kind_mut(&mut self) -> &mut dyn Kind;
}

/// A source's parameters, shared by all that draw from it.
pub(crate) trait Parameters: Debug + Send + Sync {
    /// log2 of the probability of a sequence of the source's length and vocabulary; None where nobody
    /// knows it.
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64>;

    /// -log2 of the probability of a dataset of the source's length and vocabulary.
    fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        let each = dataset.sequences().map(|row| self.log2_probability(row));
        each.sum::<Option<f64>>().map(|log2| 0.0 - log2)
    }

    /// The sequences of a dataset from the first on.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Box<dyn Rows>;

    /// What the file holds, where the parameters are one.
    fn file(&self) -> Option<&FileFacts> {
        None
    }
}

/// Draws one sequence after another.
pub(crate) trait Rows: Debug + Send {
    /// `row` has the source's length. A file's must not go beyond its last sequence.
    fn next(&mut self, row: &mut [u16]);
}

/// What the sequences so far say of the parameters: all that their marginal probability needs.
pub(crate) trait Statistics: Debug + Send {
    /// `sequence` has the source's length and vocabulary.
    fn observe(&mut self, sequence: &[u16]);

    /// log2 of the mean over the prior of the probability of all that was observed.
    fn log2_marginal(&self) -> f64;
}

/// Parameters given which sequences are independent, each with a known probability: most are.
pub(crate) trait Independent: Debug + Send + Sync + 'static {
    /// As [`Parameters::log2_probability`].
    fn log2_probability(&self, sequence: &[u16]) -> f64;

    /// Draws a sequence out of random words.
    fn draw(&self, words: &mut ChaCha8Rng, row: &mut [u16]);
}

impl<T: Independent> Parameters for T {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        Some(Independent::log2_probability(self, sequence))
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Box<dyn Rows> {
        let words = stream(data_seed, split.name());
        Box::new((self, words))
    }
}

impl<T: Independent> Rows for (Arc<T>, ChaCha8Rng) {
    fn next(&mut self, row: &mut [u16]) {
        let (parameters, words) = self;
        parameters.draw(words, row);
    }
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
