//! `bitcap`: measures how many bits a model memorizes.

mod arguments;
mod commands;
mod progress;

use std::process::ExitCode;

use clap::Parser;

// Training allocates and frees large tensors all the time; the system's allocator hands their pages
// back and takes them anew, which costs a third of a small model's step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    match commands::run(arguments.command) {
        Ok(code) => code,
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
