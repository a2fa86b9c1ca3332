//! What a command answers with: text for people or, with `--json`, the same for programs.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

/// An answer, which serializes to what `--json` prints.
pub(crate) trait Output: Serialize {
    /// Writes it for people.
    fn text(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Prints an answer to standard output.
pub(crate) fn print(output: &impl Output, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, output)?;
        writeln!(out)?;
    } else {
        output.text(&mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}
