//! The settings of one cell, all of them.

use bitcap_base::{InvalidSetting, check_setting};
use bitcap_measure::expected_capacity_bits;
use bitcap_source::{DataShape, SourceSettings};
use serde::{Deserialize, Serialize};

use crate::settings::engine::CellEngine;
use crate::settings::measure::MeasureSettings;
use crate::settings::model::ModelSettings;
use crate::settings::train::TrainSettings;

/// Most tokens a dataset may have: 2^40, which is 2 TiB of u16 and beyond any machine's memory.
pub const MAX_TOKENS: u64 = 1 << 40;

/// The dataset of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellData {
    /// Seed of the samples.
    pub seed: u64,
    /// N, the number of sequences.
    pub samples: u64,
}

/// Every setting of a cell, resolved: what cell.toml holds, and all that a cell depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellSettings {
    /// The seed that the others were taken from where they were not set by themselves.
    pub seed: u64,
    /// The source of the data, its own seed included.
    pub source: SourceSettings,
    /// Size and seed of the dataset.
    pub data: CellData,
    /// The model.
    pub model: ModelSettings,
    /// The training, the seed of weights and batches included.
    pub train: TrainSettings,
    /// What is measured.
    pub measure: MeasureSettings,
    /// What it runs on.
    pub engine: CellEngine,
}

impl CellSettings {
    /// Checks every value against what it may be, and all of them together.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        self.source.validate()?;
        self.model.validate()?;
        self.train.validate()?;
        self.measure.validate()?;
        self.engine.validate()?;
        // Each section is possible by itself from here on: no length by which is divided is 0.
        let (length, start_token) = (self.source.length(), self.model.start_token());
        let allowed = "at least 2, or 1 with model.start_token = true: without a start token \
            the first token of a sequence is not predicted";
        check_setting(length >= 2 || start_token, "source.length", length, allowed)?;
        let allowed = format!(
            "true where source.kind is {:?}: the first token has a distribution to be learned, \
             and must be predicted to be measured",
            self.source.kind()
        );
        let fits = start_token || !self.source.needs_start_token();
        check_setting(fits, "model.start_token", false, allowed)?;
        if let ModelSettings::Moe(model) = &self.model {
            let (steps, allowed) = (
                self.train.polish_steps,
                "0 where model.auxiliary_loss is not: \
                L-BFGS must be told the loss that it minimizes, and is told that of the tokens",
            );
            let fits = steps == 0 || model.auxiliary_loss == 0.0;
            check_setting(fits, "train.polish_steps", steps, allowed)?;
        }
        if !self.train.rate_factors.is_empty() {
            let layout = self.model.layout(&self.data_shape());
            self.train.check_rate_factors(&layout)?;
        }
        let samples = self.data.samples;
        let most = MAX_TOKENS / u64::from(length);
        let allowed =
            format!("from 1 to {most}: a dataset of sequences of {length} has at most 2^40 tokens");
        let fits = (1..=most).contains(&samples);
        check_setting(fits, "data.samples", samples, allowed)?;
        let fits = self.checked_training_tokens().is_some();
        let allowed = "fewer: the tokens seen in training would pass 2^64";
        let train = &self.train;
        let without = CellSettings {
            train: TrainSettings {
                polish_steps: 0,
                ..train.clone()
            },
            ..self.clone()
        };
        let by_polish = without.checked_training_tokens().is_some();
        let (key, steps) = match by_polish {
            true => ("train.polish_steps", train.polish_steps),
            false => ("train.steps", train.steps),
        };
        check_setting(fits, key, steps, allowed)
    }

    /// What single sequences are to the model.
    #[must_use]
    pub fn data_shape(&self) -> DataShape {
        data_shape(&self.source, &self.model)
    }

    /// Trained parameters of the model, P.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.model.parameters(&self.data_shape())
    }

    /// Those of them that take part in predicting one token.
    #[must_use]
    pub fn active_parameters(&self) -> u64 {
        self.model.active_parameters(&self.data_shape())
    }

    /// Bits that the dataset is planned by: for uniform data its exact entropy, N S log2 V, for
    /// others [`bitcap_source::Kind::expected_entropy_bits`]; None where nobody knows it.
    #[must_use]
    pub fn entropy_bits(&self) -> Option<f64> {
        let known = self.source.entropy_is_known();
        known.then(|| self.source.expected_entropy_bits(self.data.samples))
    }

    /// Entropy of the dataset in units of the capacity to be expected, 3.6 bits a parameter; None
    /// where nobody knows the entropy.
    #[must_use]
    pub fn load(&self) -> Option<f64> {
        Some(self.entropy_bits()? / expected_capacity_bits(self.parameters()))
    }

    /// Tokens predicted over the whole training: steps, times sequences a step, times predicted
    /// tokens a sequence; at most so many where a polish finds no way down before its last step. The
    /// last number there is where the product passes 2^64, which [`Self::validate`] does not let
    /// through.
    #[must_use]
    pub fn training_tokens(&self) -> u64 {
        self.checked_training_tokens().unwrap_or(u64::MAX)
    }

    fn checked_training_tokens(&self) -> Option<u64> {
        let predicted =
            u64::from(self.source.length()).checked_sub(u64::from(!self.model.start_token()))?;
        self.train
            .sequences_seen(self.data.samples)?
            .checked_mul(predicted)
    }

    /// Floating-point operations of the training, approximately:
    /// [`Self::flops_a_token`] of each token.
    #[must_use]
    pub fn training_flops(&self) -> f64 {
        self.flops_a_token() * self.training_tokens() as f64
    }

    /// [`ModelSettings::training_flops_a_token`] of this model.
    pub(crate) fn flops_a_token(&self) -> f64 {
        self.model.training_flops_a_token(&self.data_shape())
    }
}

/// What sequences of `source` are to `model`.
pub(crate) fn data_shape(source: &SourceSettings, model: &ModelSettings) -> DataShape {
    DataShape {
        vocabulary: source.vocabulary(),
        length: source.length() as usize,
        start_token: model.start_token(),
    }
}
