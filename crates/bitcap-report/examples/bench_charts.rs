//! Draws what tests/reference/bench.py measured: bench.csv and scaling.csv of a folder, as pictures
//! beside them.

use std::error::Error;
use std::path::{Path, PathBuf};

use bitcap_report::Chart;
use bitcap_report::chart::{
    Axis, Block, Entry, Layer, Line, Look, Mark, Panel, Point, Scale, Shape,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const BITCAP: &str = "#0072B2";
const EAGER: &str = "#E69F00";
const COMPILE: &str = "#999999";
const BLACK: &str = "#000000";

#[derive(Deserialize)]
struct Timed {
    #[serde(rename = "V")]
    vocabulary: u32,
    #[serde(rename = "S")]
    length: u32,
    layers: u32,
    width: u32,
    heads: u32,
    batch: u32,
    threads: u32,
    program: String,
    milliseconds: f64,
}

#[derive(Deserialize)]
struct Scaled {
    size: String,
    value: f64,
    milliseconds: f64,
    expected_milliseconds: f64,
    memory_mib: f64,
    expected_mib: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("expected a folder")?);
    let mut charts = vec![speed(&read::<Timed>(&folder.join("bench.csv"))?)];
    let scaled = read::<Scaled>(&folder.join("scaling.csv"))?;
    charts.push(scaling(
        "scaling-time",
        "milliseconds a step",
        &scaled,
        |row| [row.milliseconds, row.expected_milliseconds],
    ));
    charts.push(scaling("scaling-memory", "MiB", &scaled, |row| {
        [row.memory_mib, row.expected_mib]
    }));
    for chart in charts {
        std::fs::write(folder.join(format!("{}.svg", chart.name)), chart.svg())?;
        std::fs::write(folder.join(format!("{}.png", chart.name)), chart.png()?)?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Box<dyn Error>> {
    let rows =
        csv::Reader::from_path(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(rows.into_deserialize().collect::<Result<_, _>>()?)
}

/// Bars of speed in units of torch.compile's, a panel a number of threads.
fn speed(rows: &[Timed]) -> Chart {
    let shape = |row: &Timed| {
        [
            row.vocabulary,
            row.length,
            row.layers,
            row.width,
            row.heads,
            row.batch,
        ]
    };
    let mut shapes: Vec<[u32; 6]> = Vec::new();
    for row in rows {
        if !shapes.contains(&shape(row)) {
            shapes.push(shape(row));
        }
    }
    let mut threads: Vec<u32> = rows.iter().map(|row| row.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let of = |program: &str, threads: u32, wanted: [u32; 6]| {
        let found = rows
            .iter()
            .find(|row| row.program == program && row.threads == threads && shape(row) == wanted);
        found.map_or(f64::NAN, |row| row.milliseconds)
    };
    let x = axis("shape", Scale::Whole, 0.4, shapes.len() as f64 + 0.6);
    let panel = |&threads: &u32| {
        let mut layers = Vec::new();
        let mut top = 1.0f64;
        for (place, &shape) in shapes.iter().enumerate() {
            let compile = of("compile", threads, shape);
            for (program, aside, colour) in [("bitcap", -0.32, BITCAP), ("eager", 0.02, EAGER)] {
                let times = compile / of(program, threads, shape);
                let left = place as f64 + 1.0 + aside;
                let right = left + 0.3;
                top = top.max(times);
                let corners = [(left, 0.0), (left, times), (right, times), (right, 0.0)];
                layers.push(layer(corners, area(colour)));
            }
        }
        layers.push(layer([(x.low, 1.0), (x.high, 1.0)], line(COMPILE, "")));
        vec![Panel {
            heading: format!("{threads} thread{}", if threads > 1 { "s" } else { "" }),
            height: 150.0,
            x: x.clone(),
            y: axis(
                "times the speed of torch.compile",
                Scale::Linear,
                0.0,
                1.08 * top,
            ),
            layers,
        }]
    };
    let names = shapes.iter().enumerate().map(|(place, [v, s, layers, width, heads, batch])| {
        format!(
            "{}: V {v}, S {s}, {layers} layer{}, width {width}, {heads} heads, {batch} sequences a step",
            place + 1,
            if *layers > 1 { "s" } else { "" }
        )
    });
    Chart {
        name: "bench",
        title: "A training step's speed beside PyTorch's".to_owned(),
        subtitle: "GPT-2, forward, backward and Adam, f32; fastest steps".to_owned(),
        panels: threads.iter().map(panel).collect(),
        legend: vec![Block {
            heading: String::new(),
            entries: vec![
                entry(area(BITCAP), "bitcap"),
                entry(area(EAGER), "PyTorch eager"),
                entry(line(COMPILE, ""), "torch.compile"),
            ],
        }],
        notes: names.collect(),
    }
}

/// A panel a size: what was measured, and what was expected.
fn scaling(name: &'static str, label: &str, rows: &[Scaled], of: fn(&Scaled) -> [f64; 2]) -> Chart {
    let mut sizes: Vec<&str> = rows.iter().map(|row| &*row.size).collect();
    sizes.dedup();
    let all = || rows.iter().flat_map(of);
    let low = all().fold(f64::INFINITY, f64::min) / 1.5;
    let high = all().fold(0.0, f64::max) * 1.5;
    let measured = mark(BITCAP);
    let expected = line(BLACK, "4 3");
    let panel = |size: &&str| {
        let rows: Vec<&Scaled> = rows.iter().filter(|row| row.size == *size).collect();
        let line = |i: usize| rows.iter().map(move |&row| (row.value, of(row)[i]));
        let ends = (rows[0].value, rows[rows.len() - 1].value);
        Panel {
            heading: String::new(),
            height: 150.0,
            x: axis(size, Scale::Log, ends.0 / 1.4, ends.1 * 1.4),
            y: axis(label, Scale::Log, low, high),
            layers: vec![
                layer(line(1), expected.clone()),
                layer(line(0), measured.clone()),
            ],
        }
    };
    let (what, model) = match name {
        "scaling-time" => ("time", "in proportion to the useful FLOPs"),
        _ => ("memory", "the bytes that a step has to hold"),
    };
    Chart {
        name,
        title: format!("A training step's {what} as one size grows"),
        subtitle: "One thread; the other sizes stay as they are (scaling.md)".to_owned(),
        panels: sizes
            .chunks(3)
            .map(|row| row.iter().map(panel).collect())
            .collect(),
        legend: vec![Block {
            heading: String::new(),
            entries: vec![
                entry(measured.clone(), "measured"),
                entry(expected.clone(), model),
            ],
        }],
        notes: Vec::new(),
    }
}

fn axis(label: &str, scale: Scale, low: f64, high: f64) -> Axis {
    Axis {
        label: label.to_owned(),
        scale,
        low,
        high,
    }
}

fn layer(points: impl IntoIterator<Item = (f64, f64)>, look: Look) -> Layer {
    let points = points.into_iter().map(|(x, y)| Point { x, y, bar: None });
    Layer {
        points: points.collect(),
        look,
        label: String::new(),
    }
}

fn entry(look: Look, text: &str) -> Entry {
    Entry {
        look,
        text: text.to_owned(),
    }
}

fn look(colour: &str) -> Look {
    Look {
        colour: colour.to_owned(),
        line: None,
        mark: None,
        fill: None,
    }
}

fn area(colour: &str) -> Look {
    Look {
        fill: Some(0.85),
        ..look(colour)
    }
}

fn line(colour: &str, dash: &'static str) -> Look {
    Look {
        line: Some(Line {
            width: 1.5,
            dash,
            opacity: 1.0,
        }),
        ..look(colour)
    }
}

fn mark(colour: &str) -> Look {
    Look {
        mark: Some(Mark {
            shape: Shape::Circle,
            radius: 3.6,
            filled: true,
            aside: 0.0,
        }),
        ..line(colour, "")
    }
}
