//! `toy`: memorization by exact enumeration.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use bitcap_measure::{Toy as ToyCase, ToyRow};
use bitcap_plan::{read_text, text_table};
use bitcap_report::toy_figure;

use crate::arguments::Toy;
use crate::output::{Output, print};
use crate::output_file::TableFile;

pub(crate) fn toy(arguments: &Toy) -> anyhow::Result<ExitCode> {
    let text = read_text(&arguments.file)?;
    let case = ToyCase::from_toml(&text).with_context(|| arguments.file.display().to_string())?;
    let rows = case.rows();
    if let Some(path) = &arguments.output {
        let output = TableFile::new(path, &[&arguments.file])?;
        let title = arguments
            .file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        output.write(csv(&rows).as_bytes(), |csv| toy_figure(csv, &title))?;
    }
    print(&rows, arguments.json)
}

/// Names and values of a row, in the order of the columns.
fn columns(row: &ToyRow) -> [(&'static str, f64); 9] {
    [
        ("entropy_bits", row.entropy_bits),
        ("source_bits", row.source_bits),
        ("memorized_bits", row.memorized_bits),
        ("unintended_bits", row.unintended_bits),
        ("intended_bits", row.intended_bits),
        ("accuracy_on_data", row.accuracy_on_data),
        ("accuracy_baseline", row.accuracy_baseline),
        ("accuracy_best", row.accuracy_best),
        ("accuracy_on_source", row.accuracy_on_source),
    ]
}

/// A row a number of samples.
fn csv(rows: &[ToyRow]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let columns = columns(row);
        if index == 0 {
            let names = columns.map(|(name, _)| name);
            text = format!("samples,{}\n", names.join(","));
        }
        // Not rounded: what is read back is the same number.
        let values = columns.map(|(_, value)| value.to_string());
        text += &format!("{},{}\n", row.samples, values.join(","));
    }
    text
}

impl Output for Vec<ToyRow> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let headings = [
            "samples",
            "H(X)",
            "H(X|source)",
            "total",
            "unintended",
            "intended",
            "accuracy on data",
            "baseline",
            "best",
            "on source",
        ];
        let rows: Vec<Vec<String>> = self
            .iter()
            .map(|row| {
                let values = columns(row).map(|(_, value)| format!("{value:.3}"));
                [vec![row.samples.to_string()], values.to_vec()].concat()
            })
            .collect();
        write!(out, "{}", text_table(&headings, &rows))
    }
}
