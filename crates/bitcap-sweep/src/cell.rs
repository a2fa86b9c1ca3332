//! One cell: source, dataset, model, training, likelihoods, bits.

use std::time::{Instant, SystemTime};

use bitcap_measure::Measurement;
use bitcap_model::{PredictionTask, initial_weights, load, save};
use bitcap_source::{Dataset, Source, Stream};
use bitcap_train::Trainer;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::growing::{Log, Metrics};
use crate::known_data::KnownData;
use crate::manifest::{Manifest, Work};
use crate::measuring::{Measured, measure};
use crate::model::TrainedModel;
use crate::oracle::Oracle;
use crate::{CellFolder, CellSettings, FolderError, check_memory};

/// What a cell tells of itself while it runs; a JSON line each where one process tells another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CellEvent {
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
}

/// `failure.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Why the training ended, with the step.
    pub reason: String,
}

/// Runs one cell in its folder and returns its last event: done, failed, or busy.
///
/// What is done is not done again: a cell with a trained model is only measured, and one whose
/// measurement holds all that is asked for is left as it is.
///
/// # Errors
/// If a file cannot be read or written, the folder holds other settings, or the figures cannot be
/// right.
pub fn run_cell(
    folder: &CellFolder,
    settings: &CellSettings,
    git_revision: &str,
    tell: &mut dyn FnMut(&CellEvent),
) -> Result<CellEvent, FolderError> {
    let Some(_lock) = folder.lock()? else {
        return Ok(CellEvent::Busy);
    };
    same_settings(folder, settings)?;
    if let Some(measurement) = complete_measurement(folder, settings)? {
        return Ok(done(&measurement));
    }
    check_memory(settings)?;
    if settings.measure.oracle != settings.name() {
        // One that cannot be had is known before the training, not after it.
        open_oracle(folder, settings)?;
    }
    folder.write("cell.toml", settings.to_toml().as_bytes())?;
    folder.remove("failure.json")?;
    let source = Source::draw_parameters(&settings.source)?;
    let training = training_data(settings, &source)?;

    let weights = match trained_weights(folder, settings, &training.dataset)? {
        Some(weights) => weights,
        None => match train(folder, settings, &training, git_revision, tell)? {
            Ok(weights) => weights,
            Err(failure) => {
                folder.write_json("failure.json", &failure)?;
                return Ok(CellEvent::Failed {
                    reason: failure.reason,
                });
            }
        },
    };
    tell(&CellEvent::Measuring);
    let model = TrainedModel::new(settings.shape(), weights, settings.engine.device);
    let Measured {
        measurement,
        sequences_csv,
        positions_csv,
        roc_csv,
    } = measure_trained(folder, settings, &source, &training, &model)?;
    folder.write("sequences.csv", &sequences_csv)?;
    folder.write("positions.csv", &positions_csv)?;
    if let Some(roc_csv) = roc_csv {
        folder.write("roc.csv", &roc_csv)?;
    }
    folder.write_json("measurement.json", &measurement)?;
    Ok(done(&measurement))
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
    let dataset = source.draw(settings.data.seed, settings.data.samples, Stream::Training)?;
    let start_token = settings.model.start_token;
    KnownData::of(&settings.source, Some(source), dataset, start_token)
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
        let dataset = source.draw(settings.data.seed, samples, Stream::Fresh)?;
        let start_token = settings.model.start_token;
        let data = KnownData::of(&settings.source, Some(source), dataset, start_token)?;
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
    let found = dataset.tokens_blake3();
    if manifest.tokens_blake3 != found {
        return Err(FolderError::Content {
            path: folder.path("manifest.json"),
            what: format!(
                "the model was trained on data with BLAKE3 {}, and the source now gives {found}: \
                 has its file changed?",
                manifest.tokens_blake3
            ),
        });
    }
    let (shape, weights) = load(&folder.path("model"))?;
    if shape != settings.shape() {
        return Err(FolderError::Content {
            path: folder.path("model"),
            what: "this model is not of the shape that cell.toml says".into(),
        });
    }
    Ok(Some(weights))
}

fn train(
    folder: &CellFolder,
    settings: &CellSettings,
    data: &KnownData,
    git_revision: &str,
    tell: &mut dyn FnMut(&CellEvent),
) -> Result<Result<Vec<f32>, Failure>, FolderError> {
    let (started, clock) = (SystemTime::now(), Instant::now());
    let mut metrics = Metrics::create(&folder.path("metrics.csv"))?;
    let mut log = Log::create(&folder.path("log.txt"))?;
    log.line(&format!(
        "training {} on {}",
        settings.name(),
        settings.engine.device
    ))?;

    let shape = settings.shape();
    let task = PredictionTask::new(&shape, &data.dataset.tokens);
    let initial = initial_weights(&shape, settings.model.initialization, settings.train.seed);
    let device = settings.engine.device.open();
    let mut trainer = Trainer::new(&shape, &settings.train, &task, initial, &device);
    let mut written = Ok(());
    let ended = trainer.run(settings.measure.metrics_every, |progress| {
        let memorized_bits = data.memorized_by_loss(progress.loss);
        if written.is_ok() {
            written = metrics.row(&progress, memorized_bits).and_then(|()| {
                let speed = progress.tokens as f64 / clock.elapsed().as_secs_f64();
                let (step, loss) = (progress.step, progress.loss);
                log.line(&format!(
                    "step {step}: loss {loss:.5} nats, {speed:.0} tokens a second"
                ))
            });
        }
        tell(&CellEvent::Progress {
            step: progress.step,
            steps: settings.train.steps,
            loss: progress.loss,
            memorized_bits,
        });
    });
    written?;
    if let Err(error) = ended {
        let reason = error.to_string();
        log.line(&format!("failed: {reason}"))?;
        return Ok(Err(Failure { reason }));
    }
    let weights = to_host(trainer.weights());
    save(&folder.path("model"), &shape, &weights)?;
    let work = Work {
        started,
        seconds: clock.elapsed().as_secs_f64(),
    };
    folder.write_json(
        "manifest.json",
        &Manifest::new(settings, &data.dataset, git_revision, &work),
    )?;
    log.line("trained")?;
    Ok(Ok(weights))
}

fn to_host(weights: &Tensor<1>) -> Vec<f32> {
    let data = weights.clone().into_data_as::<f32>();
    data.try_into_vec::<f32>().expect("asked for f32")
}
