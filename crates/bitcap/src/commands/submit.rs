//! `submit`: cells given to Slurm or to hosts.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use bitcap_cell::is_measured;
use bitcap_plan::{
    CellState, ExperimentFolder, PlannedCell, Queue, Submission, check_parallel,
    prepare_for_parallel, submit_to_slurm,
};

use super::counted;
use super::run::{GIT_REVISION, plan};
use crate::arguments::{EngineName, Submit};
use crate::say;

pub(crate) fn submit(arguments: &Submit) -> anyhow::Result<ExitCode> {
    let mut chosen = arguments.chosen.clone();
    chosen.overrides.extend(overrides(arguments));
    let (experiment, plan) = plan(&chosen)?;
    let picked = plan.only(&arguments.only.conditions)?;
    let folder = ExperimentFolder::new(&chosen.outputs, &plan.name);
    // Before anything is submitted: status, collect and report know the cells by plan.json alone.
    // Kept until the list of tasks is written: another sweep that found itself alone would drop the
    // cells that nobody has begun.
    let _sweeping = folder.join(&plan)?;
    let open = open(arguments, &folder, &picked)?;
    if open.is_empty() {
        say("nothing is left to submit");
        return Ok(ExitCode::SUCCESS);
    }
    let program = match &experiment.engine.program {
        Some(program) => program.clone(),
        // Not `own_program`: another process runs it, later and perhaps elsewhere, and needs a
        // path.
        None => std::env::current_exe()
            .context("the path of this program is not known")
            .and_then(still_there)?,
    };
    let tensorboard = arguments.tensorboard.as_ref();
    let tensorboard = tensorboard.map(|all| all.join(&plan.name));
    let submit = bitcap_plan::Submit {
        experiment: &experiment,
        folder: &folder,
        cells: &open,
        retry_failed: arguments.retry_failed,
        tensorboard: tensorboard.as_deref(),
        program: &program,
        working_directory: &std::env::current_dir().context("there is no working directory")?,
        git_revision: GIT_REVISION,
    };
    match arguments.engine {
        EngineName::Slurm => {
            let submission = submit_to_slurm(&submit, arguments.script_only)?;
            let script = submission.folder().join("batch.sh");
            told(&folder, &submission, &script, open.len())?;
            Ok(ExitCode::SUCCESS)
        }
        EngineName::Parallel => {
            let (submission, script) = prepare_for_parallel(&submit)?;
            if arguments.script_only {
                told(&folder, &submission, &script, open.len())?;
                return Ok(ExitCode::SUCCESS);
            }
            // What is missing is told by us: after exec there is nobody to do it.
            check_parallel(&script)?;
            let hosts = experiment.engine.hosts.join(", ");
            say(&format!(
                "{} on {hosts}, by {}",
                counted(open.len(), "cell"),
                script.display()
            ));
            // The script takes this process' place, so that signals are its own.
            // It comes back only where it failed.
            Err(Command::new("bash").arg(&script).exec().into())
        }
    }
}

/// The program is run later, by its path.
fn still_there(program: PathBuf) -> anyhow::Result<PathBuf> {
    if program.is_file() {
        return Ok(program);
    }
    bail!(
        "{}: this program was moved or removed since it began; give the path of bitcap where the cells run as engine.program",
        program.display()
    )
}

/// What stands on the command line in place of keys of the section `engine`.
fn overrides(arguments: &Submit) -> Vec<String> {
    let text = |text: &String| toml_text(text);
    let list = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| toml_text(text)).collect();
        (!texts.is_empty()).then(|| format!("[{}]", texts.join(", ")))
    };
    let number = |number: u32| number.to_string();
    // By way of overrides, so that these values are checked as those of the file are.
    let given = [
        ("gpus", arguments.gpus.map(number)),
        ("cells_per_task", arguments.cells_per_task.map(number)),
        ("partition", arguments.partition.as_ref().map(text)),
        ("time_limit", arguments.time_limit.as_ref().map(text)),
        ("memory", arguments.memory.as_ref().map(text)),
        ("throttle", arguments.throttle.map(number)),
        ("sbatch", list(&arguments.sbatch)),
        ("hosts", list(&arguments.hosts)),
    ];
    let given = given.into_iter();
    given
        .filter_map(|(key, value)| Some(format!("engine.{key}={}", value?)))
        .collect()
}

/// A text as TOML has it in quotes; control characters, which no setting takes, are left out.
fn toml_text(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The cells that nobody works on or has in a queue, and that are not done.
fn open<'a>(
    arguments: &Submit,
    folder: &ExperimentFolder,
    picked: &[&'a PlannedCell],
) -> anyhow::Result<Vec<&'a PlannedCell>> {
    let queue = Queue::ask(&Submission::all(folder)?);
    if let Some(why) = &queue.unknown {
        say(&format!(
            "note: {why}; cells that wait already are submitted again, and run once all the same"
        ));
    }
    let (mut open, mut left) = (Vec::new(), [0_usize; 4]);
    for &cell in picked {
        let cell_folder = folder.cell(&cell.name);
        // The folder goes before the queue, which has the cells that run too.
        match cell_folder.state() {
            CellState::Done if is_measured(&cell_folder, &cell.settings).unwrap_or(false) => {
                left[0] += 1;
            }
            CellState::Running => left[1] += 1,
            CellState::Failed if !arguments.retry_failed => left[2] += 1,
            _ if queue.cells.contains_key(&cell.name) => left[3] += 1,
            _ => open.push(cell),
        }
    }
    let reasons = [
        "done already",
        "running",
        "failed before (--retry-failed submits them again)",
        "waiting in a queue already",
    ];
    for (count, reason) in left.into_iter().zip(reasons) {
        if count > 0 {
            say(&format!("{}: {reason}", counted(count, "cell")));
        }
    }
    Ok(open)
}

fn told(
    folder: &ExperimentFolder,
    submission: &Submission,
    script: &Path,
    cells: usize,
) -> io::Result<()> {
    let what = format!(
        "{} in {}",
        counted(cells, "cell"),
        counted(submission.tasks.len(), "task")
    );
    let script = script.display();
    let mut out = io::stdout().lock();
    if submission.jobs.is_empty() {
        return writeln!(out, "{what}, written to {script}; nothing is submitted");
    }
    let jobs = submission.job_ids();
    writeln!(
        out,
        "{what}, submitted as job {jobs}; the script is {script}"
    )?;
    let root = folder.root().display();
    writeln!(
        out,
        "bitcap status {root} tells how they stand; bitcap collect {root} and bitcap report {root} make tables and figures"
    )
}
