//! The coded file as bytes.
//!
//! "bitcap-code/1\n", the header's length (u32), the header in JSON, the payload's length in bytes (u64), the payload,
//! and the BLAKE3 of all that (32 bytes). Lengths are little-endian.

use std::fmt::Display;

use bitcap_base::{InvalidSetting, in_range};
use bitcap_source::{DataShape, is_blake3};
use serde::{Deserialize, Serialize};

use super::range::WORD_BYTES;

const MAGIC: &[u8] = b"bitcap-code/1\n";
const HEADER_LENGTH: usize = size_of::<u32>();
const PAYLOAD_LENGTH: usize = size_of::<u64>();

/// Headers are some 300 bytes.
const LONGEST_HEADER: u64 = 4096;

/// Most sequences a batch: with the longest sequences, half a gigabyte of tokens.
pub const LARGEST_BATCH: usize = 65536;

/// A dataset in a model's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodedFile {
    pub(super) header: CodeHeader,
    pub(super) payload: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CodeFormat {
    #[serde(rename = "bitcap-code/1")]
    V1,
}

/// The header: what is needed to decode beside the model, and nothing that the data could be made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeHeader {
    pub(super) format: CodeFormat,
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
    pub fn shape(&self) -> DataShape {
        DataShape {
            vocabulary: self.vocabulary,
            length: self.length,
            start_token: self.start_token,
        }
    }

    fn check(&self) -> Result<(), InvalidSetting> {
        self.shape().validate()?;
        // Bytes of tokens are addressed by numbers below that.
        let most = isize::MAX as usize / (2 * self.length);
        in_range("samples", self.samples, 1, most)?;
        in_range("batch", self.batch, 1, LARGEST_BATCH)?;
        for (key, hash) in [
            ("model_blake3", &self.model_blake3),
            ("tokens_blake3", &self.tokens_blake3),
        ] {
            if !is_blake3(hash) {
                let allowed = "64 lower-case hexadecimal digits";
                return Err(InvalidSetting::new(key, format!("{hash:?}"), allowed));
            }
        }
        Ok(())
    }

    fn to_json(&self) -> Vec<u8> {
        // Numbers, strings and booleans in a struct always serialize.
        serde_json::to_vec(self).expect("a header is always JSON")
    }
}

/// What the parts of a coded file take, in bits. They sum to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodedBits {
    /// The code of the tokens: what a claimed code length is compared with.
    pub payload: u64,
    /// Beginning, header and lengths, without the hashes.
    pub header: u64,
    /// The hashes of the model, of the tokens (64 digits each), and of the file. They check, they do not inform.
    pub hashes: u64,
}

impl CodedFile {
    /// What the file says of itself.
    pub fn header(&self) -> &CodeHeader {
        &self.header
    }

    /// What each part takes.
    pub fn bits(&self) -> CodedBits {
        let digits = self.header.model_blake3.len() + self.header.tokens_blake3.len();
        let head = MAGIC.len() + HEADER_LENGTH + self.header.to_json().len() + PAYLOAD_LENGTH;
        let bits = |bytes: usize| 8 * bytes as u64;
        CodedBits {
            payload: bits(self.payload.len()),
            header: bits(head - digits),
            hashes: bits(digits + blake3::OUT_LEN),
        }
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = self.header.to_json();
        let mut bytes = MAGIC.to_vec();
        // Headers are far shorter than u32 can say.
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        bytes.extend((self.payload.len() as u64).to_le_bytes());
        bytes.extend(&self.payload);
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        bytes
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    ///
    /// They are not a coded file, cut, followed by something, altered in any bit, or say what cannot be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodedFileError> {
        // What ends within the beginning is a file that was cut, not one of another kind.
        let begins = &bytes[..bytes.len().min(MAGIC.len())];
        if begins.is_empty() || !MAGIC.starts_with(begins) {
            let what =
                "this is not a file that bitcap coded: it does not begin with \"bitcap-code/1\"";
            return Err(CodedFileError(what.into()));
        }
        let found = bytes.len();
        let part = |start: usize, length: u64| {
            let end = (start as u64).saturating_add(length);
            let part = usize::try_from(end).map(|end| bytes.get(start..end));
            part.ok().flatten().ok_or_else(|| {
                let what = format!("the file is cut: it has {found} bytes and should have {end}");
                CodedFileError(what)
            })
        };
        let number = |start: usize, width: usize| {
            let bytes = part(start, width as u64)?.iter().rev();
            Ok(bytes.fold(0, |number, &byte| number << 8 | u64::from(byte)))
        };
        part(0, MAGIC.len() as u64)?;
        let length = number(MAGIC.len(), HEADER_LENGTH)?;
        // Before the length is believed: an altered one would make a whole file look cut.
        if length > LONGEST_HEADER {
            let why = format!("it is {length} bytes long; the longest is {LONGEST_HEADER}");
            return Err(CodedFileError::header(why));
        }
        let header = part(MAGIC.len() + HEADER_LENGTH, length)?;
        let start = MAGIC.len() + HEADER_LENGTH + header.len();
        let length = number(start, PAYLOAD_LENGTH)?;
        let start = start + PAYLOAD_LENGTH;
        // To the end of the file, so that what is missing is told as a whole.
        let rest = part(start, length.saturating_add(blake3::OUT_LEN as u64))?;
        let end = start + rest.len();
        if found > end {
            return Err(CodedFileError(format!(
                "the file has {found} bytes and should have {end}: something was added"
            )));
        }
        let (content, hash) = bytes.split_at(end - blake3::OUT_LEN);
        if blake3::hash(content) != *hash {
            let what =
                "the file was altered: its content has another BLAKE3 than it was written with";
            return Err(CodedFileError(what.into()));
        }
        // Only now: in an altered file the header would be blamed for what is not its fault.
        let header: CodeHeader = serde_json::from_slice(header).map_err(CodedFileError::header)?;
        header.check().map_err(CodedFileError::header)?;
        let payload = content[start..].to_vec();
        if !payload.len().is_multiple_of(WORD_BYTES) {
            let found = payload.len();
            return Err(CodedFileError::header(format!(
                "the payload has {found} bytes; it must be whole words of {WORD_BYTES}"
            )));
        }
        Ok(Self { header, payload })
    }
}

/// Why bytes are not a coded file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodedFileError(String);

impl CodedFileError {
    fn header(why: impl Display) -> Self {
        Self(format!("the header is wrong: {why}"))
    }
}
