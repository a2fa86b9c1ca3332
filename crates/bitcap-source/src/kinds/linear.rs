//! Linear data: the last m bits of each string are a linear map over GF(2) of the first k, each then
//! flipped at a rate. The map is the one thing there is to learn.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Split;
use crate::kind::{Kind, Parameters, Rows, Statistics, parameter_words};
use crate::math::{binary_entropy, log2_sum, times_log2};
use crate::random::{fair_bits, fraction, threshold};
use bitcap_base::{InvalidSetting, in_range, stream};

/// Most inputs where outputs are flipped: the marginal then sums over all 2^k rows of the map.
const MAX_NOISY_INPUTS: u32 = 20;

/// Most counts held for that sum, m 2^k: 128 MiB.
const MAX_NOISY_COUNTS: u64 = 1 << 24;

/// Settings of the linear source; V = 2. A string is k uniform bits, S - k - m more uniform bits,
/// and m outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearSettings {
    /// Sequence length S, 2 to 4,096 bits.
    pub length: u32,
    /// Number of inputs k, at least 1; k + m is at most S. At most 20 if `flip` is above 0.
    pub inputs: u32,
    /// Number of outputs m, at least 1. m 2^k is at most 2^24 if `flip` is above 0.
    pub outputs: u32,
    /// Probability that an output is flipped, 0 to 0.5; outputs are flipped independently.
    #[serde(default)]
    pub flip: f64,
    /// Seed that the map is drawn with.
    pub seed: u64,
}

impl LinearSettings {
    /// Bits of a string that are uniform: all but the outputs.
    fn uniform(&self) -> u32 {
        self.length - self.outputs
    }

    fn split<'a>(&self, sequence: &'a [u16]) -> (&'a [u16], &'a [u16]) {
        let outputs = sequence.len() - self.outputs as usize;
        (&sequence[..self.inputs as usize], &sequence[outputs..])
    }
}

impl Kind for LinearSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        // Each range rests on the one before: no difference goes below 0, and no range is empty.
        in_range("source.length", self.length, 2, 4096)?;
        in_range("source.inputs", self.inputs, 1, self.length - 1)?;
        in_range("source.outputs", self.outputs, 1, self.length - self.inputs)?;
        in_range("source.flip", self.flip, 0.0, 0.5)?;
        if self.flip > 0.0 {
            in_range("source.inputs", self.inputs, 1, MAX_NOISY_INPUTS).map_err(because_of_flip)?;
            let most = (MAX_NOISY_COUNTS >> self.inputs) as u32;
            in_range("source.outputs", self.outputs, 1, most).map_err(because_of_flip)?;
        }
        Ok(())
    }

    fn common(&self) -> (u32, u32, u64) {
        (2, self.length, self.seed)
    }

    /// Given the map, the same for every map.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let outputs = f64::from(self.outputs) * binary_entropy(self.flip);
        samples as f64 * (f64::from(self.uniform()) + outputs)
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        let words = &mut parameter_words(self.seed);
        let mut row = vec![0; self.inputs as usize];
        let draw_row = |_| {
            fair_bits(words, &mut row);
            pack(&row)
        };
        Ok(Arc::new(LinearMap {
            settings: self.clone(),
            rows: (0..self.outputs).map(draw_row).collect(),
        }))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        let settings = self.clone();
        Some(if self.flip > 0.0 {
            let balance = vec![0; (self.outputs as usize) << self.inputs];
            Box::new(Noisy { settings, balance })
        } else {
            Box::new(Basis {
                settings,
                equations: vec![None; self.inputs as usize],
                contradiction: false,
            })
        })
    }
}

fn because_of_flip(mut setting: InvalidSetting) -> InvalidSetting {
    setting.allowed += " where source.flip is above 0: the exact marginal holds m 2^k counts, at \
                        most 2^24, with k at most 20";
    setting
}

/// Bits, 64 a word, the first in the highest place; places after the last bit are 0.
fn pack(bits: &[u16]) -> Vec<u64> {
    let word = |bits: &[u16]| {
        let places = bits.iter().zip((0..64).rev());
        places.fold(0, |word, (&bit, place)| word | u64::from(bit) << place)
    };
    bits.chunks(64).map(word).collect()
}

/// An m x k matrix over GF(2), all of its bits fair.
#[derive(Debug)]
struct LinearMap {
    settings: LinearSettings,
    /// The m rows, each packed.
    rows: Vec<Vec<u64>>,
}

impl LinearMap {
    /// The outputs of an input, not flipped.
    fn outputs(&self, inputs: &[u16]) -> impl Iterator<Item = u16> {
        let inputs = pack(inputs);
        self.rows.iter().map(move |row| {
            // An inner product over GF(2) is the parity of all products, and the parity of many
            // words is that of their exclusive or: 64 products an operation.
            let both = row.iter().zip(&inputs).fold(0, |sum, (a, b)| sum ^ (a & b));
            (both.count_ones() & 1) as u16
        })
    }
}

impl Parameters for LinearMap {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let (inputs, outputs) = self.settings.split(sequence);
        let pairs = self.outputs(inputs).zip(outputs);
        let flipped = pairs.filter(|(right, found)| right != *found).count() as u64;
        let kept = u64::from(self.settings.outputs) - flipped;
        let outputs =
            times_log2(flipped, self.settings.flip) + times_log2(kept, 1.0 - self.settings.flip);
        Some(outputs - f64::from(self.settings.uniform()))
    }

    /// Takes the uniform bits off the stream, then, where outputs are flipped at all, a fraction for
    /// each output.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        let threshold = threshold(self.settings.flip);
        Box::new(move |row| {
            let (uniform, outputs) = row.split_at_mut(self.settings.uniform() as usize);
            fair_bits(&mut words, uniform);
            let right = self.outputs(&uniform[..self.settings.inputs as usize]);
            for (output, right) in outputs.iter_mut().zip(right) {
                let flipped = threshold > 0 && fraction(&mut words) < threshold;
                *output = right ^ u16::from(flipped);
            }
        })
    }
}

/// The equations so far, brought to a form in which no two begin at the same place.
///
/// The marginal of linear data without flips, with the map unknown: by the rank of the inputs.
///
/// A row M_j of the map, k fair bits, gives output j of all strings if it solves <M_j, x_i> = y_ij
/// for every i. Where these equations agree with each other their solutions are 2^(k-r) of the 2^k
/// rows, r the rank of the inputs x_i; where they do not, there are none. The m rows are
/// independent, so that p(X) = 2^(-N (S - m)) 2^(-m r), or 0.
struct Basis {
    settings: LinearSettings,
    /// By the place of its first 1 among the inputs: an equation, inputs and outputs, each packed.
    equations: Vec<Option<(Vec<u64>, Vec<u64>)>>,
    contradiction: bool,
}

impl Statistics for Basis {
    fn observe(&mut self, sequence: &[u16]) {
        let (inputs, outputs) = self.settings.split(sequence);
        let (mut inputs, mut outputs) = (pack(inputs), pack(outputs));
        // Gaussian elimination, an equation at a time. Each addition takes the first 1 away, so the
        // next lies further on and the loop ends after at most k of them.
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

    fn log2_marginal(&self, sequences: u64) -> f64 {
        if self.contradiction {
            return f64::NEG_INFINITY;
        }
        let rank = self.equations.iter().flatten().count() as f64;
        let uniform = sequences as f64 * f64::from(self.settings.uniform());
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

/// For each output and each input, strings whose output is 0 less strings whose output is 1.
///
/// The marginal of linear data with flips, with the map unknown: a sum over all rows there are.
///
/// Given row a, output j of all N strings has probability f^d (1 - f)^(N - d), with d(a) how many of
/// them differ from <a, x_i>; its marginal is the mean of that over the 2^k rows. With
/// c(x) = sum over the strings with input x of (-1)^y, the Walsh-Hadamard transform
/// c^(a) = sum over x of c(x) (-1)^<a, x> is (N - d) - d, so that d(a) = (N - c^(a)) / 2: one
/// transform an output, in exact integers. The mean is taken in the log domain. Outputs are
/// independent given the inputs, and the S - m other bits are uniform.
struct Noisy {
    settings: LinearSettings,
    /// m tables of 2^k; an input is read with its first bit highest.
    balance: Vec<i64>,
}

impl Statistics for Noisy {
    fn observe(&mut self, sequence: &[u16]) {
        let (inputs, outputs) = self.settings.split(sequence);
        let input = inputs
            .iter()
            .fold(0, |number, &bit| number << 1 | usize::from(bit));
        for (output, &bit) in outputs.iter().enumerate() {
            let table = output << self.settings.inputs;
            self.balance[table + input] += 1 - 2 * i64::from(bit);
        }
    }

    fn log2_marginal(&self, count: u64) -> f64 {
        let flip = self.settings.flip;
        let uniform = count as f64 * f64::from(self.settings.uniform());
        let tables = self.balance.chunks_exact(1 << self.settings.inputs);
        let outputs: f64 = tables
            .map(|table| {
                let mut sums = table.to_vec();
                walsh_hadamard(&mut sums);
                let of = |&sum: &i64| {
                    // The sum has the parity of N and is from -N to N.
                    // So N - sum is even and from 0 to 2 N; wrapping, it is right for negative sums
                    // as well.
                    let differ = count.wrapping_sub(sum as u64) / 2;
                    times_log2(differ, flip) + times_log2(count - differ, 1.0 - flip)
                };
                // The mean over 2^k rows, so k bits less than the sum.
                log2_sum(sums.iter().map(of)) - f64::from(self.settings.inputs)
            })
            .sum();
        outputs - uniform
    }
}

/// In place; the length is a power of two.
fn walsh_hadamard(table: &mut [i64]) {
    let mut half = 1;
    // No sum on the way is beyond the number of strings, so that nothing overflows.
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
