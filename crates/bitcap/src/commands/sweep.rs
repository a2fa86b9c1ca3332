//! `sweep`: every cell of an experiment, then the tables and the figures.

use std::collections::HashSet;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{anyhow, bail};
use bitcap_base::Stop;
use bitcap_cell::{check_memory, estimate, is_measured, write_events};
use bitcap_model::check_precision;
use bitcap_plan::{
    CellEvent, CellFolder, CellState, CellTask, ChildProcess, DeviceSpec, ExperimentFolder,
    Failure, Launch, Plan, PlannedCell, SweepEvent, quoted,
};

use super::devices::sound;
use super::dry_run::dry_run;
use super::events::{Ended, Events, FailedCell};
use super::outputs::{Made, collect_and_report};
use super::run::plan;
use super::{counted, counted_are, own_program};
use crate::arguments::{Chosen, Sweep};
use crate::progress::SweepProgress;
use crate::{say, signals};

pub(crate) fn sweep(arguments: &Sweep) -> anyhow::Result<ExitCode> {
    let (experiment, plan) = plan(&chosen(arguments))?;
    let picked = plan.only(&arguments.only.conditions)?;
    let devices = devices(arguments)?;
    let jobs = jobs(arguments, experiment.engine.jobs, &picked) * devices.len().max(1);
    // Of the cells that are picked: --only may leave out those that do not fit.
    check_memory(picked.iter().map(|cell| &cell.settings), jobs)?;
    if arguments.dry_run {
        return dry_run(&picked, jobs, arguments.json);
    }
    let stop = signals::stop_on_signals(heard)?;
    let folder = ExperimentFolder::new(&arguments.chosen.outputs, &plan.name);
    // Before `join`, which makes files: what is refused leaves nothing behind.
    refuse_own_files(&folder, &picked)?;
    let sweeping = folder.join(&plan)?;

    let Sorted { open, mut failed } = sort(arguments, &plan, &folder, &picked)?;
    let done = picked.len() - open.len() - failed.len();
    let events = Events::new(arguments.json, &plan);
    events.plan(&plan.name, picked.len(), done, open.len())?;
    // From here on a signal does not end this process: it tells its cells to stop and waits for
    // their checkpoints.
    stop.begin_saving();
    let progress = SweepProgress::new(&folder, &open, done);
    let running = Running {
        arguments,
        plan: &plan,
        folder: &folder,
        jobs,
        devices: &devices,
        events: &events,
        stop,
    };
    failed.extend(running.run(&open, progress)?);
    // What follows may be cut off anywhere: the next sweep makes the same tables again.
    let stopped = stop.end_saving();
    // Who asks to stop does not wait for figures; collect and report make them whenever they are
    // wanted.
    let made = if stopped {
        None
    } else {
        Some(report(&folder, &plan, arguments.json)?)
    };
    // Kept until the tables are made: another sweep that begins and finds itself alone would forget
    // those cells of ours that were never begun.
    drop(sweeping);
    // By the folders and not by what was told: others may have finished cells of ours too.
    let done = picked
        .iter()
        .filter(|cell| folder.cell(&cell.name).state() == CellState::Done)
        .count();
    events.ended(&Ended {
        outputs: folder.root().display().to_string(),
        cells: picked.len(),
        done,
        stopped,
        failed: &failed,
        files: made
            .as_ref()
            .map_or_else(Vec::new, |made| made.files.clone()),
    })?;
    let unreadable = made.is_some_and(|made| !made.unreadable.is_empty());
    if !failed.is_empty() {
        say(&format!(
            "error: {} of {} failed:",
            failed.len(),
            counted(picked.len(), "cell")
        ));
        for FailedCell { cell, reason } in &failed {
            say(&format!("  {cell}: {reason}"));
        }
    }
    if stopped {
        say(&format!(
            "stopped: {done} of {} done; the same command goes on from here: {}",
            counted_are(picked.len(), "cell"),
            command_line()
        ));
        return Ok(signals::exit_code());
    }
    Ok(if failed.is_empty() && !unreadable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A file of the experiment's own folder may be written before it is read.
fn refuse_own_files(folder: &ExperimentFolder, cells: &[&PlannedCell]) -> anyhow::Result<()> {
    // Where the folder is not there yet, no file is in it.
    let Ok(root) = folder.root().canonicalize() else {
        return Ok(());
    };
    let files = cells.iter().filter_map(|cell| cell.settings.source.file());
    for file in files {
        if file
            .canonicalize()
            .is_ok_and(|file| file.starts_with(&root))
        {
            bail!(
                "{}: the data of an experiment cannot lie in the folder that it writes into, {}; copy the file, or take another --outputs",
                file.display(),
                folder.root().display()
            );
        }
    }
    Ok(())
}

/// While cells run, the progress says it.
fn heard(saving: bool) {
    if !saving {
        say("stopped; the same command goes on from here");
    }
}

/// This very command, to be copied.
fn command_line() -> String {
    let words = std::env::args_os().map(|word| quoted(&word.to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

/// The experiment, on the first of the devices that its cells are shared out over.
fn chosen(arguments: &Sweep) -> Chosen {
    // Any of them would do: no name of a cell depends on the device, and each cell is given its own
    // when it is begun.
    let mut chosen = arguments.chosen.clone();
    chosen.device = chosen.device.or(arguments.devices.first().copied());
    chosen
}

/// The devices that cells are shared out over. All of one kind: figures of several in one curve would
/// differ by more than chance.
fn devices(arguments: &Sweep) -> anyhow::Result<Vec<DeviceSpec>> {
    let devices = arguments.devices.clone();
    if let Some(other) = devices
        .iter()
        .find(|device| device.backend != devices[0].backend)
    {
        bail!(
            "--devices are of one backend, and {} and {other} are not; their figures would not be comparable",
            devices[0]
        );
    }
    Ok(devices)
}

/// Cells side by side on a device: a GPU is given one at a time, a processor one a core.
fn jobs(arguments: &Sweep, engine: Option<u32>, cells: &[&PlannedCell]) -> usize {
    let set = arguments.jobs.map(std::num::NonZeroU32::get).or(engine);
    set.map_or_else(
        || {
            let on_gpu = |cell: &&PlannedCell| !cell.settings.engine.device.backend.is_cpu();
            if cells.iter().any(on_gpu) { 1 } else { cores() }
        },
        |jobs| jobs as usize,
    )
}

/// Has each device looked at once, before several processes would; a GPU by a process of its own, since this
/// one would keep its memory.
fn require_sound_devices(cells: &[&PlannedCell], devices: &[DeviceSpec]) -> anyhow::Result<()> {
    let mut seen = HashSet::new();
    for cell in cells {
        let engine = &cell.settings.engine;
        let own = [engine.device];
        let devices = if devices.is_empty() {
            &own[..]
        } else {
            devices
        };
        let precision = cell.settings.train.precision;
        for &device in devices {
            if engine.trust_device || !seen.insert((device, precision)) {
                continue;
            }
            if device.backend.is_cpu() {
                check_precision(device, precision)?;
                continue;
            }
            // That a device agrees is remembered in the user's cache, so that no cell checks it again.
            for text in sound(device, precision)?.map_err(|reason| anyhow!(reason))? {
                say(&format!("note: {text}"));
            }
        }
    }
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Cells that are not done.
struct Sorted<'a> {
    /// To be run.
    open: Vec<&'a PlannedCell>,
    /// Failed before, and not to be tried again.
    failed: Vec<FailedCell>,
}

fn sort<'a>(
    arguments: &Sweep,
    plan: &Plan,
    folder: &ExperimentFolder,
    picked: &[&'a PlannedCell],
) -> anyhow::Result<Sorted<'a>> {
    let (mut open, mut failed) = (Vec::new(), Vec::new());
    let tensorboard = tensorboard(arguments, plan);
    for &cell in picked {
        let cell_folder = folder.cell(&cell.name);
        match cell_folder.state() {
            CellState::Failed if !arguments.retry_failed => failed.push(FailedCell {
                cell: cell.name.clone(),
                reason: failed_before(&cell_folder),
            }),
            // One that is done may lack a measure that is asked for now; its process looks. Where
            // that cannot be told, its process says why.
            CellState::Done if is_measured(&cell_folder, &cell.settings).unwrap_or(false) => {
                let written = tensorboard
                    .as_ref()
                    .map(|all| write_events(&cell_folder, all));
                // Its figures are there all the same.
                if let Some(Err(error)) = written {
                    say(&format!("note: no event file: {error}"));
                }
            }
            // Those that run too: their processes say that they are busy, and the sweep waits for
            // them.
            _ => open.push(cell),
        }
    }
    Ok(Sorted { open, failed })
}

/// The experiment's folder for TensorBoard.
fn tensorboard(arguments: &Sweep, plan: &Plan) -> Option<PathBuf> {
    let all = arguments.tensorboard.as_ref();
    all.map(|all| all.join(&plan.name))
}

/// Why a cell's training failed, and what to do about it.
fn failed_before(folder: &CellFolder) -> String {
    let failure = folder.read_json::<Failure>("failure.json");
    failure.map_or_else(|error| error.to_string(), |failure| failure.before())
}

/// Makes tables and figures of all that is in the folder, and shows the table of this plan.
fn report(folder: &ExperimentFolder, plan: &Plan, json: bool) -> anyhow::Result<Made> {
    let tables = folder.lock()?;
    let beyond = folder.join_again(plan, &tables)?;
    // The files are of the whole folder; the table that is shown is of this plan.
    let curves = plan.cells.iter().flat_map(|cell| &cell.curves);
    let own: HashSet<&str> = curves.map(|curve| curve.group.as_str()).collect();
    let made = collect_and_report(folder, Some(&own), &tables)?;
    if !json {
        write!(io::stdout(), "{}", made.text)?;
    }
    if beyond > 0 {
        say(&format!(
            "note: {} has {} of other settings too; they are in its tables and figures",
            folder.root().display(),
            counted(beyond, "cell")
        ));
    }
    Ok(made)
}

/// What the cells of a sweep are run with.
struct Running<'a> {
    arguments: &'a Sweep,
    plan: &'a Plan,
    folder: &'a ExperimentFolder,
    jobs: usize,
    /// Where they are shared out; empty where each runs on the one of its settings.
    devices: &'a [DeviceSpec],
    events: &'a Events,
    stop: &'a Stop,
}

impl Running<'_> {
    /// Runs the cells that are open; returns those that failed.
    fn run(
        &self,
        open: &[&PlannedCell],
        progress: SweepProgress,
    ) -> anyhow::Result<Vec<FailedCell>> {
        let Self {
            arguments,
            plan,
            folder,
            jobs,
            devices,
            events,
            stop,
        } = *self;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        require_sound_devices(open, devices)?;
        let costs = match estimate(open)? {
            Some(seconds) => seconds,
            // In parts of the whole that is all that counts here.
            None => open
                .iter()
                .map(|cell| cell.settings.training_flops())
                .collect(),
        };
        // The longest first: no long cell is left alone at the end.
        let mut order: Vec<usize> = (0..open.len()).collect();
        order.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]));
        let ordered: Vec<&PlannedCell> = order.iter().map(|&i| open[i]).collect();
        let mut progress = progress.with_costs(open.iter().map(|cell| cell.index).zip(costs));

        let program = own_program()?;
        let tensorboard = tensorboard(arguments, plan);
        let child = |cell: &PlannedCell, again: bool, worker: usize| {
            let mut command = Command::new(&program);
            // What ps shows; the program's own path is /proc/self/exe.
            command.arg0("bitcap").arg("run-task");
            // What another process has just tried is not tried once more.
            let retry_failed = arguments.retry_failed && !again;
            let folder = folder.cell(&cell.name);
            let mut settings = cell.settings.clone();
            if !devices.is_empty() {
                // Each device has the same number of workers, and a worker has one process at a
                // time: so no device gets more cells than it should.
                settings.engine.device = devices[worker % devices.len()];
            }
            let task = CellTask::new(
                settings,
                folder.root(),
                tensorboard.as_deref(),
                retry_failed,
            );
            ChildProcess {
                command,
                task: task.to_line(),
            }
        };
        let mut failed = Vec::new();
        let mut tell = |event: SweepEvent| {
            progress.tell(&event);
            // That nobody reads of it any more is no reason to end a sweep.
            drop(events.tell(&event));
            let reason = match event {
                SweepEvent::Told {
                    index,
                    event: CellEvent::Failed { reason },
                } => Some((index, reason)),
                SweepEvent::Broke { index, reason } => Some((index, reason)),
                _ => None,
            };
            failed.extend(reason.map(|(index, reason)| FailedCell {
                // An index counts in the whole plan, whatever --only left of it.
                cell: plan.cells[index].name.clone(),
                reason,
            }));
        };
        // A cell that judges the others comes before them.
        let (oracles, others): (Vec<&PlannedCell>, Vec<&PlannedCell>) = ordered
            .into_iter()
            .partition(|cell| cell.name == cell.settings.measure.oracle);
        // One launch would run them side by side, and those that find no trained oracle end with an
        // error.
        for cells in [oracles, others] {
            let launch = Launch {
                cells: &cells,
                jobs,
                stop,
                child: &child,
                is_held: |cell: &PlannedCell| folder.cell(&cell.name).is_held(),
            };
            launch.run(&mut tell);
        }
        progress.finish(Duration::from_secs(1));
        Ok(failed)
    }
}
