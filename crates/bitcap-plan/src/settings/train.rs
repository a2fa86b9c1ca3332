//! The `[train]` section of an experiment.

use bitcap_base::InvalidSetting;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The rule that turns gradients into updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OptimizerKind {
    /// Adam (Kingma & Ba 2015); weight decay, if any, is added to the gradient.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ScheduleKind {
    /// The full rate after the warm-up.
    Constant,
    /// After the warm-up, half a cosine from the full rate to zero.
    Cosine,
    /// The full rate after the warm-up, then linear decay to zero over the last `decay_fraction` of
    /// the steps.
    WarmupStableDecay,
}

/// Sequences a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// The whole dataset.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Precision {
    /// 32-bit floats throughout.
    F32,
    /// Matrices are rounded to 11 bits as they are multiplied, sums are of 32 bits: NVIDIA's TensorFloat-32,
    /// on `cuda` only.
    Tf32,
    /// Matrices are rounded to bfloat16, 8 bits, as they are multiplied; weights, optimizer and all
    /// between the products stay 32-bit floats. On devices that compute in it.
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
    /// The optimizer.
    #[serde(default = "default_optimizer")]
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
    #[serde(default = "default_schedule")]
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
    #[serde(default = "default_batch")]
    pub batch: Batch,
    /// Largest number of sequences in one forward and backward pass, at least 1; gradients are
    /// accumulated over the passes of a step. By default what suits the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<u64>,
    /// Floating-point precision of the training. What is measured of a model is measured in f32 whatever
    /// it was trained in.
    #[serde(default = "default_precision")]
    pub precision: Precision,
}

fn default_optimizer() -> OptimizerKind {
    OptimizerKind::Adam
}

fn default_betas() -> [f64; 2] {
    [0.9, 0.99]
}

fn default_epsilon() -> f64 {
    1e-8
}

fn default_momentum() -> f64 {
    0.95
}

fn default_schedule() -> ScheduleKind {
    ScheduleKind::Cosine
}

fn default_decay_fraction() -> f64 {
    0.2
}

fn default_batch() -> Batch {
    Batch::Full
}

fn default_precision() -> Precision {
    Precision::F32
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
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Batch;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"full\", a number of sequences, at least 1, or a share of the dataset such as \"1/8\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Batch, E> {
                let parts = text.strip_prefix("1/").and_then(|parts| parts.parse().ok());
                match (text, parts) {
                    ("full", _) => Ok(Batch::Full),
                    (_, Some(parts)) if parts > 0 => Ok(Batch::Share(parts)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Batch, E> {
                u64::try_from(n)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(n), &self))
                    .and_then(|n| self.visit_u64(n))
            }

            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Batch, E> {
                match n {
                    0 => Err(E::invalid_value(serde::de::Unexpected::Unsigned(0), &self)),
                    n => Ok(Batch::Sequences(n)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What [`Batch`] is read from.
impl JsonSchema for Batch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Batch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"oneOf": [
            {"const": "full", "description": "The whole dataset."},
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^1/0*[1-9][0-9]*$"},
        ]})
    }
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
            schedule: default_schedule(),
            warmup_steps: 0,
            decay_fraction: default_decay_fraction(),
            clip_norm: None,
            batch: default_batch(),
            micro_batch: None,
            precision: default_precision(),
        }
    }

    /// Writes out the defaults that depend on the optimizer, so that leaving them out and writing them
    /// down is the same training.
    pub(crate) fn fill_defaults(&mut self) {
        match self.optimizer {
            OptimizerKind::Adam | OptimizerKind::Adamw => {}
            OptimizerKind::Muon => {
                self.adam_learning_rate
                    .get_or_insert(self.learning_rate / 2.0);
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
        let invalid = |key: &str, found: String, allowed: &str| InvalidSetting {
            key: format!("train.{key}"),
            found,
            allowed: allowed.into(),
        };
        if !(1..=MAX_STEPS).contains(&self.steps) {
            return Err(invalid(
                "steps",
                self.steps.to_string(),
                "from 1 to 1000000000",
            ));
        }
        // What is multiplied into weights and gradients is an f32 there: 1e-50 would be 0, 1e39
        // infinite. Below the normal numbers an f32 has few digits left.
        let holds = |x: f64| (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&x);
        let positive = |key: &str, x: f64| {
            if holds(x) {
                Ok(())
            } else {
                let allowed = "a positive number that a 32-bit float holds, from 1.2e-38 to 3.4e38";
                Err(invalid(key, format!("{x:?}"), allowed))
            }
        };
        positive("learning_rate", self.learning_rate)?;
        if let Some(rate) = self.adam_learning_rate {
            positive("adam_learning_rate", rate)?;
            if self.optimizer != OptimizerKind::Muon {
                return Err(invalid(
                    "adam_learning_rate",
                    rate.to_string(),
                    "given with train.optimizer = \"muon\" only",
                ));
            }
        }
        if self.optimizer != OptimizerKind::Soap {
            let (every, size) = (self.preconditioner_every, self.preconditioner_size);
            let given = [
                (
                    "preconditioner_beta",
                    self.preconditioner_beta.map(|x| x.to_string()),
                ),
                ("preconditioner_every", every.map(|x| x.to_string())),
                ("preconditioner_size", size.map(|x| x.to_string())),
            ];
            if let Some((key, Some(found))) = given.into_iter().find(|(_, given)| given.is_some()) {
                let allowed = "given with train.optimizer = \"soap\" only";
                return Err(invalid(key, found, allowed));
            }
        }
        if self.preconditioner_every == Some(0) {
            return Err(invalid("preconditioner_every", "0".into(), "at least 1"));
        }
        positive("epsilon", self.epsilon)?;
        if let Some(norm) = self.clip_norm {
            positive("clip_norm", norm)?;
        }
        let below_one = |key: &str, x: f64| {
            if x >= 0.0 && (x as f32) < 1.0 {
                Ok(())
            } else {
                let allowed = "at least 0 and below 1, as a 32-bit float too: at most 0.9999999";
                Err(invalid(key, format!("{x:?}"), allowed))
            }
        };
        below_one("betas", self.betas[0])?;
        below_one("betas", self.betas[1])?;
        below_one("momentum", self.momentum)?;
        below_one(
            "preconditioner_beta",
            self.preconditioner_beta.unwrap_or(0.0),
        )?;
        if self.weight_decay != 0.0 && !holds(self.weight_decay) {
            let allowed =
                "0, or a positive number that a 32-bit float holds, from 1.2e-38 to 3.4e38";
            let found = format!("{:?}", self.weight_decay);
            return Err(invalid("weight_decay", found, allowed));
        }
        if !(self.decay_fraction > 0.0 && self.decay_fraction <= 1.0) {
            return Err(invalid(
                "decay_fraction",
                self.decay_fraction.to_string(),
                "above 0 and at most 1",
            ));
        }
        if self.warmup_steps >= self.steps {
            return Err(invalid(
                "warmup_steps",
                self.warmup_steps.to_string(),
                &format!("below train.steps, which is {}", self.steps),
            ));
        }
        if self.micro_batch == Some(0) {
            return Err(invalid("micro_batch", "0".into(), "at least 1"));
        }
        Ok(())
    }
}
