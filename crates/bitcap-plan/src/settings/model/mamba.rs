//! Mamba (Gu & Dao 2023, arXiv 2312.00752): blocks of a short convolution and a selective state space,
//! no attention.

use bitcap_base::{InvalidSetting, in_range};
use bitcap_source::DataShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{ArchitectureSettings, CommonSettings};
use crate::layout::{Group, Init, Layout, Rule, Slot};

/// The `[model]` section of a Mamba.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MambaSettings {
    /// Number of blocks L, 1 to 1,024.
    pub layers: u32,
    /// Width d of the residual stream, 1 to 65,536. Time steps are made of ⌈`width` / 16⌉ numbers.
    pub width: u32,
    /// Numbers of a channel's state, N, 1 to 1,024.
    #[serde(default = "default_state")]
    pub state: u32,
    /// Channels of each block in units of `width`, 1 to 64.
    #[serde(default = "default_expand")]
    pub expand: u32,
    /// Positions that the convolution of each block sees, the present one and those before it, 1 to 64.
    #[serde(default = "default_conv_kernel")]
    pub conv_kernel: u32,
    /// Whether the output head shares the weights of the token embedding.
    #[serde(default = "default_tied_head")]
    pub tied_head: bool,
    /// Whether a start token precedes every sequence, so that all S tokens are predicted and not
    /// S - 1. Must be true for every source but `uniform`.
    #[serde(default)]
    pub start_token: bool,
}

const fn default_state() -> u32 {
    16
}

const fn default_expand() -> u32 {
    2
}

const fn default_conv_kernel() -> u32 {
    4
}

const fn default_tied_head() -> bool {
    true
}

/// Standard deviation of the token embedding and the head, as in the authors' code
/// (state-spaces/mamba, `initializer_range`).
const TABLE_DEVIATION: f64 = 0.02;

/// The time steps of channels at the start, `dt_min` and `dt_max` of the authors' code.
const TIME_STEPS: [f64; 2] = [0.001, 0.1];

impl MambaSettings {
    /// Of these sizes, all else as where a file does not say.
    #[must_use]
    pub const fn new(layers: u32, width: u32) -> Self {
        Self {
            layers,
            width,
            state: default_state(),
            expand: default_expand(),
            conv_kernel: default_conv_kernel(),
            tied_head: default_tied_head(),
            start_token: false,
        }
    }

    /// Channels of a block.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.expand as usize * self.width as usize
    }

    /// Numbers that the time steps of all channels are made of, transformers' `time_step_rank`.
    #[must_use]
    pub fn time_step_rank(&self) -> usize {
        self.width.div_ceil(16) as usize
    }
}

impl ArchitectureSettings for MambaSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers, 1, 1024)?;
        in_range("model.width", self.width, 1, 65_536)?;
        in_range("model.state", self.state, 1, 1024)?;
        in_range("model.expand", self.expand, 1, 64)?;
        in_range("model.conv_kernel", self.conv_kernel, 1, 64)
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
    ///
    /// Initial weights are those of the authors' code: maps and convolutions as torch.nn draws them, what
    /// writes into the residual stream divided by √L.
    fn layout(&self, data: &DataShape) -> Layout {
        let (d, rows, channels) = (self.width as usize, data.rows(), self.channels());
        let (state, kernel) = (self.state as usize, self.conv_kernel as usize);
        let rank = self.time_step_rank();
        let by_fan_in = |fan_in: usize| Init::Uniform(1.0 / (fan_in as f64).sqrt());
        let small = Init::Uniform(1.0 / (channels as f64 * f64::from(self.layers)).sqrt());
        let table = |name, group| {
            let init = Init::Normal(TABLE_DEVIATION);
            Slot::new(name, &[rows, d], init, Rule::Other, group)
        };
        let norm = |name: &str| Slot::new(name, &[d], Init::Ones, Rule::Other, Group::LayerNorm);
        let [shortest, longest] = TIME_STEPS;
        let steps = Init::SoftplusLogUniform { shortest, longest };
        let mut slots = vec![table("backbone.embeddings.weight", Group::TokenEmbedding)];
        for layer in 0..self.layers {
            let name = |part: &str| format!("backbone.layers.{layer}.{part}");
            slots.push(norm(&name("norm.weight")));
            let (map, other) = (Rule::TransposedMatrix, Rule::Other);
            for (part, dims, init, rule) in [
                ("A_log", &[channels, state][..], Init::LogOfPlace, other),
                ("D", &[channels], Init::Ones, other),
                ("in_proj.weight", &[2 * channels, d], by_fan_in(d), map),
                (
                    "conv1d.weight",
                    &[channels, 1, kernel],
                    by_fan_in(kernel),
                    other,
                ),
                ("conv1d.bias", &[channels], by_fan_in(kernel), other),
                (
                    "x_proj.weight",
                    &[rank + 2 * state, channels],
                    by_fan_in(channels),
                    map,
                ),
                ("dt_proj.weight", &[channels, rank], by_fan_in(rank), map),
                ("dt_proj.bias", &[channels], steps, other),
                ("out_proj.weight", &[d, channels], small, map),
            ] {
                let name = name(&format!("mixer.{part}"));
                slots.push(Slot::new(&name, dims, init, rule, Group::Mixing));
            }
        }
        slots.push(norm("backbone.norm_f.weight"));
        if !self.tied_head {
            slots.push(table("lm_head.weight", Group::Head));
        }
        Layout::new(slots)
    }

    /// The states of all channels.
    fn widest_activation(&self, _: &DataShape) -> usize {
        self.state as usize * self.channels()
    }
}
