//! What models of Llama's blocks compute alike (Touvron et al. 2023, arXiv 2302.13971): embedding, pre-norm
//! blocks with RMSNorm and attention with rotary positions, head; all but what stands in the place of the
//! MLP. No biases.

use bitcap_plan::{Layout, LlamaBlocks, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor};
use serde_json::{Value, json};

use crate::attention::CausalAttention;
use crate::config::Config;
use crate::head::Head;
use crate::layers::rms_norm;
use crate::rotation::{ROPE_BASE, Rotation};
use crate::weights::Weights;

/// Under the root in every norm: transformers' default.
const RMS_NORM_EPSILON: f64 = 1e-6;

/// A model of Llama's blocks less its weights, each with an `M` in the place of the MLP.
pub(crate) struct Blocks<M> {
    blocks: Vec<Block<M>>,
    embedding: SlotId,
    final_norm: SlotId,
    head: Head,
    attention: CausalAttention,
    rotation: Rotation,
}

/// A norm is its gain, and a linear map its matrix, `[out, in]`.
struct Block<M> {
    attention_norm: SlotId,
    query: SlotId,
    key: SlotId,
    value: SlotId,
    projection: SlotId,
    mlp_norm: SlotId,
    mlp: M,
}

/// The maps of a SwiGLU to the gate, to the hidden layer and back.
pub(crate) struct SwiGlu {
    pub(crate) gate: SlotId,
    pub(crate) expand: SlotId,
    pub(crate) contract: SlotId,
}

/// The slot of a matrix or a gain, by its name less `.weight`.
pub(crate) fn slot(layout: &Layout, name: &str) -> SlotId {
    let id = layout.find(&format!("{name}.weight"));
    id.expect("the layout of these settings holds every tensor of the forward pass")
}

impl<M> Blocks<M> {
    /// On `device`, without autodiff. `mlp`: what stands in the place of the MLP, by the name of the block.
    pub(crate) fn new(
        sizes: &LlamaBlocks,
        layout: &Layout,
        data: &DataShape,
        device: &Device,
        mlp: impl Fn(&str) -> M,
    ) -> Self {
        let slot = |name: &str| slot(layout, name);
        let block = |layer| {
            let block = format!("model.layers.{layer}");
            let part = |part: &str| slot(&format!("{block}.{part}"));
            Block {
                attention_norm: part("input_layernorm"),
                query: part("self_attn.q_proj"),
                key: part("self_attn.k_proj"),
                value: part("self_attn.v_proj"),
                projection: part("self_attn.o_proj"),
                mlp_norm: part("post_attention_layernorm"),
                mlp: mlp(&block),
            }
        };
        let embedding = slot("model.embed_tokens");
        let head = if sizes.tied_head {
            embedding
        } else {
            slot("lm_head")
        };
        let head_width = (sizes.width / sizes.heads) as usize;
        Self {
            blocks: (0..sizes.layers).map(block).collect(),
            embedding,
            final_norm: slot("model.norm"),
            head: Head::new(head, data.rows(), device),
            attention: CausalAttention::new(sizes.heads, data.predicted(), device),
            rotation: Rotation::new(data.predicted(), head_width, device),
        }
    }

    /// What goes into the head, `[n · s, d]`, of `tokens`, `[n, s]`. `mlp` takes what stands in the place of
    /// a block's MLP and its input, `[n · s, d]`, to its output.
    pub(crate) fn hidden(
        &self,
        weights: &Weights,
        tokens: Tensor<2, Int>,
        mut mlp: impl FnMut(&M, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let places @ [n, s] = tokens.dims();
        let norm = |gain, x| rms_norm(weights, gain, RMS_NORM_EPSILON, x);
        let mut x = weights.rows(self.embedding, tokens.reshape([n * s]));
        for block in &self.blocks {
            let normed = norm(block.attention_norm, x.clone());
            x = x + self.attention(weights, block, &normed, places);
            let normed = norm(block.mlp_norm, x.clone());
            x = x + mlp(&block.mlp, normed);
        }
        norm(self.final_norm, x)
    }

    /// Causal self-attention of `x`: `[n · s, d]`, to the same shape.
    fn attention(
        &self,
        weights: &Weights,
        block: &Block<M>,
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

    /// The logits of `hidden`: `[rows, d]` to `[rows, V']`, or on a GPU to a few columns more.
    pub(crate) fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.head.logits(weights, hidden)
    }
}

/// The keys of config.json that such models have alike, for transformers' class of that name and the type
/// it goes by.
pub(crate) fn config(
    class: &str,
    model_type: &str,
    sizes: &LlamaBlocks,
    data: &DataShape,
) -> Value {
    json!({
        "architectures": [class],
        "model_type": model_type,
        "vocab_size": data.rows(),
        "max_position_embeddings": data.length,
        "hidden_size": sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.heads,
        "intermediate_size": sizes.mlp_width,
        "hidden_act": "silu",
        "rms_norm_eps": RMS_NORM_EPSILON,
        "rope_theta": ROPE_BASE,
        "attention_bias": false,
        "mlp_bias": false,
        "attention_dropout": 0.0,
        "tie_word_embeddings": sizes.tied_head,
        "bos_token_id": data.start_token.then_some(data.vocabulary),
        "eos_token_id": null,
        "torch_dtype": "float32",
        "bitcap_start_token": data.start_token,
    })
}

/// What a config.json says that [`config`] made.
pub(crate) fn of_config(config: &Config) -> Result<(LlamaBlocks, DataShape), String> {
    let data = config.data("max_position_embeddings")?;
    let sizes = LlamaBlocks {
        layers: config.number("num_hidden_layers")?,
        width: config.number("hidden_size")?,
        heads: config.number("num_attention_heads")?,
        mlp_width: config.number("intermediate_size")?,
        tied_head: config.flag("tie_word_embeddings")?,
        start_token: data.start_token,
    };
    Ok((sizes, data))
}
