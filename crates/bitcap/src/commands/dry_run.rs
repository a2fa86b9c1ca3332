//! `sweep --dry-run`: every cell, and how long it will take.

use std::io::{self, Write};
use std::process::ExitCode;

use bitcap_cell::estimate;
use bitcap_plan::{PlannedCell, text_table};
use serde::Serialize;

use super::counted;
use crate::output::{Output, print};
use crate::progress::duration;
use crate::say;

/// A cell as a program reads it.
#[derive(Serialize)]
struct Planned<'a> {
    index: usize,
    cell: &'a str,
    label: &'a str,
    doubled: bool,
    parameters: u64,
    active_parameters: u64,
    /// Not there where it is not known.
    entropy_bits: Option<f64>,
    load: Option<f64>,
    training_tokens: u64,
    training_flops: f64,
    estimated_seconds: Option<f64>,
}

/// The plan, a row a cell.
#[derive(Serialize)]
#[serde(transparent)]
struct DryRun<'a> {
    cells: Vec<Planned<'a>>,
    /// What people are shown of each.
    #[serde(skip)]
    rows: Vec<Vec<String>>,
    #[serde(skip)]
    jobs: usize,
}

pub(crate) fn dry_run(cells: &[&PlannedCell], jobs: usize, json: bool) -> anyhow::Result<ExitCode> {
    // A plan for another machine: what this one has not cannot be timed here.
    let seconds = match estimate(cells) {
        Ok(Some(seconds)) => seconds.into_iter().map(Some).collect(),
        Ok(None) => {
            say("note: no times; what a GPU takes is seen when its first cell has run");
            vec![None; cells.len()]
        }
        Err(error) => {
            say(&format!("note: no times, {error}"));
            vec![None; cells.len()]
        }
    };
    let rows = cells.iter().map(|cell| cell.row().to_vec()).collect();
    let cells = cells.iter().zip(seconds);
    let cells: Vec<Planned<'_>> = cells
        .map(|(cell, estimated_seconds)| Planned {
            index: cell.index,
            cell: &cell.name,
            label: &cell.curve().label,
            doubled: cell.curve().doubled,
            parameters: cell.settings.parameters(),
            active_parameters: cell.settings.active_parameters(),
            entropy_bits: cell.settings.entropy_bits(),
            load: cell.settings.load(),
            training_tokens: cell.settings.training_tokens(),
            training_flops: cell.settings.training_flops(),
            estimated_seconds,
        })
        .collect();
    print(&DryRun { cells, rows, jobs }, json)
}

impl Output for DryRun<'_> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut headings = PlannedCell::HEADINGS.to_vec();
        // Before the last column, which has remarks and no heading.
        headings.insert(headings.len() - 1, "time");
        let rows: Vec<Vec<String>> = self
            .cells
            .iter()
            .zip(&self.rows)
            .map(|(cell, row)| {
                let mut row = row.clone();
                row.insert(
                    row.len() - 1,
                    cell.estimated_seconds.map_or("-".into(), duration),
                );
                row
            })
            .collect();
        write!(out, "{}", text_table(&headings, &rows))?;
        let flops: f64 = self.cells.iter().map(|cell| cell.training_flops).sum();
        write!(
            out,
            "{}, {flops:.2e} FLOPs",
            counted(self.cells.len(), "cell")
        )?;
        let seconds = self.cells.iter().map(|cell| cell.estimated_seconds);
        // Only where all are known: the sum of some would be read as that of all.
        if let Some(seconds) = seconds.collect::<Option<Vec<f64>>>() {
            let total: f64 = seconds.iter().sum();
            let longest = seconds.iter().copied().fold(0.0, f64::max);
            // Not less than the longest cell takes alone, and not less than all take shared out
            // evenly.
            let wall = duration((total / self.jobs as f64).max(longest));
            write!(
                out,
                "; about {wall} with {} side by side (from timed steps on this machine)",
                self.jobs
            )?;
        }
        writeln!(out)
    }
}
