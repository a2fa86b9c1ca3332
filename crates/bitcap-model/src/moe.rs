//! A mixture of experts in Burn, as Mixtral is one (Jiang et al. 2024, arXiv 2401.04088): Llama's blocks with
//! SwiGLUs, the experts, of which a router chooses some for each token. The same function as transformers'
//! `MixtralForCausalLM`.

use bitcap_plan::{ArchitectureSettings, Layout, ModelSettings, MoeSettings, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor};
use serde_json::{Value, json};

use crate::architecture::{Architecture, Hidden};
use crate::config::Config;
use crate::layers::swiglu;
use crate::llama_blocks::{self, Blocks, SwiGlu, slot};
use crate::routing::{Routed, Routing};
use crate::weights::Weights;

/// A mixture of experts less its weights.
pub(crate) struct Moe {
    settings: MoeSettings,
    data: DataShape,
    layout: Layout,
    blocks: Blocks<Mixture>,
    routing: Routing,
}

/// What a block has in the place of the MLP.
struct Mixture {
    /// `[experts, d]`.
    router: SlotId,
    experts: Vec<SwiGlu>,
}

impl Moe {
    /// On `device`, without autodiff.
    pub(crate) fn new(settings: &MoeSettings, data: DataShape, device: &Device) -> Self {
        let layout = settings.layout(&data);
        let blocks = Blocks::new(&settings.blocks(), &layout, &data, device, |block| {
            let part = |part: &str| slot(&layout, &format!("{block}.block_sparse_moe.{part}"));
            let expert = |expert: u32| {
                let map = |map: &str| part(&format!("experts.{expert}.{map}"));
                SwiGlu {
                    gate: map("w1"),
                    expand: map("w3"),
                    contract: map("w2"),
                }
            };
            Mixture {
                router: part("gate"),
                experts: (0..settings.experts).map(expert).collect(),
            }
        });
        Self {
            routing: Routing::new(settings.experts, settings.experts_per_token, device),
            settings: settings.clone(),
            data,
            layout,
            blocks,
        }
    }

    /// What a config.json says that [`Architecture::config`] made.
    pub(crate) fn of_config(config: &Config) -> Result<(ModelSettings, DataShape), String> {
        let (sizes, data) = llama_blocks::of_config(config)?;
        let settings = MoeSettings {
            mlp_width: Some(sizes.mlp_width),
            experts: config.number("num_local_experts")?,
            experts_per_token: config.number("num_experts_per_tok")?,
            auxiliary_loss: config.real("router_aux_loss_coef")?,
            tied_head: sizes.tied_head,
            start_token: sizes.start_token,
            ..MoeSettings::new(sizes.layers, sizes.width, sizes.heads)
        };
        Ok((ModelSettings::Moe(settings), data))
    }

    /// The sum of what the experts say of `x`, `[rows, d]`, each times its weight, which is 0 where it is not
    /// chosen: to the same shape, and the routing.
    ///
    /// All experts are worked out for all rows, side by side as one SwiGLU: rows gathered by their experts
    /// would have another number with every pass, and models here are small.
    fn mixture(&self, weights: &Weights, mixture: &Mixture, x: Tensor<2>) -> (Tensor<2>, Routed) {
        let routed = self.routing.of(weights.linear(x.clone(), mixture.router));
        let beside = |map: fn(&SwiGlu) -> SlotId, dim| {
            let maps = mixture.experts.iter().map(map);
            Tensor::cat(maps.map(|slot| weights.tensor::<2>(slot)).collect(), dim)
        };
        let gate = beside(|expert| expert.gate, 0);
        let expand = beside(|expert| expert.expand, 0);
        let hidden = swiglu(weights, x, gate, expand);
        let [rows, all] = hidden.dims();
        let experts = mixture.experts.len();
        // A weight times what an expert says is what it says of its hidden layer times that weight.
        let hidden = hidden.reshape([rows, experts, all / experts])
            * routed.weights.clone().reshape([rows, experts, 1]);
        let contract = beside(|expert| expert.contract, 1);
        let mixed = weights.product(hidden.reshape([rows, all]), contract.transpose());
        (mixed, routed)
    }
}

impl Architecture for Moe {
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
        let mut layers = Vec::with_capacity(self.settings.layers as usize);
        let values = self.blocks.hidden(weights, tokens, |mixture, x| {
            let (mixed, routed) = self.mixture(weights, mixture, x);
            layers.push(routed);
            mixed
        });
        let weight = self.settings.auxiliary_loss;
        let loss = || self.routing.balancing_loss(&layers).mul_scalar(weight);
        Hidden {
            values,
            auxiliary: (weight > 0.0).then(loss),
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.blocks.head(weights, hidden)
    }

    fn config(&self) -> Value {
        let settings = &self.settings;
        let sizes = settings.blocks();
        let mut config = llama_blocks::config("MixtralForCausalLM", "mixtral", &sizes, &self.data);
        config["num_local_experts"] = json!(settings.experts);
        config["num_experts_per_tok"] = json!(settings.experts_per_token);
        config["router_aux_loss_coef"] = json!(settings.auxiliary_loss);
        config["output_router_logits"] = json!(false);
        config["router_jitter_noise"] = json!(0.0);
        config["sliding_window"] = Value::Null;
        config
    }
}
