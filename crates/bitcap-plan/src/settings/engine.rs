//! The `[engine]` section: what runs the cells, on one machine or on many.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::settings::device::DeviceSpec;
use bitcap_base::InvalidSetting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether bitcap's own kernels train what they can: a GPT-2 in f32 on flex.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Kernels {
    /// Wherever they can.
    #[default]
    Auto,
    /// Nowhere: all is composed of Burn's operations.
    Off,
}

impl Kernels {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

impl FromStr for Kernels {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => {
                let found = format!("{text:?}");
                Err(InvalidSetting::new("engine.kernels", found, "auto or off"))
            }
        }
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Off => "off",
        })
    }
}

/// The `[engine]` section: what runs the cells, on one machine or on many. Nothing here changes what
/// is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineSettings {
    /// The device that models are trained and measured on: `flex` or `ndarray` (CPU), `wgpu`, `vulkan`
    /// or `cuda` (GPU), these with a number if there is more than one, as in `cuda:1`; `wgpu:cpu` is
    /// software that stands in for a GPU, for tests. Other devices than `flex` need a build with the
    /// cargo feature of that name.
    #[serde(default)]
    pub device: DeviceSpec,
    /// Whether bitcap's own kernels train what they can, a GPT-2 in f32 on flex. `"off"` composes the
    /// training of Burn's operations; the two differ by rounding.
    #[serde(default, skip_serializing_if = "Kernels::is_auto")]
    pub kernels: Kernels,
    /// Whether a GPU is used without being compared with flex first, or although it did not agree.
    #[serde(default, skip_serializing_if = "is_false")]
    pub trust_device: bool,
    /// Cells that run side by side in a sweep, on each device; at least 1. By default the number of
    /// cores, and 1 on a GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// Seconds between two checkpoints of a training, at least 0; 0 makes one after each step.
    #[serde(default = "default_checkpoint_seconds")]
    pub checkpoint_seconds: f64,
    /// GPUs of each task: of a Slurm job, or of a slot of a host.
    #[serde(default)]
    pub gpus: u32,
    /// Cells that one task runs, one after another; at least 1.
    #[serde(default = "default_cells_per_task")]
    pub cells_per_task: u32,
    /// Slurm: the partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Slurm: the time limit of a task, as sbatch's `--time` takes it. A task that comes near it
    /// makes a checkpoint and goes back into the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// Slurm: the memory of a task, as sbatch's `--mem` takes it, such as `"4G"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Slurm: the most tasks that run at the same time, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<u32>,
    /// Slurm: further options of sbatch, such as `"--account=physics"`. They override those
    /// that bitcap gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sbatch: Vec<String>,
    /// GNU parallel: hosts with their number of slots, as in `"2/gpu1"` or `"4/anna@ws2"`; `":"` is this
    /// machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// GNU parallel: whether all hosts see the folder of the experiment, this program and the
    /// working directory under the same paths. If not, what a cell needs is sent to its host, and its
    /// folder brought back.
    #[serde(default = "default_common_folder")]
    pub common_folder: bool,
    /// The path of bitcap where the cells run. By default this program, or a copy that is sent where
    /// there is no common folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A minute of work is what a machine that fails may cost.
fn default_checkpoint_seconds() -> f64 {
    60.0
}

fn default_cells_per_task() -> u32 {
    1
}

fn default_common_folder() -> bool {
    true
}

impl EngineSettings {
    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        check_checkpoint_seconds(self.checkpoint_seconds)?;
        let counts = [
            ("engine.jobs", self.jobs),
            ("engine.cells_per_task", Some(self.cells_per_task)),
            ("engine.throttle", self.throttle),
        ];
        for (key, count) in counts {
            if count == Some(0) {
                return Err(InvalidSetting::new(key, 0, "at least 1"));
            }
        }
        let name = |c: char| c.is_ascii_alphanumeric() || "-_.,".contains(c);
        let time = |c: char| c.is_ascii_digit() || "-:".contains(c);
        check_text(
            "engine.partition",
            self.partition.as_deref(),
            &name,
            "the name of a partition",
        )?;
        let allowed = "minutes, hours:minutes:seconds or days-hours:minutes, such as \"2-12:00\"";
        check_text(
            "engine.time_limit",
            self.time_limit.as_deref(),
            &time,
            allowed,
        )?;
        if let Some(memory) = &self.memory {
            let number = memory.trim_end_matches(['K', 'M', 'G', 'T']);
            let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
            if !digits || memory.len() > number.len() + 1 {
                let allowed = "a number with K, M, G or T, such as \"4G\"";
                return Err(InvalidSetting::new(
                    "engine.memory",
                    format!("{memory:?}"),
                    allowed,
                ));
            }
        }
        for option in &self.sbatch {
            // A line of the script each.
            if !option.starts_with('-') || option.chars().any(char::is_control) {
                let allowed = "options of sbatch, such as \"--account=physics\"";
                return Err(InvalidSetting::new(
                    "engine.sbatch",
                    format!("{option:?}"),
                    allowed,
                ));
            }
        }
        for host in &self.hosts {
            // A line of a file each; # begins a comment there.
            if host.trim().is_empty() || host.contains('#') || host.chars().any(char::is_control) {
                let allowed = "slots/host, such as \"2/gpu1\" or \"1/anna@ws2\"";
                return Err(InvalidSetting::new(
                    "engine.hosts",
                    format!("{host:?}"),
                    allowed,
                ));
            }
        }
        Ok(())
    }
}

fn check_text(
    key: &str,
    text: Option<&str>,
    fits: &dyn Fn(char) -> bool,
    allowed: &str,
) -> Result<(), InvalidSetting> {
    match text {
        Some(text) if text.is_empty() || !text.chars().all(fits) => {
            Err(InvalidSetting::new(key, format!("{text:?}"), allowed))
        }
        _ => Ok(()),
    }
}

fn check_checkpoint_seconds(seconds: f64) -> Result<(), InvalidSetting> {
    if seconds.is_finite() && seconds >= 0.0 {
        return Ok(());
    }
    let (key, allowed) = ("engine.checkpoint_seconds", "a number of at least 0");
    Err(InvalidSetting::new(key, format!("{seconds:?}"), allowed))
}

/// What a cell needs to know of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellEngine {
    /// The device that the model is trained and measured on.
    #[serde(default)]
    pub device: DeviceSpec,
    /// Whether bitcap's own kernels train what they can.
    #[serde(default, skip_serializing_if = "Kernels::is_auto")]
    pub kernels: Kernels,
    /// Whether a GPU is used without being compared with flex.
    #[serde(default, skip_serializing_if = "is_false")]
    pub trust_device: bool,
    /// Seconds between two checkpoints of the training.
    #[serde(default = "default_checkpoint_seconds")]
    pub checkpoint_seconds: f64,
}

impl CellEngine {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        check_checkpoint_seconds(self.checkpoint_seconds)
    }
}
