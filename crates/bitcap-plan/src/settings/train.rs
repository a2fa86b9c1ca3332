//! The `[train]` section of an experiment.

use std::collections::BTreeMap;

use bitcap_base::{InvalidSetting, check_setting, in_range};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// The rule that turns gradients into updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OptimizerKind {
    /// Adam (Kingma & Ba 2015); weight decay, if any, is added to the gradient.
    #[default]
    Adam,
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    Adamw,
    /// Muon (Jordan et al. 2024) for the matrices of the blocks, AdamW for all else.
    Muon,
    /// SOAP (Vyas et al. 2024): Adam in the eigenbasis of Shampoo's preconditioners, for every
    /// matrix, embeddings too; Adam for all else.
    Soap,
}

/// How the learning rate goes over the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ScheduleKind {
    /// The full rate after the warm-up.
    Constant,
    /// After the warm-up, half a cosine from the full rate to zero.
    #[default]
    Cosine,
    /// The full rate after the warm-up, then linear decay to zero over the last `decay_fraction` of
    /// the steps.
    WarmupStableDecay,
}

/// Sequences a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batch {
    /// The whole dataset.
    #[default]
    Full,
    /// So many sequences, shuffled anew each pass over the data.
    Sequences(u64),
    /// One part in so many of the dataset, rounded up; shuffled likewise.
    Share(u64),
}

impl Batch {
    /// Sequences a step, of so many that there are.
    #[must_use]
    pub fn sequences(self, samples: u64) -> u64 {
        match self {
            Self::Full => samples,
            Self::Sequences(n) => n.min(samples),
            Self::Share(parts) => samples.div_ceil(parts),
        }
    }
}

/// The arithmetic of the training step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Precision {
    /// 32-bit floats throughout.
    #[default]
    F32,
    /// Matrices are rounded to 11 bits as they are multiplied, sums are of 32 bits: NVIDIA's TensorFloat-32,
    /// on `cuda` only.
    Tf32,
    /// Factors and results of matrix products are rounded to bfloat16, 8 bits, forward and backward;
    /// weights, optimizer and all between the products stay 32-bit floats. On devices that compute in it.
    Bf16,
}

impl Precision {
    /// The name in experiment files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }
}

/// The `[train]` section: how a model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// Seed of the initial weights and of the order of the batches.
    pub seed: u64,
    /// Optimizer steps, 1 to 1,000,000,000.
    pub steps: u64,
    /// Steps of L-BFGS after those of the optimizer, 0 to 1,000,000,000; fewer where it finds no way down
    /// any more. Each works out loss and gradient of the whole dataset at one point, which is taken where
    /// the loss is low enough; rate, batches, clipping and weight decay play no part. Its first guess of the
    /// curvature is Adam's scale, in SOAP's bases for `soap`; for `muon` it has none. By default 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub polish_steps: u64,
    /// Pairs of points and gradients that L-BFGS goes by, at least 1, where there are `polish_steps`. A
    /// checkpoint holds 8 bytes a pair and parameter. By default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polish_memory: Option<u64>,
    /// The optimizer.
    #[serde(default)]
    pub optimizer: OptimizerKind,
    /// Peak learning rate, above 0.
    pub learning_rate: f64,
    /// Muon only: peak learning rate of AdamW for the parameters that Muon does not update, above 0.
    /// By default half of `learning_rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adam_learning_rate: Option<f64>,
    /// Adam's decay rates of the first and second moment, at least 0 and below 1.
    #[serde(default = "default_betas")]
    pub betas: [f64; 2],
    /// Adam's epsilon, added to the root of the second moment; above 0.
    #[serde(default = "default_epsilon")]
    pub epsilon: f64,
    /// SOAP only: decay rate of the preconditioners, at least 0 and below 1. By default 0.95.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preconditioner_beta: Option<f64>,
    /// SOAP only: the eigenbases are renewed after every so many steps, at least 1. By default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preconditioner_every: Option<u64>,
    /// SOAP only: dimensions of a matrix that are larger have no preconditioner. By default 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preconditioner_size: Option<u64>,
    /// Muon's momentum, at least 0 and below 1.
    #[serde(default = "default_momentum")]
    pub momentum: f64,
    /// Weight decay, at least 0: added to the gradient for Adam, decoupled for the others.
    #[serde(default)]
    pub weight_decay: f64,
    /// The learning rate schedule.
    #[serde(default)]
    pub schedule: ScheduleKind,
    /// Steps of linear warm-up from zero, fewer than `steps`.
    #[serde(default)]
    pub warmup_steps: u64,
    /// Fraction of the steps over which `"warmup_stable_decay"` decays, above 0 and at most 1.
    #[serde(default = "default_decay_fraction")]
    pub decay_fraction: f64,
    /// The gradient is clipped to this Euclidean norm, above 0. By default no clipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Batch size: sequences of each step, at least 1, a share of the dataset such as `"1/8"`, or
    /// `"full"`. Smaller batches are shuffled anew in each epoch.
    #[serde(default)]
    #[schemars(schema_with = "batch_schema")]
    pub batch: Batch,
    /// Largest number of sequences in one forward and backward pass, at least 1; gradients are
    /// accumulated over the passes of a step. By default what suits the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<u64>,
    /// Floating-point precision of the training. What is measured of a model is measured in f32 whatever
    /// it was trained in.
    #[serde(default)]
    pub precision: Precision,
    /// Factors of the learning rate for some tensors, above 0, each by a part of their names in
    /// model.safetensors, as in `{ wte = 2.0, c_attn = 2.0 }`. What a step would move a tensor by, its
    /// decoupled weight decay included, is multiplied by its factor. Each part must be in the name of a
    /// tensor, and no tensor may have two. By default 1 everywhere.
    // The last, since TOML has tables after values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rate_factors: BTreeMap<String, f64>,
}

/// Left out of files and of a cell's hash, which older versions wrote without it.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn default_betas() -> [f64; 2] {
    // Quick's first model memorized 1.7 % less with 0.95 in the second place, 1.0 % less with 0.999
    // (dev/LOG.md).
    [0.9, 0.99]
}

fn default_epsilon() -> f64 {
    1e-8
}

fn default_momentum() -> f64 {
    // Quick's first model memorized as much with 0.9, and 4 % less with 0.98 (dev/LOG.md).
    0.95
}

fn default_decay_fraction() -> f64 {
    0.2
}

impl Serialize for Batch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Full | Self::Share(_) => serializer.collect_str(self),
            Self::Sequences(n) => serializer.serialize_u64(*n),
        }
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let batch = match Written::deserialize(deserializer) {
            Ok(Written::Number(n)) => (n > 0).then_some(Self::Sequences(n)),
            Ok(Written::Text(text)) if text == "full" => Some(Self::Full),
            Ok(Written::Text(text)) => text
                .strip_prefix("1/")
                .and_then(|parts| parts.parse().ok())
                .filter(|&parts| parts > 0)
                .map(Self::Share),
            Err(_) => None,
        };
        let allowed = "\"full\", a number of sequences, at least 1, or a share of the dataset such as \"1/8\"";
        batch.ok_or_else(|| D::Error::invalid_value(Unexpected::Other("no batch"), &allowed))
    }
}

/// What [`Batch`] is read from.
fn batch_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"oneOf": [
        {"const": "full", "description": "The whole dataset."},
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": "^1/0*[1-9][0-9]*$"},
    ]})
}

impl std::fmt::Display for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Sequences(n) => write!(f, "{n}"),
            Self::Share(parts) => write!(f, "1/{parts}"),
        }
    }
}

/// More steps than anyone trains for, few enough that `steps * 2` and a step counter in f64 are exact.
const MAX_STEPS: u64 = 1_000_000_000;

impl TrainSettings {
    /// Adam at `learning_rate` for `steps`, all else as where a file does not say.
    #[must_use]
    pub fn adam(steps: u64, learning_rate: f64) -> Self {
        Self {
            seed: 0,
            steps,
            polish_steps: 0,
            polish_memory: None,
            optimizer: OptimizerKind::Adam,
            learning_rate,
            adam_learning_rate: None,
            betas: default_betas(),
            epsilon: default_epsilon(),
            preconditioner_beta: None,
            preconditioner_every: None,
            preconditioner_size: None,
            momentum: default_momentum(),
            weight_decay: 0.0,
            schedule: ScheduleKind::Cosine,
            warmup_steps: 0,
            decay_fraction: default_decay_fraction(),
            clip_norm: None,
            batch: Batch::Full,
            micro_batch: None,
            precision: Precision::F32,
            rate_factors: BTreeMap::new(),
        }
    }

    /// The factor of the learning rate for the tensor of this name.
    #[must_use]
    pub fn rate_factor_of(&self, tensor: &str) -> f64 {
        let mut factors = self.rate_factors.iter();
        let found = factors.find(|(part, _)| tensor.contains(part.as_str()));
        found.map_or(1.0, |(_, &factor)| factor)
    }

    /// Checks `rate_factors` against the tensors of a model.
    pub(crate) fn check_rate_factors(&self, layout: &Layout) -> Result<(), InvalidSetting> {
        for (part, &factor) in &self.rate_factors {
            let names = layout.slots().iter().map(|slot| slot.name.as_str());
            let (with, without): (Vec<_>, Vec<_>) = names.partition(|name| name.contains(&**part));
            // They stand in order: of two that one tensor has in its name, the later is refused.
            let mut before = self
                .rate_factors
                .keys()
                .take_while(|&before| before != part);
            let twice = before.find_map(|before| with.iter().find(|name| name.contains(&**before)));
            let allowed = if let Some(name) = twice {
                format!("left out: {name} has a factor by another part of its name")
            } else if with.is_empty() {
                // All blocks have the same tensors.
                let later = |part: &str| part.parse::<u64>().is_ok_and(|block| block > 0);
                let first = without
                    .into_iter()
                    .filter(|name| !name.split('.').any(later));
                let first: Vec<&str> = first.collect();
                format!(
                    "left out: no tensor has {part} in its name; those of the first block and beside blocks are {}",
                    first.join(", ")
                )
            } else {
                continue;
            };
            return Err(InvalidSetting::new(
                &key_of(part),
                format!("{factor:?}"),
                allowed,
            ));
        }
        Ok(())
    }

    /// Steps of the optimizer and of the polish.
    #[must_use]
    pub fn all_steps(&self) -> u64 {
        self.steps.saturating_add(self.polish_steps)
    }

    /// Sequences that all steps see together, of a dataset of so many; None where they pass 2^64.
    pub(crate) fn sequences_seen(&self, samples: u64) -> Option<u64> {
        let by_optimizer = self.steps.checked_mul(self.batch.sequences(samples))?;
        by_optimizer.checked_add(self.polish_steps.checked_mul(samples)?)
    }

    /// Writes out the defaults that depend on the optimizer, so that leaving them out and writing them
    /// down is the same training.
    pub(crate) fn fill_defaults(&mut self) {
        self.rate_factors.retain(|_, factor| *factor != 1.0);
        // Without a polish it changes nothing, and so no name: a grid over `polish_steps` may begin at 0.
        self.polish_memory = match self.polish_steps {
            0 => None,
            _ => Some(self.polish_memory.unwrap_or(100)),
        };
        match self.optimizer {
            OptimizerKind::Adam | OptimizerKind::Adamw => {}
            OptimizerKind::Muon => {
                // Quick's first model memorized as much at the whole rate, and 2.5 % less at a
                // quarter (dev/LOG.md).
                let half = self.learning_rate / 2.0;
                self.adam_learning_rate.get_or_insert(half);
            }
            OptimizerKind::Soap => {
                self.preconditioner_beta.get_or_insert(0.95);
                self.preconditioner_every.get_or_insert(5);
                self.preconditioner_size.get_or_insert(256);
            }
        }
    }

    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("train.steps", self.steps, 1, MAX_STEPS)?;
        in_range("train.polish_steps", self.polish_steps, 0, MAX_STEPS)?;
        let pairs = self.polish_memory != Some(0);
        check_setting(pairs, "train.polish_memory", 0, "at least 1")?;
        // What is multiplied into weights and gradients is an f32 there: 1e-50 would be 0, 1e39
        // infinite. Below the normal numbers an f32 has few digits left.
        let holds = |x: f64| (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&x);
        let positive = |key: &str, x: Option<f64>| {
            let x = x.unwrap_or(1.0);
            check_setting(holds(x), key, format!("{x:?}"), POSITIVE)
        };
        positive("train.learning_rate", Some(self.learning_rate))?;
        positive("train.adam_learning_rate", self.adam_learning_rate)?;
        let (beta, every) = (self.preconditioner_beta, self.preconditioner_every);
        let real = |x: Option<f64>| x.map(|x| x.to_string());
        let whole = |n: Option<u64>| n.map(|n| n.to_string());
        let own = match self.optimizer {
            OptimizerKind::Adam | OptimizerKind::Adamw => "",
            OptimizerKind::Muon => "muon",
            OptimizerKind::Soap => "soap",
        };
        for (optimizer, key, found) in [
            ("muon", "adam_learning_rate", real(self.adam_learning_rate)),
            ("soap", "preconditioner_beta", real(beta)),
            ("soap", "preconditioner_every", whole(every)),
            (
                "soap",
                "preconditioner_size",
                whole(self.preconditioner_size),
            ),
        ] {
            // Refused and not ignored: all that it changed would be the cell's name.
            let (fits, key) = (found.is_none() || optimizer == own, format!("train.{key}"));
            let allowed = format!("given with train.optimizer = {optimizer:?} only");
            check_setting(fits, &key, found.unwrap_or_default(), allowed)?;
        }
        check_setting(
            every != Some(0),
            "train.preconditioner_every",
            0,
            "at least 1",
        )?;
        positive("train.epsilon", Some(self.epsilon))?;
        positive("train.clip_norm", self.clip_norm)?;
        for (part, &factor) in &self.rate_factors {
            // A dot would be a section of its own where `--set` or the grid give it.
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let (fits, allowed) = (
                !part.is_empty() && part.chars().all(fits),
                "named by letters, digits, _ and -",
            );
            check_setting(fits, &key_of(part), format!("{factor:?}"), allowed)?;
            positive(&key_of(part), Some(factor))?;
        }
        let [first, second] = self.betas;
        for (key, x) in [
            ("train.betas", first),
            ("train.betas", second),
            ("train.momentum", self.momentum),
            ("train.preconditioner_beta", beta.unwrap_or(0.0)),
        ] {
            let allowed = "at least 0 and below 1, as a 32-bit float too: at most 0.9999999";
            check_setting(x >= 0.0 && (x as f32) < 1.0, key, format!("{x:?}"), allowed)?;
        }
        let decay = self.weight_decay;
        let (fits, allowed) = (decay == 0.0 || holds(decay), format!("0, or {POSITIVE}"));
        check_setting(fits, "train.weight_decay", format!("{decay:?}"), allowed)?;
        let decay = self.decay_fraction;
        let fits = decay > 0.0 && decay <= 1.0;
        check_setting(fits, "train.decay_fraction", decay, "above 0 and at most 1")?;
        let (warmup, steps) = (self.warmup_steps, self.steps);
        let allowed = format!("below train.steps, which is {steps}");
        check_setting(warmup < steps, "train.warmup_steps", warmup, allowed)?;
        let micro_batch = self.micro_batch != Some(0);
        check_setting(micro_batch, "train.micro_batch", 0, "at least 1")
    }
}

/// Where the factor for tensors with this in their name is set.
fn key_of(part: &str) -> String {
    format!("train.rate_factors.{part}")
}

const POSITIVE: &str = "a positive number that a 32-bit float holds, from 1.2e-38 to 3.4e38";
