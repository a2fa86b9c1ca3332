//! `bench`: training steps timed on this machine.

use std::io::{self, Write};
use std::process::ExitCode;

use bitcap_cell::step_seconds;
use bitcap_plan::text_table;
use bitcap_plan::{DeviceSpec, Gpt2Settings, ModelSettings};
use bitcap_source::DataShape;
use serde::Serialize;

use crate::arguments::Bench;
use crate::output::{Output, print};

/// Models that were timed in PyTorch too (tests/reference/bench_torch.py and dev/LOG.md): V, S, layers,
/// width, heads, all with a start token; and the sequences a step.
const SHAPES: [([u32; 5], usize); 4] = [
    ([64, 16, 1, 16, 2], 173),
    ([64, 16, 1, 32, 4], 256),
    ([2048, 64, 1, 32, 2], 64),
    ([2048, 64, 2, 64, 2], 64),
];

#[derive(Serialize)]
struct Row {
    device: DeviceSpec,
    vocabulary: u32,
    length: u32,
    layers: u32,
    width: u32,
    heads: u32,
    parameters: u64,
    batch: usize,
    milliseconds_per_step: f64,
    tokens_per_second: f64,
    gflops: f64,
}

/// A row a shape.
#[derive(Serialize)]
#[serde(transparent)]
struct Timings {
    #[serde(skip)]
    device: DeviceSpec,
    rows: Vec<Row>,
}

pub(crate) fn bench(arguments: &Bench) -> anyhow::Result<ExitCode> {
    let rows: Vec<Row> = SHAPES
        .iter()
        .map(|&([vocabulary, length, layers, width, heads], batch)| {
            let data = DataShape {
                vocabulary,
                length: length as usize,
                start_token: true,
            };
            let model = ModelSettings::Gpt2(Gpt2Settings {
                start_token: true,
                ..Gpt2Settings::new(layers, width, heads)
            });
            let seconds = step_seconds(&model, data, batch, arguments.device, arguments.kernels)?;
            let tokens = (batch * data.predicted()) as f64;
            Ok(Row {
                device: arguments.device,
                vocabulary,
                length,
                layers,
                width,
                heads,
                parameters: model.parameters(&data),
                batch,
                milliseconds_per_step: seconds * 1e3,
                tokens_per_second: tokens / seconds,
                gflops: model.training_flops_a_token(&data) * tokens / seconds / 1e9,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    print(
        &Timings {
            device: arguments.device,
            rows,
        },
        arguments.json,
    )
}

impl Output for Timings {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
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
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.vocabulary.to_string(),
                    row.length.to_string(),
                    row.layers.to_string(),
                    row.width.to_string(),
                    row.heads.to_string(),
                    row.parameters.to_string(),
                    row.batch.to_string(),
                    format!("{:.2}", row.milliseconds_per_step),
                    format!("{:.0}", row.tokens_per_second),
                    format!("{:.1}", row.gflops),
                ]
            })
            .collect();
        writeln!(
            out,
            "forward, backward and Adam on {}, one thread, f32; FLOPs are 6 P a token",
            self.device
        )?;
        write!(out, "{}", text_table(&headings, &rows))
    }
}
