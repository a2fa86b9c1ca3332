//! `sweep`: every cell of an experiment, then the tables and the figures.

use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context;
use bitcap_report::ReportError;
use bitcap_sweep::{
    CellEvent, CellState, ExperimentFolder, Failure, FolderError, Plan, PlannedCell, SweepEvent,
    check_memory, estimate, is_measured, launch, text_table,
};

use super::outputs::collect_and_report;
use super::run::plan;
use crate::arguments::Sweep;
use crate::progress::{SweepProgress, duration};

pub(crate) fn sweep(arguments: &Sweep) -> anyhow::Result<ExitCode> {
    let (experiment, plan) = plan(&arguments.chosen)?;
    for cell in &plan.cells {
        check_memory(&cell.settings)?;
    }
    let jobs = arguments
        .jobs
        .map(std::num::NonZeroU32::get)
        .or(experiment.engine.jobs)
        .map_or_else(cores, |jobs| jobs as usize);
    if arguments.dry_run {
        return dry_run(&plan, jobs);
    }
    let folder = ExperimentFolder::new(&arguments.chosen.outputs, &plan.name);
    folder.write_plan(&plan)?;

    let mut failures = Vec::new();
    let mut open = Vec::new();
    for cell in &plan.cells {
        match folder.cell(&cell.name).state() {
            CellState::Failed if !arguments.retry_failed => {
                failures.push((cell.name.clone(), failed_before(&folder, cell)));
            }
            // One that is done may lack a measure that is asked for now; its process looks.
            CellState::Done if is_complete(&folder, cell) => {}
            _ => open.push(cell),
        }
    }
    let done = plan.cells.len() - open.len() - failures.len();
    failures.extend(run_open(arguments, &plan, &open, done, jobs)?);

    let mut out = io::stdout().lock();
    match collect_and_report(folder.root()) {
        Ok(table) => write!(out, "{table}")?,
        Err(error) => match (error.downcast_ref(), error.downcast_ref()) {
            (Some(FolderError::NothingDone { .. }), _) if !failures.is_empty() => {}
            // Nothing went wrong: of such data there is no curve.
            (_, Some(ReportError::EntropyUnknown { .. })) => writeln!(out, "{error}")?,
            _ => return Err(error),
        },
    }
    if failures.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut err = io::stderr().lock();
    writeln!(
        err,
        "error: {} of {} cells failed:",
        failures.len(),
        plan.cells.len()
    )?;
    for (cell, reason) in &failures {
        writeln!(err, "  {cell}: {reason}")?;
    }
    Ok(ExitCode::FAILURE)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Why a cell's training failed, and what to do about it.
fn failed_before(folder: &ExperimentFolder, cell: &PlannedCell) -> String {
    let failure = folder.cell(&cell.name).read_json::<Failure>("failure.json");
    let reason = failure.map_or_else(|error| error.to_string(), |failure| failure.reason);
    format!("failed before, --retry-failed tries it again: {reason}")
}

/// Whether nothing is left to do for a cell that is done. Where that cannot be told, its own process
/// says why.
fn is_complete(folder: &ExperimentFolder, cell: &PlannedCell) -> bool {
    is_measured(&folder.cell(&cell.name), &cell.settings).unwrap_or(false)
}

fn dry_run(plan: &Plan, jobs: usize) -> anyhow::Result<ExitCode> {
    let seconds = estimate(&plan.cells);
    let mut headings = PlannedCell::HEADINGS.to_vec();
    headings.insert(headings.len() - 1, "time");
    let rows: Vec<Vec<String>> = plan
        .cells
        .iter()
        .zip(&seconds)
        .map(|(cell, &seconds)| {
            let mut row = cell.row().to_vec();
            row.insert(row.len() - 1, duration(seconds));
            row
        })
        .collect();
    let mut out = io::stdout().lock();
    write!(out, "{}", text_table(&headings, &rows))?;
    let total: f64 = seconds.iter().sum();
    let longest = seconds.iter().copied().fold(0.0, f64::max);
    let wall = (total / jobs as f64).max(longest);
    let flops: f64 = plan.cells.iter().map(|cell| cell.training_flops).sum();
    writeln!(
        out,
        "{} cells, {flops:.2e} FLOPs; about {} with {jobs} side by side (from timed steps on this machine)",
        plan.cells.len(),
        duration(wall)
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the cells that are open, beside which so many are done; returns those that failed, with the
/// reason.
fn run_open(
    arguments: &Sweep,
    plan: &Plan,
    open: &[&PlannedCell],
    done: usize,
    jobs: usize,
) -> anyhow::Result<Vec<(String, String)>> {
    let progress = SweepProgress::new(open, done);
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let cells: Vec<PlannedCell> = open.iter().map(|&cell| cell.clone()).collect();
    let seconds = estimate(&cells);
    // The longest first: no long cell is left alone at the end.
    let mut order: Vec<usize> = (0..open.len()).collect();
    order.sort_by(|&a, &b| seconds[b].total_cmp(&seconds[a]));
    let ordered: Vec<&PlannedCell> = order.iter().map(|&i| open[i]).collect();
    let mut progress = progress.with_costs(open.iter().map(|cell| cell.index).zip(seconds));

    let program = std::env::current_exe().context("the path of this program is not known")?;
    let command = |cell: &PlannedCell| {
        let mut command = Command::new(&program);
        let chosen = &arguments.chosen;
        command
            .arg("run")
            .arg(&chosen.experiment)
            .args(["--json", "--cell", &cell.name]);
        command.arg("--outputs").arg(&chosen.outputs);
        for text in &chosen.overrides {
            command.args(["--set", text]);
        }
        if let Some(device) = chosen.device {
            command.args(["--device", device.as_str()]);
        }
        command
    };
    let mut failures = Vec::new();
    let mut tell = |event: SweepEvent| {
        progress.tell(&event);
        let failed = match event {
            SweepEvent::Told {
                index,
                event: CellEvent::Failed { reason },
            } => Some((index, reason)),
            SweepEvent::Broke { index, reason } => Some((index, reason)),
            _ => None,
        };
        failures.extend(failed.map(|(index, reason)| (plan.cells[index].name.clone(), reason)));
    };
    // A cell that judges the others comes before them.
    let (oracles, others): (Vec<&PlannedCell>, Vec<&PlannedCell>) = ordered
        .into_iter()
        .partition(|cell| cell.name == cell.settings.measure.oracle);
    launch(&oracles, jobs, command, &mut tell);
    launch(&others, jobs, command, &mut tell);
    progress.finish(Duration::from_secs(1));
    Ok(failures)
}
