//! Whether a device computes what flex does, found out before its figures count: backends and drivers
//! have given wrong ones without a word.

use std::path::PathBuf;

use bitcap_base::write_atomic;
use bitcap_model::{
    DeviceError, DeviceFacts, Model, PredictionTask, architecture, check_precision, facts,
    initial_weights, measuring_device, open,
};
use bitcap_plan::{
    CellEngine, DeviceSpec, Gpt2Settings, Initialization, Kernels, ModelSettings, Precision,
    TrainSettings,
};
use bitcap_source::{DataShape, SourceSettings, Split, UniformSettings, draw};
use bitcap_train::{TrainError, Trainer};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::CellError;

/// Steps that are compared.
const STEPS: u64 = 20;

/// A vocabulary that a GPU's rows do not fit, blocks enough that an error in one reaches the others.
const DATA: DataShape = DataShape {
    vocabulary: 64,
    length: 16,
    start_token: true,
};
const SAMPLES: u64 = 128;

/// How far a device was from flex.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceCheck {
    /// Of the gradient at the initial weights: the norm of the difference, in parts of the norm.
    pub gradient: f64,
    /// Of the loss of a step, the largest difference over all steps, in parts of the loss.
    pub loss: f64,
    /// Of the log-probability of a token under the same weights, in nats, the largest difference.
    pub log_probability: f64,
    /// What gradient and loss may differ by.
    pub allowed: f64,
    /// What log-probabilities may differ by.
    pub allowed_log_probability: f64,
}

impl DeviceCheck {
    /// Whether no difference is larger than the precision explains.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.gradient <= self.allowed
            && self.loss <= self.allowed
            && self.log_probability <= self.allowed_log_probability
    }
}

/// Trains the same model on the same data on a device and on flex, and measures it on both.
///
/// # Errors
/// If the device cannot be used or does not have the precision.
pub fn check_device(device: DeviceSpec, precision: Precision) -> Result<DeviceCheck, DeviceError> {
    check_precision(device, precision)?;
    let source = SourceSettings::Uniform(UniformSettings {
        vocabulary: DATA.vocabulary,
        length: DATA.length as u32,
        seed: 0,
    });
    let dataset = draw(&source, 0, SAMPLES, Split::Training).expect("a uniform source");
    let task = PredictionTask::new(&DATA, &dataset.tokens);
    let here = train(device, precision, &task)?;
    let flex = train(DeviceSpec::FLEX, Precision::F32, &task)?;

    let losses = here.losses.iter().zip(&flex.losses);
    let losses = losses.map(|(a, b)| (a - b).abs() / b);
    // The weights of the device, measured on both.
    let there = measuring_device(device)?;
    let probabilities = [there, DeviceSpec::FLEX].map(|device| -> Result<_, DeviceError> {
        let model = model(device, here.weights.clone())?;
        Ok(model.predictions(&task)?.log_probabilities)
    });
    let [a, b] = probabilities;
    let (a, b) = (a?, b?);
    let apart = a.iter().zip(&b).map(|(a, b)| f64::from((a - b).abs()));
    Ok(DeviceCheck {
        gradient: distance(&here.gradient, &flex.gradient),
        loss: largest(losses),
        log_probability: largest(apart),
        allowed: allowed(precision),
        allowed_log_probability: allowed(Precision::F32),
    })
}

/// What rounding explains. The gradient of a sum over thousands of places is a sum in 32 bits, in another
/// order on each device; and the factors of each product are rounded, to 11 bits in TF32 and 8 in bf16,
/// which goes through every block twice. A wrong kernel is off by as much as the figure itself.
fn allowed(precision: Precision) -> f64 {
    const SUMS: f64 = 2e-5;
    let rounding = match precision {
        Precision::F32 => 0.0,
        Precision::Tf32 => 1.0 / f64::from(1 << 11),
        Precision::Bf16 => 1.0 / f64::from(1 << 8),
    };
    SUMS + 8.0 * rounding
}

struct Trained {
    gradient: Vec<f32>,
    losses: Vec<f64>,
    weights: Vec<f32>,
}

fn train(
    device: DeviceSpec,
    precision: Precision,
    task: &PredictionTask,
) -> Result<Trained, DeviceError> {
    let settings = TrainSettings {
        precision,
        ..TrainSettings::adam(STEPS, 3e-3)
    };
    let model = self::model(device, Vec::new())?;
    // On flex in f32 these are the kernels: what is compared comes by two ways, not by one twice.
    let mut trainer = Trainer::new(&model, &settings, task, Kernels::Auto);
    let device_failed = |error| match error {
        TrainError::Device(error) => error,
        error @ TrainError::NotFinite { .. } => DeviceError::Failed {
            what: format!("a training that is sound on flex ends there: {error}"),
        },
    };
    // Before the first step, where both have the same weights; later ones differ in their last
    // bits.
    let (_, gradient) = trainer.gradient()?;
    let mut losses = Vec::new();
    while !trainer.is_done() {
        let told = trainer.advance(1).map_err(device_failed)?;
        losses.extend(told.map(|told| told.loss));
    }
    let weights = trainer.state().map_err(device_failed)?.weights;
    Ok(Trained {
        gradient,
        losses,
        weights,
    })
}

/// With those weights, or its initial ones where there are none.
fn model(device: DeviceSpec, mut weights: Vec<f32>) -> Result<Model, DeviceError> {
    let settings = ModelSettings::Gpt2(Gpt2Settings {
        start_token: true,
        initialization: Initialization::FanIn,
        ..Gpt2Settings::new(2, 32, 4)
    });
    let device = open(device)?;
    let architecture = architecture(&settings, DATA, &device);
    if weights.is_empty() {
        weights = initial_weights(architecture.layout(), 0);
    }
    Ok(Model::new(architecture, weights, &device))
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |x: f64| x * x;
    let apart = a.iter().zip(b).map(|(a, b)| square(f64::from(a - b)));
    let whole = b.iter().map(|&b| square(f64::from(b)));
    finite((apart.sum::<f64>() / whole.sum::<f64>()).sqrt())
}

fn largest(all: impl Iterator<Item = f64>) -> f64 {
    // `f64::max` passes over what is not a number, and that is the worst there can be.
    all.map(finite).fold(0.0, f64::max)
}

/// What is not a number is as far off as can be; JSON has no other word for it.
fn finite(difference: f64) -> f64 {
    if difference.is_finite() {
        difference
    } else {
        f64::MAX
    }
}

/// What is remembered of a check.
#[derive(Serialize, Deserialize)]
struct Remembered {
    key: Key,
    check: DeviceCheck,
}

/// With anything of this another, the device is checked anew.
#[derive(PartialEq, Serialize, Deserialize)]
struct Key {
    name: String,
    driver: String,
    interface: String,
    backend: String,
    precision: Precision,
    version: String,
    git_revision: String,
}

/// Fails where a device has not the precision, or was found to compute otherwise than flex. The first
/// time it is used it is checked, which says so by `tell`; that it agrees is remembered in the user's cache.
/// Processors are believed.
///
/// # Errors
/// If the device cannot be used, or does not agree.
pub fn require_sound(
    device: DeviceSpec,
    precision: Precision,
    git_revision: &str,
    tell: &mut dyn FnMut(String),
) -> Result<(), CellError> {
    check_precision(device, precision)?;
    if device.backend.is_cpu() {
        return Ok(());
    }
    let facts = facts(device)?;
    let key = Key {
        name: facts.name.clone(),
        driver: facts.driver.clone(),
        interface: facts.interface.clone(),
        backend: device.backend.as_str().into(),
        precision,
        version: env!("CARGO_PKG_VERSION").into(),
        git_revision: git_revision.into(),
    };
    let file = remembered_file(&key);
    // What cannot be read is as good as nothing: the check is made again.
    let known = file.as_ref().and_then(|file| {
        let text = std::fs::read(file).ok()?;
        let remembered: Remembered = serde_json::from_slice(&text).ok()?;
        (remembered.key == key).then_some(remembered.check)
    });
    let check = match known {
        Some(check) => check,
        None => {
            let check = check_device(device, precision)?;
            tell(format!(
                "first use of {}: {}",
                described(&facts),
                said(&check)
            ));
            // What did not agree may have been a passing fault.
            if let Some(file) = file.filter(|_| check.agrees()) {
                remember(
                    &file,
                    &Remembered {
                        key,
                        check: check.clone(),
                    },
                );
            }
            check
        }
    };
    if check.agrees() {
        return Ok(());
    }
    Err(CellError::UnsoundDevice {
        device,
        what: format!("{}: {}", described(&facts), said(&check)),
    })
}

/// Opens the device that a model is measured on that was trained before: its own, which may have another
/// driver since then, or another machine's; flex where its products of 32-bit floats are not.
///
/// # Errors
/// As [`require_sound`], unless the device is trusted.
pub(crate) fn open_to_measure(
    engine: &CellEngine,
    git_revision: &str,
    tell: &mut dyn FnMut(String),
) -> Result<Device, CellError> {
    let device = measuring_device(engine.device)?;
    if !engine.trust_device {
        require_sound(device, Precision::F32, git_revision, tell)?;
    }
    Ok(open(device)?)
}

fn described(facts: &DeviceFacts) -> String {
    format!("{} ({}, {})", facts.name, facts.interface, facts.driver)
}

/// In words, with the figures.
fn said(check: &DeviceCheck) -> String {
    let word = if check.agrees() {
        "agrees"
    } else {
        "does not agree"
    };
    format!(
        "it {word} with flex over {STEPS} steps: gradient off by {:.1e} and losses by {:.1e} of themselves ({:.1e} allowed), log-probabilities by {:.1e} nats ({:.1e} allowed)",
        check.gradient,
        check.loss,
        check.allowed,
        check.log_probability,
        check.allowed_log_probability
    )
}

fn remembered_file(key: &Key) -> Option<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) if !cache.is_empty() => PathBuf::from(cache),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    let key = serde_json::to_vec(key).expect("texts");
    // A part of it is enough: the file has the whole key, and one of another key is not believed.
    let name = blake3::hash(&key).to_hex();
    Some(
        cache
            .join("bitcap/devices")
            .join(format!("{}.json", &name[..16])),
    )
}

/// What cannot be remembered is found out again the next time.
fn remember(file: &std::path::Path, what: &Remembered) {
    let text = serde_json::to_vec_pretty(what).expect("texts and numbers");
    let folder = file.parent().expect("a file in a folder");
    drop(std::fs::create_dir_all(folder).and_then(|()| write_atomic(file, &text)));
}
