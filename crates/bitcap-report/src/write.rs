//! Outputs: all made in memory, then written aside, then renamed.

use std::path::Path;

use bitcap_base::write_all_atomic;

use crate::ReportError;

/// Writes every file whole or not at all, with its name and what it holds.
pub(crate) fn write_all(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), ReportError> {
    write_all_atomic(folder, files).map_err(|(name, source)| ReportError::Write {
        path: folder.join(name),
        source,
    })
}
