//! What can go wrong between runs.csv and the figures.

use std::io;
use std::path::PathBuf;

/// Why no report was made. Every message says where, what was found, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be read, written or removed. Where it was to be written, outputs of before are as they were.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `read`, `write` or `remove`.
        action: &'static str,
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
        "{} has no memorized bits: the entropy of its data is 0, or not known (a file of your own, hidden_markov, grammar), so there is no curve \
         to draw; its other columns hold what was measured",
        path.display()
    )]
    EntropyUnknown {
        /// The file.
        path: PathBuf,
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
