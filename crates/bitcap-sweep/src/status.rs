//! How the cells of an experiment stand, read from their folders alone.

use serde::Serialize;

use crate::cell::Failure;
use crate::{CellState, ExperimentFolder, PlanFile};

/// How an experiment stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Name of the experiment.
    pub experiment: String,
    /// Cells that are done.
    pub done: usize,
    /// Cells that a live process works on.
    pub running: usize,
    /// Cells whose training failed.
    pub failed: usize,
    /// Cells not begun, or cut off.
    pub missing: usize,
    /// Each cell, in the plan's order.
    pub cells: Vec<CellStatus>,
}

/// How a cell stands.
#[derive(Clone, Debug, Serialize)]
pub struct CellStatus {
    /// Its name.
    pub cell: String,
    /// Done, running, failed or missing.
    pub state: CellState,
    /// Steps in the last row of metrics.csv, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// Steps of its training.
    pub steps: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Looks at every cell of the plan.
#[must_use]
pub fn status(folder: &ExperimentFolder, plan: &PlanFile) -> Status {
    let cells: Vec<CellStatus> = plan
        .cells
        .iter()
        .map(|entry| {
            let cell = folder.cell(&entry.cell);
            let state = cell.state();
            let reason = (state == CellState::Failed)
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
            }
        })
        .collect();
    let count = |state| cells.iter().filter(|cell| cell.state == state).count();
    Status {
        experiment: plan.name.clone(),
        done: count(CellState::Done),
        running: count(CellState::Running),
        failed: count(CellState::Failed),
        missing: count(CellState::Missing),
        cells,
    }
}
