//! Writing a dataset that is in memory, and whose source nobody knows.

use std::path::Path;

use super::error::{DatasetFileError, Problem};
use super::header;
use super::info::DatasetInfo;
use crate::dataset::little_endian;
use crate::draw::token_bytes;
use crate::{Dataset, FileSettings, SourceSettings, Stream};
use bitcap_base::write_atomic;

/// Writes `dataset` into a file at `path`, whole or not at all. Its provenance is `source`, the
/// file that its tokens are out of, and their hash.
///
/// # Errors
/// Settings that are impossible or of other data, a path that is a folder or a device, or anything
/// that goes wrong while writing.
pub fn write(
    path: &Path,
    source: FileSettings,
    dataset: &Dataset,
) -> Result<DatasetInfo, DatasetFileError> {
    source.validate()?;
    let source = SourceSettings::File(source);
    let bytes = token_bytes(&source, dataset.samples as u64)?;
    let tokens_blake3 = dataset.tokens_blake3();
    let info = DatasetInfo {
        source_blake3: Some(tokens_blake3.clone()),
        tokens_blake3,
        ..DatasetInfo::before_drawing(&source, 0, dataset.samples as u64, Stream::Training)
    };
    // A rename would put our file in the place of a device such as /dev/null.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(Problem::NotAFile.at(path));
    }
    let write = || {
        let mut file = header::to_bytes(&info, bytes)?;
        let mut tokens = Vec::with_capacity(2 * dataset.tokens.len());
        little_endian(&dataset.tokens, &mut tokens);
        file.extend(tokens);
        write_atomic(path, &file)
    };
    write().map_err(|error| Problem::Write(error).at(path))?;
    Ok(info)
}
