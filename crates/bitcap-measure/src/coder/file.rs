//! The coded file as bytes.
//!
//! "bitcap-code/1\n", the header's length (u32), the header in JSON, the payload's length in bytes (u64), the payload,
//! and the BLAKE3 of all that (32 bytes). Lengths are little-endian.

use std::fmt::Display;

use bitcap_source::{DataShape, is_blake3};
use serde::{Deserialize, Serialize};

use super::range::WORD_BYTES;

const MAGIC: &[u8] = b"bitcap-code/1\n";
const HEADER_LENGTH: usize = size_of::<u32>();
const PAYLOAD_LENGTH: usize = size_of::<u64>();

/// Headers are some 300 bytes.
const LONGEST_HEADER: u32 = 4096;

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

    /// From JSON; every value is checked.
    fn from_json(json: &[u8]) -> Result<Self, CodedFileError> {
        let header: Self = serde_json::from_slice(json).map_err(CodedFileError::header)?;
        let Self {
            length,
            samples,
            batch,
            ..
        } = header;
        header.shape().validate().map_err(CodedFileError::header)?;
        // Bytes of tokens are addressed by numbers below that.
        let most = isize::MAX as usize / (2 * length);
        for (key, found, most) in [("samples", samples, most), ("batch", batch, LARGEST_BATCH)] {
            if !(1..=most).contains(&found) {
                let why = format!("`{key}` is {found}; it must be from 1 to {most}");
                return Err(CodedFileError::header(why));
            }
        }
        for (key, hash) in [
            ("model_blake3", &header.model_blake3),
            ("tokens_blake3", &header.tokens_blake3),
        ] {
            if !is_blake3(hash) {
                let allowed = "64 lower-case hexadecimal digits";
                let why = format!("`{key}` is {hash:?}; it must be {allowed}");
                return Err(CodedFileError::header(why));
            }
        }
        Ok(header)
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
        let begins = &bytes[..bytes.len().min(MAGIC.len())];
        if begins.is_empty() || !MAGIC.starts_with(begins) {
            let what =
                "this is not a file that bitcap coded: it does not begin with \"bitcap-code/1\"";
            return Err(CodedFileError(what.into()));
        }
        let mut reader = Reader { bytes, at: 0 };
        reader.take(MAGIC.len() as u64)?;
        let length = u32::from_le_bytes(reader.array()?);
        if length > LONGEST_HEADER {
            let why = format!("it is {length} bytes long; the longest is {LONGEST_HEADER}");
            return Err(CodedFileError::header(why));
        }
        let header = reader.take(u64::from(length))?;
        let length = u64::from_le_bytes(reader.array()?);
        // To the end of the file, so that what is missing is told as a whole.
        let end = (reader.at as u64)
            .saturating_add(length)
            .saturating_add(blake3::OUT_LEN as u64);
        if (bytes.len() as u64) < end {
            return Err(reader.cut(end));
        }
        if bytes.len() as u64 > end {
            let found = bytes.len();
            return Err(CodedFileError(format!(
                "the file has {found} bytes and should have {end}: something was added"
            )));
        }
        let payload = reader.take(length)?;
        let content = &bytes[..reader.at];
        let hash: [u8; blake3::OUT_LEN] = reader.array()?;
        if blake3::hash(content) != blake3::Hash::from(hash) {
            let what =
                "the file was altered: its content has another BLAKE3 than it was written with";
            return Err(CodedFileError(what.into()));
        }
        // Only now: in an altered file the header would be blamed for what is not its fault.
        let header = CodeHeader::from_json(header)?;
        if !payload.len().is_multiple_of(WORD_BYTES) {
            let found = payload.len();
            return Err(CodedFileError::header(format!(
                "the payload has {found} bytes; it must be whole words of {WORD_BYTES}"
            )));
        }
        Ok(Self {
            header,
            payload: payload.to_vec(),
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], CodedFileError> {
        let end = (self.at as u64).saturating_add(length);
        let taken = usize::try_from(end)
            .ok()
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or_else(|| self.cut(end))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodedFileError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    fn cut(&self, expected: u64) -> CodedFileError {
        let found = self.bytes.len();
        CodedFileError(format!(
            "the file is cut: it has {found} bytes and should have {expected}"
        ))
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
