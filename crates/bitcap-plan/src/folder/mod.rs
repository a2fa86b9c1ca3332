//! Where things lie: `outputs/<experiment>/` and the folders of its cells.

mod error;
mod manifest;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bitcap_base::{FileLock, is_held, lock_holder, remove_partial, write_atomic};
use serde::{Deserialize, Serialize};

use crate::Plan;

pub use error::FolderError;
pub use manifest::{Manifest, Session, Work, now};

/// The form of an outputs folder; one of another form is not touched.
const FORMAT: &str = "bitcap-outputs/1";

/// Tables and figures are written within seconds; what was begun so long ago and is not done was
/// left by a process that was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// The folder of an experiment: `plan.json`, `cells/`, and what is made of them.
#[derive(Clone, Debug)]
pub struct ExperimentFolder {
    root: PathBuf,
}

/// `plan.json`: the cells of the experiment in the order of the plan, and what only the plan knows
/// of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// The form of the folder, `bitcap-outputs/1`.
    pub format: String,
    /// Version of bitcap that wrote it.
    pub version: String,
    /// Name of the experiment.
    pub name: String,
    /// The cells.
    pub cells: Vec<PlanEntry>,
}

/// A cell as `plan.json` lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// Name of its folder.
    pub cell: String,
    /// Hash of the curve it belongs to.
    pub group: String,
    /// What tells its curve from the others.
    pub label: String,
    /// Whether its steps are twice those of the curve.
    pub doubled: bool,
    /// Steps of its training.
    pub steps: u64,
}

impl ExperimentFolder {
    /// The folder of experiment `name` under `outputs`; nothing is made yet.
    #[must_use]
    pub fn new(outputs: &Path, name: &str) -> Self {
        Self {
            root: outputs.join(name),
        }
    }

    /// The folder at `root` that holds a `plan.json`.
    ///
    /// # Errors
    /// If there is none, or it is of another form.
    pub fn open(root: &Path) -> Result<(Self, PlanFile), FolderError> {
        let folder = Self {
            root: root.to_owned(),
        };
        match folder.read_plan()? {
            Some(plan) => Ok((folder, plan)),
            None => Err(FolderError::NotAnExperiment {
                path: root.to_owned(),
            }),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a cell.
    #[must_use]
    pub fn cell(&self, name: &str) -> CellFolder {
        CellFolder {
            root: self.root.join("cells").join(name),
        }
    }

    /// Makes the folder and writes the plan into it.
    ///
    /// # Errors
    /// If the folder is of another form or another experiment, or the file system refuses.
    pub fn write_plan(&self, plan: &Plan) -> Result<(), FolderError> {
        self.read_plan()?;
        let cells = self.root.join("cells");
        std::fs::create_dir_all(&cells).map_err(FolderError::io(&cells))?;
        remove_partial(&self.root, LEFT_BEHIND).map_err(FolderError::io(&self.root))?;
        let file = PlanFile {
            format: FORMAT.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            name: plan.name.clone(),
            cells: plan
                .cells
                .iter()
                .map(|cell| PlanEntry {
                    cell: cell.name.clone(),
                    group: cell.group.clone(),
                    label: cell.label.clone(),
                    doubled: cell.doubled,
                    steps: cell.settings.train.steps,
                })
                .collect(),
        };
        let mut text = serde_json::to_vec_pretty(&file).expect("a plan is plain data");
        text.push(b'\n');
        let path = self.root.join("plan.json");
        write_atomic(&path, &text).map_err(FolderError::io(&path))
    }

    /// Writes the plan unless one that has `cell` is there: one cell alone is no reason to take the
    /// others out of a plan that was extended meanwhile.
    ///
    /// # Errors
    /// As [`Self::write_plan`].
    pub fn write_plan_for(&self, plan: &Plan, cell: &str) -> Result<(), FolderError> {
        let there = self.read_plan()?;
        if there.is_some_and(|plan| plan.cells.iter().any(|entry| entry.cell == cell)) {
            return Ok(());
        }
        self.write_plan(plan)
    }

    fn read_plan(&self) -> Result<Option<PlanFile>, FolderError> {
        #[derive(Deserialize)]
        struct Format {
            format: Option<String>,
        }
        let path = self.root.join("plan.json");
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FolderError::io(&path)(error)),
        };
        let content = |what: String| FolderError::Content {
            path: path.clone(),
            what,
        };
        let format: Format = serde_json::from_slice(&bytes)
            .map_err(|error| content(format!("not a plan of bitcap: {error}")))?;
        match format.format.as_deref() {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(content(format!(
                    "this folder was made by another version of bitcap (form `{other}`; this \
                     version reads `{FORMAT}`); use that version, or another --outputs"
                )));
            }
            None => {
                return Err(content(format!(
                    "there is no `format`; it must be `{FORMAT}`"
                )));
            }
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| content(format!("not a plan of bitcap: {error}")))
    }
}

/// The folder of one cell.
#[derive(Clone, Debug)]
pub struct CellFolder {
    root: PathBuf,
}

/// How a cell stands, by its files alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    /// measurement.json is there.
    Done,
    /// A live process holds the cell's lock.
    Running,
    /// failure.json is there.
    Failed,
    /// Begun and cut off; a checkpoint or the trained model is there to go on from.
    Stopped,
    /// None of these.
    Missing,
}

impl CellFolder {
    /// The folder at `root`; nothing is made yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder of the cell.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// How the cell stands.
    #[must_use]
    pub fn state(&self) -> CellState {
        if self.path("measurement.json").is_file() {
            CellState::Done
        } else if self.is_held() {
            CellState::Running
        } else if self.path("failure.json").is_file() {
            CellState::Failed
        } else if self.path("manifest.json").is_file() || self.has_checkpoint() {
            CellState::Stopped
        } else {
            CellState::Missing
        }
    }

    /// Whether there is a checkpoint to resume from, sound or not.
    fn has_checkpoint(&self) -> bool {
        let Ok(entries) = std::fs::read_dir(self.path("checkpoint")) else {
            return false;
        };
        let mut names = entries.flatten().map(|entry| entry.file_name());
        names.any(|name| name.to_string_lossy().starts_with("step-"))
    }

    /// Whether a process works on the cell, done or not.
    #[must_use]
    pub fn is_held(&self) -> bool {
        is_held(&self.path("lock"))
    }

    /// Who works on the cell or did last, such as "process 12 on node3".
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        lock_holder(&self.path("lock"))
    }

    /// Makes the folder, takes its lock and clears away what a process that was killed left half
    /// written; `None` where another process holds the lock.
    ///
    /// # Errors
    /// If the file system refuses, or has no locks.
    pub fn lock(&self) -> Result<Option<FileLock>, FolderError> {
        std::fs::create_dir_all(&self.root).map_err(FolderError::io(&self.root))?;
        let Some(lock) = FileLock::take(&self.path("lock"))? else {
            return Ok(None);
        };
        for folder in [&self.root, &self.path("model"), &self.path("checkpoint")] {
            remove_partial(folder, Duration::ZERO).map_err(FolderError::io(folder))?;
        }
        Ok(Some(lock))
    }

    /// Writes a file of the cell whole.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let path = self.path(name);
        write_atomic(&path, bytes).map_err(FolderError::io(&path))
    }

    /// Writes a JSON file of the cell whole.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        let mut text = serde_json::to_vec_pretty(value).expect("a record of plain data");
        text.push(b'\n');
        self.write(name, &text)
    }

    /// Reads a JSON file of the cell.
    ///
    /// # Errors
    /// If it is not there or not what it should be.
    pub fn read_json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, FolderError> {
        let path = self.path(name);
        let bytes = std::fs::read(&path).map_err(FolderError::io(&path))?;
        serde_json::from_slice(&bytes).map_err(|error| FolderError::Content {
            path,
            what: format!("not as bitcap writes it: {error}"),
        })
    }

    /// Removes a file of the cell, if it is there.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FolderError::io(&path)(error))
            }
            _ => Ok(()),
        }
    }
}
