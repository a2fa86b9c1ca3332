//! `submissions/NUMBER/`: what was submitted, and to whom.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bitcap_base::{host, since_1970};
use serde::{Deserialize, Serialize};

use crate::folder::files::{self, if_there, make_folder};
use crate::folder::now;
use crate::submit::Submit;
use crate::{ExperimentFolder, FolderError};

/// What takes the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// A Slurm cluster.
    Slurm,
    /// Hosts reached over ssh by GNU parallel.
    Parallel,
}

/// A job array of Slurm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// The submission's task that is its index 0.
    pub first_task: usize,
    /// How many tasks it has.
    pub tasks: usize,
}

/// `submission.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// Its number, from 1.
    pub number: u32,
    /// Tells it from those of other folders and other machines.
    pub id: String,
    /// What takes the tasks.
    pub engine: EngineKind,
    /// When it was made, UTC.
    pub made: String,
    /// Version of bitcap.
    pub version: String,
    /// Git revision of the build.
    pub git_revision: String,
    /// The cells of each task, in the order they are run in.
    pub tasks: Vec<Vec<String>>,
    /// The jobs of Slurm that run them.
    pub jobs: Vec<Job>,
    #[serde(skip)]
    folder: PathBuf,
}

const RECORD: &str = "submission.json";

impl Submission {
    /// Makes the folder of a new submission, with its cells in it, every setting resolved.
    pub(crate) fn create(
        submit: &Submit<'_>,
        engine: EngineKind,
        tasks: Vec<Vec<String>>,
    ) -> Result<Self, FolderError> {
        let all = all_in(submit.folder);
        make_folder(&all)?;
        let mut number = numbers(submit.folder)?.last().map_or(1, |last| last + 1);
        let folder = loop {
            let folder = all.join(format!("{number:03}"));
            match std::fs::create_dir(&folder) {
                Ok(()) => break folder,
                // Somebody else submits too.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(FolderError::io(&folder)(error)),
            }
        };
        // The scripts name it, and are run from other folders.
        let folder = std::path::absolute(&folder).map_err(FolderError::io(&folder))?;
        let made = since_1970(SystemTime::now());
        let unique = format!("{} {} {made:?}", host(), folder.display());
        let submission = Self {
            number,
            id: blake3::hash(unique.as_bytes()).to_hex()[..16].to_owned(),
            engine,
            made: now(),
            version: env!("CARGO_PKG_VERSION").into(),
            git_revision: submit.git_revision.into(),
            tasks,
            jobs: Vec::new(),
            folder,
        };
        // Before the cells: from then on no plan that is joined forgets them
        // (`ExperimentFolder::join`).
        let lines = submission.tasks.iter();
        let lines: String = lines.map(|cells| cells.join(" ") + "\n").collect();
        submission.write("tasks.txt", &lines)?;
        make_folder(&submission.path("cells"))?;
        for cell in submit.cells {
            let name = format!("cells/{}.toml", cell.name);
            submission.write(&name, &cell.settings.to_toml())?;
        }
        make_folder(&submission.path("logs"))?;
        // Last: without its record a submission is not there yet for `all`.
        submission.save()?;
        Ok(submission)
    }

    /// Its folder, as a whole path where it was made by this process.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The numbers of its jobs: `12, 13`.
    #[must_use]
    pub fn job_ids(&self) -> String {
        let ids: Vec<String> = self.jobs.iter().map(|job| job.id.to_string()).collect();
        ids.join(", ")
    }

    /// Its folder as seen from the experiment's.
    pub(crate) fn relative(&self) -> String {
        format!("submissions/{:03}", self.number)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, FolderError> {
        let path = self.path(name);
        files::write(&path, text.as_bytes())?;
        Ok(path)
    }

    pub(crate) fn save(&self) -> Result<(), FolderError> {
        files::write_json(&self.path(RECORD), self)
    }

    /// Every submission of an experiment, the oldest first. One whose record is not there yet is
    /// left out.
    ///
    /// # Errors
    /// If a record cannot be read.
    pub fn all(folder: &ExperimentFolder) -> Result<Vec<Self>, FolderError> {
        let mut submissions = Vec::new();
        for number in numbers(folder)? {
            let own = all_in(folder).join(format!("{number:03}"));
            let path = own.join(RECORD);
            let Some(bytes) = if_there(&path, std::fs::read(&path))? else {
                continue;
            };
            submissions.push(Self {
                folder: own,
                ..files::parse_json(&path, &bytes)?
            });
        }
        Ok(submissions)
    }
}

fn all_in(folder: &ExperimentFolder) -> PathBuf {
    folder.root().join("submissions")
}

/// The numbers of the submissions that are there, sorted.
fn numbers(folder: &ExperimentFolder) -> Result<Vec<u32>, FolderError> {
    let all = all_in(folder);
    let entries = if_there(&all, std::fs::read_dir(&all))?;
    let mut numbers = Vec::new();
    for entry in entries.into_iter().flatten() {
        let name = entry.map_err(FolderError::io(&all))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
