//! GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, biases.

use bitcap_base::{InvalidSetting, check_setting, in_range};
use bitcap_source::DataShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::heads::default_heads;
use super::kind::{ArchitectureSettings, CommonSettings};
use crate::layout::{Group, Init, Layout, Rule, Slot};

/// How the initial weights are drawn. Gains are 1 and biases 0 in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Initialization {
    /// GPT-2's: token embeddings and matrices N(0, 0.02²), positions N(0, 0.01²), matrices that
    /// write into the residual stream divided by √(2 L).
    // It memorizes more at small widths (dev/LOG.md): at width 16, load 2 and 400 steps of Muon at the
    // best rate of each, 9,728 bits against 8,442; of Adam, 9,515 against 8,218.
    #[default]
    Gpt2,
    /// Matrices N(0, 1/fan_in), those into the residual stream divided by √(2 L); token embeddings,
    /// positions and head N(0, 1/d), so that logits have about unit variance whatever the width.
    FanIn,
}

/// The `[model]` section of a GPT-2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gpt2Settings {
    /// Number of transformer blocks L, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 1 to 65,536; a multiple of `heads`.
    pub width: u32,
    /// Attention heads of each block, at least 1. By default 2 where `width` is a multiple of 4, else 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<u32>,
    /// Width of the MLP's hidden layer in units of `width`, 1 to 64.
    #[serde(default = "default_mlp_ratio")]
    pub mlp_ratio: u32,
    /// Whether the output head shares the weights of the token embedding.
    #[serde(default = "default_tied_head")]
    pub tied_head: bool,
    /// Whether a start token precedes every sequence, so that all S tokens are predicted and not
    /// S - 1. Must be true for every source but `uniform`.
    #[serde(default)]
    pub start_token: bool,
    /// How the initial weights are drawn.
    #[serde(default)]
    pub initialization: Initialization,
}

const fn default_mlp_ratio() -> u32 {
    4
}

const fn default_tied_head() -> bool {
    true
}

/// GPT-2's standard deviation of matrices and token embeddings (its released code).
const GPT2_DEVIATION: f64 = 0.02;

impl Gpt2Settings {
    /// A GPT-2 of these sizes, all else as where a file does not say.
    #[must_use]
    pub const fn new(layers: u32, width: u32, heads: u32) -> Self {
        Self {
            layers,
            width,
            heads: Some(heads),
            mlp_ratio: default_mlp_ratio(),
            tied_head: default_tied_head(),
            start_token: false,
            initialization: Initialization::Gpt2,
        }
    }

    /// Attention heads of each block.
    #[must_use]
    pub fn heads(&self) -> u32 {
        self.heads.unwrap_or_else(|| default_heads(self.width))
    }

    /// Width of the MLP's hidden layer.
    fn hidden(&self) -> usize {
        self.mlp_ratio as usize * self.width as usize
    }
}

impl ArchitectureSettings for Gpt2Settings {
    fn fill_defaults(&mut self) {
        self.heads = Some(self.heads());
    }

    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers, 1, 1024)?;
        in_range("model.width", self.width, 1, 65_536)?;
        in_range("model.heads", self.heads(), 1, self.width)?;
        in_range("model.mlp_ratio", self.mlp_ratio, 1, 64)?;
        let fits = self.width.is_multiple_of(self.heads());
        let allowed = format!("a divisor of model.width, which is {}", self.width);
        check_setting(fits, "model.heads", self.heads(), allowed)
    }

    fn common(&self) -> CommonSettings {
        CommonSettings {
            layers: self.layers,
            width: self.width,
            tied_head: self.tied_head,
            start_token: self.start_token,
        }
    }

    /// By Hugging Face's names; linear maps are `[in, out]`, as there.
    fn layout(&self, data: &DataShape) -> Layout {
        use {Group as In, Rule::Matrix, Rule::Other};
        let (d, rows, hidden) = (self.width as usize, data.rows(), self.hidden());
        // In units of the deviation of all others: of GPT-2, and of one by fan-in.
        let normal = |of_gpt2: f64, by_fan_in: f64, fan_in: usize| {
            Init::Normal(match self.initialization {
                Initialization::Gpt2 => GPT2_DEVIATION * of_gpt2,
                Initialization::FanIn => by_fan_in / (fan_in as f64).sqrt(),
            })
        };
        let token_table = |name, group| {
            // As a head a table is multiplied by hidden vectors, so that d is what fans in.
            let init = normal(1.0, 1.0, d);
            Slot::new(name, &[rows, d], init, Other, group)
        };
        let position_table = |name| {
            // GPT-2's 0.01 is half of its other deviations.
            let init = normal(0.5, 1.0, d);
            Slot::new(name, &[data.length, d], init, Other, In::PositionEmbedding)
        };
        let norm = |name: &str| {
            [("weight", Init::Ones), ("bias", Init::Zeros)].map(|(part, init)| {
                Slot::new(&format!("{name}.{part}"), &[d], init, Other, In::LayerNorm)
            })
        };
        let linear = |name: &str, dims: [usize; 2], scale: f64, group| {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            let init = normal(scale, scale, dims[0]);
            [
                Slot::new(&weight, &dims, init, Matrix, group),
                Slot::new(&bias, &dims[1..], Init::Zeros, Other, group),
            ]
        };
        let mut slots = vec![
            token_table("transformer.wte.weight", In::TokenEmbedding),
            position_table("transformer.wpe.weight"),
        ];
        // Two maps of each block write into the residual stream: sums of 2 L terms.
        let small = 1.0 / (2.0 * f64::from(self.layers)).sqrt();
        for layer in 0..self.layers {
            let name = |part: &str| format!("transformer.h.{layer}.{part}");
            let [qkv, out] = [name("attn.c_attn"), name("attn.c_proj")];
            let [up, down] = [name("mlp.c_fc"), name("mlp.c_proj")];
            slots.extend(norm(&name("ln_1")));
            // Queries, keys and values are one map.
            slots.extend(linear(&qkv, [d, 3 * d], 1.0, In::Attention));
            slots.extend(linear(&out, [d, d], small, In::Attention));
            slots.extend(norm(&name("ln_2")));
            slots.extend(linear(&up, [d, hidden], 1.0, In::Mlp));
            slots.extend(linear(&down, [hidden, d], small, In::Mlp));
        }
        slots.extend(norm("transformer.ln_f"));
        if !self.tied_head {
            slots.push(token_table("lm_head.weight", In::Head));
        }
        Layout::new(slots)
    }

    /// The MLP's hidden layer, or the attention scores.
    fn widest_activation(&self, data: &DataShape) -> usize {
        self.hidden().max(self.heads() as usize * data.predicted())
    }
}
