//! A dataset in memory.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use bitcap_base::InvalidSetting;

/// Which of a source's independent streams of samples a dataset is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What models are trained on.
    #[serde(rename = "data")]
    Training,
    /// Data of the same source that no model has seen: the noise floor of every measure.
    Fresh,
}

impl Split {
    /// The name of the split in files, which is the purpose of its random words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "data",
            Self::Fresh => "fresh",
        }
    }
}

/// N sequences of S tokens out of a vocabulary of V.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// The tokens, row-major `[N, S]`; each is below `vocabulary`.
    pub tokens: Vec<u16>,
    /// N, the number of sequences.
    pub samples: usize,
    /// S, tokens a sequence; at least 1.
    pub length: usize,
    /// V: tokens go from 0 to V - 1.
    pub vocabulary: u32,
}

impl Dataset {
    /// Sequence `index`: S tokens.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::samples`].
    #[must_use]
    pub fn sequence(&self, index: usize) -> &[u16] {
        &self.tokens[index * self.length..][..self.length]
    }

    /// The sequences in their order.
    pub fn sequences(&self) -> impl ExactSizeIterator<Item = &[u16]> {
        self.tokens.chunks_exact(self.length)
    }

    /// The sequences with these indices, as a dataset.
    ///
    /// # Panics
    /// Where an index is not below [`Self::samples`].
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let rows: Vec<&[u16]> = indices.iter().map(|&index| self.sequence(index)).collect();
        Self {
            tokens: rows.concat(),
            samples: indices.len(),
            ..*self
        }
    }

    /// How many of this dataset's sequences, each counted as often as it stands here, occur in
    /// `other`: `fresh.occurring_in(&training)` is the column `fresh_in_training`.
    #[must_use]
    pub fn occurring_in(&self, other: &Self) -> usize {
        let others: HashSet<_> = other.sequences().collect();
        self.sequences()
            .filter(|sequence| others.contains(sequence))
            .count()
    }

    /// [`tokens_blake3`] of the dataset.
    #[must_use]
    pub fn tokens_blake3(&self) -> String {
        tokens_blake3(&self.tokens)
    }
}

/// BLAKE3 of tokens (`u16` little-endian, in their order), 64 hexadecimal digits.
#[must_use]
pub fn tokens_blake3(tokens: &[u16]) -> String {
    let mut hasher = blake3::Hasher::new();
    // Piece by piece, or the bytes would be a second copy of the whole dataset in memory.
    let mut bytes = Vec::with_capacity(2 * PIECE);
    for piece in tokens.chunks(PIECE) {
        little_endian(piece, &mut bytes);
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// Whether `text` is a BLAKE3 as bitcap writes it: 64 lower-case hexadecimal digits.
#[must_use]
pub fn is_blake3(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(digit)
}

/// Tokens handled at a time where a dataset goes by in a stream: 128 KiB, which stays in a core's
/// cache and is large enough for BLAKE3's widest code.
pub(crate) const PIECE: usize = 1 << 16;

/// Whole sequences handled at a time in a stream of `samples` sequences: at least one.
pub(crate) fn rows_at_a_time(length: u32, samples: u64) -> usize {
    let rows = (PIECE / length as usize).max(1);
    usize::try_from(samples).map_or(rows, |samples| rows.min(samples))
}

/// An empty vector with room for so many; None where this machine's memory has none.
pub(crate) fn with_room<T>(count: u64) -> Option<Vec<T>> {
    // Asked for before anything is pushed: an allocation that fails later ends the process, this
    // one becomes an error.
    let mut room = Vec::new();
    room.try_reserve_exact(usize::try_from(count).ok()?).ok()?;
    Some(room)
}

/// Writes the tokens as bytes into `bytes`, whose old content is dropped.
pub(crate) fn little_endian(tokens: &[u16], bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
}

/// Bytes that the tokens of `samples` sequences take, two each, in memory and in a file.
///
/// # Errors
/// No samples, or more bytes than a file or an allocation can have (2^63 - 1).
pub(crate) fn token_bytes(length: u32, samples: u64) -> Result<u64, InvalidSetting> {
    let row = u64::from(length) * 2;
    let most = i64::MAX as u64 / row;
    if (1..=most).contains(&samples) {
        return Ok(samples * row);
    }
    let allowed = format!("from 1 to {most} at this length");
    Err(InvalidSetting::new("data.samples", samples, allowed))
}
