//! `bitcap`: measures how many bits a model memorizes.

mod arguments;
mod commands;
mod output;
mod output_file;
mod progress;
mod signals;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

// Training allocates and frees large tensors all the time; the system's allocator hands their pages
// back and takes them anew. With AVX-512 matrix kernels and rayon this one took a small model's step
// from 54.8 to 36.9 ms; what it gave alone was not measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before all else, so that every defect is told in the one form.
    std::panic::set_hook(Box::new(say_panic));
    let arguments = arguments::Arguments::parse();
    signals::survive_file_size_limit();
    match commands::run(arguments.command) {
        Ok(code) => code,
        // Nobody is left to be told. It is no success either: the answer did not arrive whole.
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {}", message(&error)));
            ExitCode::FAILURE
        }
    }
}

/// A defect is one line like any other error, with its place: a sweep shows it as the reason of a cell.
fn say_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("no message");
    // On one line, whatever the message: a sweep takes a single line, the one that begins with
    // `error: `.
    let what = what.lines().collect::<Vec<_>>().join(" ");
    let place = panic
        .location()
        .map_or(String::new(), |at| format!(" at {at}"));
    say(&format!("error: a defect of bitcap{place}: {what}"));
    let backtrace = std::backtrace::Backtrace::capture();
    if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
        say(&backtrace.to_string());
    }
}

/// Writes a line to standard error; one that nobody can read is no reason to end what goes on.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// The error and its causes, but for those whose words are in it already.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    // Our errors often have their source in their own words; `{:#}` of anyhow would say it twice.
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text += &format!(": {cause}");
        }
    }
    text
}
