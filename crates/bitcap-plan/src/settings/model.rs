//! The `[model]` section of an experiment: which architecture, and its sizes. The one place where kinds
//! are told apart.

mod gpt2;
mod heads;
mod kind;
mod llama;
mod llama_blocks;
mod mamba;
mod mlp;
mod moe;
mod recurrent;

use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use bitcap_source::DataShape;
pub use gpt2::{Gpt2Settings, Initialization};
pub use kind::{ArchitectureSettings, CommonSettings};
pub use llama::LlamaSettings;
pub use llama_blocks::LlamaBlocks;
pub use mamba::MambaSettings;
pub use mlp::MlpSettings;
pub use moe::MoeSettings;
pub use recurrent::{GruSettings, LstmSettings, RecurrentSettings};

/// The kinds of models: the name in `kind`, the variant and the settings of each.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal: $variant:ident($settings:ty),)*) => {
        /// The architectures by their names in `model.kind`; a GPT-2 where it is left out.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum ModelKind {
            #[default]
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ModelKind {
            /// Its name in `model.kind`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        /// The `[model]` section: the architecture and its sizes. Vocabulary and context length are
        /// those of the data. `kind` says which architecture, `"gpt2"` where it is left out, and with
        /// it which other keys there are.
        #[derive(Clone, Debug, PartialEq, JsonSchema)]
        #[schemars(tag = "kind", transform = without_kind)]
        pub enum ModelSettings {
            $($(#[$doc])* #[schemars(rename = $name)] $variant($settings),)*
        }

        impl Deref for ModelSettings {
            type Target = dyn ArchitectureSettings;

            fn deref(&self) -> &Self::Target {
                match self { $(Self::$variant(settings) => settings,)* }
            }
        }

        impl ModelSettings {
            /// Which architecture it is.
            #[must_use]
            pub fn kind(&self) -> ModelKind {
                match self { $(Self::$variant(_) => ModelKind::$variant,)* }
            }

            /// Writes out the defaults that depend on other settings.
            pub(crate) fn fill_defaults(&mut self) {
                match self { $(Self::$variant(settings) => settings.fill_defaults(),)* }
            }

            /// Reads the settings of a kind where the kind itself is known already.
            ///
            /// # Errors
            /// These are not its settings.
            pub(crate) fn of_kind<'de, D: Deserializer<'de>>(
                kind: ModelKind,
                settings: D,
            ) -> Result<Self, D::Error> {
                match kind {
                    $(ModelKind::$variant => <$settings>::deserialize(settings).map(Self::$variant),)*
                }
            }
        }

        /// A GPT-2 is written without its kind, as it was when there was no other: no hash of a cell
        /// changes.
        impl Serialize for ModelSettings {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(Serialize)]
                struct Tagged<'a, T> {
                    #[serde(skip_serializing_if = "Option::is_none")]
                    kind: Option<ModelKind>,
                    #[serde(flatten)]
                    settings: &'a T,
                }
                let kind = Some(self.kind()).filter(|&kind| kind != ModelKind::Gpt2);
                match self {
                    $(Self::$variant(settings) => Tagged { kind, settings }.serialize(serializer),)*
                }
            }
        }
    };
}

kinds! {
    /// GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, biases.
    "gpt2": Gpt2(Gpt2Settings),
    /// Llama (Touvron et al. 2023): pre-norm blocks with RMSNorm, rotary positions, a SwiGLU, no
    /// biases.
    "llama": Llama(LlamaSettings),
    /// LSTM (Hochreiter & Schmidhuber 1997), as torch.nn has it.
    "lstm": Lstm(LstmSettings),
    /// GRU (Cho et al. 2014), as torch.nn has it.
    "gru": Gru(GruSettings),
    /// Causal ResMLP (Touvron et al. 2021): positions mixed by a lower triangular matrix a layer, in
    /// place of attention: x + M LN(x) + b, then x + MLP(LN(x)), with GPT-2's layer norm and MLP.
    "mlp": Mlp(MlpSettings),
    /// Mamba (Gu & Dao 2023): blocks of a short convolution and a selective state space, with
    /// RMSNorm, no attention; a recurrence whose time steps and maps depend on the token.
    "mamba": Mamba(MambaSettings),
    /// Mixture of experts (Mixtral, Jiang et al. 2024): Llama's blocks with several SwiGLUs, the experts,
    /// in the place of each MLP. A router, a linear map with a softmax over the experts, chooses some for
    /// each token, and adds up what they say by their probabilities over the sum of these.
    "moe": Moe(MoeSettings),
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ModelSettings {
    /// Whether a start token precedes every sequence.
    #[must_use]
    pub fn start_token(&self) -> bool {
        self.common().start_token
    }

    /// All trained parameters, P.
    #[must_use]
    pub fn parameters(&self, data: &DataShape) -> u64 {
        self.layout(data).len() as u64
    }

    /// Floating-point operations of the training a predicted token, approximately: 6 a multiply-add
    /// with a weight (2 forward, 4 backward; Kaplan et al. 2020, section 2.1). Attention is not counted,
    /// and neither are experts that a token is not routed to, which are worked out all the same.
    #[must_use]
    pub fn training_flops_a_token(&self, data: &DataShape) -> f64 {
        6.0 * self.multiply_adds_a_token(data)
    }

    /// Numbers a predicted token in the widest activation of a pass, logits too.
    #[must_use]
    pub fn widest_activation_of_a_pass(&self, data: &DataShape) -> usize {
        self.widest_activation(data).max(data.rows())
    }

    /// The main sizes, as a cell's name begins with them: `l1-w16`, after the kind where that is not
    /// GPT-2.
    #[must_use]
    pub fn summary(&self) -> String {
        let common = self.common();
        let sizes = format!("l{}-w{}", common.layers, common.width);
        match self.kind() {
            ModelKind::Gpt2 => sizes,
            kind => format!("{kind}-{sizes}"),
        }
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
        Self::of_kind(kind, settings).map_err(D::Error::custom)
    }
}

/// The kind need not be given where it is the default.
fn without_kind(schema: &mut Schema) {
    let kinds = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    for kind in kinds.into_iter().flatten() {
        if kind["properties"]["kind"]["const"] == ModelKind::default().as_str()
            && let Some(required) = kind["required"].as_array_mut()
        {
            required.retain(|key| key != "kind");
        }
    }
}
