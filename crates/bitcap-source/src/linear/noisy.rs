//! The marginal of linear data with flips, with the map unknown: a sum over all rows there are.
//!
//! Given row a, output j of all N strings has probability f^d (1 - f)^(N - d), with d(a) how many of
//! them differ from <a, x_i>; its marginal is the mean of that over the 2^k rows. With
//! c(x) = sum over the strings with input x of (-1)^y, the Walsh-Hadamard transform
//! c^(a) = sum over x of c(x) (-1)^<a, x> is (N - d) - d, so that d(a) = (N - c^(a)) / 2: one
//! transform an output, in exact integers. The mean is taken in the log domain. Outputs are
//! independent given the inputs, and the S - m other bits are uniform.

use super::LinearSettings;
use crate::math::{log2_sum, times_log2};

/// For each output and each input, strings whose output is 0 less strings whose output is 1.
#[derive(Clone, Debug)]
pub(crate) struct Noisy {
    settings: LinearSettings,
    sequences: u64,
    /// m tables of 2^k; an input is read with its first bit highest.
    balance: Vec<i64>,
}

impl Noisy {
    /// `settings` have flips.
    pub(crate) fn new(settings: LinearSettings) -> Self {
        Self {
            balance: vec![0; (settings.outputs as usize) << settings.inputs],
            settings,
            sequences: 0,
        }
    }

    /// `sequence` has the source's length and holds bits only.
    pub(crate) fn observe(&mut self, sequence: &[u16]) {
        self.sequences += 1;
        let (inputs, outputs) = self.settings.split(sequence);
        let input = inputs
            .iter()
            .fold(0, |number, &bit| number << 1 | usize::from(bit));
        for (output, &bit) in outputs.iter().enumerate() {
            let table = output << self.settings.inputs;
            self.balance[table + input] += 1 - 2 * i64::from(bit);
        }
    }

    pub(crate) fn log2_marginal(&self) -> f64 {
        let count = self.sequences;
        let flip = self.settings.flip;
        let uniform = count as f64 * f64::from(self.settings.uniform());
        let tables = self.balance.chunks_exact(1 << self.settings.inputs);
        let outputs: f64 = tables
            .map(|table| {
                let mut sums = table.to_vec();
                walsh_hadamard(&mut sums);
                let of = |&sum: &i64| {
                    // The sum has the parity of N and is from -N to N.
                    let differ = count.wrapping_sub(sum as u64) / 2;
                    times_log2(differ, flip) + times_log2(count - differ, 1.0 - flip)
                };
                log2_sum(sums.iter().map(of)) - f64::from(self.settings.inputs)
            })
            .sum();
        outputs - uniform
    }
}

/// In place; the length is a power of two.
fn walsh_hadamard(table: &mut [i64]) {
    let mut half = 1;
    while half < table.len() {
        for block in table.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}
