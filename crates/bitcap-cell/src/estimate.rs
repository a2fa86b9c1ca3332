//! How long a training will take, from a few timed steps of the model itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcap_model::{
    Architecture, DeviceError, Model, PredictionTask, architecture, initial_weights, largest_pass,
    open,
};
use bitcap_plan::{
    Batch, CellSettings, DeviceSpec, Kernels, ModelSettings, PlannedCell, TrainSettings,
};
use bitcap_source::DataShape;
use bitcap_train::{TrainError, Trainer};
use burn::tensor::Device;

/// One size is timed for this long and so many steps at the least: on a busy machine the least of
/// one or two steps was off by a factor of six.
const TIMED: Duration = Duration::from_millis(60);
const STEPS: u32 = 8;
/// A model so slow that its steps take longer than this is timed by the steps there are.
const PATIENCE: Duration = Duration::from_secs(2);

/// Seconds of a training step, a line in the number of sequences: the optimizer's share is
/// `a_step`, that of forward and backward grows with the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepTime {
    a_step: f64,
    a_sequence: f64,
}

impl StepTime {
    /// Times a few steps of one pass, or of the batch where that is less, and of a quarter of it, on
    /// this machine, on one thread.
    ///
    /// # Errors
    /// If the device cannot be used.
    pub fn measure(settings: &CellSettings) -> Result<Self, DeviceError> {
        let device = open(settings.engine.device)?;
        let architecture = architecture(&settings.model, settings.data_shape(), &device);
        let pass = match settings.train.micro_batch {
            Some(pass) => usize::try_from(pass).unwrap_or(usize::MAX),
            None => largest_pass(
                architecture.widest_activation(),
                architecture.data(),
                &device,
            ),
        };
        let batch = usize::try_from(batch(settings)).unwrap_or(usize::MAX);
        let many = pass.min(batch).max(2);
        let few = many.div_ceil(4);
        let kernels = settings.engine.kernels;
        let time = |n| -> Result<f64, DeviceError> {
            let times = step_times(&architecture, &settings.train, n, &device, kernels, TIMED)?;
            // The fastest, since other work on the machine only ever adds.
            Ok(times.into_iter().fold(f64::INFINITY, f64::min))
        };
        let (slow, fast) = (time(many)?, time(few)?);
        // The slope of the line, but so much that sequences have half of the time at least: of two
        // noisy figures the smaller batch's may be the larger one.
        let a_sequence = ((slow - fast) / (many - few) as f64).max(slow / (2 * many) as f64);
        Ok(Self {
            a_step: (slow - a_sequence * many as f64).max(0.0),
            a_sequence,
        })
    }

    /// Seconds that a whole training takes, what is measured after it included (about as much as
    /// a third of a step for each dataset).
    #[must_use]
    pub fn seconds(&self, settings: &CellSettings) -> f64 {
        let (train, samples) = (&settings.train, settings.data.samples as f64);
        let step = |sequences: f64| self.a_step + self.a_sequence * sequences;
        train.steps as f64 * step(batch(settings) as f64)
            + train.polish_steps as f64 * step(samples)
            + self.a_sequence * samples
    }
}

/// What the time of a step depends on, but for the number of sequences.
fn kind(settings: &CellSettings) -> impl PartialEq {
    let train = &settings.train;
    (
        settings.model.clone(),
        settings.data_shape(),
        train.optimizer,
        train.micro_batch,
        train.precision,
        settings.engine.device,
        settings.engine.kernels,
    )
}

/// Seconds that each cell of a plan will take, in the plan's order. Each kind of model is timed
/// once, at the largest of its batches.
///
/// None where one is for a GPU: to time it would take the memory of the card that its cell needs, as
/// long as this process lives.
///
/// # Errors
/// If a device cannot be used.
pub fn estimate(cells: &[&PlannedCell]) -> Result<Option<Vec<f64>>, DeviceError> {
    let on_processor = |cell: &&PlannedCell| cell.settings.engine.device.backend.is_cpu();
    if !cells.iter().all(on_processor) {
        return Ok(None);
    }
    let mut timed = Vec::new();
    let seconds = cells.iter().map(|cell| {
        let own = kind(&cell.settings);
        let known = timed.iter().find(|(other, _)| *other == own);
        let time = match known {
            Some((_, time)) => *time,
            None => {
                let alike = cells.iter().map(|cell| &cell.settings);
                let alike = alike.filter(|settings| kind(settings) == own);
                let largest = alike.max_by_key(|settings| batch(settings));
                let time = StepTime::measure(largest.unwrap_or(&cell.settings))?;
                timed.push((own, time));
                time
            }
        };
        Ok(time.seconds(&cell.settings))
    });
    seconds.collect::<Result<Vec<f64>, _>>().map(Some)
}

fn batch(settings: &CellSettings) -> u64 {
    settings.train.batch.sequences(settings.data.samples)
}

/// Seconds of each of some steps of Adam on `sequences` sequences, which take `timed` in all or a
/// little longer: at least one, one thread, f32.
///
/// # Errors
/// If the device cannot be used.
pub fn adam_step_seconds(
    model: &ModelSettings,
    data: DataShape,
    sequences: usize,
    device: DeviceSpec,
    kernels: Kernels,
    timed: Duration,
) -> Result<Vec<f64>, DeviceError> {
    let device = open(device)?;
    let architecture = architecture(model, data, &device);
    let train = TrainSettings::adam(1, 1e-3);
    step_times(&architecture, &train, sequences, &device, kernels, timed)
}

/// Seconds of each step, at least one.
fn step_times(
    architecture: &Arc<dyn Architecture>,
    train: &TrainSettings,
    sequences: usize,
    device: &Device,
    kernels: Kernels,
    timed: Duration,
) -> Result<Vec<f64>, DeviceError> {
    let data = architecture.data();
    // Any tokens do: the time does not depend on them.
    let tokens: Vec<u16> = (0..sequences * data.length)
        .map(|i| (i * 31 % data.vocabulary as usize) as u16)
        .collect();
    let task = PredictionTask::new(data, &tokens);
    // Without a last step, which would measure the whole dataset too.
    let train = TrainSettings {
        batch: Batch::Full,
        steps: u64::MAX,
        ..train.clone()
    };
    let weights = initial_weights(architecture.layout(), 0);
    let model = Model::new(architecture.clone(), weights, device);
    let mut trainer = Trainer::new(&model, &train, &task, kernels);
    let mut times = Vec::new();
    let began = Instant::now();
    // The first step is not counted: it touches memory for the first time.
    for step in 0u32.. {
        let clock = Instant::now();
        // The loss of every step is asked for, so that the device is waited for.
        match trainer.advance(1) {
            Ok(_) => {}
            // On any tokens a training may break; the steps before that have been timed.
            Err(TrainError::NotFinite { .. }) => break,
            Err(TrainError::Device(error)) => return Err(error),
        }
        if step > 0 {
            times.push(clock.elapsed().as_secs_f64());
        }
        let passed = began.elapsed();
        if (step >= STEPS && passed > timed) || (step > 0 && passed > timed.max(PATIENCE)) {
            break;
        }
    }
    // It broke in its first or second step: that time is all there is.
    if times.is_empty() {
        times.push(began.elapsed().as_secs_f64());
    }
    Ok(times)
}
