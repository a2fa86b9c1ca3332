//! One point of the grid, resolved into the settings of a cell.

use std::collections::HashMap;

use bitcap_base::InvalidSetting;
use bitcap_measure::expected_capacity_bits;
use bitcap_source::{FileFacts, SourceSettings};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::experiment::Experiment;
use crate::experiment::error::{ExperimentError, Result};
use crate::experiment::grid::is_size;
use crate::experiment::sections::Document;
use crate::settings::{
    CellData, CellEngine, CellSettings, MAX_TOKENS, ModelSettings, TrainSettings, data_shape,
};

/// The `[data]` section: the dataset. Its size is either `samples` or `load`, here or in the grid.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("not" = {"required": ["samples", "load"]}))]
pub(crate) struct DataSection {
    /// Seed that the sequences are drawn with. With the same seed, a smaller dataset is a prefix of a
    /// larger one.
    seed: u64,
    /// Number of sequences N, at least 1. A dataset has at most 2^40 tokens.
    samples: Option<u64>,
    /// Expected entropy of the dataset in units of the model's expected capacity, 3.6 bits a
    /// parameter, above 0: an alternative to `samples`. Not for files, nor for copies by Zipf's law.
    load: Option<f64>,
}

/// The settings at one point of the grid, not yet validated as a whole.
pub(crate) struct Resolved {
    pub(crate) settings: CellSettings,
    /// The load that was asked for, where the size was given so.
    pub(crate) load: Option<f64>,
}

/// Files that cells draw from, each read once for a plan.
#[derive(Default)]
pub(crate) struct Files(HashMap<String, FileFacts>);

impl Files {
    /// Has a source that is a file be of the content that the file has now, and fails where it has
    /// fewer than `samples` sequences.
    fn settle(&mut self, source: &mut SourceSettings, samples: u64) -> Result<(), InvalidSetting> {
        if source.file().is_none() {
            return Ok(());
        }
        // What a file holds depends on nothing else.
        let key = serde_json::to_string(source).expect("numbers, texts and lists");
        let facts = match self.0.get(&key) {
            Some(facts) => facts.clone(),
            None => match source.inspect_file()? {
                Some(facts) => self.0.entry(key).or_insert(facts).clone(),
                None => return Ok(()),
            },
        };
        source.check_samples(&facts, samples)?;
        source.set_file_blake3(&facts.blake3);
        Ok(())
    }
}

impl Resolved {
    /// The settings at point `index` of the experiment's grid, validated.
    pub(crate) fn at(experiment: &Experiment, index: usize, files: &mut Files) -> Result<Self> {
        let mut document = document_at(experiment, index)?;
        // Before the sections are read, which have no default for their seeds.
        let seed = document.inject_seeds()?;
        let mut source = document.source()?;
        let data: DataSection = document.section("data")?;
        let mut model = document.model()?;
        model.fill_defaults();
        let mut train: TrainSettings = document.section("train")?;
        train.fill_defaults();
        let wrong = |setting| at_point(document.error(setting), experiment, index);
        // Before a load becomes a size, which divides by what these may be.
        source.validate().map_err(wrong)?;
        model.validate().map_err(wrong)?;
        let samples = match (data.samples, data.load) {
            (Some(samples), None) => samples,
            (None, Some(load)) => samples_for(load, &source, &model).map_err(wrong)?,
            (Some(_), Some(load)) => {
                let allowed = "left out where data.samples is given: one of the two is the size";
                return Err(wrong(wrong_load(load, allowed)));
            }
            (None, None) => {
                let section = experiment.document.root.get("data");
                let place = section.map_or(&document.file, |entry| &entry.place);
                return Err(ExperimentError::other(
                    place,
                    "neither `data.samples` nor `data.load` is given; give one of them, in [data] or in [grid]",
                ));
            }
        };
        // The whole path is kept in the cell and is not in its name: a file that is found from
        // elsewhere is the same file.
        source.resolve_paths(&experiment.base);
        files.settle(&mut source, samples).map_err(wrong)?;
        let settings = CellSettings {
            seed,
            source,
            data: CellData {
                seed: data.seed,
                samples,
            },
            model,
            train,
            measure: experiment.measure.clone(),
            engine: CellEngine {
                device: experiment.engine.device,
                kernels: experiment.engine.kernels,
                trust_device: experiment.engine.trust_device,
                checkpoint_seconds: experiment.engine.checkpoint_seconds,
            },
        };
        // Now also what no section tells by itself, such as a start token that the source needs.
        settings.validate().map_err(wrong)?;
        Ok(Self {
            settings,
            load: data.load,
        })
    }

    /// The same with twice the steps, validated.
    pub(crate) fn doubled(&self, experiment: &Experiment, index: usize) -> Result<CellSettings> {
        let mut settings = self.settings.clone();
        // Validated steps are far below 2^63.
        settings.train.steps *= 2;
        settings.train.polish_steps *= 2;
        match settings.validate() {
            Ok(()) => Ok(settings),
            Err(mut setting) => {
                setting.found += " once doubled for sweep.doubled_at_load";
                let error = document_at(experiment, index)?.error(setting);
                Err(at_point(error, experiment, index))
            }
        }
    }
}

/// The experiment with the values of one point of the grid in their places.
fn document_at(experiment: &Experiment, index: usize) -> Result<Document> {
    let mut document = experiment.document.clone();
    for (axis, node) in experiment.grid.point(index) {
        // In whichever way [data] gives the size, the grid replaces it.
        if is_size(&axis.key) {
            document.root.remove("data.samples");
            document.root.remove("data.load");
        }
        for setting in axis.settings_at(node) {
            document.root.set("", setting)?;
        }
    }
    Ok(document)
}

/// Sequences whose entropy comes nearest to `load` times the capacity to be expected.
fn samples_for(
    load: f64,
    source: &SourceSettings,
    model: &ModelSettings,
) -> Result<u64, InvalidSetting> {
    if !(load.is_finite() && load > 0.0) {
        return Err(wrong_load(load, "a number above 0"));
    }
    if !source.entropy_is_known() {
        let allowed = "left out: the entropy of this source is not known; give data.samples";
        return Err(wrong_load(load, allowed));
    }
    let Some(sequence) = source.expected_entropy_bits_per_sequence() else {
        let allowed = "left out: the entropy of this source is not proportional to its samples; \
                       give data.samples";
        return Err(wrong_load(load, allowed));
    };
    if sequence == 0.0 {
        let allowed = "left out: the entropy of this source is 0; give data.samples";
        return Err(wrong_load(load, allowed));
    }
    let capacity = expected_capacity_bits(model.parameters(&data_shape(source, model)));
    let samples = (load * capacity / sequence).round();
    let most = (MAX_TOKENS / u64::from(source.length())) as f64;
    // Not made one sequence: that would be another load than was asked for.
    if samples < 1.0 {
        let one = sequence / capacity;
        let allowed = format!(
            "larger: this is less than half a sequence; one sequence is a load of {one:.2e} for this \
             model"
        );
        return Err(wrong_load(load, allowed));
    }
    if samples > most {
        let most = most * sequence / capacity;
        let allowed =
            format!("smaller: a dataset has at most 2^40 tokens, here a load of {most:.2e}");
        return Err(wrong_load(load, allowed));
    }
    Ok(samples as u64)
}

fn wrong_load(load: f64, allowed: impl Into<String>) -> InvalidSetting {
    InvalidSetting::new("data.load", format!("{load:?}"), allowed)
}

/// Adds the grid point to an error about a value that is impossible there.
fn at_point(mut error: ExperimentError, experiment: &Experiment, index: usize) -> ExperimentError {
    if let ExperimentError::Invalid { setting, point, .. } = &mut error {
        *point = experiment.grid.describe(index, setting);
    }
    error
}
