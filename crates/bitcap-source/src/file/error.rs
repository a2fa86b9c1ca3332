//! What can be wrong with a dataset file.

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
    /// There is no such file, or it may not be opened.
    #[error("cannot open the dataset: {0}")]
    Open(io::Error),
    /// Reading failed half-way.
    #[error("cannot read the dataset: {0}")]
    Read(io::Error),
    /// Writing failed: a full or read-only disk, a missing folder. No part of the file is left, and
    /// what stood there before still stands.
    #[error("cannot write the dataset: {0}")]
    Write(io::Error),
    /// A folder, a device or a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// The header is not that of a safetensors file.
    #[error("not a safetensors file: {0}")]
    NotSafetensors(String),
    /// The file ends before its last token.
    #[error("the file is truncated: it has {found} bytes and its header asks for {expected}")]
    Truncated {
        /// Bytes it has.
        found: u64,
        /// Bytes it should have.
        expected: u64,
    },
    /// The file goes on after its last token.
    #[error("the file has {found} bytes and its header asks for {expected} only")]
    TooLong {
        /// Bytes it has.
        found: u64,
        /// Bytes it should have.
        expected: u64,
    },
    /// A safetensors file of something else, or one stripped of its provenance.
    #[error("not a dataset made by bitcap: its header has no `{0}`")]
    MissingMetadata(&'static str),
    /// A dataset in the format of another version.
    #[error(
        "its format is `{found}`; this version of bitcap reads `{}`",
        super::FORMAT
    )]
    Format {
        /// The format it claims.
        found: String,
    },
    /// A value of the header is impossible, or contradicts another.
    #[error("`{key}` in its header is `{found}`; it must be {expected}")]
    Metadata {
        /// The key in `__metadata__`.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would be right, worded to follow "it must be".
        expected: String,
    },
    /// The tensors are not one `tokens` of the right type and shape.
    #[error("its tensors are {found}; there must be one, {expected}")]
    Tensor {
        /// Name, type and shape of each.
        found: String,
        /// Name, type and shape of the right one.
        expected: String,
    },
    /// A token that is not in the vocabulary.
    #[error(
        "token {position} of sequence {sequence} (both counted from 0) is {token}; with \
         vocabulary {vocabulary} it must be below that"
    )]
    TokenOutOfRange {
        /// The sequence, from 0.
        sequence: u64,
        /// The place in the sequence, from 0.
        position: usize,
        /// The token.
        token: u16,
        /// The vocabulary V.
        vocabulary: u32,
    },
    /// The tokens are not those that the file was written with.
    #[error(
        "the file was altered: the blake3 of its tokens is {found}, its header says {expected}"
    )]
    Altered {
        /// The hash of the tokens as they are.
        found: String,
        /// The hash in the header.
        expected: String,
    },
    /// The tokens are as they were written, but their provenance is not true.
    #[error("its tokens are not what the source, data_seed and stream in its header give")]
    NotFromSource,
    /// More tokens than this machine can address or hold.
    #[error("its {0} bytes of tokens do not fit this machine's memory")]
    TooLarge(u64),
}

impl Problem {
    pub(super) fn at(self, path: &Path) -> DatasetFileError {
        DatasetFileError::File {
            path: path.to_path_buf(),
            problem: self,
        }
    }
}
