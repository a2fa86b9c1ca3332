//! How the cells of an experiment stand, read from their folders; only what waits is asked of a
//! scheduler.

use std::collections::HashSet;

use serde::Serialize;

use crate::messages::Failure;
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

/// How a cell stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellStatus {
    /// Its name.
    pub cell: String,
    /// How it stands.
    pub state: CellState,
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
    // Of a cell on two curves once.
    let entries = plan.cells.iter().filter(|entry| seen.insert(&entry.cell));
    let cells: Vec<CellStatus> = entries
        .map(|entry| {
            let cell = folder.cell(&entry.cell);
            let queued = queue.cells.get(&entry.cell);
            // A task may have several cells: what is done or failed stays so while its task is in
            // the queue.
            let state = match cell.state() {
                CellState::Stopped | CellState::Missing if queued.is_some() => CellState::Waiting,
                state => state,
            };
            let failure = (state == CellState::Failed).then(|| cell.read_json("failure.json"));
            let reason = failure
                // It failed all the same where the reason cannot be read.
                .and_then(Result::ok)
                .map(|Failure { reason }| reason);
            // Only told for people: without the file, or with another in its place, there is no
            // step.
            let step = std::fs::read_to_string(cell.path("metrics.csv"))
                .ok()
                .and_then(|text| text.lines().last()?.split(',').next()?.parse().ok());
            CellStatus {
                cell: entry.cell.clone(),
                state,
                step,
                steps: entry.steps,
                reason,
                holder: (state == CellState::Running)
                    .then(|| cell.holder())
                    .flatten(),
                queued: queued.filter(|_| state == CellState::Waiting).cloned(),
            }
        })
        .collect();
    let count = |state| cells.iter().filter(|cell| cell.state == state).count();
    Status {
        experiment: plan.name.clone(),
        done: count(CellState::Done),
        running: count(CellState::Running),
        waiting: count(CellState::Waiting),
        stopped: count(CellState::Stopped),
        failed: count(CellState::Failed),
        missing: count(CellState::Missing),
        queue_unknown: queue.unknown.clone(),
        cells,
    }
}
