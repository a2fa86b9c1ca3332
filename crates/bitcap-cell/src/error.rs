//! What can be wrong in the running of a cell.

use std::io;
use std::path::{Path, PathBuf};

use bitcap_plan::FolderError;

/// Why a cell could not be run, or a trained one not be measured.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// A folder, or a file in it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The lock of the cell is lost.
    #[error(transparent)]
    Lock(#[from] bitcap_base::LockError),
    /// The device.
    #[error(transparent)]
    Device(#[from] bitcap_model::DeviceError),
    /// A training that failed, or whose device did.
    #[error(transparent)]
    Training(#[from] bitcap_train::TrainError),
    /// A training cannot go on with other arithmetic than that it began with.
    #[error(
        "{path}: this training was begun on {then} and cannot go on on {now}, which rounds otherwise: the weights would be those of neither; go on with engine.device of {then}, or remove this folder to train from the start"
    )]
    OtherDevice {
        /// The folder of the checkpoints.
        path: PathBuf,
        /// The numeric class of the device it was begun on.
        then: String,
        /// That of this run.
        now: String,
    },
    /// What the device computes is not what flex computes.
    #[error(
        "`{device}` is not trusted, {what}; take another device or driver (docs/gpu.md), or --trust-device if you know why; `bitcap devices --check` looks again"
    )]
    UnsoundDevice {
        /// The device.
        device: bitcap_plan::DeviceSpec,
        /// How far off it was.
        what: String,
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
    /// What is memorized of data cannot be said without their entropy.
    #[error(
        "the entropy of this cell's training data is not known (a file, copies, or a source with a bound alone), so nothing says how much of it is memorized"
    )]
    EntropyUnknown,
    /// A cell cannot fit the memory, or those that run side by side.
    #[error(
        "cell {cell}{} at least {:.2} GiB of memory for data and weights, and there are {:.2} GiB; take fewer data.samples, a lower data.load, a smaller model{}",
        if *others == 0 { " needs".into() } else { format!(" and the {others} next largest that may run beside it need") },
        gibibytes(*needed),
        gibibytes((*memory).into()),
        if *others == 0 { "" } else { " or fewer --jobs" }
    )]
    Memory {
        /// The largest cell.
        cell: String,
        /// How many others run beside it.
        others: usize,
        /// Bytes that they need at the least.
        needed: u128,
        /// Bytes there are, for this machine, container or job.
        memory: u64,
    },
    /// A setting that only drawing the data could refuse.
    #[error(transparent)]
    Setting(#[from] bitcap_base::InvalidSetting),
    /// A dataset file.
    #[error(transparent)]
    Dataset(#[from] bitcap_source::file::DatasetFileError),
    /// The data cannot be coded, or a coded file not decoded.
    #[error(transparent)]
    Code(#[from] bitcap_measure::coder::CodeError<bitcap_model::DeviceError>),
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

fn gibibytes(bytes: u128) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

impl CellError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let folder = FolderError::io(path);
        move |source| folder(source).into()
    }

    pub(crate) fn content(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        let (path, what) = (path.into(), what.into());
        FolderError::Content { path, what }.into()
    }
}
