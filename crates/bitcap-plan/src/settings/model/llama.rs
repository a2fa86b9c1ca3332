//! Llama (Touvron et al. 2023, arXiv 2302.13971): pre-norm blocks with RMSNorm, rotary positions, a
//! SwiGLU, no biases.

use bitcap_base::InvalidSetting;
use bitcap_source::DataShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::heads::default_heads;
use super::kind::{ArchitectureSettings, CommonSettings};
use super::llama_blocks::{LlamaBlocks, default_mlp_width};
use crate::layout::Layout;

/// The `[model]` section of a Llama.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LlamaSettings {
    /// Number of transformer blocks L, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 2 to 65,536; `heads` times an even number, since rotary
    /// positions turn the numbers of a head in pairs.
    pub width: u32,
    /// Attention heads of each block, at least 1. By default 2 where `width` is a multiple of 4, else 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<u32>,
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

impl LlamaSettings {
    /// A Llama of these sizes, all else as where a file does not say.
    #[must_use]
    pub const fn new(layers: u32, width: u32, heads: u32) -> Self {
        Self {
            layers,
            width,
            heads: Some(heads),
            mlp_width: None,
            tied_head: default_tied_head(),
            start_token: false,
        }
    }

    /// The sizes of its blocks.
    #[must_use]
    pub fn blocks(&self) -> LlamaBlocks {
        LlamaBlocks {
            layers: self.layers,
            width: self.width,
            heads: self.heads.unwrap_or_else(|| default_heads(self.width)),
            mlp_width: self
                .mlp_width
                .unwrap_or_else(|| default_mlp_width(self.width)),
            tied_head: self.tied_head,
            start_token: self.start_token,
        }
    }
}

impl ArchitectureSettings for LlamaSettings {
    fn fill_defaults(&mut self) {
        // `mlp_width` is left out, as it was before any default was written out: no cell is renamed.
        self.heads = Some(self.blocks().heads);
    }

    fn validate(&self) -> Result<(), InvalidSetting> {
        self.blocks().validate()
    }

    fn common(&self) -> CommonSettings {
        self.blocks().common()
    }

    fn layout(&self, data: &DataShape) -> Layout {
        let blocks = self.blocks();
        blocks.layout(data, |block| {
            let names = ["gate", "up", "down"].map(|map| format!("{block}.mlp.{map}_proj.weight"));
            blocks.swiglu(names.each_ref().map(String::as_str)).into()
        })
    }

    /// The SwiGLU's hidden layer, or the attention scores.
    fn widest_activation(&self, data: &DataShape) -> usize {
        let blocks = self.blocks();
        (blocks.mlp_width as usize).max(blocks.scores(data))
    }
}
