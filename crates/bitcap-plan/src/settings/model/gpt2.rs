//! GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, biases.

use bitcap_base::{InvalidSetting, in_range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::layout::{Group, Init, Layout, Rule, Slot};
use bitcap_source::DataShape;

/// How the initial weights are drawn. Gains are 1 and biases 0 in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Initialization {
    /// GPT-2's: token embeddings and matrices N(0, 0.02²), positions N(0, 0.01²), matrices that
    /// write into the residual stream divided by √(2 L).
    Gpt2,
    /// Matrices N(0, 1/fan_in), those into the residual stream divided by √(2 L); token embeddings,
    /// positions and head N(0, 1/d), so that logits have about unit variance whatever the width.
    FanIn,
}

/// The `[model]` section: the architecture and its sizes. Vocabulary and context length are those of
/// the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gpt2Settings {
    /// Number of transformer blocks L, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 1 to 65,536; a multiple of `heads`.
    pub width: u32,
    /// Attention heads of each block, at least 1.
    pub heads: u32,
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
    #[serde(default = "default_initialization")]
    pub initialization: Initialization,
}

const fn default_mlp_ratio() -> u32 {
    4
}

const fn default_tied_head() -> bool {
    true
}

/// GPT-2's memorizes more at small widths (dev/LOG.md): at width 16, load 2 and 400 steps of Muon at
/// the best rate of each, 9,728 bits against 8,442; of Adam, 9,515 against 8,218.
const fn default_initialization() -> Initialization {
    Initialization::Gpt2
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
            heads,
            mlp_ratio: default_mlp_ratio(),
            tied_head: default_tied_head(),
            start_token: false,
            initialization: default_initialization(),
        }
    }

    /// Checks every value against what it may be.
    ///
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers.into(), 1, 1024)?;
        in_range("model.width", self.width.into(), 1, 65_536)?;
        in_range("model.heads", self.heads.into(), 1, self.width.into())?;
        in_range("model.mlp_ratio", self.mlp_ratio.into(), 1, 64)?;
        if !self.width.is_multiple_of(self.heads) {
            let allowed = format!("a divisor of model.width, which is {}", self.width);
            return Err(InvalidSetting::new("model.heads", self.heads, allowed));
        }
        Ok(())
    }

    /// The tensors of this model on such data, by Hugging Face's names; linear maps are
    /// `[in, out]`, as there.
    #[must_use]
    pub fn layout(&self, data: &DataShape) -> Layout {
        use {Group as In, Init::Normal, Rule::Matrix, Rule::Other};
        let (d, rows) = (self.width as usize, data.rows());
        let hidden = self.hidden();
        let into_residual = 1.0 / (2.0 * f64::from(self.layers)).sqrt();
        let by_fan_in = self.initialization == Initialization::FanIn;
        let embedding = if by_fan_in {
            1.0 / (d as f64).sqrt()
        } else {
            GPT2_DEVIATION
        };
        let positions = if by_fan_in {
            embedding
        } else {
            GPT2_DEVIATION / 2.0
        };
        let matrix = |fan_in: usize| {
            Normal(if by_fan_in {
                1.0 / (fan_in as f64).sqrt()
            } else {
                GPT2_DEVIATION
            })
        };
        let residual = |fan_in: usize| {
            Normal(if by_fan_in {
                into_residual / (fan_in as f64).sqrt()
            } else {
                GPT2_DEVIATION * into_residual
            })
        };
        let token_table =
            |name, group| Slot::new(name, &[rows, d], Normal(embedding), Other, group);
        let mut slots = vec![
            token_table("transformer.wte.weight", In::TokenEmbedding),
            Slot::new(
                "transformer.wpe.weight",
                &[data.length, d],
                Normal(positions),
                Other,
                In::PositionEmbedding,
            ),
        ];
        let norm = |slots: &mut Vec<Slot>, name: &str| {
            for (part, init) in [("weight", Init::Ones), ("bias", Init::Zeros)] {
                let name = format!("{name}.{part}");
                slots.push(Slot::new(&name, &[d], init, Other, In::LayerNorm));
            }
        };
        let linear = |slots: &mut Vec<Slot>, name: &str, dims: [usize; 2], init, group| {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            slots.push(Slot::new(&weight, &dims, init, Matrix, group));
            slots.push(Slot::new(&bias, &dims[1..], Init::Zeros, Other, group));
        };
        for layer in 0..self.layers {
            let name = |part: &str| format!("transformer.h.{layer}.{part}");
            let all = &mut slots;
            norm(all, &name("ln_1"));
            linear(
                all,
                &name("attn.c_attn"),
                [d, 3 * d],
                matrix(d),
                In::Attention,
            );
            linear(
                all,
                &name("attn.c_proj"),
                [d, d],
                residual(d),
                In::Attention,
            );
            norm(all, &name("ln_2"));
            linear(all, &name("mlp.c_fc"), [d, hidden], matrix(d), In::Mlp);
            linear(
                all,
                &name("mlp.c_proj"),
                [hidden, d],
                residual(hidden),
                In::Mlp,
            );
        }
        norm(&mut slots, "transformer.ln_f");
        if !self.tied_head {
            slots.push(token_table("lm_head.weight", In::Head));
        }
        Layout::new(slots)
    }

    /// Width of the MLP's hidden layer.
    fn hidden(&self) -> usize {
        self.mlp_ratio as usize * self.width as usize
    }

    /// Numbers a predicted token in the widest activation before the head: the MLP's hidden layer, or
    /// the attention scores.
    #[must_use]
    pub fn widest_activation(&self, data: &DataShape) -> usize {
        self.hidden().max(self.heads as usize * data.predicted())
    }
}
