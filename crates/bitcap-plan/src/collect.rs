//! From the cells that are done to runs.csv and timings.csv.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use bitcap_base::{FileLock, write_atomic};
use bitcap_measure::{Extraction, Measurement};
use serde::Serialize;

use crate::folder::{CellState, ExperimentFolder, FolderError, Manifest, PlanEntry, PlanFile};
use crate::settings::{
    CellSettings, DeviceSpec, Initialization, OptimizerKind, Precision, ScheduleKind,
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
    device: DeviceSpec,
    started: String,
    seconds: f64,
    training_tokens: u64,
    tokens_per_second: f64,
    flops_per_second: f64,
}

/// What was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Cells in the tables.
    pub cells: usize,
    /// Cells that are done and whose files cannot be read, and why; they are not in the tables.
    pub unreadable: Vec<(String, String)>,
}

/// Writes runs.csv and timings.csv from all cells of the plan that are done.
///
/// Rows are sorted by curve (in the plan's order), doubling, samples and seed, so that the same
/// work gives the same bytes whatever the order it was done in. One cell that cannot be read is no
/// reason not to show the others. Where there is nothing to show, the tables of before are removed:
/// they are not the result of what is in the folder now.
///
/// `tables` is the lock of [`ExperimentFolder::lock`].
///
/// # Errors
/// If a table cannot be written.
pub fn collect(
    folder: &ExperimentFolder,
    plan: &PlanFile,
    tables: &FileLock,
) -> Result<Collected, FolderError> {
    tables.check()?;
    let mut collected = Collected::default();
    let mut done: Vec<(&PlanEntry, CellRecords)> = Vec::new();
    let mut unreadable: HashSet<&str> = HashSet::new();
    for entry in &plan.cells {
        if folder.cell(&entry.cell).state() != CellState::Done {
            continue;
        }
        match CellRecords::read(folder, entry) {
            Ok(records) => done.push((entry, records)),
            // Of a cell on two curves it is said once.
            Err(error) => {
                if unreadable.insert(&entry.cell) {
                    let what = (entry.cell.clone(), error.to_string());
                    collected.unreadable.push(what);
                }
            }
        }
    }
    if done.is_empty() {
        // What cannot be read now may be read tomorrow.
        let tables = if collected.unreadable.is_empty() {
            &TABLES[..]
        } else {
            &[]
        };
        for name in tables {
            remove(&folder.root().join(name))?;
        }
        return Ok(collected);
    }
    let groups = unique(plan.cells.iter().map(|entry| entry.group.as_str()));
    let labels = labels(&groups, &done);
    let mut runs: Vec<Run> = done
        .iter()
        .map(|(entry, records)| run(entry, &labels[entry.group.as_str()], records))
        .collect();
    runs.sort_by_key(|run| {
        let group = groups.iter().position(|group| *group == run.group);
        (group, run.doubled, run.samples, run.seed, run.cell.clone())
    });
    let cells = unique(runs.iter().map(|run| run.cell.as_str()));
    let timing = |cell: &&str| {
        let (entry, records) = done.iter().find(|(entry, _)| entry.cell == **cell)?;
        Some(timing(&entry.cell, &records.manifest))
    };
    let timings: Vec<Timing> = cells.iter().filter_map(timing).collect();
    collected.cells = cells.len();
    for (name, bytes) in TABLES.into_iter().zip([csv(&runs), csv(&timings)]) {
        let path = folder.root().join(name);
        write_atomic(&path, &bytes).map_err(FolderError::io(&path))?;
    }
    Ok(collected)
}

/// What [`collect`] writes.
const TABLES: [&str; 2] = ["runs.csv", "timings.csv"];

fn remove(path: &Path) -> Result<(), FolderError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FolderError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Each once, in the order in which they come first.
fn unique<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

/// What each curve is called: as its plan called it, unless a curve of another plan has that name
/// too. Then what the two differ in is added, such as `width=8, steps=400`.
fn labels<'a>(
    groups: &[&'a str],
    done: &[(&'a PlanEntry, CellRecords)],
) -> HashMap<&'a str, String> {
    let of_group = |group: &str| {
        // A point of the curve itself says what the curve is; a doubled one has twice its steps.
        let points = done.iter().filter(|(entry, _)| entry.group == group);
        points.min_by_key(|(entry, _)| entry.doubled)
    };
    let known: Vec<(&str, &str, BTreeMap<String, String>)> = groups
        .iter()
        .filter_map(|group| {
            let (entry, records) = of_group(group)?;
            let mut settings = records.settings.curve_settings();
            if entry.doubled {
                settings.insert("train.steps".into(), (entry.steps / 2).to_string());
            }
            Some((*group, entry.label.as_str(), settings))
        })
        .collect();
    known
        .iter()
        .map(|(group, label, settings)| {
            let namesakes: Vec<_> = known
                .iter()
                .filter(|(other, name, _)| other != group && name == label)
                .collect();
            let differs = |key: &&String| {
                let own = settings.get(*key);
                let differs = |key: &str, own: Option<&String>| {
                    let mut others = namesakes.iter().map(|(_, _, other)| other.get(key));
                    others.any(|other| other != own)
                };
                // Muon's second rate follows the first where a file gives only that.
                differs(key, own)
                    && !(*key == "train.adam_learning_rate"
                        && differs("train.learning_rate", settings.get("train.learning_rate")))
            };
            let parts = settings.iter().filter(|(key, _)| differs(key));
            let parts = parts.map(|(key, value)| {
                let name = key.rsplit('.').next().unwrap_or(key);
                format!("{name}={}", value.trim_matches('"'))
            });
            let own = Some((*label).to_owned()).filter(|label| !label.is_empty());
            let label: Vec<String> = own.into_iter().chain(parts).collect();
            (*group, label.join(", "))
        })
        .collect()
}

/// The files of a cell that the tables are made of.
struct CellRecords {
    settings: CellSettings,
    measurement: Measurement,
    manifest: Manifest,
}

impl CellRecords {
    fn read(folder: &ExperimentFolder, entry: &PlanEntry) -> Result<Self, FolderError> {
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
        Ok(Self {
            settings,
            measurement: cell.read_json("measurement.json")?,
            manifest: cell.read_json("manifest.json")?,
        })
    }
}

fn run(entry: &PlanEntry, label: &str, records: &CellRecords) -> Run {
    let CellRecords {
        settings,
        measurement,
        ..
    } = records;
    let fresh = measurement.fresh.as_ref();
    let (split, membership) = (measurement.decomposition, measurement.membership);
    let fresh_split = fresh.map_or_else(Default::default, |fresh| fresh.decomposition);
    let fresh_rate = |prefix| fresh.and_then(|fresh| rate(&fresh.extraction, prefix));
    let (source, model, train) = (&settings.source, &settings.model, &settings.train);
    Run {
        cell: entry.cell.clone(),
        group: entry.group.clone(),
        label: label.to_owned(),
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
    }
}

fn timing(cell: &str, manifest: &Manifest) -> Timing {
    Timing {
        cell: cell.to_owned(),
        flops_per_second: manifest.training_flops / manifest.seconds,
        host: manifest.host.clone(),
        device: manifest.device,
        started: manifest.started.clone(),
        seconds: manifest.seconds,
        training_tokens: manifest.training_tokens,
        tokens_per_second: manifest.tokens_per_second,
    }
}

fn csv(rows: &[impl Serialize]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer
            .serialize(row)
            .expect("rows are flat records of plain data");
    }
    writer.into_inner().expect("a Vec takes all")
}
