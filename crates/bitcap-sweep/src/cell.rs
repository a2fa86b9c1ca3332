//! One cell: source, dataset, model, training, likelihoods, bits.

use std::path::Path;

use bitcap_measure::Measurement;
use bitcap_model::load;
use bitcap_source::{Dataset, Source, Split};
use serde::{Deserialize, Serialize};

use crate::cell_events::write_events;
use crate::checkpoints::Checkpoints;
use crate::known_data::KnownData;
use crate::manifest::Manifest;
use crate::measuring::{Measured, measure};
use crate::model::TrainedModel;
use crate::oracle::Oracle;
use crate::training::{Trained, check_data, train};
use crate::{CellFolder, CellSettings, FolderError, Stop, check_memory};

/// What a cell tells of itself while it runs; a JSON line each where one process tells another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CellEvent {
    /// Training goes on where an earlier process left it.
    Resumed {
        /// Steps that are made already.
        step: u64,
        /// Steps to make.
        steps: u64,
    },
    /// Something that a person should know, such as that a checkpoint was damaged.
    Note {
        /// What it is.
        text: String,
    },
    /// Training goes on.
    Progress {
        /// Steps made.
        step: u64,
        /// Steps to make.
        steps: u64,
        /// Mean cross-entropy in nats a predicted token.
        loss: f64,
        /// Memorized bits by that loss, strict accounting; None where a loss does not tell.
        memorized_bits: Option<f64>,
    },
    /// Training is over, the likelihoods are being worked out.
    Measuring,
    /// The cell is done.
    Done {
        /// Memorized bits, strict accounting, where the entropy is known.
        memorized_bits: Option<f64>,
        /// Memorized bits / ceiling, where there is a ceiling above 0.
        fraction_of_ceiling: Option<f64>,
        /// Memorized bits / parameters.
        bits_per_parameter: Option<f64>,
    },
    /// The training failed; `failure.json` says so too.
    Failed {
        /// Why, with the step.
        reason: String,
    },
    /// Another process works on this cell.
    Busy,
    /// It was asked to stop and did; running it again goes on from there.
    Stopped,
}

impl CellEvent {
    /// Whether this is the last event of a cell's process.
    #[must_use]
    pub fn is_last(&self) -> bool {
        match self {
            Self::Done { .. } | Self::Failed { .. } | Self::Busy | Self::Stopped => true,
            Self::Resumed { .. } | Self::Note { .. } | Self::Progress { .. } | Self::Measuring => {
                false
            }
        }
    }
}

/// How a cell is run, beside its settings.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// The revision this program was built from, for manifest.json.
    pub git_revision: &'a str,
    /// Whether a training that failed is tried again, from the start.
    pub retry_failed: bool,
    /// A folder for TensorBoard, in which the cell gets one of its own.
    pub tensorboard: Option<&'a Path>,
    /// Asks the training to stop.
    pub stop: &'a Stop,
}

/// `failure.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Why the training ended, with the step.
    pub reason: String,
}

impl Failure {
    /// Why a cell is left alone that failed before, and what to do about it.
    #[must_use]
    pub fn before(&self) -> String {
        let reason = &self.reason;
        format!("failed before, --retry-failed tries it again: {reason}")
    }
}

/// Runs one cell in its folder and returns its last event: done, failed, busy or stopped.
///
/// What is done is not done again: a training goes on from its last checkpoint, a cell with a
/// trained model is only measured, and one whose measurement holds all that is asked for is left as
/// it is. So is one that failed, unless it is to be tried again.
///
/// # Errors
/// If a file cannot be read or written, the folder holds other settings, or the figures cannot be
/// right.
pub fn run_cell(
    folder: &CellFolder,
    settings: &CellSettings,
    options: &RunOptions<'_>,
    tell: &mut dyn FnMut(&CellEvent),
) -> Result<CellEvent, FolderError> {
    let Some(lock) = folder.lock()? else {
        return Ok(CellEvent::Busy);
    };
    same_settings(folder, settings)?;
    if let Some(measurement) = complete_measurement(folder, settings)? {
        if let Some(all) = options.tensorboard {
            write_events(folder, all)?;
        }
        return Ok(done(&measurement));
    }
    let failed = folder.path("failure.json").is_file();
    if failed && !options.retry_failed {
        let failure: Failure = folder.read_json("failure.json")?;
        return Ok(CellEvent::Failed {
            reason: failure.before(),
        });
    }
    check_memory(settings)?;
    if settings.measure.oracle != settings.name() {
        // One that cannot be had is known before the training, not after it.
        open_oracle(folder, settings)?;
    }
    folder.write("cell.toml", settings.to_toml().as_bytes())?;
    if failed {
        Checkpoints::of(folder).remove()?;
        folder.remove("failure.json")?;
    }
    let source = Source::draw_parameters(&settings.source)?;
    let training = training_data(settings, &source)?;

    if let Some(text) = forget_mixed_up(folder)? {
        tell(&CellEvent::Note { text });
    }
    let weights = match trained_weights(folder, settings, &training.dataset)? {
        Some(weights) => {
            if let Some(all) = options.tensorboard {
                write_events(folder, all)?;
            }
            weights
        }
        None => {
            options.stop.begin_saving();
            let trained = train(folder, &lock, settings, &training, options, tell)?;
            let stop = options.stop.end_saving();
            match trained {
                Trained::Failed(Failure { reason }) => return Ok(CellEvent::Failed { reason }),
                Trained::Weights(weights) if !stop => weights,
                Trained::Stopped | Trained::Weights(_) => return Ok(CellEvent::Stopped),
            }
        }
    };
    Checkpoints::of(folder).remove()?;
    tell(&CellEvent::Measuring);
    let model = TrainedModel::new(settings.shape(), weights, settings.engine.device);
    let Measured {
        measurement,
        sequences_csv,
        positions_csv,
        roc_csv,
    } = measure_trained(folder, settings, &source, &training, &model)?;
    lock.check()?;
    folder.write("sequences.csv", &sequences_csv)?;
    folder.write("positions.csv", &positions_csv)?;
    if let Some(roc_csv) = roc_csv {
        folder.write("roc.csv", &roc_csv)?;
    }
    folder.write_json("measurement.json", &measurement)?;
    Ok(done(&measurement))
}

/// Where metrics.csv is not the one that was written with the model, as after copies of a folder
/// were put together, the training does not count as made; says so.
fn forget_mixed_up(folder: &CellFolder) -> Result<Option<String>, FolderError> {
    if !folder.path("manifest.json").is_file() {
        return Ok(None);
    }
    let manifest: Manifest = folder.read_json("manifest.json")?;
    let found = std::fs::read(folder.path("metrics.csv")).unwrap_or_default();
    match manifest.metrics_blake3 {
        Some(then) if then != blake3::hash(&found).to_hex().as_str() => {
            folder.remove("manifest.json")?;
            let what = "metrics.csv is not the one that was written with the model: trained again";
            Ok(Some(what.to_owned()))
        }
        _ => Ok(None),
    }
}

/// Whether the cell is done and its measurement holds all that is asked for.
///
/// # Errors
/// If a file of the cell or of its oracle cannot be read.
pub fn is_measured(folder: &CellFolder, settings: &CellSettings) -> Result<bool, FolderError> {
    Ok(complete_measurement(folder, settings)?.is_some())
}

/// The training data of a cell.
pub(crate) fn training_data(
    settings: &CellSettings,
    source: &Source,
) -> Result<KnownData, FolderError> {
    let dataset = source.draw(settings.data.seed, settings.data.samples, Split::Training)?;
    let start_token = settings.model.start_token;
    let data = KnownData::of(&settings.source, Some(source), dataset, start_token);
    Ok(data)
}

/// Measures a trained model as its settings ask.
pub(crate) fn measure_trained(
    folder: &CellFolder,
    settings: &CellSettings,
    source: &Source,
    training: &KnownData,
    model: &TrainedModel,
) -> Result<Measured, FolderError> {
    let oracle = open_oracle(folder, settings)?;
    let samples = if settings.measure.fresh {
        source.fresh_samples(settings.data.samples)
    } else {
        0
    };
    let fresh = if samples == 0 {
        None
    } else {
        let dataset = source.draw(settings.data.seed, samples, Split::Fresh)?;
        let start_token = settings.model.start_token;
        let data = KnownData::of(&settings.source, Some(source), dataset, start_token);
        Some(data)
    };
    let mut measured = measure(model, &oracle, training, fresh.as_ref())?;
    measured.measurement.oracle = Some(settings.measure.oracle.clone());
    measured.measurement.oracle_blake3 = oracle.blake3().map(str::to_owned);
    measured.measurement.fresh_asked = Some(settings.measure.fresh);
    Ok(measured)
}

/// The oracle of a cell's settings.
pub(crate) fn open_oracle(
    folder: &CellFolder,
    settings: &CellSettings,
) -> Result<Oracle, FolderError> {
    Oracle::open(
        &settings.measure.oracle,
        folder.root(),
        &settings.shape(),
        settings.engine.device,
    )
}

/// The folder is new, or holds this very training.
fn same_settings(folder: &CellFolder, settings: &CellSettings) -> Result<(), FolderError> {
    let path = folder.path("cell.toml");
    if !path.is_file() {
        return Ok(());
    }
    let there = CellSettings::read(&path).map_err(|error| FolderError::Content {
        path: path.clone(),
        what: error.to_string(),
    })?;
    if there.hash() == settings.hash() {
        return Ok(());
    }
    Err(FolderError::OtherSettings {
        path,
        found: there.name(),
        expected: settings.name(),
    })
}

/// The measurement of a cell that is done, unless more is asked for than it holds.
fn complete_measurement(
    folder: &CellFolder,
    settings: &CellSettings,
) -> Result<Option<Measurement>, FolderError> {
    if !folder.path("measurement.json").is_file() {
        return Ok(None);
    }
    let measurement: Measurement = folder.read_json("measurement.json")?;
    let asked = &settings.measure;
    let has_fresh = measurement.fresh.is_some() || measurement.fresh_asked == Some(true);
    if asked.fresh && !has_fresh || measurement.oracle.as_ref() != Some(&asked.oracle) {
        return Ok(None);
    }
    // An oracle that was trained anew since then is another one.
    let same_oracle =
        measurement.oracle_blake3.as_deref() == open_oracle(folder, settings)?.blake3();
    Ok(same_oracle.then_some(measurement))
}

fn done(measurement: &Measurement) -> CellEvent {
    CellEvent::Done {
        memorized_bits: measurement.memorized_bits_strict,
        fraction_of_ceiling: measurement.fraction_of_ceiling,
        bits_per_parameter: measurement.bits_per_parameter_strict,
    }
}

/// The weights of a training that came to its end: the manifest is written after the model.
pub(crate) fn trained_weights(
    folder: &CellFolder,
    settings: &CellSettings,
    dataset: &Dataset,
) -> Result<Option<Vec<f32>>, FolderError> {
    if !folder.path("manifest.json").is_file() {
        return Ok(None);
    }
    let manifest: Manifest = folder.read_json("manifest.json")?;
    let (then, now) = (manifest.tokens_blake3, dataset.tokens_blake3());
    check_data(folder, "manifest.json", &then, &now)?;
    let (shape, weights) = load(&folder.path("model"))?;
    if shape != settings.shape() {
        return Err(FolderError::Content {
            path: folder.path("model"),
            what: "this model is not of the shape that cell.toml says".into(),
        });
    }
    Ok(Some(weights))
}
