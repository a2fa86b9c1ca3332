//! Cells given to an engine that people have: a Slurm cluster, or hosts reached by GNU parallel.
//!
//! A submission is a folder in that of the experiment, `submissions/<number>/`, with all that its
//! tasks go by: a file a cell with every setting, a line a task with the names of its cells, and scripts that
//! can be read, kept and run by hand. Every task runs `bitcap run` in the end, so that what is done
//! shows in the cells' folders, whoever did it.

mod parallel;
mod queue;
mod record;
mod slurm;

use std::path::{Path, PathBuf};

use crate::{Experiment, ExperimentFolder, FolderError, PlannedCell};

pub use parallel::{check_parallel, prepare_for_parallel};
pub use queue::{Queue, Queued};
pub use record::{EngineKind, Job, Submission};
pub use slurm::submit_to_slurm;

/// What is submitted, and how its cells are run.
pub struct Submit<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Its folder.
    pub folder: &'a ExperimentFolder,
    /// The cells, in the order they are to be run in.
    pub cells: &'a [&'a PlannedCell],
    /// Whether trainings that failed are tried again.
    pub retry_failed: bool,
    /// The folder for TensorBoard in which each cell gets one of its own.
    pub tensorboard: Option<&'a Path>,
    /// This program, by its whole path.
    pub program: &'a Path,
    /// The working directory, which relative paths in the experiment begin at.
    pub working_directory: &'a Path,
    /// The revision this program was built from.
    pub git_revision: &'a str,
}

/// Why cells could not be submitted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A file of the submission.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The program that would take the cells is not there.
    #[error(
        "`{program}` is not there ({source}); the submission is written, and can be given to it by hand, or run without it: bash {script}"
    )]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// What the system said.
        source: std::io::Error,
        /// The script that is written.
        script: PathBuf,
    },
    /// The program refused.
    #[error("{program} refused: {said}{before}; the script is {script}")]
    Refused {
        /// Its name.
        program: &'static str,
        /// What it said.
        said: String,
        /// The script that is written.
        script: PathBuf,
        /// What it took before.
        before: String,
    },
    /// The experiment cannot be run on its hosts.
    #[error("{0}")]
    Hosts(String),
}

/// The tasks: the cells that judge others first, each task so many cells. The second number is how
/// many tasks come before all others, which need what they leave.
fn tasks(cells: &[&PlannedCell], cells_per_task: u32) -> (Vec<Vec<String>>, usize) {
    // There is at most one: `measure.oracle` is the same for all cells of an experiment.
    let (oracles, others): (Vec<&PlannedCell>, Vec<&PlannedCell>) = cells
        .iter()
        .copied()
        .partition(|cell| cell.name == cell.settings.measure.oracle);
    let packed = |cells: &[&PlannedCell]| -> Vec<Vec<String>> {
        let tasks = cells.chunks(cells_per_task as usize);
        let names = |cells: &[&PlannedCell]| cells.iter().map(|cell| cell.name.clone()).collect();
        tasks.map(names).collect()
    };
    let first = packed(&oracles);
    let count = first.len();
    (first.into_iter().chain(packed(&others)).collect(), count)
}

/// What every script does with a cell.
const RUN_CELL: &str = include_str!("run_cell.sh");

/// The folder of the cells, as a word of a shell.
fn cells_folder(submit: &Submit<'_>) -> String {
    whole(&submit.folder.root().join("cells"))
}

/// What `bitcap run` is told beside the cell, as words of a shell.
fn options(submit: &Submit<'_>) -> String {
    let option = |folder| format!("--tensorboard={}", whole(folder));
    submit.tensorboard.map(option).unwrap_or_default()
}

/// What `bitcap run` is told the first time.
fn again(submit: &Submit<'_>) -> &'static str {
    if submit.retry_failed {
        "--retry-failed"
    } else {
        ""
    }
}

/// A word that a shell reads as `text`.
#[must_use]
pub fn quoted(text: &str) -> String {
    // Words that need no quotes have none: scripts are there to be read.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A path as a word. What is not UTF-8 in it is lost.
fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// The same from the root of the file system.
fn whole(folder: &Path) -> String {
    path(&std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()))
}
