//! Llama (Touvron et al. 2023, arXiv 2302.13971): pre-norm blocks with RMSNorm, rotary positions, a
//! SwiGLU, no biases.

use bitcap_base::{InvalidSetting, check_setting, in_range};
use bitcap_source::DataShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{ArchitectureSettings, CommonSettings};
use crate::layout::{Group, Init, Layout, Rule, Slot};

/// The `[model]` section of a Llama.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LlamaSettings {
    /// Number of transformer blocks L, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 2 to 65,536; `heads` times an even number, for rotary
    /// positions turn the numbers of a head in pairs.
    pub width: u32,
    /// Attention heads of each block, at least 1.
    pub heads: u32,
    /// Width of the SwiGLU's hidden layer, 1 to 4,194,304; its default gives it about as many weights
    /// as an MLP of 4 `width` has. By default ⌈8 `width` / 3⌉.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp_width: Option<u32>,
    /// Whether the output head shares the weights of the token embedding.
    #[serde(default = "default_tied_head")]
    pub tied_head: bool,
    /// Whether a start token precedes every sequence, so that all S tokens are predicted and not
    /// S - 1. Must be true for every source but `uniform`.
    #[serde(default)]
    pub start_token: bool,
}

const fn default_tied_head() -> bool {
    true
}

/// Standard deviation of matrices and embeddings: transformers' `initializer_range`.
const DEVIATION: f64 = 0.02;

impl LlamaSettings {
    /// A Llama of these sizes, all else as where a file does not say.
    #[must_use]
    pub const fn new(layers: u32, width: u32, heads: u32) -> Self {
        Self {
            layers,
            width,
            heads,
            mlp_width: None,
            tied_head: default_tied_head(),
            start_token: false,
        }
    }

    /// Width of the SwiGLU's hidden layer.
    #[must_use]
    pub fn hidden(&self) -> u32 {
        self.mlp_width.unwrap_or((8 * self.width).div_ceil(3))
    }
}

impl ArchitectureSettings for LlamaSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers, 1, 1024)?;
        in_range("model.width", self.width, 2, 65_536)?;
        in_range("model.heads", self.heads, 1, self.width)?;
        in_range("model.mlp_width", self.hidden(), 1, 64 * 65_536)?;
        let fits = self.width.is_multiple_of(2 * self.heads);
        let allowed = format!(
            "a divisor of half of model.width, which is {}: rotary positions turn the numbers of a \
             head in pairs",
            self.width
        );
        check_setting(fits, "model.heads", self.heads, allowed)
    }

    fn common(&self) -> CommonSettings {
        CommonSettings {
            layers: self.layers,
            width: self.width,
            tied_head: self.tied_head,
            start_token: self.start_token,
        }
    }

    /// By Hugging Face's names; linear maps are `[out, in]`, as there.
    fn layout(&self, data: &DataShape) -> Layout {
        let (d, rows, hidden) = (self.width as usize, data.rows(), self.hidden() as usize);
        let normal = Init::Normal(DEVIATION);
        let table = |name, group| Slot::new(name, &[rows, d], normal, Rule::Other, group);
        let norm = |name: &str| Slot::new(name, &[d], Init::Ones, Rule::Other, Group::LayerNorm);
        let mut slots = vec![table("model.embed_tokens.weight", Group::TokenEmbedding)];
        for layer in 0..self.layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            let linear = |part: &str, dims: [usize; 2], group| {
                Slot::new(&name(part), &dims, normal, Rule::TransposedMatrix, group)
            };
            slots.push(norm(&name("input_layernorm")));
            for part in ["q_proj", "k_proj", "v_proj", "o_proj"] {
                let part = format!("self_attn.{part}");
                slots.push(linear(&part, [d, d], Group::Attention));
            }
            slots.push(norm(&name("post_attention_layernorm")));
            slots.push(linear("mlp.gate_proj", [hidden, d], Group::Mlp));
            slots.push(linear("mlp.up_proj", [hidden, d], Group::Mlp));
            slots.push(linear("mlp.down_proj", [d, hidden], Group::Mlp));
        }
        slots.push(norm("model.norm.weight"));
        if !self.tied_head {
            slots.push(table("lm_head.weight", Group::Head));
        }
        Layout::new(slots)
    }

    /// The SwiGLU's hidden layer, or the attention scores.
    fn widest_activation(&self, data: &DataShape) -> usize {
        (self.hidden() as usize).max(self.heads as usize * data.predicted())
    }
}
