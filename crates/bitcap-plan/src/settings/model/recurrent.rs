//! Recurrent networks: LSTM (Hochreiter & Schmidhuber 1997; Gers et al. 2000) and GRU (Cho et al. 2014),
//! as torch.nn has them.

use bitcap_base::{InvalidSetting, in_range};
use bitcap_source::DataShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{ArchitectureSettings, CommonSettings};
use crate::layout::{Group, Init, Layout, Rule, Slot};

/// The `[model]` section of an LSTM.
pub type LstmSettings = RecurrentSettings<4>;

/// The `[model]` section of a GRU.
pub type GruSettings = RecurrentSettings<3>;

/// The `[model]` section of a recurrent network whose cells have so many gates, the candidate for the
/// new state counted as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecurrentSettings<const GATES: usize> {
    /// Number of recurrent layers L, one on another, 1 to 1,024.
    pub layers: u32,
    /// Width d of embedding and state, 1 to 65,536.
    pub width: u32,
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

/// Bound of the uniform law of embeddings and head, that of PyTorch's own recurrent language models
/// (pytorch/examples, word_language_model).
const TABLE_BOUND: f64 = 0.1;

impl<const GATES: usize> RecurrentSettings<GATES> {
    /// Of these sizes, all else as where a file does not say.
    #[must_use]
    pub const fn new(layers: u32, width: u32) -> Self {
        Self {
            layers,
            width,
            tied_head: default_tied_head(),
            start_token: false,
        }
    }
}

impl<const GATES: usize> ArchitectureSettings for RecurrentSettings<GATES> {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("model.layers", self.layers, 1, 1024)?;
        in_range("model.width", self.width, 1, 65_536)
    }

    fn common(&self) -> CommonSettings {
        CommonSettings {
            layers: self.layers,
            width: self.width,
            tied_head: self.tied_head,
            start_token: self.start_token,
        }
    }

    /// By the names and in the shapes of torch.nn.LSTM and GRU: the gates of a layer one below the
    /// other, `[GATES · d, d]`. All weights of the layers are U(-1/√d, 1/√d), as there.
    fn layout(&self, data: &DataShape) -> Layout {
        let (d, rows) = (self.width as usize, data.rows());
        let table = |name, group| {
            let init = Init::Uniform(TABLE_BOUND);
            Slot::new(name, &[rows, d], init, Rule::Other, group)
        };
        let init = Init::Uniform(1.0 / (d as f64).sqrt());
        let mut slots = vec![table("embedding.weight", Group::TokenEmbedding)];
        for layer in 0..self.layers {
            for (part, dims, rule) in [
                ("weight_ih", &[GATES * d, d][..], Rule::TransposedMatrix),
                ("weight_hh", &[GATES * d, d], Rule::TransposedMatrix),
                ("bias_ih", &[GATES * d], Rule::Other),
                ("bias_hh", &[GATES * d], Rule::Other),
            ] {
                let name = format!("rnn.{part}_l{layer}");
                slots.push(Slot::new(&name, dims, init, rule, Group::Recurrent));
            }
        }
        if !self.tied_head {
            slots.push(table("lm_head.weight", Group::Head));
        }
        Layout::new(slots)
    }

    /// The gates.
    fn widest_activation(&self, _: &DataShape) -> usize {
        GATES * self.width as usize
    }
}
