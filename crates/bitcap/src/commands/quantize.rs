//! `quantize`: what a trained model still knows at fewer bits a weight.

use std::io::{self, Write};
use std::process::ExitCode;

use bitcap_cell::{QuantizedRow, Scales, TrainedCell, quantize as quantized};
use bitcap_plan::text_table;
use bitcap_report::quantize_figure;

use crate::arguments::Quantize;
use crate::output::{Output, print};
use crate::output_file::TableFile;
use crate::progress::sequences_bar;

pub(crate) fn quantize(arguments: &Quantize) -> anyhow::Result<ExitCode> {
    let output = arguments.output.as_deref();
    // Whether the files may be written is known before the work and not after it.
    let output = output.map(|csv| TableFile::new(csv, &[&arguments.cell]));
    let output = output.transpose()?;
    let cell = TrainedCell::open_on_processor(&arguments.cell)?;
    let bar = sequences_bar(0, "measuring");
    let rows = quantized(&cell, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let rows = rows?;
    if let Some(output) = output {
        let mut table = csv::Writer::from_writer(Vec::new());
        for row in &rows {
            table.serialize(row)?;
        }
        output.write(&table.into_inner()?, |csv| {
            quantize_figure(csv, &cell.name())
        })?;
    }
    print(&rows, arguments.json)
}

impl Output for Vec<QuantizedRow> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let headings = [
            "bits a weight",
            "a scale a",
            "stored bits",
            "memorized bits",
            "kept",
            "memorized a stored bit",
            "proven bits",
        ];
        let rows: Vec<Vec<String>> = self
            .iter()
            .map(|row| {
                let scales = match row.scales {
                    Scales::Tensor => "tensor",
                    Scales::Row => "row",
                };
                vec![
                    row.weight_bits.to_string(),
                    scales.to_owned(),
                    row.stored_bits.to_string(),
                    format!("{:.0}", row.memorized_bits_strict),
                    format!("{:.1} %", 100.0 * row.kept),
                    format!("{:.3}", row.memorized_a_stored_bit),
                    row.proven_bits
                        .map_or("-".to_owned(), |bits| format!("{bits:.0}")),
                ]
            })
            .collect();
        write!(out, "{}", text_table(&headings, &rows))
    }
}
