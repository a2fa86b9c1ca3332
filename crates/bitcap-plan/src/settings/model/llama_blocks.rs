//! What models of Llama's blocks have alike (Touvron et al. 2023, arXiv 2302.13971): all but what stands
//! in the place of the MLP.

use bitcap_base::{InvalidSetting, check_setting, in_range};
use bitcap_source::DataShape;

use super::kind::CommonSettings;
use crate::layout::{Group, Init, Layout, Rule, Slot};

/// Standard deviation of matrices and embeddings: transformers' `initializer_range`.
const DEVIATION: f64 = 0.02;

/// The sizes of a model of Llama's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LlamaBlocks {
    /// Number of blocks L.
    pub layers: u32,
    /// Width d of the residual stream.
    pub width: u32,
    /// Attention heads of each block.
    pub heads: u32,
    /// Width of a SwiGLU's hidden layer.
    pub mlp_width: u32,
    /// Whether the output head shares the weights of the token embedding.
    pub tied_head: bool,
    /// Whether a start token precedes every sequence.
    pub start_token: bool,
}

/// Width of a SwiGLU's hidden layer where a file does not say, in a model of that width: it then has about
/// as many weights as an MLP of 4 d.
pub(super) fn default_mlp_width(width: u32) -> u32 {
    // Asked for before the width is known to be one.
    width.saturating_mul(8).div_ceil(3)
}

/// A linear map without bias, `[out, in]`.
pub(super) fn linear(name: &str, dims: [usize; 2], group: Group) -> Slot {
    let init = Init::Normal(DEVIATION);
    Slot::new(name, &dims, init, Rule::TransposedMatrix, group)
}

impl LlamaBlocks {
    /// Checks every size against what it may be.
    pub(super) fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers, 1, 1024)?;
        in_range("model.width", self.width, 2, 65_536)?;
        let pairs = "rotary positions turn the numbers of a head in pairs";
        // Said of the width, since no number of heads would do.
        let allowed = format!("even: {pairs}");
        let even = self.width.is_multiple_of(2);
        check_setting(even, "model.width", self.width, allowed)?;
        in_range("model.heads", self.heads, 1, self.width)?;
        in_range("model.mlp_width", self.mlp_width, 1, 64 * 65_536)?;
        let fits = self.width.is_multiple_of(2 * self.heads);
        let allowed = format!(
            "a divisor of half of model.width, which is {}: {pairs}",
            self.width
        );
        check_setting(fits, "model.heads", self.heads, allowed)
    }

    pub(super) fn common(&self) -> CommonSettings {
        CommonSettings {
            layers: self.layers,
            width: self.width,
            tied_head: self.tied_head,
            start_token: self.start_token,
        }
    }

    /// The tensors of a SwiGLU, by the names of its maps to the gate, to the hidden layer and back.
    pub(super) fn swiglu(&self, [gate, expand, contract]: [&str; 3]) -> [Slot; 3] {
        let (d, hidden) = (self.width as usize, self.mlp_width as usize);
        [
            linear(gate, [hidden, d], Group::Mlp),
            linear(expand, [hidden, d], Group::Mlp),
            linear(contract, [d, hidden], Group::Mlp),
        ]
    }

    /// By Hugging Face's names; linear maps are `[out, in]`, as there. `mlp`: the tensors that a block has
    /// in the place of the MLP, by the name of the block.
    pub(super) fn layout(&self, data: &DataShape, mlp: impl Fn(&str) -> Vec<Slot>) -> Layout {
        let (d, rows) = (self.width as usize, data.rows());
        let normal = Init::Normal(DEVIATION);
        let table = |name, group| Slot::new(name, &[rows, d], normal, Rule::Other, group);
        let norm = |name: &str| Slot::new(name, &[d], Init::Ones, Rule::Other, Group::LayerNorm);
        let mut slots = vec![table("model.embed_tokens.weight", Group::TokenEmbedding)];
        for layer in 0..self.layers {
            let block = format!("model.layers.{layer}");
            slots.push(norm(&format!("{block}.input_layernorm.weight")));
            for part in ["q_proj", "k_proj", "v_proj", "o_proj"] {
                let name = format!("{block}.self_attn.{part}.weight");
                slots.push(linear(&name, [d, d], Group::Attention));
            }
            slots.push(norm(&format!("{block}.post_attention_layernorm.weight")));
            slots.extend(mlp(&block));
        }
        slots.push(norm("model.norm.weight"));
        if !self.tied_head {
            slots.push(table("lm_head.weight", Group::Head));
        }
        Layout::new(slots)
    }

    /// Numbers a predicted token in the attention scores.
    pub(super) fn scores(&self, data: &DataShape) -> usize {
        self.heads as usize * data.predicted()
    }
}
