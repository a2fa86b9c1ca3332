//! The folder of one cell: how it stands, its files, its lock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bitcap_base::{FileLock, is_held, lock_holder, remove_partial};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::FolderError;
use super::files;

/// The folder of one cell.
#[derive(Clone, Debug)]
pub struct CellFolder {
    root: PathBuf,
}

/// How a cell stands: by its files, and by a queue that it waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    /// measurement.json is there.
    Done,
    /// A live process holds the cell's lock.
    Running,
    /// Stopped or missing, and in the queue of a scheduler ([`Queue`](crate::Queue)), which
    /// [`CellFolder::state`] does not know.
    Waiting,
    /// failure.json is there.
    Failed,
    /// Begun and cut off; a checkpoint or the trained model is there to go on from.
    Stopped,
    /// None of these.
    Missing,
}

impl CellState {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Missing => "missing",
        }
    }
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

    /// How the cell stands, by its files.
    #[must_use]
    pub fn state(&self) -> CellState {
        // The order matters. A cell that is done may be held, by one who measures it again; one
        // that failed, by one who tries it again; and a process that was killed while it failed may
        // leave checkpoints beside failure.json.
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
        files::make_folder(&self.root)?;
        let Some(lock) = FileLock::take(&self.path("lock"))? else {
            return Ok(None);
        };
        // However new they are: only who holds the lock writes here, so that their process is dead.
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
        files::write(&self.path(name), bytes)
    }

    /// Writes a JSON file of the cell whole.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        files::write_json(&self.path(name), value)
    }

    /// Reads a JSON file of the cell.
    ///
    /// # Errors
    /// If it is not there or not what it should be.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, FolderError> {
        let path = self.path(name);
        let bytes = std::fs::read(&path).map_err(FolderError::io(&path))?;
        files::parse_json(&path, &bytes)
    }

    /// Removes a file of the cell, if it is there.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        files::remove(&self.path(name))
    }
}
