//! Llama's forward pass in Burn (Touvron et al. 2023, arXiv 2302.13971): pre-norm blocks with RMSNorm
//! (Zhang & Sennrich 2019), rotary positions (Su et al. 2021), a SwiGLU (Shazeer 2020), no biases. The
//! same function as transformers' `LlamaForCausalLM`.

use bitcap_plan::{ArchitectureSettings, Layout, LlamaSettings, ModelSettings, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor, activation};
use serde_json::{Value, json};

use crate::architecture::{Architecture, Hidden};
use crate::attention::CausalAttention;
use crate::config::Config;
use crate::constant::Constant;
use crate::head::Head;
use crate::layers::rms_norm;
use crate::weights::Weights;

/// Under the root in every norm: transformers' default.
const RMS_NORM_EPSILON: f64 = 1e-6;

/// The slowest wave of the rotary positions turns by 1 / this, all but: RoFormer's base.
const ROPE_BASE: f64 = 10_000.0;

/// A Llama less its weights.
pub(crate) struct Llama {
    settings: LlamaSettings,
    data: DataShape,
    layout: Layout,
    blocks: Vec<Block>,
    embedding: SlotId,
    final_norm: SlotId,
    head: Head,
    attention: CausalAttention,
    rotation: Rotation,
}

/// A norm is its gain, and a linear map its matrix, `[out, in]`.
struct Block {
    attention_norm: SlotId,
    query: SlotId,
    key: SlotId,
    value: SlotId,
    projection: SlotId,
    mlp_norm: SlotId,
    gate: SlotId,
    expand: SlotId,
    contract: SlotId,
}

impl Llama {
    /// On `device`, without autodiff.
    pub(crate) fn new(settings: &LlamaSettings, data: DataShape, device: &Device) -> Self {
        let layout = settings.layout(&data);
        let slot = |name: &str| {
            let id = layout.find(&format!("{name}.weight"));
            id.expect("the layout of these settings holds every tensor of the forward pass")
        };
        let block = |layer| {
            let part = |part: &str| slot(&format!("model.layers.{layer}.{part}"));
            Block {
                attention_norm: part("input_layernorm"),
                query: part("self_attn.q_proj"),
                key: part("self_attn.k_proj"),
                value: part("self_attn.v_proj"),
                projection: part("self_attn.o_proj"),
                mlp_norm: part("post_attention_layernorm"),
                gate: part("mlp.gate_proj"),
                expand: part("mlp.up_proj"),
                contract: part("mlp.down_proj"),
            }
        };
        let embedding = slot("model.embed_tokens");
        let head = if settings.tied_head {
            embedding
        } else {
            slot("lm_head")
        };
        let head_width = (settings.width / settings.heads) as usize;
        Self {
            blocks: (0..settings.layers).map(block).collect(),
            embedding,
            final_norm: slot("model.norm"),
            head: Head::new(head, data.rows(), device),
            attention: CausalAttention::new(settings.heads, data.predicted(), device),
            rotation: Rotation::new(data.predicted(), head_width, device),
            settings: settings.clone(),
            data,
            layout,
        }
    }

    /// What a config.json says that [`Architecture::config`] made.
    pub(crate) fn of_config(config: &Config) -> Result<(ModelSettings, DataShape), String> {
        let data = config.data("max_position_embeddings")?;
        let settings = LlamaSettings {
            mlp_width: Some(config.number("intermediate_size")?),
            tied_head: config.flag("tie_word_embeddings")?,
            start_token: data.start_token,
            ..LlamaSettings::new(
                config.number("num_hidden_layers")?,
                config.number("hidden_size")?,
                config.number("num_attention_heads")?,
            )
        };
        Ok((ModelSettings::Llama(settings), data))
    }

    /// Causal self-attention of `x`: `[n · s, d]`, to the same shape.
    fn attention(
        &self,
        weights: &Weights,
        block: &Block,
        x: &Tensor<2>,
        places: [usize; 2],
    ) -> Tensor<2> {
        let part = |matrix| {
            let part = weights.linear(x.clone(), matrix);
            self.attention.split(part, places)
        };
        let query = self.rotation.of(part(block.query));
        let key = self.rotation.of(part(block.key));
        let mixed = self.attention.mix(weights, query, key, part(block.value));
        weights.linear(mixed, block.projection)
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
        let places @ [n, s] = tokens.dims();
        let norm = |gain, x| rms_norm(weights, gain, RMS_NORM_EPSILON, x);
        let mut x = weights.rows(self.embedding, tokens.reshape([n * s]));
        for block in &self.blocks {
            let normed = norm(block.attention_norm, x.clone());
            x = x + self.attention(weights, block, &normed, places);
            let normed = norm(block.mlp_norm, x.clone());
            let gate = activation::silu(weights.linear(normed.clone(), block.gate));
            let gated = gate * weights.linear(normed, block.expand);
            x = x + weights.linear(gated, block.contract);
        }
        Hidden {
            values: norm(self.final_norm, x),
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.head.logits(weights, hidden)
    }

    fn config(&self) -> Value {
        let Self { settings, data, .. } = self;
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": data.rows(),
            "max_position_embeddings": data.length,
            "hidden_size": settings.width,
            "num_hidden_layers": settings.layers,
            "num_attention_heads": settings.heads,
            "num_key_value_heads": settings.heads,
            "intermediate_size": settings.hidden(),
            "hidden_act": "silu",
            "rms_norm_eps": RMS_NORM_EPSILON,
            "rope_theta": ROPE_BASE,
            "attention_bias": false,
            "mlp_bias": false,
            "attention_dropout": 0.0,
            "tie_word_embeddings": settings.tied_head,
            "bos_token_id": data.start_token.then_some(data.vocabulary),
            "eos_token_id": null,
            "torch_dtype": "float32",
            "bitcap_start_token": data.start_token,
        })
    }
}

/// Rotary positions: at place t the numbers j and j + w/2 of a head of width w are the two coordinates
/// of a point that is turned by t · base^(-2j/w). (RoFormer pairs neighbours; transformers, and so
/// the weights, halves.)
struct Rotation {
    /// `[1, 1, S_pred, w]`, the angle of each number.
    cosine: Constant<4>,
    sine: Constant<4>,
}

impl Rotation {
    fn new(length: usize, width: usize, device: &Device) -> Self {
        let half = width / 2;
        let angle = |i: usize| {
            // The halves of a head have the same angles.
            let exponent = -((i % width % half) as f64) / half as f64;
            (i / width) as f64 * libm::pow(ROPE_BASE, exponent)
        };
        let table = |function: fn(f64) -> f64| {
            let values = (0..length * width).map(|i| function(angle(i)));
            Constant::new(values.collect(), [1, 1, length, width], device)
        };
        Self {
            cosine: table(libm::cos),
            sine: table(libm::sin),
        }
    }

    /// Of `x`: `[n, heads, s, w]`, to the same shape.
    fn of(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, heads, s, width] = x.dims();
        let half = |from: usize, to: usize| x.clone().slice([0..n, 0..heads, 0..s, from..to]);
        let quarter_turn = Tensor::cat(vec![-half(width / 2, width), half(0, width / 2)], 3);
        let (cosine, sine) = (self.cosine.beside(&x), self.sine.beside(&x));
        x * cosine + quarter_turn * sine
    }
}
