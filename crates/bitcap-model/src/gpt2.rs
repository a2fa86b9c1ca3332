//! GPT-2's forward pass in Burn: pre-norm blocks, learned positions, biases, tanh GELU.

use bitcap_kernels::{LayerAt, LinearAt, NormAt, Offsets, Sizes};
use bitcap_plan::{ArchitectureSettings, Gpt2Settings, Layout, ModelSettings, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor};
use serde::Serialize;
use serde_json::{Value, json};

use crate::architecture::{Architecture, Hidden};
use crate::attention::CausalAttention;
use crate::config::Config;
use crate::functions::{LAYER_NORM_EPSILON, gelu};
use crate::head::Head;
use crate::layer_norm::LayerNorm;
use crate::weights::Weights;

/// A GPT-2 less its weights.
pub struct Gpt2 {
    settings: Gpt2Settings,
    data: DataShape,
    layout: Layout,
    blocks: Vec<Block>,
    token_embedding: SlotId,
    position_embedding: SlotId,
    final_norm: LayerNorm,
    head: Head,
    attention: CausalAttention,
}

struct Linear {
    matrix: SlotId,
    bias: SlotId,
}

struct Block {
    attention_norm: LayerNorm,
    qkv: Linear,
    projection: Linear,
    mlp_norm: LayerNorm,
    expand: Linear,
    contract: Linear,
}

impl Gpt2 {
    /// On `device`, without autodiff.
    #[must_use]
    pub fn new(settings: &Gpt2Settings, data: DataShape, device: &Device) -> Self {
        let layout = settings.layout(&data);
        let slot = |name: &str| {
            let id = layout.find(name);
            id.expect("the layout of these settings holds every tensor of the forward pass")
        };
        let part = |name: &str, part| slot(&format!("{name}.{part}"));
        let norm = |name: &str| LayerNorm {
            gain: part(name, "weight"),
            bias: part(name, "bias"),
        };
        let linear = |name: &str| Linear {
            matrix: part(name, "weight"),
            bias: part(name, "bias"),
        };
        let block = |layer| {
            let name = |part: &str| format!("transformer.h.{layer}.{part}");
            Block {
                attention_norm: norm(&name("ln_1")),
                qkv: linear(&name("attn.c_attn")),
                projection: linear(&name("attn.c_proj")),
                mlp_norm: norm(&name("ln_2")),
                expand: linear(&name("mlp.c_fc")),
                contract: linear(&name("mlp.c_proj")),
            }
        };
        let token_embedding = slot("transformer.wte.weight");
        let head = if settings.tied_head {
            token_embedding
        } else {
            slot("lm_head.weight")
        };
        Self {
            blocks: (0..settings.layers).map(block).collect(),
            token_embedding,
            position_embedding: slot("transformer.wpe.weight"),
            final_norm: norm("transformer.ln_f"),
            head: Head::new(head, data.rows(), device),
            attention: CausalAttention::new(settings.heads, data.predicted(), device),
            settings: settings.clone(),
            data,
            layout,
        }
    }

    /// What a config.json says that [`Architecture::config`] made. What it does not say, how the weights
    /// were drawn, is as where a file does not say.
    pub(crate) fn of_config(config: &Config) -> Result<(ModelSettings, DataShape), String> {
        let data = config.data("n_positions")?;
        let width = config.number("n_embd")?;
        // A remainder shows when the caller compares `config` with what this model writes.
        let settings = Gpt2Settings {
            mlp_ratio: config.number("n_inner")? / width,
            tied_head: config.flag("tie_word_embeddings")?,
            start_token: data.start_token,
            ..Gpt2Settings::new(config.number("n_layer")?, width, config.number("n_head")?)
        };
        Ok((ModelSettings::Gpt2(settings), data))
    }

    /// Causal self-attention of `x`: `[n · s, d]`, to the same shape.
    fn attention(
        &self,
        weights: &Weights,
        block: &Block,
        x: Tensor<2>,
        places: [usize; 2],
    ) -> Tensor<2> {
        let d = self.settings.width as usize;
        let qkv = linear(weights, &block.qkv, x);
        let [rows, _] = qkv.dims();
        // Queries, keys and values stand side by side.
        let part = |i: usize| {
            let part = qkv.clone().slice([0..rows, i * d..(i + 1) * d]);
            self.attention.split(part, places)
        };
        let mixed = self.attention.mix(weights, part(0), part(1), part(2));
        linear(weights, &block.projection, mixed)
    }
}

impl Architecture for Gpt2 {
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
        let [n, s] = tokens.dims();
        let d = self.settings.width as usize;
        // Rows stay two-dimensional throughout: one large matrix product instead of n small ones.
        let tokens = weights.rows(self.token_embedding, tokens.reshape([n * s]));
        let mut positions = weights.tensor::<2>(self.position_embedding);
        if positions.dims()[0] != s {
            positions = positions.slice([0..s, 0..d]);
        }
        let positions = positions.unsqueeze::<3>();
        let mut x = (tokens.reshape([n, s, d]) + positions).reshape([n * s, d]);
        for block in &self.blocks {
            let normed = block.attention_norm.of(weights, x.clone());
            x = x + self.attention(weights, block, normed, [n, s]);
            let normed = block.mlp_norm.of(weights, x.clone());
            let activated = gelu(linear(weights, &block.expand, normed));
            x = x + linear(weights, &block.contract, activated);
        }
        Hidden {
            values: self.final_norm.of(weights, x),
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.head.logits(weights, hidden)
    }

    fn kernels(&self) -> Option<(Sizes, Offsets)> {
        let Self { settings, data, .. } = self;
        let width = settings.width as usize;
        // Without a start token only S - 1 positions are read: the kernels leave out the last row
        // of the table of positions, whose gradient is 0.
        let sizes = Sizes {
            rows: data.rows(),
            length: data.predicted(),
            layers: settings.layers as usize,
            width,
            heads: settings.heads as usize,
            hidden: settings.mlp_ratio as usize * width,
        };
        let at = |slot: SlotId| self.layout.slots()[slot.index()].offset;
        let norm = |norm: &LayerNorm| NormAt {
            gain: at(norm.gain),
            bias: at(norm.bias),
        };
        let linear = |linear: &Linear| LinearAt {
            matrix: at(linear.matrix),
            bias: at(linear.bias),
        };
        let layer = |block: &Block| LayerAt {
            attention_norm: norm(&block.attention_norm),
            qkv: linear(&block.qkv),
            projection: linear(&block.projection),
            mlp_norm: norm(&block.mlp_norm),
            expand: linear(&block.expand),
            contract: linear(&block.contract),
        };
        let offsets = Offsets {
            token_embedding: at(self.token_embedding),
            position_embedding: at(self.position_embedding),
            layers: self.blocks.iter().map(layer).collect(),
            final_norm: norm(&self.final_norm),
            head: at(self.head.table()),
            len: self.layout.len(),
        };
        Some((sizes, offsets))
    }

    fn config(&self) -> Value {
        let Self { settings, data, .. } = self;
        json!({
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": data.rows(),
            "n_positions": data.length,
            "n_embd": settings.width,
            "n_layer": settings.layers,
            "n_head": settings.heads,
            "n_inner": settings.mlp_ratio * settings.width,
            "activation_function": "gelu_new",
            "resid_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
            "layer_norm_epsilon": LAYER_NORM_EPSILON,
            "tie_word_embeddings": settings.tied_head,
            "bos_token_id": data.start_token.then_some(data.vocabulary),
            "eos_token_id": null,
            "torch_dtype": "float32",
            "bitcap_start_token": data.start_token,
        })
    }

    /// Coded files name their model by a hash of these very bytes and the weights.
    fn identity(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Identity {
            vocabulary: u32,
            length: usize,
            layers: u32,
            width: u32,
            heads: u32,
            mlp_ratio: u32,
            tied_head: bool,
            start_token: bool,
        }
        let Self { settings, data, .. } = self;
        let identity = Identity {
            vocabulary: data.vocabulary,
            length: data.length,
            layers: settings.layers,
            width: settings.width,
            heads: settings.heads,
            mlp_ratio: settings.mlp_ratio,
            tied_head: settings.tied_head,
            start_token: data.start_token,
        };
        serde_json::to_vec(&identity).expect("a record of numbers")
    }
}

fn linear(weights: &Weights, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
    weights.product(x, weights.tensor(linear.matrix))
        + weights.tensor::<1>(linear.bias).unsqueeze::<2>()
}
