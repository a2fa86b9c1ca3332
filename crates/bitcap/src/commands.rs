//! One module a verb, or a few verbs about the same thing.

mod bench;
mod dataset;
mod devices;
mod dry_run;
mod events;
mod model;
mod outputs;
mod quantize;
mod run;
mod status;
mod submit;
mod sweep;
mod toy;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use crate::arguments::{Arguments, Command, Completions};
pub(crate) use run::{busy_line, memorized_line, resumed_line};

/// Runs one verb.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Generate(arguments) => dataset::generate(&arguments),
        Command::Inspect(arguments) => dataset::inspect(&arguments),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::RunTask => run::run_task(),
        Command::Status(arguments) => status::status(&arguments),
        Command::Collect(arguments) => outputs::collect(&arguments),
        Command::Report(arguments) => outputs::report(&arguments),
        Command::Submit(arguments) => submit::submit(&arguments),
        Command::Compare(arguments) => outputs::compare(&arguments),
        Command::Measure(arguments) => model::measure(&arguments),
        Command::Compress(arguments) => model::compress(&arguments),
        Command::Decompress(arguments) => model::decompress(&arguments),
        Command::Quantize(arguments) => quantize::quantize(&arguments),
        Command::Toy(arguments) => toy::toy(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Devices(arguments) => devices::devices(&arguments),
        Command::AskDevice(arguments) => devices::ask_device(&arguments),
        Command::Completions(arguments) => completions(&arguments),
    }
}

fn completions(arguments: &Completions) -> anyhow::Result<ExitCode> {
    // Into memory first: clap_complete panics where it cannot write, as after `| head`.
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "bitcap",
        &mut script,
    );
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// "1 cell", "2 cells".
pub(crate) fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

/// "1 cell is", "2 cells are".
pub(crate) fn counted_are(count: usize, what: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(count, what))
}

/// The program that our own processes are begun with: the very one that runs, even where its file was replaced or
/// removed meanwhile.
pub(crate) fn own_program() -> anyhow::Result<PathBuf> {
    // A child looks this up before it becomes another program, and so finds ours.
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        return Ok(running);
    }
    std::env::current_exe().context("the path of this program is not known")
}

/// Whether the reader of our output went away, as `bitcap status | head` does: no fault of ours.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        // serde_json keeps the io::Error it met out of the chain.
        let json = cause.downcast_ref::<serde_json::Error>();
        io.or(json.and_then(serde_json::Error::io_error_kind)) == Some(io::ErrorKind::BrokenPipe)
    })
}
