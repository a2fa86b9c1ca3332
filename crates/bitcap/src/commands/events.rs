//! What a sweep tells programs: JSON lines on standard output.

use std::io::{self, Write};

use bitcap_plan::{CellEvent, Plan, SweepEvent};
use serde::Serialize;

/// Writes the lines, or nothing where nobody asked for them.
pub(crate) struct Events {
    wanted: bool,
    /// Names of the plan's cells.
    names: Vec<String>,
}

/// A cell that came to nothing.
#[derive(Clone, Serialize)]
pub(crate) struct FailedCell {
    pub(crate) cell: String,
    pub(crate) reason: String,
}

/// The last line.
#[derive(Serialize)]
pub(crate) struct Ended<'a> {
    /// The experiment's folder.
    pub(crate) outputs: String,
    /// Cells that were asked for, and how many of them are done.
    pub(crate) cells: usize,
    pub(crate) done: usize,
    /// Whether the sweep was asked to stop.
    pub(crate) stopped: bool,
    pub(crate) failed: &'a [FailedCell],
    /// Tables and figures made, in `outputs`.
    pub(crate) files: Vec<String>,
}

/// Every line has what happened and, where it is of one cell, the cell's name.
#[derive(Serialize)]
struct Line<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct OfCell<'a, T> {
    cell: &'a str,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct Planned<'a> {
    experiment: &'a str,
    cells: usize,
    done: usize,
    open: usize,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Reason<'a> {
    reason: &'a str,
}

impl Events {
    pub(crate) fn new(wanted: bool, plan: &Plan) -> Self {
        Self {
            wanted,
            names: plan.cells.iter().map(|cell| cell.name.clone()).collect(),
        }
    }

    /// So many cells are asked for, of which some are done already and some open.
    pub(crate) fn plan(
        &self,
        experiment: &str,
        cells: usize,
        done: usize,
        open: usize,
    ) -> io::Result<()> {
        let what = Planned {
            experiment,
            cells,
            done,
            open,
        };
        self.write(&Line {
            event: "plan",
            what,
        })
    }

    /// What happens to a cell, as its own process tells it, with its name.
    pub(crate) fn tell(&self, event: &SweepEvent) -> io::Result<()> {
        let cell = |index: &usize| self.names[*index].as_str();
        match event {
            SweepEvent::Started { index } => self.write(&Line {
                event: "started",
                what: OfCell {
                    cell: cell(index),
                    what: Nothing {},
                },
            }),
            // A cell's event has its own tag, which becomes the line's `event`.
            SweepEvent::Told { index, event } => self.write(&OfCell::<&CellEvent> {
                cell: cell(index),
                what: event,
            }),
            SweepEvent::Stopping => self.write(&Line {
                event: "stopping",
                what: Nothing {},
            }),
            SweepEvent::Broke { index, reason } => self.write(&Line {
                event: "broke",
                what: OfCell {
                    cell: cell(index),
                    what: Reason { reason },
                },
            }),
        }
    }

    pub(crate) fn ended(&self, what: &Ended<'_>) -> io::Result<()> {
        self.write(&Line {
            event: "ended",
            what,
        })
    }

    fn write(&self, line: &impl Serialize) -> io::Result<()> {
        if !self.wanted {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, line)?;
        writeln!(out)?;
        out.flush()
    }
}
