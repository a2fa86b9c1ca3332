//! `run`: one cell.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use bitcap_sweep::{CellEvent, Experiment, ExperimentFolder, Plan, PlannedCell, run_cell};

use crate::arguments::{Chosen, Run};

/// The revision this binary was built from.
pub(crate) const GIT_REVISION: &str = env!("BITCAP_GIT_REVISION");

/// Reads an experiment with its overrides and makes its plan.
pub(crate) fn plan(chosen: &Chosen) -> anyhow::Result<(Experiment, Plan)> {
    let mut overrides = chosen.overrides.clone();
    if let Some(device) = chosen.device {
        overrides.push(format!("engine.device={device}"));
    }
    let experiment = Experiment::read(&chosen.experiment, &overrides)?;
    let plan = experiment.plan()?;
    Ok((experiment, plan))
}

pub(crate) fn run(arguments: &Run) -> anyhow::Result<ExitCode> {
    let (_, plan) = plan(&arguments.chosen)?;
    let cell = find(&plan, &arguments.cell)?;
    let folder = ExperimentFolder::new(&arguments.chosen.outputs, &plan.name);
    folder.write_plan(&plan)?;
    let mut broken = None;
    let mut tell = |event: &CellEvent| {
        let told = if arguments.json {
            json_line(event)
        } else {
            plain_line(event)
        };
        if let Err(error) = told {
            broken.get_or_insert(error);
        }
    };
    let last = run_cell(
        &folder.cell(&cell.name),
        &cell.settings,
        GIT_REVISION,
        &mut tell,
    )?;
    tell(&last);
    if let Some(error) = broken {
        return Err(error.into());
    }
    match last {
        CellEvent::Failed { .. } => Ok(ExitCode::FAILURE),
        CellEvent::Busy if !arguments.json => bail!("another process works on {}", cell.name),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn find<'a>(plan: &'a Plan, wanted: &str) -> anyhow::Result<&'a PlannedCell> {
    if let Some(cell) = plan.cells.iter().find(|cell| cell.name == wanted) {
        return Ok(cell);
    }
    let index: Option<usize> = wanted.parse().ok();
    index.and_then(|index| plan.cells.get(index)).ok_or_else(|| {
        let last = plan.cells.len().saturating_sub(1);
        anyhow!("the plan has no cell `{wanted}`; its cells are 0 to {last}, and sweep --dry-run names them")
    })
}

fn json_line(event: &CellEvent) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, event)?;
    writeln!(out)?;
    out.flush()
}

fn plain_line(event: &CellEvent) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match event {
        CellEvent::Progress {
            step,
            steps,
            loss,
            memorized_bits,
        } => {
            let bits = memorized_bits.map_or(String::new(), |bits| format!("  {bits:.0} bits"));
            writeln!(out, "step {step}/{steps}  loss {loss:.4} nats{bits}")
        }
        CellEvent::Measuring => writeln!(out, "measuring"),
        CellEvent::Done {
            memorized_bits,
            fraction_of_ceiling,
            bits_per_parameter,
        } => {
            let what = memorized_line(*memorized_bits, *fraction_of_ceiling, *bits_per_parameter);
            writeln!(out, "done: {what}")
        }
        CellEvent::Failed { reason } => writeln!(out, "failed: {reason}"),
        CellEvent::Busy => Ok(()),
    }
}

/// "1234 bits memorized (98.2 % of the ceiling), 1.23 a parameter"; the share is left out where there
/// is no ceiling above 0.
pub(crate) fn memorized_line(
    memorized_bits: Option<f64>,
    fraction_of_ceiling: Option<f64>,
    bits_per_parameter: Option<f64>,
) -> String {
    let Some((bits, each)) = memorized_bits.zip(bits_per_parameter) else {
        return "measured; the entropy of this data is not known".into();
    };
    let share = fraction_of_ceiling.map_or(String::new(), |share| {
        format!(" ({:.1} % of the ceiling)", 100.0 * share)
    });
    format!("{bits:.0} bits memorized{share}, {each:.2} a parameter")
}
