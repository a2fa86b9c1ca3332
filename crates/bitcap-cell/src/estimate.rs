//! How long a training will take, from a few timed steps of the model itself.

use std::time::{Duration, Instant};

use bitcap_model::{DeviceError, PredictionTask, initial_weights, open, passes_of};
use bitcap_plan::{Batch, OptimizerKind, TrainSettings};
use bitcap_plan::{DeviceSpec, Gpt2Shape, Initialization};
use bitcap_train::Trainer;

use bitcap_plan::{CellSettings, PlannedCell};

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
    /// Times a few steps of one pass and of a quarter of it, on this machine, on one thread.
    ///
    /// # Errors
    /// If the device cannot be used.
    pub fn measure(settings: &CellSettings) -> Result<Self, DeviceError> {
        let shape = settings.shape();
        let pass = passes_of(&shape, 1 << 20, settings.train.micro_batch)[0];
        let (many, few) = (pass.max(2), pass.div_ceil(4));
        let (slow, fast) = (
            seconds_a_step(settings, many)?,
            seconds_a_step(settings, few)?,
        );
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
        let batch = match settings.train.batch {
            Batch::Full => settings.data.samples,
            Batch::Sequences(batch) => batch.min(settings.data.samples),
        };
        let steps = settings.train.steps as f64;
        steps * (self.a_step + self.a_sequence * batch as f64)
            + self.a_sequence * settings.data.samples as f64
    }
}

/// What the time of a step depends on, but for the number of sequences.
type Kind = (Gpt2Shape, OptimizerKind, Option<u64>, DeviceSpec);

/// Seconds that each cell of a plan will take, in the plan's order. Each kind of model is timed
/// once.
///
/// # Errors
/// If a device cannot be used.
pub fn estimate(cells: &[&PlannedCell]) -> Result<Vec<f64>, DeviceError> {
    let mut timed: Vec<(Kind, StepTime)> = Vec::new();
    cells
        .iter()
        .map(|cell| {
            let settings = &cell.settings;
            let train = &settings.train;
            let kind = (
                settings.shape(),
                train.optimizer,
                train.micro_batch,
                settings.engine.device,
            );
            let known = timed
                .iter()
                .find(|(other, _)| *other == kind)
                .map(|(_, time)| *time);
            let time = match known {
                Some(time) => time,
                None => {
                    let time = StepTime::measure(settings)?;
                    timed.push((kind, time));
                    time
                }
            };
            Ok(time.seconds(settings))
        })
        .collect()
}

/// Seconds of a step of Adam on `sequences` sequences: the least of those timed, one thread, f32.
///
/// # Errors
/// If the device cannot be used.
pub fn step_seconds(
    shape: &Gpt2Shape,
    sequences: usize,
    device: DeviceSpec,
) -> Result<f64, DeviceError> {
    let train = TrainSettings::adam(1, 1e-3);
    least_seconds(shape, &train, sequences, device)
}

fn seconds_a_step(settings: &CellSettings, sequences: usize) -> Result<f64, DeviceError> {
    let device = settings.engine.device;
    least_seconds(&settings.shape(), &settings.train, sequences, device)
}

fn least_seconds(
    shape: &Gpt2Shape,
    train: &TrainSettings,
    sequences: usize,
    device: DeviceSpec,
) -> Result<f64, DeviceError> {
    // Any tokens do: the time does not depend on them.
    let tokens: Vec<u16> = (0..sequences * shape.length)
        .map(|i| (i * 31 % shape.vocabulary) as u16)
        .collect();
    let task = PredictionTask::new(shape, &tokens);
    let train = TrainSettings {
        batch: Batch::Full,
        ..train.clone()
    };
    let weights = initial_weights(shape, Initialization::FanIn, 0);
    let mut trainer = Trainer::new(shape, &train, &task, weights, &open(device)?);
    let mut least = f64::INFINITY;
    let began = Instant::now();
    // The first step is not counted: it touches memory for the first time.
    for step in 0u32.. {
        let clock = Instant::now();
        if trainer.advance().is_err() {
            break;
        }
        if step > 0 {
            least = least.min(clock.elapsed().as_secs_f64());
        }
        let timed = began.elapsed();
        if (step >= STEPS && timed > TIMED) || (step > 0 && timed > PATIENCE) {
            break;
        }
    }
    Ok(if least.is_finite() {
        least
    } else {
        began.elapsed().as_secs_f64()
    })
}
