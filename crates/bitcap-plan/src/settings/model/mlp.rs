//! A network of MLPs alone: positions are mixed by a lower triangular matrix a layer in place of
//! attention. It is ResMLP (Touvron et al. 2021, arXiv 2105.03404), whose "cross-patch linear sublayer"
//! it has, made causal, with GPT-2's layer norm in place of its affine maps.

use bitcap_base::{InvalidSetting, in_range};
use bitcap_source::DataShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{ArchitectureSettings, CommonSettings};
use crate::layout::{Group, Init, Layout, Rule, Slot};

/// The `[model]` section of a causal ResMLP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MlpSettings {
    /// Number of blocks L, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 1 to 65,536.
    pub width: u32,
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
}

const fn default_mlp_ratio() -> u32 {
    4
}

const fn default_tied_head() -> bool {
    true
}

/// GPT-2's standard deviation, of all that is drawn; what writes into the residual stream is divided by
/// √(2 L), as there.
const DEVIATION: f64 = 0.02;

impl MlpSettings {
    /// Of these sizes, all else as where a file does not say.
    #[must_use]
    pub const fn new(layers: u32, width: u32) -> Self {
        Self {
            layers,
            width,
            mlp_ratio: default_mlp_ratio(),
            tied_head: default_tied_head(),
            start_token: false,
        }
    }

    /// Width of the MLP's hidden layer.
    fn hidden(&self) -> usize {
        self.mlp_ratio as usize * self.width as usize
    }
}

impl ArchitectureSettings for MlpSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers, 1, 1024)?;
        in_range("model.width", self.width, 1, 65_536)?;
        in_range("model.mlp_ratio", self.mlp_ratio, 1, 64)
    }

    fn common(&self) -> CommonSettings {
        CommonSettings {
            layers: self.layers,
            width: self.width,
            tied_head: self.tied_head,
            start_token: self.start_token,
        }
    }

    /// Linear maps are `[out, in]`, as torch.nn.Linear has them. A mixing matrix is its lower triangle,
    /// row by row, over the S_pred positions that are predicted from.
    fn layout(&self, data: &DataShape) -> Layout {
        let (d, rows, hidden) = (self.width as usize, data.rows(), self.hidden());
        let s = data.predicted();
        let normal = Init::Normal(DEVIATION);
        let small = Init::Normal(DEVIATION / (2.0 * f64::from(self.layers)).sqrt());
        let table = |name, group| Slot::new(name, &[rows, d], normal, Rule::Other, group);
        let norm = |name: &str| {
            [("weight", Init::Ones), ("bias", Init::Zeros)].map(|(part, init)| {
                let name = format!("{name}.{part}");
                Slot::new(&name, &[d], init, Rule::Other, Group::LayerNorm)
            })
        };
        let map = |name: &str, dims: &[usize], outputs: usize, init, rule, group| {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            [
                Slot::new(&weight, dims, init, rule, group),
                Slot::new(&bias, &[outputs], Init::Zeros, Rule::Other, group),
            ]
        };
        let mut slots = vec![table("embedding.weight", Group::TokenEmbedding)];
        for layer in 0..self.layers {
            let name = |part: &str| format!("blocks.{layer}.{part}");
            slots.extend(norm(&name("mix_norm")));
            let triangle = &[s * (s + 1) / 2];
            slots.extend(map(
                &name("mix"),
                triangle,
                s,
                small,
                Rule::Other,
                Group::Mixing,
            ));
            slots.extend(norm(&name("mlp_norm")));
            for (part, [outputs, inputs], init) in [
                ("expand", [hidden, d], normal),
                ("contract", [d, hidden], small),
            ] {
                let (dims, rule) = (&[outputs, inputs], Rule::TransposedMatrix);
                slots.extend(map(&name(part), dims, outputs, init, rule, Group::Mlp));
            }
        }
        slots.extend(norm("norm"));
        if !self.tied_head {
            slots.push(table("lm_head.weight", Group::Head));
        }
        Layout::new(slots)
    }

    /// A row of a mixing matrix is used for each number of its position, and no other row.
    fn multiply_adds_a_token(&self, data: &DataShape) -> f64 {
        let s = data.predicted();
        let triangle = (s * (s + 1) / 2) as f64;
        let mixing = triangle / s as f64 * f64::from(self.width);
        self.layout(data).len() as f64 + f64::from(self.layers) * (mixing - triangle)
    }

    /// The MLP's hidden layer.
    fn widest_activation(&self, _: &DataShape) -> usize {
        self.hidden()
    }
}
