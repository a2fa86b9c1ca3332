//! What can go wrong between runs.csv and the figures.

use std::io;
use std::path::PathBuf;

/// Why no report was made. Every message says where, what was found, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The input could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The input is not as it must be.
    #[error("{} {problem}", path.display())]
    Input {
        /// The file or folder.
        path: PathBuf,
        /// Where it is wrong, what was found and what would be right.
        problem: String,
    },
    /// No row says what was memorized.
    #[error(
        "{} has no memorized bits: the entropy of its data is not known (a file of your own), so there is no curve \
         to draw; its other columns hold what was measured",
        path.display()
    )]
    EntropyUnknown {
        /// The file.
        path: PathBuf,
    },
    /// An output could not be written; outputs that were there before are as they were.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An output of before that no longer holds could not be removed.
    #[error("cannot remove {}: {source}", path.display())]
    Remove {
        /// The file that was to be removed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A picture could not be made out of its SVG: a fault of ours, not of the input.
    #[error("cannot draw {figure}: {problem}")]
    Draw {
        /// The picture's file name.
        figure: &'static str,
        /// What the renderer said.
        problem: String,
    },
}
