//! Hosts reached over ssh by GNU parallel: a script that runs the cells, and what it needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{
    EngineKind, RUN_CELL, Submission, Submit, SubmitError, again, cells_folder, path, quoted, tasks,
};
use crate::FolderError;
use crate::folder::files::make_folder;
use crate::settings::EXACT_SOURCE;

const PARALLEL: &str = "parallel";

/// A retry goes to a host on which the cell has not failed yet. One more than there are hosts, and
/// at least so many: a connection may fail for no lasting reason.
const RETRIES: usize = 3;

/// A host and how many cells it runs at once.
#[derive(Debug, PartialEq, Eq)]
struct Host<'a> {
    slots: u32,
    login: &'a str,
}

/// Writes a submission for GNU parallel; the script that is returned with it runs the cells and
/// ends when they have.
///
/// # Errors
/// If a file cannot be written, there are no hosts, or they lack what the experiment needs.
pub fn prepare_for_parallel(submit: &Submit<'_>) -> Result<(Submission, PathBuf), SubmitError> {
    let engine = &submit.experiment.engine;
    // What is refused is refused before a folder is made for the submission.
    if engine.hosts.is_empty() {
        return Err(SubmitError::Hosts(
            "engine.hosts is empty; name hosts with their slots, in the experiment's [engine] section or as --host 2/gpu1 --host 1/ws2".into(),
        ));
    }
    let hosts: Vec<Host<'_>> = engine.hosts.iter().map(|host| Host::read(host)).collect();
    if !engine.common_folder {
        needs_no_common_folder(submit)?;
        if let Some(own) = hosts.iter().position(|host| host.login == ":") {
            let own = &engine.hosts[own];
            return Err(SubmitError::Hosts(format!(
                "engine.hosts has `{own}`, this machine, to which nothing can be sent; set engine.common_folder = true where the other hosts have it too, or leave it out and run a sweep here"
            )));
        }
    }
    // A slot runs one cell at a time.
    let (cells, first) = tasks(submit.cells, 1);
    let submission = Submission::create(submit, EngineKind::Parallel, cells)?;
    // Two lists, one after the other, since GNU parallel does not wait inside of one and cells need
    // what their oracle leaves. It knows its jobs by the numbers of their lines, so that a list
    // never changes and each submission has its own (dev/LOG.md).
    for (name, cells) in [
        ("tasks-1.txt", &submission.tasks[..first]),
        ("tasks-2.txt", &submission.tasks[first..]),
    ] {
        let lines: String = cells.iter().map(|cell| cell.concat() + "\n").collect();
        submission.write(name, &lines)?;
    }
    let lines = hosts
        .iter()
        .map(|host| format!("{}/{}\n", host.slots, host.login));
    submission.write("hosts.txt", &lines.collect::<String>())?;
    let paths = Paths::of(submit, &submission)?;
    submission.write("task.sh", &task(submit, &submission, &paths, &hosts))?;
    let text = script(submit, &submission, &paths, hosts.len());
    let script = submission.write("parallel.sh", &text)?;
    Ok((submission, script))
}

/// Whether GNU parallel is there, which is asked before its script takes this process' place.
///
/// # Errors
/// [`SubmitError::NoProgram`].
pub fn check_parallel(script: &Path) -> Result<(), SubmitError> {
    let asked = Command::new(PARALLEL).arg("--version").output();
    asked.map(drop).map_err(|source| SubmitError::NoProgram {
        program: PARALLEL,
        source,
        script: script.to_owned(),
    })
}

impl<'a> Host<'a> {
    /// "2/gpu1" or "gpu1", which has one slot.
    fn read(text: &'a str) -> Self {
        // Only behind a number does a / end the slots: a way to log in may have paths in it.
        let split = text.split_once('/');
        let split = split.and_then(|(slots, login)| Some((slots.trim().parse().ok()?, login)));
        let (slots, login) = split.filter(|&(slots, _)| slots > 0).unwrap_or((1, text));
        let login = login.trim();
        Self { slots, login }
    }
}

/// Fails where cells need files that are not sent to the hosts.
fn needs_no_common_folder(submit: &Submit<'_>) -> Result<(), SubmitError> {
    for cell in submit.cells {
        let oracle = &cell.settings.measure.oracle;
        // Also the file that copies are of.
        let what = match cell.settings.source.file() {
            Some(file) => format!("source.path is a file, {}", file.display()),
            _ if oracle != EXACT_SOURCE => format!("measure.oracle is a trained model, {oracle:?}"),
            _ => continue,
        };
        return Err(SubmitError::Hosts(format!(
            "{what}, which hosts without a common folder do not have; set engine.common_folder = true where they do"
        )));
    }
    Ok(())
}

/// Where things are on a host.
struct Paths {
    /// The folder that GNU parallel begins at: that of the experiment.
    workdir: String,
    /// The folder of a cell's process, which relative paths in the experiment begin at.
    directory: String,
    bitcap: String,
    submission: String,
    cells: String,
    /// Options of GNU parallel that bring files there and back.
    files: String,
    /// Clears them away there when all is done.
    clean: String,
}

impl Paths {
    fn of(submit: &Submit<'_>, submission: &Submission) -> Result<Self, FolderError> {
        let relative = submission.relative();
        // All paths are whole and mean the same on every host; nothing is sent.
        if submit.experiment.engine.common_folder {
            return Ok(Self {
                workdir: path(root(submission)),
                directory: path(submit.working_directory),
                bitcap: path(submit.program),
                submission: path(submission.folder()),
                cells: cells_folder(submit),
                files: String::new(),
                clean: String::new(),
            });
        }
        let name = &submit.experiment.name;
        // The experiment's name is that of its folder, which cells look for in --outputs.
        // A relative path begins at the folder that a login begins in. The id keeps submissions of
        // several machines to one host apart.
        let above = format!(".bitcap/{}", submission.id);
        let mut files = vec!["task.sh"];
        let mut bitcap = path(submit.program);
        if submit.experiment.engine.program.is_none() {
            let copy = submission.path("bitcap");
            // A link takes no space, but reaches no further than its file system.
            let copied = std::fs::hard_link(submit.program, &copy)
                .or_else(|_| std::fs::copy(submit.program, &copy).map(drop));
            copied.map_err(FolderError::io(&copy))?;
            files.push("bitcap");
            bitcap = format!("{relative}/bitcap");
        }
        for cell in submit.cells {
            // What is sent must be there, if it is nothing.
            make_folder(submit.folder.cell(&cell.name).root())?;
        }
        let sent = files
            .iter()
            .map(|file| format!(" --basefile {relative}/{file}"));
        let sent: String = sent.collect();
        Ok(Self {
            workdir: format!("{above}/{name}"),
            directory: ".".into(),
            bitcap,
            submission: relative.clone(),
            cells: "cells".into(),
            // A lock is of one machine. Nothing is deleted on either side: if one of them could not
            // be read, that would cost the checkpoint on the other. What a mixture of two trainings'
            // files is worth is found by their hashes.
            files: format!(
                "{sent} --transferfile {relative}/cells/{{}}.toml --transferfile cells/{{}} --return cells/{{}} --rsync-opts \
                 '-rltDzR --exclude=lock --exclude=.bitcap-*'"
            ),
            clean: format!(
                "parallel --plain --will-cite --sshloginfile \"$submission/hosts.txt\" --nonall 'rm -rf {above}' </dev/null\n"
            ),
        })
    }
}

/// The folder of the experiment: that of `submissions/<number>`.
fn root(submission: &Submission) -> &Path {
    let above = submission.folder().parent().and_then(Path::parent);
    above.unwrap_or(Path::new("/"))
}

fn task(submit: &Submit<'_>, submission: &Submission, paths: &Paths, hosts: &[Host<'_>]) -> String {
    let slots: String = hosts
        .iter()
        .map(|host| format!("        {}) most={} ;;\n", quoted(host.login), host.slots))
        .collect();
    // First: this text has placeholders of its own.
    TASK.replace("@RUN_CELL@", RUN_CELL)
        .replace("@NAME@", &submit.experiment.name)
        .replace("@DIRECTORY@", &paths.directory)
        .replace("@BITCAP@", &paths.bitcap)
        .replace("@SUBMISSION@", &paths.submission)
        .replace("@CELLS@", &paths.cells)
        .replace("@OPTIONS_OF_RUN@", &super::options(submit))
        .replace("@LOGS@", &format!("{}/logs", paths.submission))
        .replace("@GPUS@", &submit.experiment.engine.gpus.to_string())
        .replace("@ID@", &submission.id)
        .replace("@SLOTS@", &slots)
        .replace("@AGAIN@", again(submit))
}

fn script(submit: &Submit<'_>, submission: &Submission, paths: &Paths, hosts: usize) -> String {
    SCRIPT
        .replace("@NAME@", &submit.experiment.name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@ROOT@", &path(root(submission)))
        .replace("@SUBMISSION@", &submission.relative())
        .replace("@WORKDIR@", &paths.workdir)
        .replace("@RETRIES@", &RETRIES.max(hosts + 1).to_string())
        .replace("@FILES@", &paths.files)
        .replace("@CLEAN@", &paths.clean)
}

const TASK: &str = include_str!("task.sh");
const SCRIPT: &str = include_str!("parallel.sh");

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn a_host_has_one_slot_where_it_does_not_say() {
        let host = |slots, login| Host { slots, login };
        assert_eq!(Host::read("2/gpu1"), host(2, "gpu1"));
        assert_eq!(Host::read("gpu1"), host(1, "gpu1"));
        assert_eq!(Host::read(" 4/anna@ws2 "), host(4, "anna@ws2"));
        assert_eq!(Host::read("3/:"), host(3, ":"));
        // A way to log in, with paths in it.
        let ssh = "ssh -F /etc/other gpu1";
        assert_eq!(Host::read(ssh), host(1, ssh));
        assert_eq!(Host::read("0/gpu1"), host(1, "0/gpu1"));
    }
}
