//! checkpoint/: what a cell's training goes on from when its process has ended before it.
//!
//! The two newest are kept. The name of each has the hash of its bytes: one that was cut short or
//! altered is known as such, and the one before it stands in.

use std::io;
use std::path::{Path, PathBuf};

use bitcap_base::write_atomic;
use bitcap_train::TrainState;
use serde::{Deserialize, Serialize};

use crate::CellError;
use bitcap_plan::{CellFolder, Precision, Session};

/// One in use, one in case that it is damaged.
const KEPT: usize = 2;

/// The checkpoints of a cell.
pub(crate) struct Checkpoints {
    folder: PathBuf,
}

/// What a checkpoint says beside the state of the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notes {
    /// Hash of all settings that the weights depend on.
    pub(crate) settings_blake3: String,
    /// Hash of the training tokens.
    pub(crate) tokens_blake3: String,
    /// Numeric class of the device, [`bitcap_plan::DeviceSpec::numeric_class`]; older versions did not say.
    #[serde(default)]
    pub(crate) device_class: Option<String>,
    /// Bytes of metrics.csv up to this step, and their hash.
    pub(crate) metrics_bytes: u64,
    pub(crate) metrics_blake3: String,
    /// Bytes of log.txt up to this step.
    pub(crate) log_bytes: u64,
    /// When the training began, UTC.
    pub(crate) started: String,
    /// Seconds of training up to this step.
    pub(crate) seconds: f64,
    /// What trained it up to this step.
    pub(crate) sessions: Vec<Session>,
}

impl Notes {
    /// The numeric class of the device that the last steps were made on, in a training of that
    /// precision.
    pub(crate) fn device_class(&self, precision: Precision) -> String {
        let by_session = || {
            let last = self.sessions.last();
            last.map_or_else(String::new, |last| last.device.numeric_class(precision))
        };
        self.device_class.clone().unwrap_or_else(by_session)
    }
}

impl Checkpoints {
    pub(crate) fn of(cell: &CellFolder) -> Self {
        Self {
            folder: cell.path("checkpoint"),
        }
    }

    /// Writes a checkpoint, synced, and removes those that are not needed any more.
    pub(crate) fn save(&self, state: &TrainState, notes: &Notes) -> Result<(), CellError> {
        std::fs::create_dir_all(&self.folder).map_err(CellError::io(&self.folder))?;
        let notes = serde_json::to_string(notes).expect("a record of plain data");
        let bytes = state.to_bytes(&notes);
        let name = format!("step-{}-{}.safetensors", state.step, hash(&bytes));
        let path = self.folder.join(name);
        write_atomic(&path, &bytes).map_err(CellError::io(&path))?;
        // Only with the new one on disk are these not needed.
        for (_, old) in self.newest_first()?.into_iter().skip(KEPT) {
            std::fs::remove_file(&old).map_err(CellError::io(&old))?;
        }
        Ok(())
    }

    /// The newest checkpoint that is sound and that `accept` takes; None where there is none. Every
    /// one that is not is told to `damaged`, with what is wrong, and removed.
    pub(crate) fn resume(
        &self,
        mut accept: impl FnMut(&TrainState, &Notes) -> Result<Result<(), String>, CellError>,
        mut damaged: impl FnMut(&str),
    ) -> Result<Option<(TrainState, Notes)>, CellError> {
        for (_, path) in self.newest_first()? {
            let wrong = match read(&path)? {
                Ok((state, notes)) => match accept(&state, &notes)? {
                    Ok(()) => return Ok(Some((state, notes))),
                    Err(wrong) => wrong,
                },
                Err(wrong) => wrong,
            };
            damaged(&format!("{}: {wrong}", path.display()));
            // Else it would be one of the newest when the next is saved, in the place of a sound
            // one.
            std::fs::remove_file(&path).map_err(CellError::io(&path))?;
        }
        Ok(None)
    }

    /// Removes them all.
    pub(crate) fn remove(&self) -> Result<(), CellError> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(CellError::io(&self.folder)(error))
            }
            _ => Ok(()),
        }
    }

    /// Their steps and paths.
    fn newest_first(&self) -> Result<Vec<(u64, PathBuf)>, CellError> {
        let failed = CellError::io(&self.folder);
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(&failed)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(&failed)?.path();
            files.extend(step_and_hash(&path).map(|(step, _)| (step, path.clone())));
        }
        files.sort();
        files.reverse();
        Ok(files)
    }
}

/// What the name of a checkpoint says, `step-120-<hash>.safetensors`.
fn step_and_hash(path: &Path) -> Option<(u64, &str)> {
    let name = path.file_name()?.to_str()?;
    let (step, hash) = name
        .strip_prefix("step-")?
        .strip_suffix(".safetensors")?
        .split_once('-')?;
    Some((step.parse().ok()?, hash))
}

/// A checkpoint, or what is wrong with it. That it cannot be read at all is an error: the disk may
/// come back.
fn read(path: &Path) -> Result<Result<(TrainState, Notes), String>, CellError> {
    let bytes = std::fs::read(path).map_err(CellError::io(path))?;
    let Some((step, expected)) = step_and_hash(path) else {
        return Ok(Err("its name is not that of a checkpoint".into()));
    };
    if hash(&bytes) != expected {
        return Ok(Err("it was cut short or altered".into()));
    }
    let read = TrainState::from_bytes(&bytes).map_err(|error| error.to_string());
    Ok(read.and_then(|(state, notes)| {
        let notes = serde_json::from_str(&notes)
            .map_err(|error| format!("not as this version of bitcap writes it: {error}"))?;
        if state.step != step {
            return Err("its name has another step than it".into());
        }
        Ok((state, notes))
    }))
}

/// The first 32 hexadecimal digits of BLAKE3.
fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}
