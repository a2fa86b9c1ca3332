//! Code lengths with the source's parameters unknown but their prior known.

use crate::kind::{AnyKind, Statistics};
use crate::{Dataset, SourceSettings};

/// The code length of a dataset with the source's parameters unknown, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entropy {
    /// -log2 p(X), in bits.
    Exact(f64),
    /// Nobody knows the distribution: of a user's file.
    Unknown,
}

impl Entropy {
    /// The bits, where they are known exactly.
    #[must_use]
    pub fn exact(self) -> Option<f64> {
        match self {
            Self::Exact(bits) => Some(bits),
            Self::Unknown => None,
        }
    }
}

/// The exact marginal probability p(X) of the sequences observed so far, in order: the mean of
/// p(X | parameters) over the prior of the source's parameters.
///
/// Only sufficient statistics are kept, so that memory does not grow with N: two counts for `coin`,
/// V^(k+1) for `unigram` and `markov`, for `linear` at most k equations, or m 2^k counts where
/// outputs are flipped. `copies` by Zipf's law also keep every string once, at most 2^24 S tokens.
/// The figure is the same on every platform.
#[derive(Debug)]
pub struct Marginal {
    vocabulary: u32,
    length: usize,
    statistics: Option<Box<dyn Statistics>>,
    /// A sequence that no parameters could give.
    impossible: bool,
}

impl Marginal {
    /// Nothing observed. `source` must be valid ([`SourceSettings::validate`]).
    #[must_use]
    pub fn new(source: &SourceSettings) -> Self {
        Self {
            vocabulary: source.vocabulary(),
            length: source.length() as usize,
            statistics: source.as_kind().marginal(),
            impossible: false,
        }
    }

    /// Takes the next sequence in. One of another length than S, or with a token that is not below
    /// V, is impossible.
    pub fn observe(&mut self, sequence: &[u16]) {
        if !is_possible(sequence, self.length, self.vocabulary) {
            self.impossible = true;
        } else if let Some(statistics) = &mut self.statistics {
            statistics.observe(sequence);
        }
    }

    /// log2 p(X) of what was observed; minus infinity where the source cannot give it, None where
    /// the source is a file, whose distribution nobody knows.
    #[must_use]
    pub fn log2_probability(&self) -> Option<f64> {
        let statistics = self.statistics.as_ref()?;
        Some(if self.impossible {
            f64::NEG_INFINITY
        } else {
            statistics.log2_marginal()
        })
    }

    /// `entropy_bits` of what was observed; infinite where the source cannot give it.
    #[must_use]
    pub fn entropy(&self) -> Entropy {
        match self.log2_probability() {
            // Not the negative, which would make a certain dataset's bits -0.
            Some(log2) => Entropy::Exact(0.0 - log2),
            None => Entropy::Unknown,
        }
    }
}

/// Whether a sequence has the source's length and vocabulary.
pub(crate) fn is_possible(sequence: &[u16], length: usize, vocabulary: u32) -> bool {
    let inside = |&token: &u16| u32::from(token) < vocabulary;
    sequence.len() == length && sequence.iter().all(inside)
}

impl SourceSettings {
    /// The entropy of a dataset: the exact marginal code length -log2 p(X), in bits, with the
    /// source's parameters unknown but their prior known. Infinite where the source cannot give the
    /// dataset. The settings must be valid.
    #[must_use]
    pub fn entropy(&self, dataset: &Dataset) -> Entropy {
        let mut marginal = Marginal::new(self);
        dataset.sequences().for_each(|row| marginal.observe(row));
        marginal.entropy()
    }
}
