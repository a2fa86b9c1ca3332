//! What waits in a scheduler: squeue, for the submissions of an experiment; or for a host of one that
//! GNU parallel works on.

use std::collections::HashMap;
use std::process::Command;

use serde::Serialize;

use super::{EngineKind, Submission};
use bitcap_base::is_held;

/// Where a cell stands in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// The task, as Slurm names it: job_index.
    pub task: String,
    /// The task's state, such as PENDING.
    pub state: String,
    /// Why it is in it, as Slurm says, such as Priority.
    pub reason: String,
}

/// The cells that scheduled tasks will run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// By the name of the cell.
    pub cells: HashMap<String, Queued>,
    /// Why the scheduler could not be asked.
    pub unknown: Option<String>,
}

impl Queue {
    /// Asks the schedulers that the submissions were given to; none where there were none.
    #[must_use]
    pub fn ask(submissions: &[Submission]) -> Self {
        let mut queue = Self::of_slurm(submissions);
        for submission in submissions {
            // parallel.sh holds this lock as long as it runs.
            if submission.engine == EngineKind::Parallel && is_held(&submission.path("lock")) {
                // Which of them have ended is not known here; callers ask the cells' folders first.
                for cell in submission.tasks.iter().flatten() {
                    let queued = Queued {
                        task: format!("submission {}", submission.number),
                        state: "RUNNING".into(),
                        reason: "on a host or waiting for one".into(),
                    };
                    queue.cells.insert(cell.clone(), queued);
                }
            }
        }
        queue
    }

    fn of_slurm(submissions: &[Submission]) -> Self {
        let jobs = |submission: &Submission| {
            submission.engine == EngineKind::Slurm && !submission.jobs.is_empty()
        };
        // Without a job there is nothing to ask, and perhaps no squeue: that is no news.
        if !submissions.iter().any(jobs) {
            return Self::default();
        }
        // Without a list of jobs: one that is over would make an error of it.
        let asked = Command::new("squeue")
            // --array: a line a task, where those that wait would else share one.
            .args(["--me", "--noheader", "--array", "--format=%F|%K|%T|%r"])
            .output();
        let unknown = |why: String| Self {
            cells: HashMap::new(),
            unknown: Some(format!("squeue cannot be asked what waits: {why}")),
        };
        match asked {
            Err(error) => unknown(error.to_string()),
            Ok(output) if !output.status.success() => {
                let said = String::from_utf8_lossy(&output.stderr);
                let status = output.status;
                unknown(match said.trim() {
                    "" => format!("it says nothing, and ended with {status}"),
                    said => said.to_owned(),
                })
            }
            Ok(output) => Self {
                cells: cells(&String::from_utf8_lossy(&output.stdout), submissions),
                unknown: None,
            },
        }
    }
}

/// From lines such as `12|3|PENDING|Priority`: array job, index, state, reason.
fn cells(squeue: &str, submissions: &[Submission]) -> HashMap<String, Queued> {
    let mut cells = HashMap::new();
    for line in squeue.lines() {
        // At most four: the reason is the last, whatever is in it.
        let fields: Vec<&str> = line.trim().splitn(4, '|').collect();
        let [job, index, state, reason] = fields[..] else {
            continue;
        };
        // The index of a job that is no array is N/A.
        let (Ok(id), Ok(place)) = (job.parse::<u64>(), index.parse::<usize>()) else {
            continue;
        };
        let of_task = submissions.iter().find_map(|submission| {
            let job = submission.jobs.iter().find(|job| job.id == id)?;
            submission.tasks.get(job.first_task.checked_add(place)?)
        });
        for cell in of_task.into_iter().flatten() {
            let queued = Queued {
                task: format!("{job}_{index}"),
                state: state.to_owned(),
                reason: reason.to_owned(),
            };
            cells.insert(cell.clone(), queued);
        }
    }
    cells
}
