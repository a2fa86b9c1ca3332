//! `bench`: training steps timed on this machine.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use bitcap_cell::adam_step_seconds;
use bitcap_plan::text_table;
use bitcap_plan::{DeviceSpec, Gpt2Settings, ModelSettings};
use bitcap_source::DataShape;
use serde::Serialize;

use crate::arguments::{Bench, BenchShape};
use crate::output::{Output, print};

/// Models that are timed in PyTorch too (tests/reference/bench.py and outputs/published/bench): V, S, layers,
/// width, heads, all with a start token; and the sequences a step.
const SHAPES: [BenchShape; 7] = [
    BenchShape::new([64, 16, 1, 16, 2, 173]),
    BenchShape::new([64, 16, 1, 32, 4, 256]),
    BenchShape::new([2048, 64, 1, 32, 2, 64]),
    BenchShape::new([2048, 64, 2, 64, 2, 64]),
    BenchShape::new([2, 64, 2, 16, 2, 256]),
    BenchShape::new([2048, 64, 1, 32, 2, 512]),
    BenchShape::new([2048, 64, 4, 128, 4, 128]),
];

#[derive(Serialize)]
struct Row {
    device: DeviceSpec,
    #[serde(flatten)]
    shape: BenchShape,
    parameters: u64,
    /// Of the fastest step.
    milliseconds_per_step: f64,
    median_milliseconds_per_step: f64,
    tokens_per_second: f64,
    gflops: f64,
    /// The most memory that the process has held so far, where the system tells.
    peak_memory_bytes: Option<u64>,
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
    let shapes = match &arguments.shapes[..] {
        [] => &SHAPES[..],
        shapes => shapes,
    };
    let rows = shapes.iter().map(|shape| time(shape, arguments));
    let rows: Vec<Row> = rows.collect::<anyhow::Result<_>>()?;
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
            "median ms",
            "tokens a second",
            "GFLOP/s",
        ];
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.shape.vocabulary.to_string(),
                    row.shape.length.to_string(),
                    row.shape.layers.to_string(),
                    row.shape.width.to_string(),
                    row.shape.heads.to_string(),
                    row.parameters.to_string(),
                    row.shape.batch.to_string(),
                    format!("{:.2}", row.milliseconds_per_step),
                    format!("{:.2}", row.median_milliseconds_per_step),
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

fn time(shape: &BenchShape, arguments: &Bench) -> anyhow::Result<Row> {
    let data = DataShape {
        vocabulary: shape.vocabulary,
        length: shape.length as usize,
        start_token: true,
    };
    // The numbers are the user's: what an experiment refuses is refused here too.
    data.validate()?;
    let model = ModelSettings::Gpt2(Gpt2Settings {
        start_token: true,
        ..Gpt2Settings::new(shape.layers, shape.width, shape.heads)
    });
    model.validate()?;
    let mut times = adam_step_seconds(
        &model,
        data,
        shape.batch as usize,
        arguments.device,
        arguments.kernels,
        Duration::from_secs_f64(arguments.seconds),
    )?;
    times.sort_by(f64::total_cmp);
    // The speed is that of the fastest: other work on the machine only ever adds. The median tells
    // how much it did.
    let (fastest, median) = (times[0], times[times.len() / 2]);
    let tokens_per_second = (shape.batch as usize * data.predicted()) as f64 / fastest;
    Ok(Row {
        device: arguments.device,
        shape: *shape,
        parameters: model.parameters(&data),
        milliseconds_per_step: fastest * 1e3,
        median_milliseconds_per_step: median * 1e3,
        tokens_per_second,
        gflops: model.training_flops_a_token(&data) * tokens_per_second / 1e9,
        peak_memory_bytes: peak_memory_bytes(),
    })
}

/// From Linux's account of this process.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}
