//! `bench`: training steps timed on this machine.

use std::io::{self, Write};
use std::process::ExitCode;

use bitcap_cell::step_seconds;
use bitcap_plan::text_table;
use bitcap_plan::{DeviceSpec, Gpt2Shape};
use serde::Serialize;

use super::print_json;
use crate::arguments::Bench;

/// Shapes that were timed in PyTorch too (tests/reference/bench_torch.py and dev/LOG.md), with the
/// sequences a step.
const SHAPES: [(Gpt2Shape, usize); 4] = [
    (shape(64, 16, 1, 16, 2), 173),
    (shape(64, 16, 1, 32, 4), 256),
    (shape(2048, 64, 1, 32, 2), 64),
    (shape(2048, 64, 2, 64, 2), 64),
];

const fn shape(
    vocabulary: usize,
    length: usize,
    layers: usize,
    width: usize,
    heads: usize,
) -> Gpt2Shape {
    let (mlp_ratio, tied_head, start_token) = (4, true, true);
    Gpt2Shape {
        vocabulary,
        length,
        layers,
        width,
        heads,
        mlp_ratio,
        tied_head,
        start_token,
    }
}

#[derive(Serialize)]
struct Row {
    device: DeviceSpec,
    shape: Gpt2Shape,
    parameters: u64,
    batch: usize,
    milliseconds_per_step: f64,
    tokens_per_second: f64,
    gflops: f64,
}

pub(crate) fn bench(arguments: &Bench) -> anyhow::Result<ExitCode> {
    let rows: Vec<Row> = SHAPES
        .iter()
        .map(|&(shape, batch)| {
            let seconds = step_seconds(&shape, batch, arguments.device)?;
            let tokens = (batch * shape.predicted()) as f64;
            Ok(Row {
                device: arguments.device,
                shape,
                parameters: shape.parameters(),
                batch,
                milliseconds_per_step: seconds * 1e3,
                tokens_per_second: tokens / seconds,
                gflops: 6.0 * shape.parameters() as f64 * tokens / seconds / 1e9,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    if arguments.json {
        print_json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let headings = [
        "V",
        "S",
        "layers",
        "width",
        "heads",
        "parameters",
        "batch",
        "ms a step",
        "tokens a second",
        "GFLOP/s",
    ];
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let shape = &row.shape;
            vec![
                shape.vocabulary.to_string(),
                shape.length.to_string(),
                shape.layers.to_string(),
                shape.width.to_string(),
                shape.heads.to_string(),
                row.parameters.to_string(),
                row.batch.to_string(),
                format!("{:.2}", row.milliseconds_per_step),
                format!("{:.0}", row.tokens_per_second),
                format!("{:.1}", row.gflops),
            ]
        })
        .collect();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "forward, backward and Adam on {}, one thread, f32; FLOPs are 6 P a token",
        arguments.device
    )?;
    write!(out, "{}", text_table(&headings, &rows))?;
    Ok(ExitCode::SUCCESS)
}
