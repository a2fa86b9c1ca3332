//! A mixture of experts as Mixtral is one (Jiang et al. 2024, arXiv 2401.04088): Llama's blocks with
//! several SwiGLUs in the place of each MLP, some of which a router chooses for each token.

use bitcap_base::{InvalidSetting, check_setting, in_range};
use bitcap_source::DataShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::heads::default_heads;
use super::kind::{ArchitectureSettings, CommonSettings};
use super::llama_blocks::{LlamaBlocks, default_mlp_width, linear};
use crate::layout::{Group, Layout};

/// The `[model]` section of a mixture of experts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoeSettings {
    /// Number of transformer blocks L, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 2 to 65,536; `heads` times an even number, since rotary
    /// positions turn the numbers of a head in pairs.
    pub width: u32,
    /// Attention heads of each block, at least 1. By default 2 where `width` is a multiple of 4, else 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<u32>,
    /// Width of the hidden layer of one expert, a SwiGLU, 1 to 4,194,304. By default ⌈8 `width` / 3⌉.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp_width: Option<u32>,
    /// Experts of each block, 1 to 256; the default is Mixtral's. All of them are worked out for every
    /// token, so that a step takes about as long as that of one MLP of all their widths.
    #[serde(default = "default_experts")]
    pub experts: u32,
    /// Experts that a token is routed to, 1 to `experts`; the default is Mixtral's. With 1 the weight of
    /// the chosen expert is 1 whatever the router says, which then learns from the auxiliary loss alone.
    #[serde(default = "default_experts_per_token")]
    pub experts_per_token: u32,
    /// Weight of the load balancing loss (Switch Transformer, Fedus et al. 2021; as transformers'
    /// `load_balancing_loss_func` has it), which is added in training and never measured, at least 0; 0
    /// leaves it out. The default is that of the released Mixtral 8x7B. It is of the tokens of one
    /// forward pass, and its mean over the passes of a step depends on how `train.micro_batch`, or by
    /// default the device, cuts a batch into passes.
    #[serde(default = "default_auxiliary_loss")]
    pub auxiliary_loss: f64,
    /// Whether the output head shares the weights of the token embedding.
    #[serde(default = "default_tied_head")]
    pub tied_head: bool,
    /// Whether a start token precedes every sequence, so that all S tokens are predicted and not
    /// S - 1. Must be true for every source but `uniform`.
    #[serde(default)]
    pub start_token: bool,
}

const fn default_experts() -> u32 {
    8
}

const fn default_experts_per_token() -> u32 {
    2
}

/// `router_aux_loss_coef` in the config.json of Mixtral-8x7B-v0.1.
const fn default_auxiliary_loss() -> f64 {
    0.02
}

const fn default_tied_head() -> bool {
    true
}

impl MoeSettings {
    /// A mixture of experts of these sizes, all else as where a file does not say.
    #[must_use]
    pub const fn new(layers: u32, width: u32, heads: u32) -> Self {
        Self {
            layers,
            width,
            heads: Some(heads),
            mlp_width: None,
            experts: default_experts(),
            experts_per_token: default_experts_per_token(),
            auxiliary_loss: default_auxiliary_loss(),
            tied_head: default_tied_head(),
            start_token: false,
        }
    }

    /// The sizes of its blocks, `mlp_width` being that of one expert.
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

impl ArchitectureSettings for MoeSettings {
    fn fill_defaults(&mut self) {
        let blocks = self.blocks();
        self.heads = Some(blocks.heads);
        self.mlp_width = Some(blocks.mlp_width);
    }

    fn validate(&self) -> Result<(), InvalidSetting> {
        self.blocks().validate()?;
        in_range("model.experts", self.experts, 1, 256)?;
        let (chosen, experts) = (self.experts_per_token, self.experts);
        in_range("model.experts_per_token", chosen, 1, experts)?;
        let weight = self.auxiliary_loss;
        let fits = (0.0..=f64::from(f32::MAX)).contains(&weight);
        let allowed = "a number of at least 0 that a 32-bit float holds";
        check_setting(fits, "model.auxiliary_loss", format!("{weight:?}"), allowed)
    }

    fn common(&self) -> CommonSettings {
        self.blocks().common()
    }

    /// By the names in Mixtral's files.
    fn layout(&self, data: &DataShape) -> Layout {
        let blocks = self.blocks();
        blocks.layout(data, |block| {
            let name = |part: &str| format!("{block}.block_sparse_moe.{part}.weight");
            let dims = [self.experts as usize, self.width as usize];
            let mut slots = vec![linear(&name("gate"), dims, Group::Router)];
            for expert in 0..self.experts {
                let names = ["w1", "w3", "w2"].map(|map| name(&format!("experts.{expert}.{map}")));
                slots.extend(blocks.swiglu(names.each_ref().map(String::as_str)));
            }
            slots
        })
    }

    /// All but the experts that a token is not routed to.
    fn active_parameters(&self, data: &DataShape) -> u64 {
        let unused = u64::from(self.experts - self.experts_per_token);
        let blocks = self.blocks();
        let expert = 3 * u64::from(blocks.mlp_width) * u64::from(blocks.width);
        self.layout(data).len() as u64 - u64::from(self.layers) * unused * expert
    }

    /// The hidden layers of all experts, the attention scores, or the comparisons of each expert with each.
    fn widest_activation(&self, data: &DataShape) -> usize {
        let (blocks, experts) = (self.blocks(), self.experts as usize);
        let hidden = experts * blocks.mlp_width as usize;
        hidden.max(blocks.scores(data)).max(experts * experts)
    }
}
