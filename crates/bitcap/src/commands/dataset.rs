//! `generate` and `inspect`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use bitcap_plan::read_source;
use bitcap_source::{SourceSettings, Split, UniformSettings, file};

use super::print_json;
use crate::arguments::{Generate, Inspect};
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
        _ => bail!("--vocabulary and --length are needed, or --source"),
    };
    let split = if arguments.fresh {
        Split::Fresh
    } else {
        Split::Training
    };
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
    bar.finish_and_clear();
    show(&info?)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn inspect(arguments: &Inspect) -> anyhow::Result<ExitCode> {
    let bar = sequences_bar(0, "checking");
    let info = file::inspect(&arguments.file, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let info = info?;
    if arguments.json {
        print_json(&info)?;
    } else {
        show(&info)?;
        writeln!(
            io::stdout(),
            "every token checked: hash, shape and range are right"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn show(info: &file::DatasetInfo) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let file::DatasetInfo {
        samples,
        length,
        vocabulary,
        ..
    } = info;
    writeln!(out, "source        {}", info.source.kind())?;
    writeln!(
        out,
        "shape         {samples} sequences of {length} tokens out of {vocabulary}"
    )?;
    writeln!(
        out,
        "seed          {} ({} stream)",
        info.data_seed,
        info.stream.name()
    )?;
    match info.entropy_bits {
        Some(bits) => writeln!(out, "entropy       {bits} bits")?,
        None => writeln!(out, "entropy       not known")?,
    }
    writeln!(out, "blake3        {}", info.tokens_blake3)?;
    writeln!(
        out,
        "made by       bitcap {} ({})",
        info.bitcap_version, info.format
    )
}
