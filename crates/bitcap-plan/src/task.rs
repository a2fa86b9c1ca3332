//! What one process is to do for another: a cell, resolved, as a line of JSON.

use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::settings::CellSettings;

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
