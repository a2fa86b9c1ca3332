//! Files of a folder, with their paths in errors.

use std::io;
use std::path::Path;

use bitcap_base::write_atomic;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::FolderError;

/// What there is, if anything is.
pub(crate) fn if_there<T>(path: &Path, result: io::Result<T>) -> Result<Option<T>, FolderError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some).map_err(FolderError::io(path)),
    }
}

pub(crate) fn make_folder(path: &Path) -> Result<(), FolderError> {
    std::fs::create_dir_all(path).map_err(FolderError::io(path))
}

/// Writes a file whole.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_atomic(path, bytes).map_err(FolderError::io(path))
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    let text = serde_json::to_string_pretty(value).expect("a record of plain data");
    write(path, (text + "\n").as_bytes())
}

pub(crate) fn parse_json<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, FolderError> {
    serde_json::from_slice(bytes).map_err(|error| FolderError::Content {
        path: path.to_owned(),
        what: format!("not as bitcap writes it: {error}"),
    })
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), FolderError> {
    if_there(path, std::fs::remove_file(path)).map(drop)
}
