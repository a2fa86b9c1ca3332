//! manifest.json: with what, where and when a cell was trained.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bitcap_base::{host, since_1970};
use bitcap_source::Dataset;
use serde::{Deserialize, Serialize};

use crate::layout::Group;
use crate::settings::{CellSettings, DeviceSpec, Precision};

/// All that a training does not repeat: clock and machine; and what makes it comparable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of bitcap.
    pub version: String,
    /// Version of Burn.
    pub burn: String,
    /// Git revision of the build, "unknown" outside of a checkout.
    pub git_revision: String,
    /// Name of the machine, "unknown" where it does not say.
    pub host: String,
    /// Operating system and processor architecture.
    pub platform: String,
    /// The device trained on.
    pub device: DeviceSpec,
    /// Arithmetic of the training step.
    pub precision: Precision,
    /// What computed the matrix products.
    pub matrix_path: String,
    /// BLAKE3 of the training tokens.
    pub tokens_blake3: String,
    /// Parameters by group.
    pub parameters: BTreeMap<Group, u64>,
    /// When training began, UTC.
    pub started: String,
    /// When it ended, UTC; between the two lie interruptions too.
    pub ended: String,
    /// Seconds of training, without interruptions.
    pub seconds: f64,
    /// Tokens predicted over the whole training.
    pub training_tokens: u64,
    /// Approximate floating-point operations, 6 a parameter and token.
    pub training_flops: f64,
    /// Tokens a second.
    pub tokens_per_second: f64,
    /// BLAKE3 of metrics.csv; older versions did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_blake3: Option<String>,
    /// BLAKE3 of the model, as its [`oracle`](crate::MeasureSettings::oracle) is known by; older
    /// versions did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_blake3: Option<String>,
    /// The processes that trained it, one after another: more than one where it was interrupted.
    #[serde(default)]
    pub sessions: Vec<Session>,
}

/// One process that worked on a training, and from which step on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Steps that were made before.
    pub from_step: u64,
    /// Version of bitcap.
    pub version: String,
    /// Git revision of the build.
    pub git_revision: String,
    /// Name of the machine.
    pub host: String,
    /// The device trained on.
    pub device: DeviceSpec,
}

impl Session {
    /// A session of this process.
    #[must_use]
    pub fn begin(from_step: u64, git_revision: &str, device: DeviceSpec) -> Self {
        Self {
            from_step,
            version: env!("CARGO_PKG_VERSION").into(),
            git_revision: git_revision.into(),
            host: host(),
            device,
        }
    }
}

/// When a training began, how long it took, what did it, and what it told.
pub struct Work {
    /// UTC.
    pub started: String,
    /// Without interruptions.
    pub seconds: f64,
    /// Tokens predicted in training.
    pub tokens: u64,
    /// The processes that trained it.
    pub sessions: Vec<Session>,
    /// What computed the matrix products.
    pub matrix_path: String,
    /// Of metrics.csv.
    pub metrics_blake3: String,
    /// Of the model.
    pub model_blake3: String,
}

/// The time now, UTC, as manifest.json has it.
#[must_use]
pub fn now() -> String {
    let now = UNIX_EPOCH + since_1970(SystemTime::now());
    humantime::format_rfc3339_seconds(now).to_string()
}

impl Manifest {
    /// Of a training that has ended.
    #[must_use]
    pub fn new(settings: &CellSettings, dataset: &Dataset, git_revision: &str, work: Work) -> Self {
        let device = settings.engine.device;
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            // By hand, as Cargo.toml pins it: this crate is built without Burn.
            burn: "0.22.1".into(),
            git_revision: git_revision.into(),
            host: host(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            device,
            precision: settings.train.precision,
            matrix_path: work.matrix_path,
            tokens_blake3: dataset.tokens_blake3(),
            parameters: settings.model.layout(&settings.data_shape()).parameters(),
            started: work.started,
            ended: now(),
            seconds: work.seconds,
            training_tokens: work.tokens,
            training_flops: settings.flops_a_token() * work.tokens as f64,
            tokens_per_second: work.tokens as f64 / work.seconds,
            metrics_blake3: Some(work.metrics_blake3),
            model_blake3: Some(work.model_blake3),
            sessions: work.sessions,
        }
    }
}
