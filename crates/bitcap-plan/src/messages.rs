//! What one process tells another: a sweep its child which cell to run, the child how it goes, and
//! `failure.json` those who come later.

use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::settings::CellSettings;

/// What a cell tells of itself while it runs; a JSON line each where one process tells another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CellEvent {
    /// Training goes on where an earlier process left it.
    Resumed {
        /// Steps that are made already.
        step: u64,
        /// Steps to make.
        steps: u64,
    },
    /// Something that a person should know, such as that a checkpoint was damaged.
    Note {
        /// What it is.
        text: String,
    },
    /// Training goes on.
    Progress {
        /// Steps made.
        step: u64,
        /// Steps to make.
        steps: u64,
        /// Part of its tokens that it has seen, 0 to 1: a step of a polish sees more than one of a batch.
        part: f64,
        /// Mean cross-entropy in nats a predicted token.
        loss: f64,
        /// Memorized bits by that loss, strict accounting; None where a loss does not tell.
        memorized_bits: Option<f64>,
    },
    /// Training is over, the likelihoods are being worked out.
    Measuring,
    /// The cell is done.
    Done {
        /// Memorized bits, strict accounting, where the entropy is known.
        memorized_bits: Option<f64>,
        /// Memorized bits / ceiling, where there is a ceiling above 0.
        fraction_of_ceiling: Option<f64>,
        /// Memorized bits / parameters.
        bits_per_parameter: Option<f64>,
    },
    /// The training failed; `failure.json` says so too.
    Failed {
        /// Why, with the step.
        reason: String,
    },
    /// Another process works on this cell.
    Busy,
    /// It was asked to stop and did; running it again goes on from there.
    Stopped,
}

impl CellEvent {
    /// Whether this is the last event of a cell's process.
    #[must_use]
    pub fn is_last(&self) -> bool {
        use CellEvent::{Busy, Done, Failed, Stopped};
        matches!(self, Done { .. } | Failed { .. } | Busy | Stopped)
    }
}

/// `failure.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Why the training ended, with the step.
    pub reason: String,
}

impl Failure {
    /// Why a cell is left alone that failed before, and what to do about it.
    #[must_use]
    pub fn before(&self) -> String {
        let reason = &self.reason;
        format!("failed before, --retry-failed tries it again: {reason}")
    }
}

/// One cell to be run. Nothing in it is a way to find something out: an experiment file, a program or
/// a plan that changes meanwhile does not touch it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellTask {
    /// Every setting.
    pub settings: CellSettings,
    /// Whether a training that failed is tried again.
    pub retry_failed: bool,
    /// The folder of the cell. Any path there is, also one that is not UTF-8.
    folder: OsString,
    /// The folder for TensorBoard in which the cell gets one of its own.
    tensorboard: Option<OsString>,
}

impl CellTask {
    /// A cell in its folder.
    #[must_use]
    pub fn new(
        settings: CellSettings,
        folder: &Path,
        tensorboard: Option<&Path>,
        retry_failed: bool,
    ) -> Self {
        Self {
            settings,
            retry_failed,
            folder: folder.into(),
            tensorboard: tensorboard.map(Into::into),
        }
    }

    /// The folder of the cell.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        PathBuf::from(&self.folder)
    }

    /// The folder for TensorBoard in which the cell gets one of its own.
    #[must_use]
    pub fn tensorboard(&self) -> Option<PathBuf> {
        self.tensorboard.as_ref().map(PathBuf::from)
    }

    /// The task as one line, to be read by [`Self::read_line`].
    #[must_use]
    pub fn to_line(&self) -> String {
        // One line, since JSON has no line break inside of a text.
        serde_json::to_string(self).expect("numbers, texts and lists")
    }

    /// Reads the line that another process of the same program wrote.
    ///
    /// # Errors
    /// If there is none, or it is not a task.
    pub fn read_line(input: &mut impl BufRead) -> io::Result<Self> {
        let mut line = String::new();
        input.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|error| {
            let what = format!("standard input has no cell to run: {error}");
            io::Error::new(io::ErrorKind::InvalidData, what)
        })
    }
}
