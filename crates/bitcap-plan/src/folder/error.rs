//! What can be wrong with an outputs folder.

use std::io;
use std::path::{Path, PathBuf};

/// Why a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A lock cannot be had, or is lost.
    #[error(transparent)]
    Lock(#[from] bitcap_base::LockError),
    /// The folder is not that of an experiment.
    #[error(
        "{path}: there is no plan.json here; name the folder of an experiment, such as outputs/quick"
    )]
    NotAnExperiment {
        /// The folder.
        path: PathBuf,
    },
    /// A cell's folder holds a training by other settings.
    #[error(
        "{path}: these are other settings than those of the plan ({found}; the plan has {expected}); move the folder away, or use another --outputs"
    )]
    OtherSettings {
        /// The cell.toml that is there.
        path: PathBuf,
        /// Name that the settings found have.
        found: String,
        /// Name that the plan has.
        expected: String,
    },
}

impl FolderError {
    /// An error of the file system, with the path it is about.
    pub fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            path: path.clone(),
            source,
        }
    }
}
