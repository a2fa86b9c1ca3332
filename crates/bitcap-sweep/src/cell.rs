//! One cell: source, dataset, model, training, likelihoods, bits.

use std::time::{Instant, SystemTime};

use bitcap_measure::{
    Ceiling, CodeLengths, FreshMeasurement, Measurement, Prediction, Shape, Trained,
};
use bitcap_model::{PredictionTask, initial_weights, load, log_probabilities, save};
use bitcap_source::{Dataset, Stream, draw};
use bitcap_train::Trainer;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::growing::{Log, Metrics};
use crate::manifest::{Manifest, Work};
use crate::sequences::SequenceRows;
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
        /// Memorized bits by that loss, strict accounting.
        memorized_bits: f64,
    },
    /// Training is over, the likelihoods are being worked out.
    Measuring,
    /// The cell is done.
    Done {
        /// Memorized bits, strict accounting.
        memorized_bits: f64,
        /// Memorized bits / ceiling, where there is a ceiling above 0.
        fraction_of_ceiling: Option<f64>,
        /// Memorized bits / parameters.
        bits_per_parameter: f64,
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
    folder.write("cell.toml", settings.to_toml().as_bytes())?;
    folder.remove("failure.json")?;
    let dataset = draw(
        &settings.source,
        settings.data.seed,
        settings.data.samples,
        Stream::Training,
    )?;
    let shape = measure_shape(settings, dataset.samples)?;
    let ceiling = Ceiling::of(&dataset.tokens, shape)?;
    let task = PredictionTask::new(&settings.shape(), &dataset.tokens);

    let weights = match trained_weights(folder, settings)? {
        Some(weights) => weights,
        None => match train(folder, settings, &dataset, &task, shape, git_revision, tell)? {
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
    let measurement = measure(folder, settings, &dataset, &task, &ceiling, weights)?;
    folder.write_json("measurement.json", &measurement)?;
    Ok(done(&measurement))
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
    let complete = measurement.fresh.is_some() || !settings.measure.fresh;
    Ok(complete.then_some(measurement))
}

fn done(measurement: &Measurement) -> CellEvent {
    CellEvent::Done {
        memorized_bits: measurement.memorized_bits_strict,
        fraction_of_ceiling: measurement.fraction_of_ceiling,
        bits_per_parameter: measurement.bits_per_parameter_strict,
    }
}

/// What is measured of `samples` sequences.
fn measure_shape(settings: &CellSettings, samples: usize) -> Result<Shape, FolderError> {
    let length = settings.source.length() as usize;
    let prediction = Prediction::with_start_token(settings.model.start_token);
    Ok(Shape::new(
        samples,
        length,
        settings.source.vocabulary(),
        prediction,
    )?)
}

/// The weights of a training that came to its end: the manifest is written after the model.
fn trained_weights(
    folder: &CellFolder,
    settings: &CellSettings,
) -> Result<Option<Vec<f32>>, FolderError> {
    if !folder.path("manifest.json").is_file() {
        return Ok(None);
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

#[allow(clippy::too_many_arguments)]
fn train(
    folder: &CellFolder,
    settings: &CellSettings,
    dataset: &Dataset,
    task: &PredictionTask,
    measured: Shape,
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
    let initial = initial_weights(&shape, settings.model.initialization, settings.train.seed);
    let device = settings.engine.device.open();
    let mut trainer = Trainer::new(&shape, &settings.train, task, initial, &device);
    let mut written = Ok(());
    let ended = trainer.run(settings.measure.metrics_every, |progress| {
        // -log2 p = nats / ln 2: what the code of the whole dataset would be by this loss.
        let code = progress.loss / std::f64::consts::LN_2 * measured.predicted_tokens() as f64;
        let memorized_bits = measured.predicted_bits() - code;
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
        &Manifest::new(settings, dataset, git_revision, &work),
    )?;
    log.line("trained")?;
    Ok(Ok(weights))
}

fn to_host(weights: &Tensor<1>) -> Vec<f32> {
    let data = weights.clone().into_data_as::<f32>();
    data.try_into_vec::<f32>().expect("asked for f32")
}

fn measure(
    folder: &CellFolder,
    settings: &CellSettings,
    dataset: &Dataset,
    task: &PredictionTask,
    ceiling: &Ceiling,
    weights: Vec<f32>,
) -> Result<Measurement, FolderError> {
    let parameters = weights.len();
    let device = settings.engine.device.open();
    let weights = Tensor::from_data(TensorData::new(weights, [parameters]), &device);
    let mut rows = SequenceRows::new();
    let mut code_of = |name: &str, task: &PredictionTask, shape: Shape| {
        let log_probabilities = log_probabilities(&settings.shape(), &weights, task, |_| {});
        let code = CodeLengths::new(shape, &log_probabilities)?;
        rows.add(name, &code);
        Ok::<_, FolderError>(code)
    };
    let code = code_of("training", task, ceiling.shape)?;
    let fresh = if settings.measure.fresh {
        let data = draw(
            &settings.source,
            settings.data.seed,
            settings.data.samples,
            Stream::Fresh,
        )?;
        let task = PredictionTask::new(&settings.shape(), &data.tokens);
        let code = code_of("fresh", &task, measure_shape(settings, data.samples)?)?;
        Some(FreshMeasurement::new(&code, data.occurring_in(dataset))?)
    } else {
        None
    };
    folder.write("sequences.csv", &rows.into_bytes())?;
    let entropy_bits = settings.entropy_bits();
    let trained = Trained {
        entropy_bits,
        source_bits: entropy_bits, // Uniform data has no parameters to know.
        ceiling,
        code: &code,
        parameters: parameters as u64,
    };
    Ok(Measurement::new(trained, fresh)?)
}
