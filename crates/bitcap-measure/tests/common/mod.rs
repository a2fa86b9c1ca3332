//! Next-token predictors on tiny cases, written out in full: the references that ceilings are held against.

// Each test file is a crate of its own and uses its part of this.
#![allow(dead_code)]

use std::collections::HashMap;

use bitcap_measure::CodeLengths;
use bitcap_source::DataShape;

/// The probability of each next token after each prefix (the empty one too).
pub(crate) struct Predictor {
    conditionals: HashMap<Vec<u16>, Vec<f64>>,
}

impl Predictor {
    /// A predictor with the given weights (not all 0) after each prefix shorter than `length`.
    pub(crate) fn new(
        vocabulary: u32,
        length: usize,
        mut weights: impl FnMut(&[u16]) -> Vec<f64>,
    ) -> Self {
        let conditionals = (0..length)
            .flat_map(|prefix_length| all_sequences(vocabulary, prefix_length))
            .map(|prefix| {
                let weights = weights(&prefix);
                let sum: f64 = weights.iter().sum();
                (prefix, weights.iter().map(|weight| weight / sum).collect())
            })
            .collect();
        Self { conditionals }
    }

    /// The best possible one: after each prefix, the shares of the tokens that follow it in the dataset (uniform where
    /// none does), raised by `smoothing` counts each.
    pub(crate) fn empirical(
        tokens: &[u16],
        length: usize,
        vocabulary: u32,
        smoothing: f64,
    ) -> Self {
        Self::new(vocabulary, length, |prefix| {
            let mut counts = counts_after(prefix, tokens, length, vocabulary);
            counts.iter_mut().for_each(|count| *count += smoothing);
            if counts.iter().all(|&count| count == 0.0) {
                counts.fill(1.0);
            }
            counts
        })
    }

    /// Natural-log probabilities of the predicted tokens, row-major [N, S_pred].
    pub(crate) fn log_probabilities(&self, tokens: &[u16], shape: DataShape) -> Vec<f64> {
        tokens
            .chunks_exact(shape.length)
            .flat_map(|sequence| {
                (shape.given()..sequence.len())
                    .map(|at| self.conditionals[&sequence[..at]][usize::from(sequence[at])].ln())
            })
            .collect()
    }

    pub(crate) fn code(&self, tokens: &[u16], shape: DataShape) -> CodeLengths {
        CodeLengths::new(shape, &self.log_probabilities(tokens, shape)).unwrap()
    }
}

/// How often each token follows `prefix` at the beginning of a sequence.
pub(crate) fn counts_after(
    prefix: &[u16],
    tokens: &[u16],
    length: usize,
    vocabulary: u32,
) -> Vec<f64> {
    let mut counts = vec![0.0; vocabulary as usize];
    for sequence in tokens.chunks_exact(length) {
        if sequence.starts_with(prefix) {
            counts[usize::from(sequence[prefix.len()])] += 1.0;
        }
    }
    counts
}

/// All V^S sequences, in order.
pub(crate) fn all_sequences(vocabulary: u32, length: usize) -> Vec<Vec<u16>> {
    (0..length).fold(vec![vec![]], |shorter, _| {
        shorter
            .iter()
            .flat_map(|prefix| {
                (0..vocabulary).map(|token| [prefix.as_slice(), &[token as u16]].concat())
            })
            .collect()
    })
}

pub(crate) fn shape(length: usize, vocabulary: u32, start_token: bool) -> DataShape {
    let shape = DataShape {
        vocabulary,
        length,
        start_token,
    };
    shape.validate().unwrap();
    shape
}
