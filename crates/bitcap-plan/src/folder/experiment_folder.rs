//! The folder of an experiment: what several sweeps at once may do in it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bitcap_base::{FileLock, SharedLock, remove_partial};

use super::cell_folder::CellFolder;
use super::error::FolderError;
use super::files;
use super::plan_file::{PlanEntry, PlanFile};
use crate::Plan;

/// Tables and figures are written within seconds; what was begun so long ago and is not done was
/// left by a process that was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// The folder of an experiment: `plan.json`, `cells/`, and what is made of them.
#[derive(Clone, Debug)]
pub struct ExperimentFolder {
    root: PathBuf,
}

/// Held by a process for as long as it works on cells of its plan.
#[derive(Debug)]
pub struct Sweeping {
    _share: SharedLock,
    /// Cells in the folder that this plan does not have.
    pub beyond: usize,
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
        let missing = || FolderError::NotAnExperiment {
            path: root.to_owned(),
        };
        let plan = PlanFile::read(&folder.plan_json())?.ok_or_else(missing)?;
        Ok((folder, plan))
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a cell.
    #[must_use]
    pub fn cell(&self, name: &str) -> CellFolder {
        CellFolder::new(&self.root.join("cells").join(name))
    }

    fn plan_json(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    /// Makes the folder and joins the plan into its `plan.json`.
    ///
    /// What earlier plans have beyond this one stays, but for cells that nobody has begun, has
    /// submitted or may be about to begin: a plan that was never run leaves nothing behind.
    ///
    /// # Errors
    /// If the folder is of another form, or the file system refuses or has no locks.
    pub fn join(&self, plan: &Plan) -> Result<Sweeping, FolderError> {
        // Before anything is made in a folder that is not ours.
        PlanFile::read(&self.plan_json())?;
        files::make_folder(&self.root.join("cells"))?;
        remove_partial(&self.root, LEFT_BEHIND).map_err(FolderError::io(&self.root))?;
        // Before the share: of two that begin at once one is alone and the other is not.
        let _tables = self.lock()?;
        let share = SharedLock::take(&self.root.join("sweeps.lock"))?;
        let beyond = self.write_joined(plan, share.was_alone())?;
        Ok(Sweeping {
            _share: share,
            beyond,
        })
    }

    /// Joins the plan into `plan.json` once more, at the end of a sweep: a folder that was put in
    /// the place of the one it began in has it too. Returns the number of cells beyond it.
    ///
    /// # Errors
    /// As [`Self::join`]; `tables` is the lock of [`Self::lock`].
    pub fn join_again(&self, plan: &Plan, tables: &FileLock) -> Result<usize, FolderError> {
        tables.check()?;
        // Others may have come since `join`, whose cells are not begun yet: nothing is forgotten.
        self.write_joined(plan, false)
    }

    fn write_joined(&self, plan: &Plan, alone: bool) -> Result<usize, FolderError> {
        let mut joined = PlanFile::of(plan);
        let earlier = PlanFile::read(&self.plan_json())?;
        if let Some(earlier) = &earlier {
            // A cell without a folder may still be ahead: of another sweep that is at work, or in
            // the queue of an engine.
            let submitted = self.submitted();
            let wanted = |entry: &PlanEntry| {
                !alone || self.cell(&entry.cell).root().is_dir() || submitted.contains(&entry.cell)
            };
            joined.join(earlier.clone(), wanted);
        }
        let own: HashSet<&str> = plan.cells.iter().map(|cell| cell.name.as_str()).collect();
        let beyond = joined.names().filter(|name| !own.contains(name)).count();
        // Written only where it says something new: nobody meets a file that flickers.
        if earlier.as_ref() != Some(&joined) {
            joined.write(&self.plan_json())?;
        }
        Ok(beyond)
    }

    /// The names of all cells that were ever submitted to an engine, by the lists of their tasks.
    fn submitted(&self) -> HashSet<String> {
        let submissions = std::fs::read_dir(self.root.join("submissions"));
        let tasks = submissions.into_iter().flatten().flatten();
        // A list that cannot be read names nothing that could be kept.
        tasks
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("tasks.txt")).ok())
            .flat_map(|text| {
                let names = text.split_whitespace().map(str::to_owned);
                names.collect::<Vec<_>>()
            })
            .collect()
    }

    /// The lock under which `plan.json`, tables and figures are written, so that of two sweeps that
    /// end at once neither undoes what the other wrote.
    ///
    /// # Errors
    /// If the file system refuses, or has no locks.
    pub fn lock(&self) -> Result<FileLock, FolderError> {
        Ok(FileLock::wait(&self.root.join("tables.lock"))?)
    }
}
