//! Llama's forward pass in Burn (Touvron et al. 2023, arXiv 2302.13971): its blocks with a SwiGLU (Shazeer
//! 2020). The same function as transformers' `LlamaForCausalLM`.

use bitcap_plan::{ArchitectureSettings, Layout, LlamaSettings, ModelSettings};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor};
use serde_json::Value;

use crate::architecture::{Architecture, Hidden};
use crate::config::Config;
use crate::layers::swiglu;
use crate::llama_blocks::{self, Blocks, SwiGlu, slot};
use crate::weights::Weights;

/// A Llama less its weights.
pub(crate) struct Llama {
    settings: LlamaSettings,
    data: DataShape,
    layout: Layout,
    blocks: Blocks<SwiGlu>,
}

impl Llama {
    /// On `device`, without autodiff.
    pub(crate) fn new(settings: &LlamaSettings, data: DataShape, device: &Device) -> Self {
        let layout = settings.layout(&data);
        let blocks = Blocks::new(&settings.blocks(), &layout, &data, device, |block| {
            let [gate, expand, contract] =
                ["gate", "up", "down"].map(|map| slot(&layout, &format!("{block}.mlp.{map}_proj")));
            SwiGlu {
                gate,
                expand,
                contract,
            }
        });
        Self {
            settings: settings.clone(),
            data,
            layout,
            blocks,
        }
    }

    /// What a config.json says that [`Architecture::config`] made.
    pub(crate) fn of_config(config: &Config) -> Result<(ModelSettings, DataShape), String> {
        let (sizes, data) = llama_blocks::of_config(config)?;
        let settings = LlamaSettings {
            mlp_width: Some(sizes.mlp_width),
            tied_head: sizes.tied_head,
            start_token: sizes.start_token,
            ..LlamaSettings::new(sizes.layers, sizes.width, sizes.heads)
        };
        Ok((ModelSettings::Llama(settings), data))
    }
}

impl Architecture for Llama {
    fn data(&self) -> &DataShape {
        &self.data
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn widest_activation(&self) -> usize {
        self.settings.widest_activation(&self.data)
    }

    fn hidden(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Hidden {
        let mlp = |mlp: &SwiGlu, x| {
            let (gate, expand) = (weights.tensor(mlp.gate), weights.tensor(mlp.expand));
            weights.linear(swiglu(weights, x, gate, expand), mlp.contract)
        };
        Hidden {
            values: self.blocks.hidden(weights, tokens, mlp),
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.blocks.head(weights, hidden)
    }

    fn config(&self) -> Value {
        let sizes = self.settings.blocks();
        llama_blocks::config("LlamaForCausalLM", "llama", &sizes, &self.data)
    }
}
