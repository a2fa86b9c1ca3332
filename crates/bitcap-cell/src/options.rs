//! How a cell is run, beside its settings.

use std::path::Path;

use bitcap_base::Stop;

/// How a cell is run, beside its settings.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// The revision this program was built from, for manifest.json.
    pub git_revision: &'a str,
    /// Whether a training that failed is tried again, from the start.
    pub retry_failed: bool,
    /// A folder for TensorBoard, in which the cell gets one of its own.
    pub tensorboard: Option<&'a Path>,
    /// Asks the training to stop.
    pub stop: &'a Stop,
}
