//! `generate` and `inspect`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use bitcap_plan::read_source;
use bitcap_source::{SourceSettings, Split, UniformSettings, file};

use crate::arguments::{Generate, Inspect};
use crate::commands::counted;
use crate::output::{Output, print};
use crate::output_file;
use crate::progress::sequences_bar;

pub(crate) fn generate(arguments: &Generate) -> anyhow::Result<ExitCode> {
    let source = match (&arguments.source, arguments.vocabulary, arguments.length) {
        (Some(text), _, _) => read_source(text, arguments.seed, "in --source")?,
        (None, Some(vocabulary), Some(length)) => SourceSettings::Uniform(UniformSettings {
            vocabulary,
            length,
            seed: arguments.seed,
        }),
        // clap asks for them before.
        _ => bail!("--vocabulary and --length are needed, or --source"),
    };
    let split = if arguments.fresh {
        Split::Fresh
    } else {
        Split::Training
    };
    // It would be written into a file of that name, which is hardly what was meant.
    if arguments.file == Path::new("-") {
        bail!(
            "a dataset file begins with the hash of all that follows, and cannot be written to standard output; name a file (a file named - is ./-)"
        );
    }
    let input = source.file();
    output_file::check(&arguments.file, input.as_slice())?;
    let bar = sequences_bar(arguments.samples, "drawing");
    let info = file::generate(
        &arguments.file,
        &source,
        arguments.seed,
        arguments.samples,
        split,
        &mut |done| bar.set_position(done),
    );
    // Before an error is told, which would stand beside the bar.
    bar.finish_and_clear();
    print(&info?, false)
}

pub(crate) fn inspect(arguments: &Inspect) -> anyhow::Result<ExitCode> {
    let bar = sequences_bar(0, "checking");
    let info = file::inspect(&arguments.file, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    print(&info?, arguments.json)?;
    if !arguments.json {
        writeln!(
            io::stdout(),
            "every token checked: hash, shape and range are right"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Output for file::DatasetInfo {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let file::DatasetInfo {
            samples,
            length,
            vocabulary,
            ..
        } = self;
        writeln!(out, "source        {}", self.source.kind())?;
        let sequences = counted(*samples, "sequence");
        let tokens = counted(*length, "token");
        writeln!(
            out,
            "shape         {sequences} of {tokens} out of {vocabulary}"
        )?;
        writeln!(
            out,
            "seed          {} ({} stream)",
            self.data_seed,
            self.stream.name()
        )?;
        match (self.entropy_bits, self.entropy_bound_bits) {
            (Some(bits), _) => writeln!(out, "entropy       {bits} bits")?,
            (None, Some(bound)) => {
                writeln!(out, "entropy       not known; at most {bound} bits")?;
            }
            (None, None) => writeln!(out, "entropy       not known")?,
        }
        writeln!(out, "blake3        {}", self.tokens_blake3)?;
        writeln!(
            out,
            "made by       bitcap {} ({})",
            self.bitcap_version, self.format
        )
    }
}
