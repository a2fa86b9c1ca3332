//! What can be wrong with a dataset file.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use bitcap_base::InvalidSetting;

/// Why a dataset file could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetFileError {
    /// The dataset asked for is impossible; nothing was written.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// Something is wrong with the file.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file, as the caller named it.
        path: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a dataset file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no such file, it may not be opened, or it is a folder, a device or a pipe.
    #[error("cannot open the dataset: {0}")]
    Open(io::Error),
    /// Reading failed half-way.
    #[error("cannot read the dataset: {0}")]
    Read(io::Error),
    /// Writing failed: a full or read-only disk, a missing folder, a folder or a device in the place. No
    /// part of the file is left, and what stood there before still stands.
    #[error("cannot write the dataset: {0}")]
    Write(io::Error),
    /// Something else than a dataset, or one that is cut, altered or forged.
    #[error("{0}")]
    Content(String),
}

impl Problem {
    /// A value of the header that is impossible, or contradicts another; `expected` is worded to follow
    /// "it must be".
    pub(super) fn metadata(key: &str, found: &str, expected: impl Display) -> Self {
        let text = format!("`{key}` in its header is `{found}`; it must be {expected}");
        Self::Content(text)
    }

    pub(super) fn at(self, path: &Path) -> DatasetFileError {
        DatasetFileError::File {
            path: path.to_path_buf(),
            problem: self,
        }
    }
}
