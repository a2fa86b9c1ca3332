//! Dataset files as they lie on disk: a safetensors file of one tensor, with strings beside it. What
//! the strings say of the tokens is checked here; what they say of the source is not looked at.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::error::Problem;
use crate::dataset::{rows_at_a_time, token_bytes};

/// The format this version writes and reads; the number rises when an older reader would be wrong
/// about a newer file.
pub const FORMAT: &str = "bitcap-dataset/1";

/// The name of the one tensor.
pub(super) const TENSOR: &str = "tokens";

/// The longest header that is read. Ours have about 600 bytes; the format allows 100 MB, which
/// nobody should have to allocate to learn that a file is something else.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// A dataset file that stands at its first token; its header has been held against its size.
pub(crate) struct TokenFile {
    pub(crate) file: File,
    strings: HashMap<String, String>,
    pub(super) length: u32,
    pub(super) samples: u64,
    vocabulary: u32,
    /// BLAKE3 that the tokens must have.
    pub(crate) blake3: String,
}

impl TokenFile {
    /// Reads and checks everything before the first token, the size of the file too.
    pub(crate) fn open(path: &Path) -> Result<Self, Problem> {
        let mut file = open_regular(path).map_err(Problem::Open)?;
        let found = file.metadata().map_err(Problem::Read)?.len();
        let (header, start) = read_header(&mut file, found)?;
        let strings = header.metadata().clone();
        let strings = strings.ok_or_else(|| missing("__metadata__"))?;
        let get = |key| strings.get(key).ok_or_else(|| missing(key));
        // Before any other key: in another format they may mean something else.
        let format = get("format")?;
        if format != FORMAT {
            let text = format!("its format is `{format}`; this version of bitcap reads `{FORMAT}`");
            return Err(Problem::Content(text));
        }
        let number = |key, low, high| number(key, get(key)?, low, high);
        let vocabulary = number("vocabulary", 2, 65_536)? as u32;
        let length = number("length", 1, 4096)? as u32;
        let samples = number("samples", 1, u64::MAX)?;
        let bytes = token_bytes(length, samples)
            .map_err(|e| Problem::metadata("samples", &e.found, e.allowed))?;
        // What the strings say of the tokens has to agree with the tensor, and that with the file's
        // size; after these two checks the strings can be believed where memory is asked for.
        check_tensor(&header, [samples, length.into()])?;
        check_size(found, start.saturating_add(bytes))?;
        Ok(Self {
            blake3: get("tokens_blake3")?.clone(),
            strings,
            file,
            length,
            samples,
            vocabulary,
        })
    }

    /// The string of `__metadata__` with this key.
    pub(super) fn string(&self, key: &str) -> Result<&str, Problem> {
        let string = self.strings.get(key).ok_or_else(|| missing(key))?;
        Ok(string)
    }

    /// Reads the tokens in a stream, and holds them against vocabulary and hash; `take` gets them piece
    /// by piece, with the number of sequences up to the end of the piece.
    pub(super) fn read(mut self, mut take: impl FnMut(&[u16], u64)) -> Result<(), Problem> {
        let length = self.length as usize;
        let rows = rows_at_a_time(self.length, self.samples);
        let mut bytes = vec![0; 2 * rows * length];
        let mut tokens = Vec::with_capacity(rows * length);
        let mut hasher = blake3::Hasher::new();
        let mut done = 0;
        while done < self.samples {
            let now = (self.samples - done).min(rows as u64);
            let bytes = &mut bytes[..2 * now as usize * length];
            self.file.read_exact(bytes).map_err(Problem::Read)?;
            hasher.update(bytes);
            let (pairs, _) = bytes.as_chunks();
            tokens.clear();
            tokens.extend(pairs.iter().map(|&pair| u16::from_le_bytes(pair)));
            let vocabulary = self.vocabulary;
            let outside = |&token: &u16| u32::from(token) >= vocabulary;
            // Sooner than the hash, which would only say that something is wrong and not where.
            if let Some(at) = tokens.iter().position(outside) {
                let (position, sequence) = (at % length, done + (at / length) as u64);
                let token = tokens[at];
                return Err(Problem::Content(format!(
                    "token {position} of sequence {sequence} (both counted from 0) is {token}; with \
                     vocabulary {vocabulary} it must be below that"
                )));
            }
            done += now;
            take(&tokens, done);
        }
        check_hash(&hasher.finalize().to_hex(), &self.blake3)
    }
}

/// Opens a file to read, and nothing else: opening a pipe would wait for a writer, and a device may
/// never end.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// That the tokens are those that the file was written with.
pub(crate) fn check_hash(found: &str, expected: &str) -> Result<(), Problem> {
    if found == expected {
        return Ok(());
    }
    Err(Problem::Content(format!(
        "the file was altered: the blake3 of its tokens is {found}, its header says {expected}"
    )))
}

fn check_size(found: u64, expected: u64) -> Result<(), Problem> {
    Err(Problem::Content(match found.cmp(&expected) {
        Ordering::Equal => return Ok(()),
        Ordering::Less => format!(
            "the file is truncated: it has {found} bytes and its header asks for {expected}"
        ),
        Ordering::Greater => {
            format!("the file has {found} bytes and its header asks for {expected} only")
        }
    }))
}

fn missing(key: &str) -> Problem {
    let text = format!("not a dataset made by bitcap: its header has no `{key}`");
    Problem::Content(text)
}

/// The header of a file of `found` bytes, and where the tensor begins.
fn read_header(file: &mut File, found: u64) -> Result<(Metadata, u64), Problem> {
    let wrong = |why| Problem::Content(format!("not a safetensors file: {why}"));
    if found < 8 {
        let why = format!("it has {found} bytes and the shortest header has 8");
        return Err(wrong(why));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(Problem::Read)?;
    let length = u64::from_le_bytes(length);
    // First of all, so that the sum below cannot overflow and no forged length is allocated.
    if length > MAX_HEADER_BYTES {
        return Err(wrong(format!(
            "by its first 8 bytes its header would have {length} bytes; a dataset's has at most \
             {MAX_HEADER_BYTES}"
        )));
    }
    let start = 8 + length;
    // Always an error: it says how much of the header is missing.
    if found < start {
        check_size(found, start)?;
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(Problem::Read)?;
    let header = serde_json::from_slice(&header);
    let header = header.map_err(|error| wrong(format!("its header is wrong: {error}")))?;
    Ok((header, start))
}

/// A whole number in its range.
pub(super) fn number(key: &str, text: &str, low: u64, high: u64) -> Result<u64, Problem> {
    let number = text.parse().ok();
    let inside = number.filter(|number| (low..=high).contains(number));
    inside.ok_or_else(|| {
        let expected = format!("a whole number from {low} to {high}");
        Problem::metadata(key, text, expected)
    })
}

/// That the one tensor is N x S tokens of 16 bits. That its offsets agree with its shape has been
/// checked where the header was parsed.
fn check_tensor(header: &Metadata, shape: [u64; 2]) -> Result<(), Problem> {
    let right = header.tensors().len() == 1
        && header.info(TENSOR).is_some_and(|tensor| {
            tensor.dtype == Dtype::U16 && tensor.shape.iter().map(|&n| n as u64).eq(shape)
        });
    if right {
        return Ok(());
    }
    let found: Vec<String> = header
        .offset_keys()
        .iter()
        .filter_map(|name| header.info(name).map(|tensor| (name, tensor)))
        .map(|(name, tensor)| format!("`{name}` {:?} {:?}", tensor.dtype, tensor.shape))
        .collect();
    let found = found.join(", ");
    Err(Problem::Content(format!(
        "its tensors are {found}; there must be one, `{TENSOR}` U16 {shape:?}"
    )))
}
