//! How the cells of an experiment stand, read from their folders; only what waits is asked of a
//! scheduler.

use std::collections::HashSet;

use serde::Serialize;

use crate::events::Failure;
use crate::submit::{Queue, Queued};
use crate::{CellState, ExperimentFolder, PlanFile};

/// How an experiment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Name of the experiment.
    pub experiment: String,
    /// Cells that are done.
    pub done: usize,
    /// Cells that a live process works on.
    pub running: usize,
    /// Cells that wait in a scheduler's queue.
    pub waiting: usize,
    /// Cells that were cut off and can go on from where they were.
    pub stopped: usize,
    /// Cells whose training failed.
    pub failed: usize,
    /// Cells not begun.
    pub missing: usize,
    /// Why a scheduler could not be asked what waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_unknown: Option<String>,
    /// Each cell, in the plan's order.
    pub cells: Vec<CellStatus>,
}

/// A cell's state, with what a scheduler knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// [`CellState::Done`].
    Done,
    /// [`CellState::Running`].
    Running,
    /// Missing or stopped, and in a queue.
    Waiting,
    /// [`CellState::Stopped`].
    Stopped,
    /// [`CellState::Failed`].
    Failed,
    /// [`CellState::Missing`].
    Missing,
}

impl Standing {
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

/// How a cell stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellStatus {
    /// Its name.
    pub cell: String,
    /// How it stands.
    pub state: Standing,
    /// Steps in the last row of metrics.csv, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// Steps of its training.
    pub steps: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Where it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<Queued>,
}

/// Looks at every cell of the plan.
#[must_use]
pub fn status(folder: &ExperimentFolder, plan: &PlanFile, queue: &Queue) -> Status {
    let mut seen = HashSet::new();
    let cells: Vec<CellStatus> = plan
        .cells
        .iter()
        // Of a cell on two curves once.
        .filter(|entry| seen.insert(&entry.cell))
        .map(|entry| {
            let cell = folder.cell(&entry.cell);
            let queued = queue.cells.get(&entry.cell);
            let state = match (cell.state(), queued) {
                (CellState::Done, _) => Standing::Done,
                (CellState::Running, _) => Standing::Running,
                (CellState::Failed, _) => Standing::Failed,
                (CellState::Stopped | CellState::Missing, Some(_)) => Standing::Waiting,
                (CellState::Stopped, None) => Standing::Stopped,
                (CellState::Missing, None) => Standing::Missing,
            };
            let reason = (state == Standing::Failed)
                .then(|| cell.read_json::<Failure>("failure.json").ok())
                .flatten()
                .map(|failure| failure.reason);
            let step = std::fs::read_to_string(cell.path("metrics.csv"))
                .ok()
                .and_then(|text| text.lines().last()?.split(',').next()?.parse().ok());
            CellStatus {
                cell: entry.cell.clone(),
                state,
                step,
                steps: entry.steps,
                reason,
                holder: (state == Standing::Running)
                    .then(|| cell.holder())
                    .flatten(),
                queued: queued.filter(|_| state == Standing::Waiting).cloned(),
            }
        })
        .collect();
    let count = |state| cells.iter().filter(|cell| cell.state == state).count();
    Status {
        experiment: plan.name.clone(),
        done: count(Standing::Done),
        running: count(Standing::Running),
        waiting: count(Standing::Waiting),
        stopped: count(Standing::Stopped),
        failed: count(Standing::Failed),
        missing: count(Standing::Missing),
        queue_unknown: queue.unknown.clone(),
        cells,
    }
}
