//! Slurm: a batch script, and job arrays of it.

use std::path::Path;
use std::process::Command;

use super::{
    EngineKind, Job, RUN_CELL, Submission, Submit, SubmitError, again, cells_folder, path, quoted,
    tasks,
};

const SBATCH: &str = "sbatch";

/// Slurm's own default of MaxArraySize, where it does not tell.
const MAX_ARRAY_SIZE: usize = 1001;

/// Seconds before its time limit at which a task is told of it: enough for a step and a checkpoint.
const WARNING_SECONDS: u32 = 120;

/// A part of the tasks that is one job array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chunk {
    first_task: usize,
    tasks: usize,
    /// Whether it waits for the chunk before it.
    waits: bool,
}

/// Writes a submission for Slurm and, unless only the script is wanted, submits it.
///
/// The tasks are split where a job array would be longer than the cluster allows, and after the
/// cells that judge the others. The parts of a throttled submission run one after another.
///
/// # Errors
/// If a file cannot be written, or sbatch is not there or refuses.
pub fn submit_to_slurm(submit: &Submit<'_>, script_only: bool) -> Result<Submission, SubmitError> {
    let engine = &submit.experiment.engine;
    let (tasks, first) = tasks(submit.cells, engine.cells_per_task);
    let throttled = engine.throttle.is_some();
    let chunks = chunks(tasks.len(), first, max_array_size(), throttled);
    let mut submission = Submission::create(submit, EngineKind::Slurm, tasks)?;
    let text = script(submit, &submission, &chunks);
    let script = submission.write("batch.sh", &text)?;
    if script_only {
        return Ok(submission);
    }
    for chunk in chunks {
        let dependency = submission.jobs.last().filter(|_| chunk.waits);
        let id = sbatch(submit, &submission, &chunk, dependency, &script)?;
        submission.jobs.push(Job {
            id,
            first_task: chunk.first_task,
            tasks: chunk.tasks,
        });
        // After each, so that what sbatch took is known where it refuses the next.
        submission.save()?;
    }
    Ok(submission)
}

/// How `tasks` tasks, of which the `first` come before all others, are split.
fn chunks(tasks: usize, first: usize, max_array_size: usize, throttled: bool) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut begin = 0;
    // No chunk goes across `first`: a judged cell could run beside its judge.
    for end in [first, tasks] {
        let mut waits = begin > 0;
        while begin < end {
            // MaxArraySize is one more than the largest index.
            let size = (end - begin).min(max_array_size.max(1));
            chunks.push(Chunk {
                first_task: begin,
                tasks: size,
                waits,
            });
            begin += size;
            waits |= throttled;
        }
    }
    chunks
}

/// What the cluster allows.
fn max_array_size() -> usize {
    let output = Command::new("scontrol").args(["show", "config"]).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let size = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
    });
    size.unwrap_or(MAX_ARRAY_SIZE)
}

/// What goes on sbatch's command line for a chunk, up to the script.
fn arguments(submit: &Submit<'_>, chunk: &Chunk, after: Option<u64>) -> Vec<String> {
    let mut arguments = Vec::new();
    if let Some(job) = after {
        // Not afterok: one cell that failed would keep all that wait in the queue for ever. A cell
        // whose oracle is missing says so by itself.
        arguments.push(format!("--dependency=afterany:{job}"));
    }
    let throttle = submit.experiment.engine.throttle;
    let throttle = throttle.map_or(String::new(), |most| format!("%{most}"));
    // From 0 in every chunk, since MaxArraySize bounds the indices; the script adds the first task.
    arguments.push(format!("--array=0-{}{throttle}", chunk.tasks - 1));
    arguments
}

fn sbatch(
    submit: &Submit<'_>,
    submission: &Submission,
    chunk: &Chunk,
    after: Option<&Job>,
    script: &Path,
) -> Result<u64, SubmitError> {
    let output = Command::new(SBATCH)
        .arg("--parsable")
        // What SBATCH_PARTITION and its like say outranks the lines of a script, and what stands here
        // outranks them: what was asked of bitcap holds.
        .args(options(submit, submission))
        .args(arguments(submit, chunk, after.map(|job| job.id)))
        .arg(script)
        .arg(chunk.first_task.to_string())
        .output()
        .map_err(|source| SubmitError::NoProgram {
            program: SBATCH,
            source,
            script: script.to_owned(),
        })?;
    // "123", or "123;cluster".
    let said = String::from_utf8_lossy(&output.stdout);
    let id = said.trim().split(';').next().and_then(|id| id.parse().ok());
    match id.filter(|_| output.status.success()) {
        Some(id) => Ok(id),
        None => Err(SubmitError::Refused {
            program: SBATCH,
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            script: script.to_owned(),
            before: match submission.job_ids() {
                ids if ids.is_empty() => ids,
                ids => format!(" (it took job {ids} before)"),
            },
        }),
    }
}

/// The options of sbatch that are the same for all chunks.
fn options(submit: &Submit<'_>, submission: &Submission) -> Vec<String> {
    let engine = &submit.experiment.engine;
    let name = &submit.experiment.name;
    let logs = submission.path("logs").display().to_string();
    let mut options = vec![
        format!("--job-name=bitcap-{name}"),
        // A pattern: % begins a placeholder, and is itself where it is written twice.
        format!("--output={}/%A_%a.txt", logs.replace('%', "%%")),
        // A task that was requeued goes on in its log and does not begin it again.
        "--open-mode=append".to_owned(),
        // A cell is one process with one thread.
        "--ntasks=1".to_owned(),
        "--cpus-per-task=1".to_owned(),
        "--requeue".to_owned(),
        // B: to the script alone, which tells its cell and has itself put back into the queue.
        format!("--signal=B:USR1@{WARNING_SECONDS}"),
    ];
    let given = [
        ("--partition", &engine.partition),
        ("--time", &engine.time_limit),
        ("--mem", &engine.memory),
    ];
    for (option, value) in given {
        options.extend(value.iter().map(|value| format!("{option}={value}")));
    }
    if engine.gpus > 0 {
        options.push(format!("--gres=gpu:{}", engine.gpus));
    }
    // Of two that say the same, sbatch takes the last.
    options.extend(engine.sbatch.iter().cloned());
    options
}

/// The batch script: its options, then the same for every task.
fn script(submit: &Submit<'_>, submission: &Submission, chunks: &[Chunk]) -> String {
    let name = &submit.experiment.name;
    let mut options = options(submit, submission);
    // Several arrays have different options, which cannot stand in one script: for them there are
    // the lines that say how to submit by hand.
    if let [only] = chunks {
        options.extend(arguments(submit, only, None));
    }
    let options = options
        .iter()
        .map(|option| format!("#SBATCH {}\n", quoted(option)));
    let by_hand = chunks.iter().map(|chunk| {
        let mut words = arguments(submit, chunk, None);
        if chunk.waits {
            words.insert(0, "--dependency=afterany:JOB".to_owned());
        }
        let first = chunk.first_task;
        format!("#     sbatch {} batch.sh {first}\n", words.join(" "))
    });
    // The first text has placeholders of its own.
    TEMPLATE
        .replace("@RUN_CELL@", RUN_CELL)
        .replace("@OPTIONS@", &options.collect::<String>())
        .replace("@NAME@", name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@BY_HAND@", &by_hand.collect::<String>())
        .replace("@LAST@", &(submission.tasks.len() - 1).to_string())
        .replace("@SUBMISSION@", &path(submission.folder()))
        .replace("@DIRECTORY@", &path(submit.working_directory))
        .replace("@BITCAP@", &path(submit.program))
        .replace("@CELLS@", &cells_folder(submit))
        .replace("@OPTIONS_OF_RUN@", &super::options(submit))
        .replace("@AGAIN@", again(submit))
}

const TEMPLATE: &str = include_str!("batch.sh");

#[cfg(test)]
mod tests {
    use super::{Chunk, chunks};
    use proptest::prelude::*;

    fn chunk(first_task: usize, tasks: usize, waits: bool) -> Chunk {
        Chunk {
            first_task,
            tasks,
            waits,
        }
    }

    #[test]
    fn tasks_are_split_where_an_array_ends_and_after_the_oracles() {
        assert_eq!(chunks(3, 0, 1001, false), [chunk(0, 3, false)]);
        let halves = [chunk(0, 2, false), chunk(2, 1, false)];
        assert_eq!(chunks(3, 0, 2, false), halves);
        // A throttle is for all of them together.
        let waiting = [chunk(0, 2, false), chunk(2, 1, true)];
        assert_eq!(chunks(3, 0, 2, true), waiting);
        let judged = [chunk(0, 1, false), chunk(1, 2, true), chunk(3, 1, true)];
        assert_eq!(chunks(4, 1, 2, false), judged);
        assert_eq!(chunks(1, 1, 1001, false), [chunk(0, 1, false)]);
    }

    proptest! {
        #[test]
        fn every_task_is_in_one_chunk(
            tasks in 1usize..500, first in 0usize..3, most in 0usize..50, throttled: bool
        ) {
            let first = first.min(tasks);
            let chunks = chunks(tasks, first, most, throttled);
            let mut next = 0;
            for (place, chunk) in chunks.iter().enumerate() {
                prop_assert_eq!(chunk.first_task, next);
                prop_assert!((1..=most.max(1)).contains(&chunk.tasks));
                // No chunk has cells that judge and cells that are judged.
                let end = next + chunk.tasks;
                prop_assert!(end <= first || next >= first);
                prop_assert!(place > 0 || !chunk.waits);
                prop_assert!(place == 0 || !throttled || chunk.waits);
                next = end;
            }
            prop_assert_eq!(next, tasks);
        }
    }
}
