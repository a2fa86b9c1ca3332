//! The `[engine]` section: what runs the cells, on one machine or on many.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::settings::device::{DeviceSpec, device_schema};
use bitcap_base::{InvalidSetting, check_setting};
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
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// The device that models are trained and measured on: `flex` or `ndarray` (CPU), `wgpu`, `vulkan`
    /// or `cuda` (GPU), these with a number if there is more than one, as in `cuda:1`; `wgpu:cpu` is
    /// software that stands in for a GPU, for tests. Other devices than `flex` need a build with the
    /// cargo feature of that name.
    #[schemars(schema_with = "device_schema")]
    pub device: DeviceSpec,
    /// Whether bitcap's own kernels train what they can, a GPT-2 in f32 on flex. `"off"` composes the
    /// training of Burn's operations; the two differ by rounding.
    #[serde(skip_serializing_if = "Kernels::is_auto")]
    pub kernels: Kernels,
    /// Whether a GPU is used without being compared with flex first, or although it did not agree. That it
    /// multiplies in `train.precision` is found out all the same.
    #[serde(skip_serializing_if = "is_false")]
    pub trust_device: bool,
    /// Cells that run side by side in a sweep, on each device; at least 1. By default the number of
    /// cores, and 1 on a GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// Seconds between two checkpoints of a training, at least 0; 0 makes one after each step.
    pub checkpoint_seconds: f64,
    /// GPUs of each task: of a Slurm job, or of a slot of a host.
    pub gpus: u32,
    /// Cells that one task runs, one after another; at least 1.
    pub cells_per_task: u32,
    /// Slurm: the partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Slurm: the time limit of a task, as sbatch's `--time` takes it. A task that comes near it
    /// makes a checkpoint and goes back into the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// Slurm: the memory of a task, as sbatch's `--mem` takes it, such as `"4G"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Slurm: the most tasks that run at the same time, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<u32>,
    /// Slurm: further options of sbatch, such as `"--account=physics"`. They override those
    /// that bitcap gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sbatch: Vec<String>,
    /// GNU parallel: hosts with their number of slots, as in `"2/gpu1"` or `"4/anna@ws2"`; `":"` is this
    /// machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// GNU parallel: whether all hosts see the folder of the experiment, this program and the
    /// working directory under the same paths. If not, what a cell needs is sent to its host, and its
    /// folder brought back.
    pub common_folder: bool,
    /// The path of bitcap where the cells run. By default this program, or a copy that is sent where
    /// there is no common folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let of_cell = CellEngine::default();
        Self {
            device: of_cell.device,
            kernels: of_cell.kernels,
            trust_device: of_cell.trust_device,
            jobs: None,
            checkpoint_seconds: of_cell.checkpoint_seconds,
            gpus: 0,
            cells_per_task: 1,
            partition: None,
            time_limit: None,
            memory: None,
            throttle: None,
            sbatch: Vec::new(),
            hosts: Vec::new(),
            common_folder: true,
            program: None,
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl EngineSettings {
    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        check_checkpoint_seconds(self.checkpoint_seconds)?;
        for (key, count) in [
            ("engine.jobs", self.jobs),
            ("engine.cells_per_task", Some(self.cells_per_task)),
            ("engine.throttle", self.throttle),
        ] {
            check_setting(count != Some(0), key, 0, "at least 1")?;
        }
        let check = |fits: bool, key: &str, text: &str, allowed: &str| {
            check_setting(fits, key, format!("{text:?}"), allowed)
        };
        // Looked at here, where key and place can be told: sbatch would refuse it later, in its
        // words.
        let of = |text: &str, fits: fn(char) -> bool| !text.is_empty() && text.chars().all(fits);
        if let Some(name) = &self.partition {
            let fits = of(name, |c| c.is_ascii_alphanumeric() || "-_.,".contains(c));
            check(fits, "engine.partition", name, "the name of a partition")?;
        }
        if let Some(time) = &self.time_limit {
            let fits = of(time, |c| c.is_ascii_digit() || "-:".contains(c));
            let allowed =
                "minutes, hours:minutes:seconds or days-hours:minutes, such as \"2-12:00\"";
            check(fits, "engine.time_limit", time, allowed)?;
        }
        if let Some(memory) = &self.memory {
            // It takes any number of letters off; the length below says that it was one at most.
            let number = memory.trim_end_matches(['K', 'M', 'G', 'T']);
            let fits = of(number, |c| c.is_ascii_digit()) && memory.len() <= number.len() + 1;
            let allowed = "a number with K, M, G or T, such as \"4G\"";
            check(fits, "engine.memory", memory, allowed)?;
        }
        for option in &self.sbatch {
            // A line of the script each.
            let fits = option.starts_with('-') && !option.chars().any(char::is_control);
            let allowed = "options of sbatch, such as \"--account=physics\"";
            check(fits, "engine.sbatch", option, allowed)?;
        }
        for host in &self.hosts {
            // A line of a file each; # begins a comment there.
            let is_odd = |c: char| c == '#' || c.is_control();
            let fits = !host.trim().is_empty() && !host.contains(is_odd);
            let allowed = "slots/host, such as \"2/gpu1\" or \"1/anna@ws2\"";
            check(fits, "engine.hosts", host, allowed)?;
        }
        Ok(())
    }
}

fn check_checkpoint_seconds(seconds: f64) -> Result<(), InvalidSetting> {
    let (key, allowed) = ("engine.checkpoint_seconds", "a number of at least 0");
    let fits = seconds.is_finite() && seconds >= 0.0;
    check_setting(fits, key, format!("{seconds:?}"), allowed)
}

/// What a cell needs to know of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CellEngine {
    /// The device that the model is trained and measured on.
    pub device: DeviceSpec,
    /// Whether bitcap's own kernels train what they can.
    #[serde(skip_serializing_if = "Kernels::is_auto")]
    pub kernels: Kernels,
    /// Whether a GPU is used without being compared with flex.
    #[serde(skip_serializing_if = "is_false")]
    pub trust_device: bool,
    /// Seconds between two checkpoints of the training.
    pub checkpoint_seconds: f64,
}

impl Default for CellEngine {
    fn default() -> Self {
        Self {
            device: DeviceSpec::FLEX,
            kernels: Kernels::Auto,
            trust_device: false,
            // A minute of work is what a machine that fails may cost.
            checkpoint_seconds: 60.0,
        }
    }
}

impl CellEngine {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        check_checkpoint_seconds(self.checkpoint_seconds)
    }
}
