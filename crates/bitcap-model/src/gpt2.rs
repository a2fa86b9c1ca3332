//! GPT-2's forward pass in Burn: pre-norm blocks, learned positions, biases, tanh GELU.

use bitcap_base::InvalidSetting;
use bitcap_kernels::{LayerAt, LinearAt, NormAt, Offsets, Sizes};
use bitcap_plan::{Gpt2Settings, Layout, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::Serialize;
use serde_json::{Value, json};

use crate::architecture::{Architecture, Hidden};
use crate::functions::{LAYER_NORM_EPSILON, gelu, layer_norm, softmax};
use crate::passes::is_processor;
use crate::weights::Weights;

/// Added to the scores of later positions. Far below any score in f32, and finite, so that no
/// backend meets an infinity.
const MASKED: f32 = -1e9;

/// A GPT-2 less its weights.
pub struct Gpt2 {
    settings: Gpt2Settings,
    data: DataShape,
    layout: Layout,
    blocks: Vec<Block>,
    token_embedding: SlotId,
    position_embedding: SlotId,
    final_norm: Norm,
    head: SlotId,
    /// [1, 1, S_pred, S_pred]: 0 where a position may look, [`MASKED`] where not.
    mask: Tensor<4>,
    /// [1, padded]: 0 where there is a token, [`MASKED`] where the logits are padded; None where they
    /// are not.
    padding: Option<Tensor<2>>,
}

struct Norm {
    gain: SlotId,
    bias: SlotId,
}

struct Linear {
    matrix: SlotId,
    bias: SlotId,
}

struct Block {
    attention_norm: Norm,
    qkv: Linear,
    projection: Linear,
    mlp_norm: Norm,
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
        let norm = |name: &str| Norm {
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
        Self {
            blocks: (0..settings.layers).map(block).collect(),
            token_embedding,
            position_embedding: slot("transformer.wpe.weight"),
            final_norm: norm("transformer.ln_f"),
            head: if settings.tied_head {
                token_embedding
            } else {
                slot("lm_head.weight")
            },
            mask: causal_mask(data.predicted(), device),
            padding: padding(data.rows(), device),
            settings: settings.clone(),
            data,
            layout,
        }
    }

    /// Out of a config.json that [`Architecture::config`] made; what is wrong where it cannot be one.
    /// What it does not say, how the weights were drawn, is as where a file does not say.
    pub(crate) fn of_config(config: &Value, device: &Device) -> Result<Self, String> {
        let number = |key: &str| {
            let number = config[key].as_u64().and_then(|n| u32::try_from(n).ok());
            number
                .filter(|&n| n > 0)
                .ok_or_else(|| format!("`{key}` must be a positive whole number"))
        };
        let flag = |key: &str| {
            let flag = config[key].as_bool();
            flag.ok_or_else(|| format!("`{key}` must be true or false"))
        };
        let start_token = flag("bitcap_start_token")?;
        let width = number("n_embd")?;
        let data = DataShape {
            vocabulary: number("vocab_size")? - u32::from(start_token),
            length: number("n_positions")? as usize,
            start_token,
        };
        // A remainder shows when the caller compares `config` with what this model writes.
        let settings = Gpt2Settings {
            mlp_ratio: number("n_inner")? / width,
            tied_head: flag("tie_word_embeddings")?,
            start_token,
            ..Gpt2Settings::new(number("n_layer")?, width, number("n_head")?)
        };
        // In words of the settings, but with the same sizes.
        let invalid = |error: InvalidSetting| format!("no such model can be: {error}");
        settings.validate().map_err(invalid)?;
        data.validate().map_err(invalid)?;
        Ok(Self::new(&settings, data, device))
    }

    /// Causal self-attention of `x`: `[n · s, d]`, to the same shape.
    fn attention(
        &self,
        weights: &Weights,
        block: &Block,
        x: Tensor<2>,
        [n, s]: [usize; 2],
    ) -> Tensor<2> {
        let (d, heads) = (self.settings.width as usize, self.settings.heads as usize);
        let head_width = d / heads;
        let qkv = linear(weights, &block.qkv, x);
        // Queries, keys and values stand side by side, in each one head after another; products
        // want `[n, heads, s, head_width]`.
        let part = |i: usize| {
            qkv.clone()
                .slice([0..n * s, i * d..(i + 1) * d])
                .reshape([n, s, heads, head_width])
                .swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        let scale = 1.0 / (head_width as f64).sqrt();
        // A query has head_width numbers to scale where its scores are s.
        let scores = weights.product(query.mul_scalar(scale), key.swap_dims(2, 3));
        let scores = scores.clone() + like(self.mask.clone(), &scores);
        let mixed = weights.product(softmax(scores), value);
        let mixed = mixed.swap_dims(1, 2).reshape([n * s, d]);
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
            let normed = norm(weights, &block.attention_norm, x.clone());
            x = x + self.attention(weights, block, normed, [n, s]);
            let normed = norm(weights, &block.mlp_norm, x.clone());
            let activated = gelu(linear(weights, &block.expand, normed));
            x = x + linear(weights, &block.contract, activated);
        }
        Hidden {
            values: norm(weights, &self.final_norm, x),
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        let head = weights.tensor::<2>(self.head);
        match &self.padding {
            None => weights.product(hidden, head.transpose()),
            Some(padding) => {
                // Rows of zeros have logits of 0, from which the mask takes all probability.
                let [rows, width] = head.dims();
                let [_, padded] = padding.dims();
                let zeros = Tensor::zeros([padded - rows, width], &head.device());
                let head = Tensor::cat(vec![head, zeros], 0);
                let logits = weights.product(hidden, head.transpose());
                logits.clone() + like(padding.clone(), &logits)
            }
        }
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
        let norm = |norm: &Norm| NormAt {
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
            head: at(self.head),
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
            // Not Hugging Face's, which keeps what it does not know: whether the last row of the
            // embedding is a start token cannot be told from the rest.
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

fn norm(weights: &Weights, norm: &Norm, x: Tensor<2>) -> Tensor<2> {
    layer_norm(x, weights.tensor(norm.gain), weights.tensor(norm.bias))
}

fn linear(weights: &Weights, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
    weights.product(x, weights.tensor(linear.matrix))
        + weights.tensor::<1>(linear.bias).unsqueeze::<2>()
}

/// A constant as a tensor that goes together with `other`: of its dtype, and on the autodiff device
/// if that is.
fn like<const D: usize>(constant: Tensor<D>, other: &Tensor<D>) -> Tensor<D> {
    let constant = constant.cast(other.dtype());
    if other.is_autodiff() {
        Tensor::from_inner(constant)
    } else {
        constant
    }
}

/// On a GPU a row of logits begins where 16 bytes begin: without that its kernels read number by number,
/// and some break. A vocabulary with its start token hardly ever has such a length.
fn padding(rows: usize, device: &Device) -> Option<Tensor<2>> {
    let padded = rows.next_multiple_of(if rows < 64 { 4 } else { 64 });
    if padded == rows || is_processor(device) {
        return None;
    }
    let values: Vec<f32> = (0..padded)
        .map(|i| if i < rows { 0.0 } else { MASKED })
        .collect();
    Some(Tensor::from_data(
        TensorData::new(values, [1, padded]),
        device,
    ))
}

fn causal_mask(length: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..length * length)
        .map(|i| if i % length > i / length { MASKED } else { 0.0 })
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 1, length, length]), device)
}
