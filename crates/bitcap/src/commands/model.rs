//! `measure`, `compress` and `decompress`: what is done with a trained model.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bitcap_cell::TrainedCell;
use serde::Serialize;
use serde_json::Value;

use super::run::GIT_REVISION;
use crate::arguments::{Compress, Decompress, Measure};
use crate::output::{Output, print};
use crate::output_file;
use crate::progress::sequences_bar;
use crate::say;

pub(crate) fn measure(arguments: &Measure) -> anyhow::Result<ExitCode> {
    let cell = TrainedCell::open(
        &arguments.cell,
        arguments.trust_device,
        GIT_REVISION,
        &mut |text| say(&format!("note: {text}")),
    )?;
    match &arguments.data {
        None => print(&Figures(cell.measure()?), arguments.json),
        Some(path) => print(&Figures(cell.measure_data(path)?), arguments.json),
    }
}

pub(crate) fn compress(arguments: &Compress) -> anyhow::Result<ExitCode> {
    let inputs = [Some(&arguments.cell), arguments.data.as_ref()];
    let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
    output_file::check(&arguments.output, &inputs)?;
    // A code is read back by the same arithmetic only, and a GPU's changes with its driver.
    let cell = TrainedCell::open_on_processor(&arguments.cell)?;
    let bar = sequences_bar(0, "coding");
    let compressed = bitcap_cell::compress(
        &cell,
        arguments.data.as_deref(),
        &arguments.output,
        &mut |done| bar.set_position(done),
    );
    bar.finish_and_clear();
    print(&Figures(compressed?), arguments.json)
}

pub(crate) fn decompress(arguments: &Decompress) -> anyhow::Result<ExitCode> {
    output_file::check(&arguments.output, &[&arguments.file, &arguments.model])?;
    let bar = sequences_bar(0, "decoding");
    let info = bitcap_cell::decompress(
        &arguments.model,
        &arguments.file,
        &arguments.output,
        arguments.device,
        &mut |done| bar.set_position(done),
    );
    bar.finish_and_clear();
    print(&info?, false)
}

/// Figures that are listed one a line.
#[derive(Serialize)]
struct Figures<T>(T);

impl<T: Serialize> Output for Figures<T> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Vec::new();
        // By way of JSON, so that a figure has one name in both forms.
        flatten("", &serde_json::to_value(&self.0)?, &mut lines);
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in lines {
            writeln!(out, "{name:<width$}  {value}")?;
        }
        Ok(())
    }
}

/// Every figure that is known, by the name it has in JSON.
fn flatten(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let under = |key: &str| match name {
        "" => key.to_owned(),
        name => format!("{name}.{key}"),
    };
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (key, value) in members {
                flatten(&under(key), value, lines);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&under(&index.to_string()), value, lines);
            }
        }
        Value::String(text) => lines.push((name.to_owned(), text.clone())),
        value => lines.push((name.to_owned(), value.to_string())),
    }
}
