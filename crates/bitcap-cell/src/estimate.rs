//! How long a training will take, from a few timed steps of the model itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcap_model::{
    Architecture, DeviceError, Model, PredictionTask, architecture, initial_weights, largest_pass,
    open,
};
use bitcap_plan::{
    Batch, CellSettings, DeviceSpec, Kernels, ModelSettings, OptimizerKind, PlannedCell,
    TrainSettings,
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

/// Sequences that are timed at most.
const MOST_TIMED: usize = 1 << 20;

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
        let (many, few) = (pass.clamp(2, MOST_TIMED), pass.min(MOST_TIMED).div_ceil(4));
        let kernels = settings.engine.kernels;
        let time = |n| least_seconds(&architecture, &settings.train, n, &device, kernels);
        let (slow, fast) = (time(many)?, time(few)?);
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
        let batch = settings.train.batch.sequences(settings.data.samples);
        let steps = settings.train.steps as f64;
        steps * (self.a_step + self.a_sequence * batch as f64)
            + self.a_sequence * settings.data.samples as f64
    }
}

/// What the time of a step depends on, but for the number of sequences.
type Kind = (
    ModelSettings,
    DataShape,
    OptimizerKind,
    Option<u64>,
    DeviceSpec,
    Kernels,
);

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
                settings.model.clone(),
                settings.data_shape(),
                train.optimizer,
                train.micro_batch,
                settings.engine.device,
                settings.engine.kernels,
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
    model: &ModelSettings,
    data: DataShape,
    sequences: usize,
    device: DeviceSpec,
    kernels: Kernels,
) -> Result<f64, DeviceError> {
    let device = open(device)?;
    let architecture = architecture(model, data, &device);
    least_seconds(
        &architecture,
        &TrainSettings::adam(1, 1e-3),
        sequences,
        &device,
        kernels,
    )
}

fn least_seconds(
    architecture: &Arc<dyn Architecture>,
    train: &TrainSettings,
    sequences: usize,
    device: &Device,
    kernels: Kernels,
) -> Result<f64, DeviceError> {
    let data = architecture.data();
    // Any tokens do: the time does not depend on them.
    let tokens: Vec<u16> = (0..sequences * data.length)
        .map(|i| (i * 31 % data.vocabulary as usize) as u16)
        .collect();
    let task = PredictionTask::new(data, &tokens);
    let train = TrainSettings {
        batch: Batch::Full,
        steps: u64::MAX,
        ..train.clone()
    };
    let weights = initial_weights(architecture.layout(), 0);
    let model = Model::new(architecture.clone(), weights, device);
    let mut trainer = Trainer::new(&model, &train, &task, kernels);
    let mut least = f64::INFINITY;
    let began = Instant::now();
    // The first step is not counted: it touches memory for the first time.
    for step in 0u32.. {
        let clock = Instant::now();
        // The loss of every step is asked for, so that the device is waited for.
        match trainer.advance(1) {
            Ok(_) => {}
            Err(TrainError::NotFinite { .. }) => break,
            Err(TrainError::Device(error)) => return Err(error),
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
