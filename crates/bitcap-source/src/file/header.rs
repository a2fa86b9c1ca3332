//! The header of a safetensors file: its length in 8 bytes, then JSON.

use std::fs::File;
use std::io::Read;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::info::{DatasetInfo, entropy_text};
use crate::draw::token_bytes;

/// The name of the one tensor.
const TENSOR: &str = "tokens";

/// The longest header that is read. Ours have about 600 bytes; the format allows 100 MB, which
/// nobody should have to allocate to learn that a file is something else.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// The whole header with its length, for `bytes` bytes of tokens. Its size depends on neither the
/// hash nor the entropy, so that it can be written first and written again once they are known.
pub(super) fn to_bytes(info: &DatasetInfo, bytes: u64) -> Result<Vec<u8>, serde_json::Error> {
    let strings: Map<String, Value> = info
        .to_strings()?
        .into_iter()
        .map(|(key, text)| (key.into(), text.into()))
        .collect();
    let mut text = json!({
        "__metadata__": strings,
        TENSOR: {
            "dtype": "U16",
            "shape": [info.samples, info.length],
            "data_offsets": [0, bytes],
        },
    })
    .to_string();
    // Spaces are allowed here: as many as the entropy has characters less than it may have.
    let entropy = entropy_text(info.entropy_bits).len();
    text.extend(std::iter::repeat_n(' ', 24_usize.saturating_sub(entropy)));
    // The tensor begins at a multiple of 8, as the format recommends.
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.extend(text.into_bytes());
    Ok(header)
}

/// Reads and checks everything before the first token, the size of the file too. The file then
/// stands at the first token.
pub(super) fn read(file: &mut File) -> Result<DatasetInfo, Problem> {
    let found = file.metadata().map_err(Problem::Read)?.len();
    if found < 8 {
        return Err(Problem::NotSafetensors(format!(
            "it has {found} bytes and the shortest header has 8"
        )));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(Problem::Read)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(Problem::NotSafetensors(format!(
            "by its first 8 bytes its header would have {length} bytes; a dataset's has at most \
             {MAX_HEADER_BYTES}"
        )));
    }
    let start = 8 + length;
    if found < start {
        return Err(Problem::Truncated {
            found,
            expected: start,
        });
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(Problem::Read)?;
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|e| Problem::NotSafetensors(format!("its header is wrong: {e}")))?;

    let info = match header.metadata() {
        Some(strings) => DatasetInfo::from_strings(strings)?,
        None => return Err(Problem::MissingMetadata("__metadata__")),
    };
    let bytes = token_bytes(&info.source, info.samples).map_err(|invalid| Problem::Metadata {
        key: "samples",
        found: invalid.found,
        expected: invalid.allowed,
    })?;
    check_tensor(&header, &info)?;
    let expected = start.saturating_add(bytes);
    match found {
        _ if found < expected => Err(Problem::Truncated { found, expected }),
        _ if found > expected => Err(Problem::TooLong { found, expected }),
        _ => Ok(info),
    }
}

/// That the one tensor is N x S tokens of 16 bits. That its offsets agree with its shape has been
/// checked where the header was parsed.
fn check_tensor(header: &Metadata, info: &DatasetInfo) -> Result<(), Problem> {
    let shape = [info.samples, u64::from(info.length)];
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
    Err(Problem::Tensor {
        found: if found.is_empty() {
            "none".into()
        } else {
            found.join(", ")
        },
        expected: format!("`{TENSOR}` U16 {shape:?}"),
    })
}
