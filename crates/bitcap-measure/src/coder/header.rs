//! What a coded file says of itself.

use serde::{Deserialize, Serialize};

use super::error::CodedFileError;
use crate::{MeasureError, Prediction, Shape};

/// Longest sequences, as in all of bitcap.
const LONGEST: usize = 4096;

/// Most sequences a batch: with the longest sequences, half a gigabyte of tokens.
pub(super) const LARGEST_BATCH: usize = 65536;

/// The form of a coded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CodeFormat {
    /// `bitcap-code/1`
    #[serde(rename = "bitcap-code/1")]
    V1,
}

/// The header: what is needed to decode beside the model, and nothing that the data could be made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeHeader {
    /// The form of the file.
    pub format: CodeFormat,
    /// N, the sequences coded.
    pub samples: usize,
    /// S, the tokens a sequence.
    pub length: usize,
    /// V, the tokens to choose from.
    pub vocabulary: u32,
    /// Whether the model predicts all S tokens, and has V + 1 entries; otherwise each sequence's first token is coded
    /// as one of V that are equally probable.
    pub start_token: bool,
    /// Sequences that the model reads at a time. Part of the code: tokens are written batch by batch, in a batch
    /// position by position, at a position sequence by sequence; and a model may round otherwise in another batch.
    pub batch: usize,
    /// BLAKE3 of the model's weights, in hexadecimal.
    pub model_blake3: String,
    /// BLAKE3 of the tokens, u16 little-endian in the order of the dataset, in hexadecimal.
    pub tokens_blake3: String,
}

impl CodeHeader {
    /// The shape of the data.
    ///
    /// # Errors
    ///
    /// There is no such shape.
    pub fn shape(&self) -> Result<Shape, MeasureError> {
        let prediction = Prediction::with_start_token(self.start_token);
        Shape::new(self.samples, self.length, self.vocabulary, prediction)
    }

    /// From JSON; every value is checked.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, CodedFileError> {
        let wrong = |why: &dyn std::fmt::Display| CodedFileError::Header(why.to_string());
        let header: Self = serde_json::from_slice(json).map_err(|error| wrong(&error))?;
        header.shape().map_err(|error| wrong(&error))?;
        if header.length > LONGEST {
            let length = header.length;
            return Err(wrong(&format!(
                "`length` is {length}; it must be from 1 to {LONGEST}"
            )));
        }
        check_batch(header.batch).map_err(|allowed| {
            wrong(&format!(
                "`batch` is {}; it must be {allowed}",
                header.batch
            ))
        })?;
        for (key, hash) in [
            ("model_blake3", &header.model_blake3),
            ("tokens_blake3", &header.tokens_blake3),
        ] {
            check_hash(hash).map_err(|allowed| {
                wrong(&format!("`{key}` is \"{hash}\"; it must be {allowed}"))
            })?;
        }
        Ok(header)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // Numbers, strings and booleans in a struct always serialize.
        serde_json::to_vec(self).expect("a header is always JSON")
    }
}

/// The error is what would be right.
pub(super) fn check_batch(batch: usize) -> Result<(), &'static str> {
    if (1..=LARGEST_BATCH).contains(&batch) {
        Ok(())
    } else {
        Err("from 1 to 65536")
    }
}

/// The error is what would be right.
pub(super) fn check_hash(hash: &str) -> Result<(), &'static str> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hash.len() == 2 * blake3::OUT_LEN && hash.bytes().all(digit) {
        Ok(())
    } else {
        Err("64 lower-case hexadecimal digits")
    }
}

/// BLAKE3 of tokens, as a dataset file states it.
pub(super) fn tokens_blake3(tokens: &[u16]) -> String {
    /// Hashed at a time, so that no copy of a large dataset is made.
    const PIECE: usize = 1 << 16;
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::with_capacity(2 * PIECE);
    for piece in tokens.chunks(PIECE) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|token| token.to_le_bytes()));
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}
