//! Tokens into words and back, one at a time, by whole shares of 2^32.

use constriction::backends::Cursor;
use constriction::stream::model::{LazyContiguousCategoricalEntropyModel, UniformModel};
use constriction::stream::queue::{RangeDecoder, RangeEncoder};
use constriction::stream::{Decode, Encode};

/// Why a distribution cannot be coded with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// An entry that is not the logarithm of a probability.
    #[error("entry {entry} is {found}; a log-probability must be at most 0")]
    Entry {
        /// Which entry.
        entry: usize,
        /// The number found.
        found: f32,
    },
    /// Not normalized.
    #[error("the probabilities sum to {found}; they must sum to 1")]
    Sum {
        /// The sum found.
        found: f64,
    },
    /// The token to code is impossible under the model.
    #[error(
        "token {token} occurs there and has probability 0; no claimed bits can be compared with its code"
    )]
    Impossible {
        /// The token.
        token: u16,
    },
}

/// Words of the code. As wide as shares are precise, which constriction asks for.
type Word = u32;

/// Size of a word in bytes.
pub(super) const WORD_BYTES: usize = size_of::<Word>();

/// State of the coder. With constriction's usual 64 bits a range may be down to 2^32 steps for 2^32 shares, and
/// rounding it to whole steps would cost 0.03 bits a token on average; of 128 bits, at least 2^96 steps are left.
type State = u128;

/// Writes tokens.
#[derive(Default)]
pub(super) struct TokenEncoder {
    coder: RangeEncoder<Word, State>,
    weights: Vec<f64>,
}

impl TokenEncoder {
    /// Writes a token that has the log-probability given at its place.
    pub(super) fn encode(
        &mut self,
        token: u16,
        log_probabilities: &[f32],
    ) -> Result<(), DistributionError> {
        // It has a share as every entry does, and could be coded; but its claim would be infinite.
        if log_probabilities[usize::from(token)] == f32::NEG_INFINITY {
            return Err(DistributionError::Impossible { token });
        }
        let shares = shares(log_probabilities, &mut self.weights)?;
        let written = self.coder.encode_symbol(usize::from(token), shares);
        written.expect("every entry has a share");
        Ok(())
    }

    /// Writes a token out of `vocabulary` (2 or more) that are equally probable.
    pub(super) fn encode_uniform(&mut self, token: u16, vocabulary: u32) {
        let shares = uniform(vocabulary);
        let written = self.coder.encode_symbol(usize::from(token), shares);
        written.expect("every token of the vocabulary has a share");
    }

    /// The code, most significant byte first.
    pub(super) fn finish(self) -> Vec<u8> {
        let Ok(words) = self.coder.into_compressed();
        words.into_iter().flat_map(Word::to_be_bytes).collect()
    }
}

/// Reads tokens in the order in which they were written.
pub(super) struct TokenDecoder {
    coder: RangeDecoder<Word, State, Cursor<Word, Vec<Word>>>,
    weights: Vec<f64>,
}

impl TokenDecoder {
    /// `payload` is whole words.
    pub(super) fn new(payload: &[u8]) -> Self {
        let (words, _) = payload.as_chunks();
        let words = words.iter().map(|&word| Word::from_be_bytes(word));
        let Ok(coder) = RangeDecoder::from_compressed::<Vec<Word>>(words.collect());
        let weights = Vec::new();
        Self { coder, weights }
    }

    /// Reads a token that was written with these log-probabilities: the number of an entry, or None where no code has
    /// the bits that follow.
    pub(super) fn decode(
        &mut self,
        log_probabilities: &[f32],
    ) -> Result<Option<usize>, DistributionError> {
        let shares = shares(log_probabilities, &mut self.weights)?;
        Ok(self.coder.decode_symbol(shares).ok())
    }

    /// Reads a token that was written as one out of `vocabulary`.
    pub(super) fn decode_uniform(&mut self, vocabulary: u32) -> Option<usize> {
        self.coder.decode_symbol(uniform(vocabulary)).ok()
    }
}

fn uniform(vocabulary: u32) -> UniformModel<u32, PRECISION> {
    UniformModel::new(vocabulary as usize)
}

/// Shares are multiples of 2^-32.
const PRECISION: usize = 32;

/// How far the probabilities may be from a sum of 1. A log-softmax in f32 over 65537 entries is off by some 1e-6; a
/// half of its entries, or logits, by far more.
const SUM_TOLERANCE: f64 = 1e-3;

/// The shares of one distribution, worked out as far as a symbol needs it.
type Shares<'a> = LazyContiguousCategoricalEntropyModel<u32, f64, &'a [f64], PRECISION>;

/// The shares of the distribution with these natural-log probabilities; `weights` is room for them. Equal input gives
/// equal shares on every platform: the exponential is libm's, and f64 sums go from first to last.
fn shares<'a>(
    log_probabilities: &[f32],
    weights: &'a mut Vec<f64>,
) -> Result<Shares<'a>, DistributionError> {
    weights.clear();
    for (entry, &found) in log_probabilities.iter().enumerate() {
        if found.is_nan() || found > 0.0 {
            return Err(DistributionError::Entry { entry, found });
        }
        weights.push(libm::exp(f64::from(found)));
    }
    let sum: f64 = weights.iter().sum();
    // Shares are of the sum, so a code could be made of numbers that are no probabilities as well;
    // that would hide what is wrong with them.
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(DistributionError::Sum { found: sum });
    }
    // By the sum that was found: what f32 left of 1, or put on it, is no part of any interval.
    let shares = Shares::from_floating_point_probabilities_fast(weights.as_slice(), Some(sum));
    Ok(shares.expect("a vocabulary has from 2 to 65,537 entries, and the sum was just checked"))
}

#[cfg(test)]
mod tests {
    use super::shares;
    use constriction::stream::model::{DecoderModel, EncoderModel};
    use proptest::prelude::*;

    fn log_softmax(logits: &[f32]) -> Vec<f32> {
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = logits.iter().map(|logit| (logit - highest).exp()).sum();
        logits
            .iter()
            .map(|logit| logit - highest - sum.ln())
            .collect()
    }

    /// Of large vocabularies only some symbols: each costs a sum over those before it.
    fn checked_symbols(size: usize) -> impl Iterator<Item = usize> {
        (0..size).filter(move |symbol| size < 1000 || symbol % 9973 == 0 || symbol + 3 > size)
    }

    fn check(log_probabilities: &[f32]) -> Result<(), TestCaseError> {
        let mut weights = Vec::new();
        let shares = shares(log_probabilities, &mut weights).unwrap();
        let size = log_probabilities.len();
        let interval = |symbol| {
            let (low, many) = shares.left_cumulative_and_probability(symbol).unwrap();
            (u64::from(low), u64::from(many.get()))
        };
        prop_assert_eq!(interval(0).0, 0);
        let total: f64 = log_probabilities.iter().map(|&l| f64::from(l).exp()).sum();
        for symbol in checked_symbols(size) {
            let (low, many) = interval(symbol);
            let next = if symbol + 1 < size {
                interval(symbol + 1).0
            } else {
                1 << 32
            };
            prop_assert_eq!(low + many, next);
            let p = f64::from(log_probabilities[symbol]).exp() / total;
            let (least, most) = (p * (2f64.powi(32) - size as f64), p * 2f64.powi(32) + 2.0);
            prop_assert!(many >= 1);
            prop_assert!(many as f64 > least - 1e-3, "{many} {least}");
            prop_assert!(many as f64 <= most + 1e-3, "{many} {most}");
            // Both ends of the interval decode to the symbol.
            for quantile in [low, low + many - 1] {
                let (found, found_low, found_many) = shares.quantile_function(quantile as u32);
                prop_assert_eq!(found, symbol);
                prop_assert_eq!(
                    (u64::from(found_low), u64::from(found_many.get())),
                    (low, many)
                );
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn shares_partition_all_there_are(
            logits in prop_oneof![
                proptest::collection::vec(-8.0..8.0f32, 2..300),
                proptest::collection::vec(prop_oneof![Just(-1e30f32), -120.0..0.0f32, Just(60.0)], 2..300),
            ]
        ) {
            check(&log_softmax(&logits))?;
        }
    }

    #[test]
    fn extreme_distributions() {
        let zero = f32::NEG_INFINITY;
        let tiny = f32::MIN_POSITIVE.ln() - 10.0;
        for row in [
            vec![0.0, zero, zero],
            vec![zero, -1e-30],
            vec![zero, -1e-38, tiny, zero],
            vec![-1e-45, -1e38, f32::MIN],
        ] {
            check(&row).unwrap();
        }
        for size in [65536, 65537] {
            let uniform = vec![-(size as f32).ln(); size];
            check(&uniform).unwrap();
            let mut certain = vec![zero; size];
            certain[size - 1] = 0.0;
            check(&certain).unwrap();
        }
    }

    #[test]
    fn refuses_what_is_no_distribution() {
        let error = |row: &[f32]| shares(row, &mut Vec::new()).unwrap_err().to_string();
        assert!(error(&[f32::NAN, 0.0]).contains("entry 0 is NaN"));
        assert!(error(&[-1.0, 1e-7]).contains("entry 1 is 0.0000001"));
        assert!(error(&[-0.7, f32::INFINITY]).contains("entry 1 is inf"));
        assert!(error(&[-1.0, -1.0]).contains("sum to 0.7357"));
        assert!(error(&[f32::NEG_INFINITY; 4]).contains("sum to 0"));
        assert!(error(&[]).contains("sum to -0"));
    }
}
