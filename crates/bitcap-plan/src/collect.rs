//! From the cells that are done to runs.csv and timings.csv.

use std::collections::HashSet;

use bitcap_base::FileLock;
use bitcap_measure::{Extraction, Measurement};
use serde::Serialize;

use crate::folder::{
    CellState, ExperimentFolder, FolderError, Manifest, PlanEntry, PlanFile, files,
};
use crate::record::{Run, Timing, csv};
use crate::settings::{CellSettings, ModelSettings};

/// The share of sequences that come out of the model from a prefix of so many tokens.
fn rate(extraction: &[Extraction], prefix: usize) -> Option<f64> {
    let tried = extraction.iter().find(|tried| tried.prefix == prefix);
    tried.map(|tried| tried.rate)
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
    // The folder may have been replaced while this process waited for the lock.
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
        if collected.unreadable.is_empty() {
            for name in TABLES {
                files::remove(&folder.root().join(name))?;
            }
        }
        return Ok(collected);
    }
    let groups = unique(plan.cells.iter().map(|entry| entry.curve.group.as_str()));
    let runs = done.iter().map(|(entry, records)| run(entry, records));
    let mut runs: Vec<Run> = runs.collect();
    runs.sort_by_key(|run| {
        let group = groups.iter().position(|group| *group == run.group);
        // The name comes last: cells that differ only in a seed set by itself are alike in all
        // before it.
        (group, run.doubled, run.samples, run.seed, run.cell.clone())
    });
    // A training took its time once, also where it is a point of two curves.
    let cells = unique(runs.iter().map(|run| run.cell.as_str()));
    let timing = |cell: &&str| {
        let (_, records) = done.iter().find(|(entry, _)| entry.cell == **cell)?;
        Some(timing(cell, &records.manifest))
    };
    let timings: Vec<Timing> = cells.iter().filter_map(timing).collect();
    collected.cells = cells.len();
    for (name, bytes) in TABLES.into_iter().zip([Run::table(&runs), csv(&timings)]) {
        files::write(&folder.root().join(name), &bytes)?;
    }
    Ok(collected)
}

/// What [`collect`] writes.
const TABLES: [&str; 2] = ["runs.csv", "timings.csv"];

/// Each once, in the order in which they come first.
fn unique<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    all.filter(|one| seen.insert(*one)).collect()
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
        // A folder that was renamed or copied by hand: its figures would stand under settings that
        // are not theirs.
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

fn run(entry: &PlanEntry, records: &CellRecords) -> Run {
    let (settings, measurement) = (&records.settings, &records.measurement);
    let fresh = measurement.fresh.as_ref();
    let (split, membership) = (measurement.decomposition, measurement.membership);
    let fresh_split = fresh.map_or_else(Default::default, |fresh| fresh.decomposition);
    let fresh_rate = |prefix| fresh.and_then(|fresh| rate(&fresh.extraction, prefix));
    let model = settings.model.common();
    let (source, train) = (&settings.source, &settings.train);
    let run = Run {
        cell: entry.cell.clone(),
        group: entry.curve.group.clone(),
        label: entry.curve.label.clone(),
        seed: settings.seed,
        doubled: entry.curve.doubled,
        source: source.kind().to_owned(),
        vocabulary: source.vocabulary().into(),
        length: source.length().into(),
        samples: settings.data.samples,
        distinct: measurement.distinct as u64,
        load: measurement.load,
        layers: model.layers.into(),
        width: model.width.into(),
        tied_head: model.tied_head,
        start_token: model.start_token,
        parameters: measurement.parameters,
        optimizer: name(&train.optimizer),
        learning_rate: train.learning_rate,
        schedule: name(&train.schedule),
        steps: train.steps,
        batch: train.batch.to_string(),
        precision: name(&train.precision),
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
        fresh_samples: fresh.map(|fresh| fresh.samples as u64),
        fresh_in_training: fresh.map(|fresh| fresh.in_training as u64),
        fresh_memorized_bits_strict: fresh.and_then(|fresh| fresh.memorized_bits_strict),
        fresh_memorized_bits_paper: fresh.and_then(|fresh| fresh.memorized_bits_paper),
        training_tokens: records.manifest.training_tokens,
        training_flops: records.manifest.training_flops,
        counted: measurement.counted.map(|count| count as u64),
        oracle: measurement.oracle.clone(),
        mixture_weight: split.mixture_weight,
        unintended_bits: split.unintended_bits,
        unintended_bits_max: split.unintended_bits_max,
        intended_bits: split.intended_bits,
        intended_bits_max: split.intended_bits_max,
        intended_limit_bits: split.intended_limit_bits,
        fresh_counted: fresh.and_then(|fresh| Some(fresh.counted? as u64)),
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
        entropy_bound_bits: measurement.entropy_bound_bits,
        memorized_bound_bits: measurement.memorized_bound_bits,
        model: settings.model.kind(),
        polish_steps: Some(train.polish_steps).filter(|&steps| steps > 0),
        ..Run::default()
    };
    match &settings.model {
        ModelSettings::Gpt2(model) => Run {
            heads: Some(model.heads().into()),
            mlp_ratio: Some(model.mlp_ratio.into()),
            initialization: name(&model.initialization),
            ..run
        },
        ModelSettings::Mlp(model) => Run {
            mlp_ratio: Some(model.mlp_ratio.into()),
            ..run
        },
        ModelSettings::Lstm(_) | ModelSettings::Gru(_) => run,
        ModelSettings::Mamba(model) => Run {
            state: Some(model.state.into()),
            expand: Some(model.expand.into()),
            conv_kernel: Some(model.conv_kernel.into()),
            ..run
        },
        ModelSettings::Llama(model) => Run {
            heads: Some(model.blocks().heads.into()),
            mlp_width: Some(model.blocks().mlp_width.into()),
            ..run
        },
        ModelSettings::Moe(model) => Run {
            heads: Some(model.blocks().heads.into()),
            mlp_width: Some(model.blocks().mlp_width.into()),
            experts: Some(model.experts.into()),
            experts_per_token: Some(model.experts_per_token.into()),
            auxiliary_loss: Some(model.auxiliary_loss),
            active_parameters: Some(settings.active_parameters()),
            ..run
        },
    }
}

/// The name of a setting's value in experiment files.
fn name(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("a name");
    value.as_str().unwrap_or_default().to_owned()
}

fn timing(cell: &str, manifest: &Manifest) -> Timing {
    Timing {
        cell: cell.to_owned(),
        flops_per_second: manifest.training_flops / manifest.seconds,
        host: manifest.host.clone(),
        device: manifest.device.to_string(),
        started: manifest.started.clone(),
        seconds: manifest.seconds,
        training_tokens: manifest.training_tokens,
        tokens_per_second: manifest.tokens_per_second,
    }
}
