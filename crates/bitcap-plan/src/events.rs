//! What a cell tells of itself, to the process that waits for it and in `failure.json`.

use serde::{Deserialize, Serialize};

/// What a cell tells of itself while it runs; a JSON line each where one process tells another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CellEvent {
    /// Training goes on where an earlier process left it.
    Resumed {
        /// Steps that are made already.
        step: u64,
        /// Steps to make.
        steps: u64,
    },
    /// Something that a person should know, such as that a checkpoint was damaged.
    Note {
        /// What it is.
        text: String,
    },
    /// Training goes on.
    Progress {
        /// Steps made.
        step: u64,
        /// Steps to make.
        steps: u64,
        /// Mean cross-entropy in nats a predicted token.
        loss: f64,
        /// Memorized bits by that loss, strict accounting; None where a loss does not tell.
        memorized_bits: Option<f64>,
    },
    /// Training is over, the likelihoods are being worked out.
    Measuring,
    /// The cell is done.
    Done {
        /// Memorized bits, strict accounting, where the entropy is known.
        memorized_bits: Option<f64>,
        /// Memorized bits / ceiling, where there is a ceiling above 0.
        fraction_of_ceiling: Option<f64>,
        /// Memorized bits / parameters.
        bits_per_parameter: Option<f64>,
    },
    /// The training failed; `failure.json` says so too.
    Failed {
        /// Why, with the step.
        reason: String,
    },
    /// Another process works on this cell.
    Busy,
    /// It was asked to stop and did; running it again goes on from there.
    Stopped,
}

impl CellEvent {
    /// Whether this is the last event of a cell's process.
    #[must_use]
    pub fn is_last(&self) -> bool {
        use CellEvent::{Busy, Done, Failed, Stopped};
        matches!(self, Done { .. } | Failed { .. } | Busy | Stopped)
    }
}

/// `failure.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Why the training ended, with the step.
    pub reason: String,
}

impl Failure {
    /// Why a cell is left alone that failed before, and what to do about it.
    #[must_use]
    pub fn before(&self) -> String {
        let reason = &self.reason;
        format!("failed before, --retry-failed tries it again: {reason}")
    }
}
