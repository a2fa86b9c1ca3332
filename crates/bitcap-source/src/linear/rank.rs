//! The marginal of linear data without flips, with the map unknown: by the rank of the inputs.
//!
//! A row M_j of the map, k fair bits, gives output j of all strings if it solves <M_j, x_i> = y_ij
//! for every i. Where these equations agree with each other their solutions are 2^(k-r) of the 2^k
//! rows, r the rank of the inputs x_i; where they do not, there are none. The m rows are
//! independent, so that p(X) = 2^(-N (S - m)) 2^(-m r), or 0.

use super::LinearSettings;
use super::map::pack;

/// The equations so far, brought to a form in which no two begin at the same place.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    settings: LinearSettings,
    sequences: u64,
    /// By the place of its first 1 among the inputs: an equation, inputs and outputs, each packed.
    equations: Vec<Option<(Vec<u64>, Vec<u64>)>>,
    contradiction: bool,
}

impl Basis {
    pub(crate) fn new(settings: LinearSettings) -> Self {
        Self {
            equations: vec![None; settings.inputs as usize],
            settings,
            sequences: 0,
            contradiction: false,
        }
    }

    /// `sequence` has the source's length and holds bits only.
    pub(crate) fn observe(&mut self, sequence: &[u16]) {
        self.sequences += 1;
        let (inputs, outputs) = self.settings.split(sequence);
        let (mut inputs, mut outputs) = (pack(inputs), pack(outputs));
        while let Some(at) = first_one(&inputs) {
            match &self.equations[at] {
                Some((known_inputs, known_outputs)) => {
                    add(&mut inputs, known_inputs);
                    add(&mut outputs, known_outputs);
                }
                None => {
                    self.equations[at] = Some((inputs, outputs));
                    return;
                }
            }
        }
        // The equations so far give this input: 0 = outputs.
        self.contradiction |= first_one(&outputs).is_some();
    }

    pub(crate) fn log2_marginal(&self) -> f64 {
        if self.contradiction {
            return f64::NEG_INFINITY;
        }
        let rank = self.equations.iter().flatten().count() as f64;
        let uniform = self.sequences as f64 * f64::from(self.settings.uniform());
        -(uniform + f64::from(self.settings.outputs) * rank)
    }
}

fn first_one(words: &[u64]) -> Option<usize> {
    let word = words.iter().position(|&word| word != 0)?;
    Some(64 * word + words[word].leading_zeros() as usize)
}

fn add(sum: &mut [u64], words: &[u64]) {
    for (sum, word) in sum.iter_mut().zip(words) {
        *sum ^= word;
    }
}
