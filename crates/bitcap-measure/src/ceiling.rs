//! What no model of single sequences can exceed.

use bitcap_source::DataShape;

use crate::rows::sequences;
use crate::{DataEntropy, Memorized};
use bitcap_base::CompensatedSum;

/// Bits that are equal but for roundings, relative.
const EQUAL: f64 = 1e-12;

/// The best that any model of single sequences can do on a dataset, and what that memorizes of it.
///
/// Such a model gives every sequence a probability, whatever its place in the dataset, so it cannot hold the order of
/// the dataset. Let p_emp(x) be the share of x among the N sequences. For any model q, by Gibbs' inequality,
///
/// sum_i -log2 q(x_i) = sum_i -log2 p_emp(x_i) + N KL(p_emp || q) >= sum_i -log2 p_emp(x_i),
///
/// and q = p_emp, factored into next-token probabilities, attains it. Where the first token is not predicted, the same
/// holds among the sequences that begin with the same token, so p_emp is conditional on it. If all sequences are
/// distinct that is N log2 N bits, or sum_i log2 c_i with c_i the number of sequences that begin as sequence i does.
///
/// The code length holds for any data. The two ceilings beside it are those of uniform data; for others, see
/// [`Self::bits`]. Of copies each of the D strings is coded once, so the sum goes over those: D log2 D bits where they
/// all differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceiling {
    /// The data that it holds for.
    pub shape: DataShape,
    /// How many sequences there are.
    pub samples: usize,
    /// Total code length in bits of the best possible model: sum_i log2(1 / p_emp(x_i)).
    pub code_length_bits: f64,
    /// Most memorized bits of uniform data, strict accounting: N S_pred log2 V less the code length.
    pub ceiling_bits_strict: f64,
    /// Most memorized bits of uniform data, paper's accounting: S / S_pred times the strict.
    pub ceiling_bits_paper: f64,
    /// How many different sequences there are.
    pub distinct: usize,
}

impl Ceiling {
    /// The ceiling of `tokens`, row-major [N, S]. Sorts N references: O(N log N) comparisons, 16 bytes a sequence.
    ///
    /// # Panics
    ///
    /// If there are no tokens, they do not make whole sequences, or one is not in the vocabulary.
    pub fn of(tokens: &[u16], shape: DataShape) -> Self {
        let mut sequences: Vec<&[u16]> = sequences(tokens, shape).collect();
        // Sorted, those that begin alike stand together, and among them those that are equal.
        sequences.sort_unstable();

        let given = shape.given();
        let mut distinct = 0;
        let mut code_length = CompensatedSum::default();
        // With a start token nothing is given and all are alike; otherwise p_emp is among those of
        // the same first token. Either way it is copies / alike, and costs each copy log2 of the
        // inverse.
        for alike in sequences.chunk_by(|a, b| a[..given] == b[..given]) {
            for copies in alike.chunk_by(|a, b| a == b) {
                distinct += 1;
                let (copies, alike) = (copies.len() as f64, alike.len() as f64);
                code_length.add(copies * (alike / copies).log2());
            }
        }

        let samples = sequences.len();
        let code_length_bits = code_length.value();
        let uniform = shape.predicted_bits(samples);
        let Memorized {
            strict_bits,
            paper_bits,
        } = Memorized::of(without_rounding(uniform - code_length_bits, uniform), shape);
        Self {
            shape,
            samples,
            code_length_bits,
            ceiling_bits_strict: strict_bits,
            ceiling_bits_paper: paper_bits,
            distinct,
        }
    }

    /// Most memorized bits of data with this entropy: the entropy less the code length, for that is what memorized bits
    /// are, and no model's code is shorter. It is 0 or below where the data has so few bits that even the best model
    /// of single sequences cannot save any: of coin tosses with N log2 N above the entropy, for one. None where the
    /// entropy is not known.
    pub fn bits(&self, entropy: DataEntropy) -> Option<Memorized> {
        let strict = match entropy {
            DataEntropy::Uniform { .. } => self.ceiling_bits_strict,
            DataEntropy::Structured { entropy_bits, .. } => {
                let bits = entropy_bits - self.code_length_bits;
                // A difference of two equal figures, of which one is a sum over all the data.
                if bits.abs() <= EQUAL * entropy_bits {
                    0.0
                } else {
                    bits
                }
            }
            DataEntropy::Bounded { .. } | DataEntropy::Unknown => return None,
        };
        Some(Memorized::of(strict, self.shape))
    }
}

/// Where all sequences there can be are equally frequent nothing can be memorized, but the difference of two equal
/// sums may come out as a rounding, of either sign, and a share of it would mean nothing. Ceilings that are not 0 are at
/// least about 1 / N^2 of the bits, far above this up to an N of 10^7.
fn without_rounding(bits: f64, of: f64) -> f64 {
    if bits <= 8.0 * f64::EPSILON * of {
        0.0
    } else {
        bits
    }
}
