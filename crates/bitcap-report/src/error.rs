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
    /// An outputs folder was asked for, and this is none.
    #[error("{} is not a folder; it must be an experiment's outputs folder, which holds runs.csv", path.display())]
    NotAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// A folder whose cells were not collected yet.
    #[error("{0} has no {file}; `bitcap collect {0}` makes it from the cells that are done", folder.display())]
    NotCollected {
        /// The folder.
        folder: PathBuf,
        /// The table's name, `runs.csv`.
        file: String,
    },
    /// The input is not CSV in UTF-8 with as many fields in every row as in the header.
    #[error("{} is not a CSV file in UTF-8 with rows of equal length: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said, with the line.
        source: csv::Error,
    },
    /// The fields are set apart by another character, as some spreadsheets do.
    #[error("{} line 1: the columns are separated by {separator:?}; they must be separated by commas", path.display())]
    Separator {
        /// The file.
        path: PathBuf,
        /// What stands between the columns.
        separator: char,
    },
    /// A needed column is not in the header, or is there twice.
    #[error("{} line 1: the column `{column}` is there {times} times; it must be there once", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// How often the header has it.
        times: usize,
    },
    /// There is no row below a header.
    #[error("{} has no rows below its header; it must have at least one", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
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
    /// A field holds what cannot be there.
    #[error("{} line {line}: `{column}` is {found:?}; {must}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What the field holds.
        found: String,
        /// What it must be, as a sentence.
        must: String,
    },
    /// Two rows are the same, or differ where they cannot.
    #[error("{} line {line}: {problem}", path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
        /// The later of the two lines, counted from 1.
        line: u64,
        /// What does not fit, and with which line.
        problem: String,
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
