//! `run`: one cell.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use bitcap_base::Stop;
use bitcap_cell::{RunOptions, run_cell};
use bitcap_plan::{
    CellEvent, CellFolder, CellSettings, CellTask, Experiment, ExperimentFolder, Plan, PlannedCell,
    Sweeping,
};

use crate::arguments::{Chosen, Run};
use crate::say;
use crate::signals;

/// The revision this binary was built from.
pub(crate) const GIT_REVISION: &str = env!("BITCAP_GIT_REVISION");

/// Exit status of a cell whose training failed: to run it again would not help.
pub(crate) const TRAINING_FAILED: u8 = 3;

/// Exit status where another process works on the cell: EX_TEMPFAIL of sysexits.h, to try later.
// The scripts of submissions know this number and the one above (bitcap-plan/src/submit).
pub(crate) const BUSY: u8 = 75;

/// Reads an experiment with its overrides and makes its plan.
pub(crate) fn plan(chosen: &Chosen) -> anyhow::Result<(Experiment, Plan)> {
    let mut overrides = chosen.overrides.clone();
    // The flags are overrides that come last: so they outrank --set, and one that is impossible is
    // told as any setting is.
    if let Some(device) = chosen.device {
        overrides.push(format!("engine.device={device}"));
    }
    if let Some(kernels) = chosen.kernels {
        overrides.push(format!("engine.kernels={kernels}"));
    }
    if chosen.trust_device {
        overrides.push("engine.trust_device=true".into());
    }
    let experiment = Experiment::read(&chosen.experiment, &overrides)?;
    let plan = experiment.plan()?;
    Ok((experiment, plan))
}

pub(crate) fn run(arguments: &Run) -> anyhow::Result<ExitCode> {
    let heard = if arguments.json {
        stopped_json
    } else {
        stopped_plain
    };
    let (task, _sweeping) = match &arguments.folder {
        Some(folder) => (resolved(arguments, folder)?, None),
        None => {
            let (task, sweeping) = planned(arguments)?;
            (task, Some(sweeping))
        }
    };
    // Not before: until here a signal ends the process by itself, and nothing is lost.
    let stop = signals::stop_on_signals(heard)?;
    run_task_with(&task, stop, arguments.json)
}

/// A cell of an experiment, and our share of its folder: given up before the cell has a folder of its
/// own, another sweep that found itself alone would drop it.
fn planned(arguments: &Run) -> anyhow::Result<(CellTask, Sweeping)> {
    let chosen = &arguments.chosen;
    let (_, plan) = plan(chosen)?;
    let cell = find(&plan, arguments.cell.as_deref().unwrap_or_default())?;
    let folder = ExperimentFolder::new(&chosen.outputs, &plan.name);
    let sweeping = folder.join(&plan)?;
    let tensorboard = arguments.tensorboard.as_ref();
    let task = CellTask::new(
        cell.settings.clone(),
        folder.cell(&cell.name).root(),
        tensorboard.map(|all| all.join(&plan.name)).as_deref(),
        arguments.retry_failed,
    );
    Ok((task, sweeping))
}

/// A cell that is its own file.
fn resolved(arguments: &Run, folder: &Path) -> anyhow::Result<CellTask> {
    let mut settings = CellSettings::read(&arguments.chosen.experiment)?;
    if let Some(device) = arguments.chosen.device {
        settings.engine.device = device;
    }
    if let Some(kernels) = arguments.chosen.kernels {
        settings.engine.kernels = kernels;
    }
    // A flag can only add to it: there is none that takes trust away.
    settings.engine.trust_device |= arguments.chosen.trust_device;
    let tensorboard = arguments.tensorboard.as_deref();
    Ok(CellTask::new(
        settings,
        folder,
        tensorboard,
        arguments.retry_failed,
    ))
}

/// The cell that a sweep hands over, as the first line of standard input; when that ends, it stops.
pub(crate) fn run_task() -> anyhow::Result<ExitCode> {
    // Standard input is unlocked again after the line; the thread that waits for its end locks it.
    let task = CellTask::read_line(&mut io::stdin().lock())?;
    let stop = signals::stop_on_signals(stopped_json)?;
    signals::stop_at_end_of_input(stopped_json);
    run_task_with(&task, stop, true)
}

fn run_task_with(task: &CellTask, stop: &Stop, json: bool) -> anyhow::Result<ExitCode> {
    // That nobody reads any more ends no training. It is an error when all is done.
    let mut broken = None;
    let folder = CellFolder::new(&task.folder());
    let mut tell = |event: &CellEvent| {
        let told = if json {
            json_line(event)
        } else {
            plain_line(event, &folder)
        };
        if let Err(error) = told {
            broken.get_or_insert(error);
        }
    };
    let tensorboard = task.tensorboard();
    let options = RunOptions {
        git_revision: GIT_REVISION,
        retry_failed: task.retry_failed,
        tensorboard: tensorboard.as_deref(),
        stop,
    };
    let last = run_cell(&folder, &task.settings, &options, &mut tell)?;
    // The last event is returned and not told, so that nobody hears of it before its files are
    // there.
    tell(&last);
    if let Some(error) = broken {
        return Err(error.into());
    }
    Ok(match last {
        CellEvent::Failed { .. } => ExitCode::from(TRAINING_FAILED),
        CellEvent::Busy => ExitCode::from(BUSY),
        CellEvent::Stopped => signals::exit_code(),
        _ => ExitCode::SUCCESS,
    })
}

/// What ends at once says that it was stopped; what has something to save says so when that is done.
fn stopped_json(saving: bool) {
    if !saving {
        drop(json_line(&CellEvent::Stopped));
    }
}

fn stopped_plain(saving: bool) {
    if saving {
        say("stopping after this step with a checkpoint; SIGINT again ends at once");
    } else {
        say(GO_ON);
    }
}

const GO_ON: &str = "stopped; the same command goes on from here";

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

fn plain_line(event: &CellEvent, folder: &CellFolder) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match event {
        CellEvent::Resumed { step, steps } => writeln!(out, "{}", resumed_line(*step, *steps)),
        CellEvent::Note { text } => {
            say(&format!("note: {text}"));
            Ok(())
        }
        CellEvent::Progress {
            step,
            steps,
            loss,
            memorized_bits,
            ..
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
        CellEvent::Busy => {
            let folder_name = folder.root().display();
            say(&format!("error: {folder_name}: {}", busy_line(folder)));
            Ok(())
        }
        CellEvent::Stopped => {
            say(GO_ON);
            Ok(())
        }
    }
}

/// "going on after step 120 of 400".
pub(crate) fn resumed_line(step: u64, steps: u64) -> String {
    format!("going on after step {step} of {steps}")
}

/// "another process works on it (process 12 on node3)".
pub(crate) fn busy_line(folder: &CellFolder) -> String {
    let holder = folder.holder().map(|holder| format!(" ({holder})"));
    format!("another process works on it{}", holder.unwrap_or_default())
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
