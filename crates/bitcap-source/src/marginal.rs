//! Code lengths with the source's parameters unknown but their prior known.

use crate::coin::{Bits, CoinSettings};
use crate::copies::CopiesMarginal;
use crate::linear::{Basis, Noisy};
use crate::markov::Counts;
use crate::{Dataset, SourceSettings};

/// The exact marginal probability p(X) of the sequences observed so far, in order: the mean of
/// p(X | parameters) over the prior of the source's parameters.
///
/// Only sufficient statistics are kept, so that memory does not grow with N: two counts for `coin`,
/// V^(k+1) for `unigram` and `markov`, for `linear` at most k equations, or m 2^k counts where
/// outputs are flipped. `copies` by Zipf's law also keep every string once, at most 2^24 S tokens.
/// The figure is the same on every platform.
#[derive(Clone, Debug)]
pub struct Marginal {
    vocabulary: u32,
    length: usize,
    statistics: Statistics,
    /// A sequence that no parameters could give.
    impossible: bool,
}

#[derive(Clone, Debug)]
enum Statistics {
    /// log2 V a token, whatever the tokens are; how many sequences there were.
    Uniform(crate::UniformSettings, u64),
    Coin(CoinSettings, Bits),
    Markov(Counts),
    Linear(Basis),
    Noisy(Noisy),
    Copies(CopiesMarginal),
    File,
}

impl Marginal {
    /// Nothing observed. `source` must be valid ([`SourceSettings::validate`]).
    #[must_use]
    pub fn new(source: &SourceSettings) -> Self {
        let statistics = match source {
            SourceSettings::Uniform(uniform) => Statistics::Uniform(uniform.clone(), 0),
            SourceSettings::Coin(coin) => Statistics::Coin(coin.clone(), Bits::default()),
            SourceSettings::Unigram(unigram) => Statistics::Markov(Counts::new(unigram.chain())),
            SourceSettings::Markov(markov) => Statistics::Markov(Counts::new(markov.chain())),
            SourceSettings::Linear(linear) if linear.flip > 0.0 => {
                Statistics::Noisy(Noisy::new(linear.clone()))
            }
            SourceSettings::Linear(linear) => Statistics::Linear(Basis::new(linear.clone())),
            SourceSettings::Copies(copies) => Statistics::Copies(CopiesMarginal::new(copies)),
            SourceSettings::File(_) => Statistics::File,
        };
        Self {
            vocabulary: source.vocabulary(),
            length: source.length() as usize,
            statistics,
            impossible: false,
        }
    }

    /// Takes the next sequence in. One of another length than S, or with a token that is not below
    /// V, is impossible.
    pub fn observe(&mut self, sequence: &[u16]) {
        if !is_possible(sequence, self.length, self.vocabulary) {
            self.impossible = true;
            return;
        }
        match &mut self.statistics {
            Statistics::Uniform(_, sequences) => *sequences += 1,
            Statistics::Coin(_, bits) => bits.observe(sequence),
            Statistics::Markov(counts) => counts.observe(sequence),
            Statistics::Linear(basis) => basis.observe(sequence),
            Statistics::Noisy(noisy) => noisy.observe(sequence),
            Statistics::Copies(copies) => copies.observe(sequence),
            Statistics::File => {}
        }
    }

    /// log2 p(X) of what was observed; minus infinity where the source cannot give it, None where
    /// the source is a file, whose distribution nobody knows.
    #[must_use]
    pub fn log2_probability(&self) -> Option<f64> {
        let log2 = match &self.statistics {
            Statistics::Uniform(uniform, sequences) => -uniform.entropy_bits(*sequences),
            Statistics::Coin(settings, bits) => bits.log2_marginal(settings),
            Statistics::Markov(counts) => counts.log2_marginal(),
            Statistics::Linear(basis) => basis.log2_marginal(),
            Statistics::Noisy(noisy) => noisy.log2_marginal(),
            Statistics::Copies(copies) => copies.log2_marginal()?,
            Statistics::File => return None,
        };
        Some(if self.impossible {
            f64::NEG_INFINITY
        } else {
            log2
        })
    }

    /// -log2 p(X) of what was observed, in bits: `entropy_bits` of a dataset; infinite where the
    /// source cannot give it, None where the source is a file.
    #[must_use]
    pub fn entropy_bits(&self) -> Option<f64> {
        // Not the negative, which would make a certain dataset's bits -0.
        self.log2_probability().map(|log2| 0.0 - log2)
    }
}

/// Whether a sequence has the source's length and vocabulary.
pub(crate) fn is_possible(sequence: &[u16], length: usize, vocabulary: u32) -> bool {
    let inside = |&token: &u16| u32::from(token) < vocabulary;
    sequence.len() == length && sequence.iter().all(inside)
}

impl SourceSettings {
    /// `entropy_bits` of a dataset: the exact marginal code length -log2 p(X), in bits, with the
    /// source's parameters unknown but their prior known. Infinite where the source cannot give the
    /// dataset; None where the source is a file. The settings must be valid.
    #[must_use]
    pub fn entropy_bits(&self, dataset: &Dataset) -> Option<f64> {
        let mut marginal = Marginal::new(self);
        dataset
            .sequences()
            .for_each(|sequence| marginal.observe(sequence));
        marginal.entropy_bits()
    }
}
