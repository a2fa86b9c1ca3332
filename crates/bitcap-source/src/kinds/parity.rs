//! Sparse parity: the last bit of each string is the parity of a few of the others, the same ones in
//! all strings, flipped at a rate. Which ones is the one thing there is to learn (Barak et al. 2022,
//! "Hidden progress in deep learning: SGD learns parities near the computational limit").

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Split;
use crate::kind::{Kind, Parameters, Rows, Statistics, parameter_words};
use crate::math::{binary_entropy, log2_sum, times_log2};
use crate::random::{fair_bits, fraction, subset, threshold};
use bitcap_base::{InvalidSetting, in_range, stream};

/// Most subsets there may be: the marginal holds a count of each, 8 MiB, and 64 sequences take as
/// many steps.
const MAX_SUBSETS: u64 = 1 << 20;

/// Settings of the sparse parity; V = 2. A string is n uniform bits and their parity, S = n + 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParitySettings {
    /// Number of input bits n, 1 to 4,095; S is n + 1.
    pub inputs: u32,
    /// How many of them the parity is of, k, 1 to n; there are at most 2^20 such subsets.
    pub subset: u32,
    /// Probability that the parity is flipped, 0 to 0.5.
    #[serde(default)]
    pub flip: f64,
    /// Seed that the subset is drawn with.
    pub seed: u64,
}

impl ParitySettings {
    /// How many subsets there are, n over k; None where they are more than may be.
    fn subsets(&self) -> Option<usize> {
        let few = self.subset.min(self.inputs - self.subset);
        let mut subsets = 1;
        for i in 0..few {
            // A product of i + 1 numbers in a row is a multiple of (i + 1)!.
            subsets = subsets * u64::from(self.inputs - i) / u64::from(i + 1);
            if subsets > MAX_SUBSETS {
                return None;
            }
        }
        Some(subsets as usize)
    }
}

impl Kind for ParitySettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.inputs", self.inputs, 1, 4095)?;
        in_range("source.subset", self.subset, 1, self.inputs)?;
        if self.subsets().is_none() {
            let allowed = format!(
                "smaller, or near source.inputs: {} inputs have more than 2^20 subsets of that size, \
                 and the exact marginal is a sum over all of them",
                self.inputs
            );
            return Err(InvalidSetting::new("source.subset", self.subset, allowed));
        }
        in_range("source.flip", self.flip, 0.0, 0.5)
    }

    fn common(&self) -> (u32, u32, u64) {
        (2, self.inputs + 1, self.seed)
    }

    /// Given the subset, the same for every one.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        samples as f64 * (f64::from(self.inputs) + binary_entropy(self.flip))
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        let words = &mut parameter_words(self.seed);
        let subset = subset(words, self.subset, self.inputs);
        Ok(Arc::new(Subset {
            settings: self.clone(),
            subset,
        }))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(Differences {
            settings: self.clone(),
            differ: vec![0; self.subsets()?],
            pending: Block::new(self.inputs),
        }))
    }
}

/// The inputs whose parity it is, in their order.
#[derive(Debug)]
struct Subset {
    settings: ParitySettings,
    subset: Vec<u32>,
}

impl Subset {
    /// Not flipped.
    fn parity(&self, inputs: &[u16]) -> u16 {
        let subset = self.subset.iter();
        subset.fold(0, |parity, &input| parity ^ inputs[input as usize])
    }
}

impl Parameters for Subset {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let (inputs, parity) = sequence.split_at(self.settings.inputs as usize);
        let differs = u64::from(self.parity(inputs) != parity[0]);
        let flip = self.settings.flip;
        let output = times_log2(differs, flip) + times_log2(1 - differs, 1.0 - flip);
        Some(output - f64::from(self.settings.inputs))
    }

    /// Takes the inputs off the stream, then, where the parity is flipped at all, a fraction.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        let threshold = threshold(self.settings.flip);
        Box::new(move |row| {
            let (inputs, parity) = row.split_at_mut(self.settings.inputs as usize);
            fair_bits(&mut words, inputs);
            let flipped = threshold > 0 && fraction(&mut words) < threshold;
            parity[0] = self.parity(inputs) ^ u16::from(flipped);
        })
    }
}

/// From how many strings' output each subset's parity differs.
///
/// Given a subset, the outputs of all N strings have probability f^d (1 - f)^(N - d), with d how many
/// of them differ from its parity; the marginal is the mean of that over all subsets, and the inputs
/// are uniform. Strings are taken 64 at a time, so that a step adds one input of all of them.
struct Differences {
    settings: ParitySettings,
    /// For each subset, in the order of [`Block::add_differences`].
    differ: Vec<u64>,
    /// Strings that are not counted yet.
    pending: Block,
}

impl Statistics for Differences {
    fn observe(&mut self, sequence: &[u16]) {
        self.pending.push(sequence);
        if self.pending.strings == 64 {
            self.pending
                .add_differences(self.settings.subset, &mut self.differ);
            self.pending = Block::new(self.settings.inputs);
        }
    }

    fn log2_marginal(&self, count: u64) -> f64 {
        let mut differ = self.differ.clone();
        self.pending
            .add_differences(self.settings.subset, &mut differ);
        let flip = self.settings.flip;
        let of = |&differ: &u64| times_log2(differ, flip) + times_log2(count - differ, 1.0 - flip);
        let outputs = log2_sum(differ.iter().map(of)) - libm::log2(differ.len() as f64);
        outputs - count as f64 * f64::from(self.settings.inputs)
    }
}

/// Up to 64 strings, a word for each place: bit t is the t-th string's.
struct Block {
    /// The inputs, and last the output.
    places: Vec<u64>,
    strings: u32,
}

impl Block {
    fn new(inputs: u32) -> Self {
        Self {
            places: vec![0; inputs as usize + 1],
            strings: 0,
        }
    }

    fn push(&mut self, sequence: &[u16]) {
        for (place, &bit) in self.places.iter_mut().zip(sequence) {
            *place |= u64::from(bit) << self.strings;
        }
        self.strings += 1;
    }

    /// Adds to each subset's count in how many strings its parity is not the output. Goes through the
    /// inputs that are in a subset, or those that are not, whichever are fewer.
    fn add_differences(&self, subset: u32, counts: &mut [u64]) {
        let (output, inputs) = self.places.split_last().expect("the output is a place");
        let left_out = inputs.len() - subset as usize;
        let (few, start) = if left_out < subset as usize {
            let all = inputs.iter().fold(0, |all, input| all ^ input);
            (left_out, all)
        } else {
            (subset as usize, 0)
        };
        let mut counts = counts.iter_mut();
        sums_of_subsets(inputs, few, output ^ start, &mut |differs| {
            let count = counts.next().expect("a count for each subset");
            *count += u64::from(differs.count_ones());
        });
    }
}

/// Calls `each` with `start` plus the words of each subset of `size`, in GF(2), one subset after
/// another in lexicographic order.
fn sums_of_subsets(words: &[u64], size: usize, start: u64, each: &mut impl FnMut(u64)) {
    if size == 0 {
        each(start);
        return;
    }
    for first in 0..=words.len() - size {
        sums_of_subsets(&words[first + 1..], size - 1, start ^ words[first], each);
    }
}
