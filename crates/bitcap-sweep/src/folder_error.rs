//! What can be wrong with an outputs folder or in the running of a cell.

use std::io;
use std::path::{Path, PathBuf};

/// Why a cell could not be run, or a folder not be read or written.
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
    /// The file system does not lock files.
    #[error(
        "{path}: cannot be locked ({source}); cells are shared by locks, which a network file system must be mounted with (README, \"Shared file systems\"): use another --outputs"
    )]
    NoLocks {
        /// The lock.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of a cell is not there any more while the cell is worked on.
    #[error(
        "{path}: this folder was removed or replaced while the cell was worked on; nothing more is written to it: start again"
    )]
    Lost {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is not that of an experiment.
    #[error(
        "{path}: there is no plan.json here; name the folder of an experiment, such as outputs/quick"
    )]
    NotAnExperiment {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is not that of a cell.
    #[error(
        "{path}: there is no cell.toml here; name the folder of a cell, such as outputs/quick/cells/..."
    )]
    NotACell {
        /// The folder.
        path: PathBuf,
    },
    /// The cell has no trained model yet.
    #[error("{path}: this cell is not trained yet; run it first")]
    NotTrained {
        /// The folder.
        path: PathBuf,
    },
    /// The folder has no model.
    #[error(
        "{path}: there is no config.json here or in model/; name the folder of a model or of a cell"
    )]
    NotAModel {
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
    /// A cell cannot fit this machine's memory.
    #[error(
        "cell {cell} needs at least {:.1} GiB of memory for its data and its weights, and this machine has {:.1} GiB; take fewer data.samples, a lower data.load or a smaller model",
        gibibytes(*needed),
        gibibytes(*machine)
    )]
    Memory {
        /// The cell.
        cell: String,
        /// Bytes it needs at the least.
        needed: u64,
        /// Bytes there are.
        machine: u64,
    },
    /// Nothing is there to collect.
    #[error("{path}: no cell is done yet")]
    NothingDone {
        /// The experiment's folder.
        path: PathBuf,
    },
    /// A setting that only drawing the data could refuse.
    #[error(transparent)]
    Setting(#[from] bitcap_source::InvalidSetting),
    /// A dataset file.
    #[error(transparent)]
    Dataset(#[from] bitcap_source::file::DatasetFileError),
    /// The data cannot be coded, or a coded file not decoded.
    #[error(transparent)]
    Code(#[from] bitcap_measure::coder::CodeError<std::convert::Infallible>),
    /// What other compressors make of the data cannot be had.
    #[error(transparent)]
    Baseline(#[from] bitcap_measure::BaselineError),
    /// The model's files.
    #[error(transparent)]
    Model(#[from] bitcap_model::ModelFileError),
    /// The figures cannot be right.
    #[error(transparent)]
    Measure(#[from] bitcap_measure::MeasureError),
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

impl FolderError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            path: path.clone(),
            source,
        }
    }
}
