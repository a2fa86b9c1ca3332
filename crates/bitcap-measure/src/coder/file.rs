//! The coded file as bytes.
//!
//! "bitcap-code/1\n", the header's length (u32), the header in JSON, the payload's length in bytes (u64), the payload,
//! and the BLAKE3 of all that (32 bytes). Lengths are little-endian.

use serde::{Deserialize, Serialize};

use super::error::CodedFileError;
use super::header::CodeHeader;
use super::range::WORD_BYTES;

const MAGIC: &[u8] = b"bitcap-code/1\n";
const HEADER_LENGTH: usize = size_of::<u32>();
const PAYLOAD_LENGTH: usize = size_of::<u64>();

/// Headers are some 300 bytes.
const LONGEST_HEADER: u32 = 4096;

/// A dataset in a model's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodedFile {
    header: CodeHeader,
    payload: Vec<u8>,
}

/// What the parts of a coded file take, in bits. They sum to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodedBits {
    /// The code of the tokens: what a claimed code length is compared with.
    pub payload: u64,
    /// Beginning, header and lengths, without the hashes.
    pub header: u64,
    /// The hashes of the model, of the tokens (64 digits each), and of the file. They check, they do not inform.
    pub hashes: u64,
}

impl CodedFile {
    pub(super) fn new(header: CodeHeader, payload: Vec<u8>) -> Self {
        Self { header, payload }
    }

    /// What the file says of itself.
    pub fn header(&self) -> &CodeHeader {
        &self.header
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
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
            return Err(CodedFileError::NotCoded);
        }
        let mut reader = Reader {
            bytes,
            at: begins.len(),
        };
        if begins.len() < MAGIC.len() {
            return Err(reader.cut(MAGIC.len() as u64));
        }
        let length = u32::from_le_bytes(reader.array()?);
        if length > LONGEST_HEADER {
            return Err(CodedFileError::Header(format!(
                "it is {length} bytes long; the longest is {LONGEST_HEADER}"
            )));
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
            return Err(CodedFileError::Longer {
                found: bytes.len(),
                expected: end,
            });
        }
        let payload = reader.take(length)?;
        let content = &bytes[..reader.at];
        let hash: [u8; blake3::OUT_LEN] = reader.array()?;
        if blake3::hash(content) != blake3::Hash::from(hash) {
            return Err(CodedFileError::Altered);
        }
        // Only now: in an altered file the header would be blamed for what is not its fault.
        let header = CodeHeader::from_json(header)?;
        if !payload.len().is_multiple_of(WORD_BYTES) {
            let found = payload.len();
            return Err(CodedFileError::Header(format!(
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
        CodedFileError::Cut {
            found: self.bytes.len(),
            expected,
        }
    }
}
