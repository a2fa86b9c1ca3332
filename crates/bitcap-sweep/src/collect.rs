//! From the cells that are done to runs.csv and timings.csv.

use bitcap_measure::Measurement;
use bitcap_model::Initialization;
use bitcap_source::write_whole;
use bitcap_train::{OptimizerKind, Precision, ScheduleKind};
use serde::Serialize;

use crate::{
    CellSettings, CellState, ExperimentFolder, FolderError, Manifest, PlanEntry, PlanFile,
};

/// A row of runs.csv: one cell, with nothing of the clock or the machine in it. All but the first
/// five columns, which the plan gives, are of the cell's own files; units are in the README.
#[derive(Clone, Debug, Serialize)]
struct Run {
    cell: String,
    group: String,
    label: String,
    seed: u64,
    doubled: u8,
    source: &'static str,
    vocabulary: u32,
    length: u32,
    samples: u64,
    distinct: usize,
    load: f64,
    layers: u32,
    width: u32,
    heads: u32,
    mlp_ratio: u32,
    tied_head: bool,
    start_token: bool,
    initialization: Initialization,
    parameters: u64,
    optimizer: OptimizerKind,
    learning_rate: f64,
    schedule: ScheduleKind,
    steps: u64,
    batch: String,
    precision: Precision,
    entropy_bits: f64,
    source_bits: f64,
    ceiling_bits_strict: f64,
    ceiling_bits_paper: f64,
    memorized_bits_strict: f64,
    memorized_bits_paper: f64,
    fraction_of_ceiling: Option<f64>,
    bits_per_parameter_strict: f64,
    bits_per_parameter_paper: f64,
    training_loss: f64,
    fresh_samples: Option<usize>,
    fresh_in_training: Option<usize>,
    fresh_memorized_bits_strict: Option<f64>,
    fresh_memorized_bits_paper: Option<f64>,
    training_tokens: u64,
    training_flops: f64,
}

/// A row of timings.csv: what a cell took, and on what.
#[derive(Clone, Debug, Serialize)]
struct Timing {
    cell: String,
    host: String,
    device: bitcap_model::DeviceName,
    started: String,
    seconds: f64,
    training_tokens: u64,
    tokens_per_second: f64,
    flops_per_second: f64,
}

/// Writes runs.csv and timings.csv from all cells of the plan that are done; returns their number.
///
/// Rows are sorted by curve (in the plan's order), doubling, samples and seed, so that the same
/// work gives the same bytes whatever the order it was done in.
///
/// # Errors
/// If no cell is done, or a file cannot be read or written.
pub fn collect(folder: &ExperimentFolder, plan: &PlanFile) -> Result<usize, FolderError> {
    let mut groups: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for entry in &plan.cells {
        if !groups.contains(&entry.group.as_str()) {
            groups.push(&entry.group);
        }
        let cell = folder.cell(&entry.cell);
        if cell.state() == CellState::Done {
            rows.push((run(folder, entry)?, timing(folder, entry)?));
        }
    }
    if rows.is_empty() {
        return Err(FolderError::NothingDone {
            path: folder.root().to_owned(),
        });
    }
    rows.sort_by_key(|(run, _)| {
        let group = groups.iter().position(|group| *group == run.group);
        (group, run.doubled, run.samples, run.seed, run.cell.clone())
    });
    let count = rows.len();
    let (runs, timings): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    write_csv(folder, "runs.csv", &runs)?;
    write_csv(folder, "timings.csv", &timings)?;
    Ok(count)
}

fn run(folder: &ExperimentFolder, entry: &PlanEntry) -> Result<Run, FolderError> {
    let cell = folder.cell(&entry.cell);
    let path = cell.path("cell.toml");
    let settings = CellSettings::read(&path).map_err(|error| FolderError::Content {
        path: path.clone(),
        what: error.to_string(),
    })?;
    let name = settings.name();
    if name != entry.cell {
        return Err(FolderError::OtherSettings {
            path,
            found: name,
            expected: entry.cell.clone(),
        });
    }
    let measurement: Measurement = cell.read_json("measurement.json")?;
    let fresh = measurement.fresh;
    let (source, model, train) = (&settings.source, &settings.model, &settings.train);
    Ok(Run {
        cell: entry.cell.clone(),
        group: entry.group.clone(),
        label: entry.label.clone(),
        seed: settings.seed,
        doubled: u8::from(entry.doubled),
        source: source.kind(),
        vocabulary: source.vocabulary(),
        length: source.length(),
        samples: settings.data.samples,
        distinct: measurement.distinct,
        load: measurement.load,
        layers: model.layers,
        width: model.width,
        heads: model.heads,
        mlp_ratio: model.mlp_ratio,
        tied_head: model.tied_head,
        start_token: model.start_token,
        initialization: model.initialization,
        parameters: measurement.parameters,
        optimizer: train.optimizer,
        learning_rate: train.learning_rate,
        schedule: train.schedule,
        steps: train.steps,
        batch: train.batch.to_string(),
        precision: train.precision,
        entropy_bits: measurement.entropy_bits,
        source_bits: measurement.source_bits,
        ceiling_bits_strict: measurement.ceiling_bits_strict,
        ceiling_bits_paper: measurement.ceiling_bits_paper,
        memorized_bits_strict: measurement.memorized_bits_strict,
        memorized_bits_paper: measurement.memorized_bits_paper,
        fraction_of_ceiling: measurement.fraction_of_ceiling,
        bits_per_parameter_strict: measurement.bits_per_parameter_strict,
        bits_per_parameter_paper: measurement.bits_per_parameter_paper,
        training_loss: measurement.training_loss,
        fresh_samples: fresh.map(|fresh| fresh.samples),
        fresh_in_training: fresh.map(|fresh| fresh.in_training),
        fresh_memorized_bits_strict: fresh.map(|fresh| fresh.memorized_bits_strict),
        fresh_memorized_bits_paper: fresh.map(|fresh| fresh.memorized_bits_paper),
        training_tokens: settings.training_tokens(),
        training_flops: settings.training_flops(),
    })
}

fn timing(folder: &ExperimentFolder, entry: &PlanEntry) -> Result<Timing, FolderError> {
    let manifest: Manifest = folder.cell(&entry.cell).read_json("manifest.json")?;
    Ok(Timing {
        cell: entry.cell.clone(),
        flops_per_second: manifest.training_flops / manifest.seconds,
        host: manifest.host,
        device: manifest.device,
        started: manifest.started,
        seconds: manifest.seconds,
        training_tokens: manifest.training_tokens,
        tokens_per_second: manifest.tokens_per_second,
    })
}

fn write_csv(
    folder: &ExperimentFolder,
    name: &str,
    rows: &[impl Serialize],
) -> Result<(), FolderError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer
            .serialize(row)
            .expect("rows are flat records of plain data");
    }
    let bytes = writer.into_inner().expect("a Vec takes all");
    let path = folder.root().join(name);
    write_whole(&path, &bytes).map_err(FolderError::io(&path))
}
