//! The `[model]` section of an experiment: which architecture, and its sizes.

mod gpt2;

use bitcap_base::InvalidSetting;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::layout::Layout;
use bitcap_source::DataShape;
pub use gpt2::{Gpt2Settings, Initialization};

/// The architectures by their names in `model.kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum ModelKind {
    /// GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, biases.
    #[default]
    Gpt2,
}

/// The `[model]` section; `kind` tells which architecture, and is GPT-2 where it is left out.
///
/// GPT-2 is written without its kind, as it was when there was no other: no hash of a cell changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelSettings {
    /// A GPT-2.
    Gpt2(Gpt2Settings),
}

impl ModelSettings {
    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let Self::Gpt2(model) = self;
        model.validate()
    }

    /// Whether a start token precedes every sequence.
    #[must_use]
    pub fn start_token(&self) -> bool {
        let Self::Gpt2(model) = self;
        model.start_token
    }

    /// The model's tensors on such data.
    #[must_use]
    pub fn layout(&self, data: &DataShape) -> Layout {
        let Self::Gpt2(model) = self;
        model.layout(data)
    }

    /// All trained parameters, P.
    #[must_use]
    pub fn parameters(&self, data: &DataShape) -> u64 {
        self.layout(data).len() as u64
    }

    /// Floating-point operations of the training a predicted token, approximately: 6 a parameter
    /// (2 forward, 4 backward; Kaplan et al. 2020, section 2.1). Attention is not counted.
    #[must_use]
    pub fn training_flops_a_token(&self, data: &DataShape) -> f64 {
        6.0 * self.parameters(data) as f64
    }

    /// Numbers a predicted token in the widest activation of a pass, logits too.
    #[must_use]
    pub fn widest_activation(&self, data: &DataShape) -> usize {
        let Self::Gpt2(model) = self;
        model.widest_activation(data).max(data.rows())
    }

    /// The main sizes, as a cell's name begins with them: `l1-w16`.
    #[must_use]
    pub fn summary(&self) -> String {
        let Self::Gpt2(model) = self;
        format!("l{}-w{}", model.layers, model.width)
    }
}

impl<'de> Deserialize<'de> for ModelSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // For JSON, in which a sweep hands a cell over. TOML is read by `Document::model`, which
        // keeps the places of keys.
        #[derive(Deserialize)]
        struct Tagged {
            #[serde(default)]
            kind: ModelKind,
            #[serde(flatten)]
            settings: Value,
        }
        let Tagged { kind, settings } = Tagged::deserialize(deserializer)?;
        match kind {
            ModelKind::Gpt2 => Gpt2Settings::deserialize(settings).map(Self::Gpt2),
        }
        .map_err(D::Error::custom)
    }
}

/// The settings of the kind and the kind itself, beside each other.
impl JsonSchema for ModelSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ModelSettings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut kind = ModelKind::json_schema(generator);
        kind.insert("description".into(), "The architecture.".into());
        kind.insert("default".into(), "gpt2".into());
        let mut schema = Gpt2Settings::json_schema(generator);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.shift_insert(0, "kind".into(), kind.into());
        }
        schema
    }
}
