//! Tokens into words and back, one at a time.

use constriction::backends::Cursor;
use constriction::stream::model::UniformModel;
use constriction::stream::queue::{RangeDecoder, RangeEncoder};
use constriction::stream::{Decode, Encode};

use super::error::DistributionError;
use super::shares::{PRECISION, Sharer};

/// Words of the code. As wide as shares are precise, which constriction asks for.
type Word = u32;

/// State of the coder. With constriction's usual 64 bits a range may be down to 2^32 steps for 2^32 shares, and
/// rounding it to whole steps would cost 0.03 bits a token on average; of 128 bits, at least 2^96 steps are left.
type State = u128;

/// Writes tokens.
pub(super) struct TokenEncoder {
    coder: RangeEncoder<Word, State>,
    sharer: Sharer,
}

impl TokenEncoder {
    pub(super) fn new() -> Self {
        Self {
            coder: RangeEncoder::new(),
            sharer: Sharer::default(),
        }
    }

    /// Writes a token that has the log-probability given at its place.
    pub(super) fn encode(
        &mut self,
        token: u16,
        log_probabilities: &[f32],
    ) -> Result<(), DistributionError> {
        let shares = self.sharer.shares(log_probabilities)?;
        self.coder
            .encode_symbol(usize::from(token), shares)
            .map_err(|_| DistributionError::NoEntry { token })
    }

    /// Writes a token out of `vocabulary` (2 or more) that are equally probable.
    pub(super) fn encode_uniform(
        &mut self,
        token: u16,
        vocabulary: u32,
    ) -> Result<(), DistributionError> {
        self.coder
            .encode_symbol(usize::from(token), uniform(vocabulary))
            .map_err(|_| DistributionError::NoEntry { token })
    }

    /// The code, most significant byte first.
    pub(super) fn finish(self) -> Vec<u8> {
        let words = match self.coder.into_compressed() {
            Ok(words) => words,
            Err(never) => match never {},
        };
        words.into_iter().flat_map(Word::to_be_bytes).collect()
    }
}

/// Reads tokens in the order in which they were written.
pub(super) struct TokenDecoder {
    coder: RangeDecoder<Word, State, Cursor<Word, Vec<Word>>>,
    sharer: Sharer,
}

impl TokenDecoder {
    /// `payload` is whole words.
    pub(super) fn new(payload: &[u8]) -> Self {
        let (words, _) = payload.as_chunks();
        let words = words
            .iter()
            .map(|&word| Word::from_be_bytes(word))
            .collect();
        let coder = match RangeDecoder::from_compressed::<Vec<Word>>(words) {
            Ok(coder) => coder,
            Err(never) => match never {},
        };
        Self {
            coder,
            sharer: Sharer::default(),
        }
    }

    /// Reads a token that was written with these log-probabilities: the number of an entry, or None where no code has
    /// the bits that follow.
    pub(super) fn decode(
        &mut self,
        log_probabilities: &[f32],
    ) -> Result<Option<usize>, DistributionError> {
        let shares = self.sharer.shares(log_probabilities)?;
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

/// Size of a word in bytes.
pub(super) const WORD_BYTES: usize = size_of::<Word>();
