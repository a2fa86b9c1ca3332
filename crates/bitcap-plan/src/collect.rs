//! From the cells that are done to runs.csv and timings.csv.

use crate::settings::{Initialization, ModelSettings};
use crate::settings::{OptimizerKind, Precision, ScheduleKind};
use bitcap_base::write_atomic;
use bitcap_measure::{Extraction, Measurement};
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
    load: Option<f64>,
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
    entropy_bits: Option<f64>,
    source_bits: Option<f64>,
    ceiling_bits_strict: Option<f64>,
    ceiling_bits_paper: Option<f64>,
    memorized_bits_strict: Option<f64>,
    memorized_bits_paper: Option<f64>,
    fraction_of_ceiling: Option<f64>,
    bits_per_parameter_strict: Option<f64>,
    bits_per_parameter_paper: Option<f64>,
    training_loss: f64,
    fresh_samples: Option<usize>,
    fresh_in_training: Option<usize>,
    fresh_memorized_bits_strict: Option<f64>,
    fresh_memorized_bits_paper: Option<f64>,
    training_tokens: u64,
    training_flops: f64,
    counted: Option<usize>,
    oracle: Option<String>,
    mixture_weight: Option<f64>,
    unintended_bits: Option<f64>,
    unintended_bits_max: Option<f64>,
    intended_bits: Option<f64>,
    intended_bits_max: Option<f64>,
    intended_limit_bits: Option<f64>,
    fresh_counted: Option<usize>,
    fresh_entropy_bits: Option<f64>,
    fresh_source_bits: Option<f64>,
    fresh_loss: Option<f64>,
    fresh_excess_bits_per_token: Option<f64>,
    fresh_mixture_weight: Option<f64>,
    fresh_unintended_bits: Option<f64>,
    fresh_unintended_bits_max: Option<f64>,
    fresh_intended_bits: Option<f64>,
    fresh_intended_bits_max: Option<f64>,
    fresh_intended_limit_bits: Option<f64>,
    membership_auc: Option<f64>,
    membership_balanced_accuracy: Option<f64>,
    membership_f1: Option<f64>,
    membership_tpr_at_1_percent_fpr: Option<f64>,
    extraction_8: Option<f64>,
    extraction_16: Option<f64>,
    extraction_32: Option<f64>,
    fresh_extraction_8: Option<f64>,
    fresh_extraction_16: Option<f64>,
    fresh_extraction_32: Option<f64>,
}

/// The share of sequences that come out of the model from a prefix of so many tokens.
fn rate(extraction: &[Extraction], prefix: usize) -> Option<f64> {
    let tried = extraction.iter().find(|tried| tried.prefix == prefix);
    tried.map(|tried| tried.rate)
}

/// A row of timings.csv: what a cell took, and on what.
#[derive(Clone, Debug, Serialize)]
struct Timing {
    cell: String,
    host: String,
    device: crate::settings::DeviceSpec,
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
    let fresh = measurement.fresh.as_ref();
    let (split, membership) = (measurement.split, measurement.membership);
    let fresh_split = fresh.map_or_else(Default::default, |fresh| fresh.split);
    let fresh_rate = |prefix| fresh.and_then(|fresh| rate(&fresh.extraction, prefix));
    let ModelSettings::Gpt2(model) = &settings.model;
    let (source, train) = (&settings.source, &settings.train);
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
        fresh_memorized_bits_strict: fresh.and_then(|fresh| fresh.memorized_bits_strict),
        fresh_memorized_bits_paper: fresh.and_then(|fresh| fresh.memorized_bits_paper),
        training_tokens: settings.training_tokens(),
        training_flops: settings.training_flops(),
        counted: measurement.counted,
        oracle: measurement.oracle.clone(),
        mixture_weight: split.mixture_weight,
        unintended_bits: split.unintended_bits,
        unintended_bits_max: split.unintended_bits_max,
        intended_bits: split.intended_bits,
        intended_bits_max: split.intended_bits_max,
        intended_limit_bits: split.intended_limit_bits,
        fresh_counted: fresh.and_then(|fresh| fresh.counted),
        fresh_entropy_bits: fresh.and_then(|fresh| fresh.entropy_bits),
        fresh_source_bits: fresh.and_then(|fresh| fresh.source_bits),
        fresh_loss: fresh.map(|fresh| fresh.loss),
        fresh_excess_bits_per_token: fresh.and_then(|fresh| fresh.excess_bits_per_token),
        fresh_mixture_weight: fresh_split.mixture_weight,
        fresh_unintended_bits: fresh_split.unintended_bits,
        fresh_unintended_bits_max: fresh_split.unintended_bits_max,
        fresh_intended_bits: fresh_split.intended_bits,
        fresh_intended_bits_max: fresh_split.intended_bits_max,
        fresh_intended_limit_bits: fresh_split.intended_limit_bits,
        membership_auc: membership.map(|m| m.auc),
        membership_balanced_accuracy: membership.map(|m| m.balanced_accuracy),
        membership_f1: membership.map(|m| m.f1),
        membership_tpr_at_1_percent_fpr: membership.map(|m| m.tpr_at_1_percent_fpr),
        extraction_8: rate(&measurement.extraction, 8),
        extraction_16: rate(&measurement.extraction, 16),
        extraction_32: rate(&measurement.extraction, 32),
        fresh_extraction_8: fresh_rate(8),
        fresh_extraction_16: fresh_rate(16),
        fresh_extraction_32: fresh_rate(32),
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
    write_atomic(&path, &bytes).map_err(FolderError::io(&path))
}
