//! GPT-2's forward pass in Burn: pre-norm blocks, learned positions, biases, tanh GELU.

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData, activation, module};

use bitcap_plan::{Gpt2Shape, Layout};

/// GPT-2's epsilon in every layer norm.
pub(crate) const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Added to the scores of later positions. Far below any score in f32, and finite, so that no
/// backend meets an infinity.
const MASKED: f32 = -1e9;

/// A GPT-2 whose weights are tensors of their own.
pub struct Gpt2 {
    shape: Gpt2Shape,
    /// In the layout's order.
    weights: Vec<Weight>,
    blocks: Vec<Block>,
    token_embedding: usize,
    position_embedding: usize,
    final_norm: Norm,
    head: usize,
    /// [1, 1, S, S]: 0 where a position may look, [`MASKED`] where not.
    mask: Tensor<4>,
}

#[derive(Clone)]
enum Weight {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

/// Indices into the weights.
struct Norm {
    gain: usize,
    bias: usize,
}

struct Linear {
    matrix: usize,
    bias: usize,
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
    /// A model out of its flat weights, on their device.
    ///
    /// `flat`: `[P]` in the order of [`Layout::gpt2`]. The tensors are leaves of their own: on an
    /// autodiff device ([`Gpt2::for_training`]) each gets a gradient.
    #[must_use]
    pub fn new(shape: &Gpt2Shape, flat: &Tensor<1>) -> Self {
        Self::build(shape, flat, |weight| weight)
    }

    /// The same on the autodiff device, with gradients required of every tensor.
    #[must_use]
    pub fn for_training(shape: &Gpt2Shape, flat: &Tensor<1>) -> Self {
        Self::build(shape, flat, |weight| match weight {
            Weight::Vector(x) => Weight::Vector(Tensor::from_inner(x).require_grad()),
            Weight::Matrix(x) => Weight::Matrix(Tensor::from_inner(x).require_grad()),
        })
    }

    fn build(shape: &Gpt2Shape, flat: &Tensor<1>, place: impl Fn(Weight) -> Weight) -> Self {
        let layout = Layout::gpt2(shape);
        let weights: Vec<Weight> = layout
            .slots()
            .iter()
            .map(|slot| {
                let part = flat.clone().slice(slot.range());
                place(match slot.shape[..] {
                    [rows, columns] => Weight::Matrix(part.reshape([rows, columns])),
                    _ => Weight::Vector(part),
                })
            })
            .collect();
        let index = |name: String| {
            layout
                .slots()
                .iter()
                .position(|slot| slot.name == name)
                .expect("the layout of this very shape holds every tensor of the forward pass")
        };
        let norm = |name: String| Norm {
            gain: index(format!("{name}.weight")),
            bias: index(format!("{name}.bias")),
        };
        let linear = |name: String| Linear {
            matrix: index(format!("{name}.weight")),
            bias: index(format!("{name}.bias")),
        };
        let blocks = (0..shape.layers)
            .map(|layer| {
                let name = |part: &str| format!("transformer.h.{layer}.{part}");
                Block {
                    attention_norm: norm(name("ln_1")),
                    qkv: linear(name("attn.c_attn")),
                    projection: linear(name("attn.c_proj")),
                    mlp_norm: norm(name("ln_2")),
                    expand: linear(name("mlp.c_fc")),
                    contract: linear(name("mlp.c_proj")),
                }
            })
            .collect();
        let token_embedding = index("transformer.wte.weight".into());
        let mut mask = causal_mask(shape.predicted(), &flat.device());
        if let Weight::Matrix(x) = &weights[token_embedding]
            && x.is_autodiff()
        {
            mask = Tensor::from_inner(mask);
        }
        Self {
            shape: *shape,
            blocks,
            token_embedding,
            position_embedding: index("transformer.wpe.weight".into()),
            final_norm: norm("transformer.ln_f".into()),
            head: if shape.tied_head {
                token_embedding
            } else {
                index("lm_head.weight".into())
            },
            weights,
            mask,
        }
    }

    fn vector(&self, index: usize) -> Tensor<1> {
        match &self.weights[index] {
            Weight::Vector(x) => x.clone(),
            Weight::Matrix(_) => unreachable!("the layout gives norms and biases rank 1"),
        }
    }

    fn matrix(&self, index: usize) -> Tensor<2> {
        match &self.weights[index] {
            Weight::Matrix(x) => x.clone(),
            Weight::Vector(_) => unreachable!("the layout gives matrices and embeddings rank 2"),
        }
    }

    /// Logits of every predicted token.
    ///
    /// `inputs`: `[n, S_pred]`, where S_pred is [`Gpt2Shape::predicted`]: the tokens before each
    /// predicted one. Returns `[n · S_pred, V']`, V' = [`Gpt2Shape::embedding_rows`].
    #[must_use]
    pub fn logits(&self, inputs: Tensor<2, Int>) -> Tensor<2> {
        let hidden = self.hidden(inputs);
        self.head(hidden)
    }

    /// Logits of the predicted tokens at one of the S_pred places only, `[n, V']`.
    pub(crate) fn logits_at(&self, inputs: Tensor<2, Int>, place: usize) -> Tensor<2> {
        let [n, s] = inputs.dims();
        let d = self.shape.width;
        let hidden = self.hidden(inputs).reshape([n, s, d]);
        self.head(hidden.slice([0..n, place..place + 1, 0..d]).reshape([n, d]))
    }

    pub(crate) fn shape(&self) -> &Gpt2Shape {
        &self.shape
    }

    pub(crate) fn device(&self) -> Device {
        self.mask.device()
    }

    fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.norm(&self.final_norm, hidden)
            .matmul(self.matrix(self.head).transpose())
    }

    /// What the blocks leave in the residual stream, `[n · S_pred, d]`.
    fn hidden(&self, inputs: Tensor<2, Int>) -> Tensor<2> {
        let [n, s] = inputs.dims();
        let d = self.shape.width;
        // Rows stay two-dimensional throughout: one large matrix product instead of n small ones.
        let tokens = self
            .matrix(self.token_embedding)
            .select(0, inputs.reshape([n * s]));
        let positions = self.matrix(self.position_embedding).slice([0..s, 0..d]);
        let mut x = (tokens.reshape([n, s, d]) + positions.unsqueeze::<3>()).reshape([n * s, d]);
        for block in &self.blocks {
            x = x.clone() + self.attention(block, self.norm(&block.attention_norm, x), n, s);
            let hidden = gelu(self.linear(&block.expand, self.norm(&block.mlp_norm, x.clone())));
            x = x + self.linear(&block.contract, hidden);
        }
        x
    }

    fn norm(&self, norm: &Norm, x: Tensor<2>) -> Tensor<2> {
        module::layer_norm(
            x,
            self.vector(norm.gain),
            Some(self.vector(norm.bias)),
            LAYER_NORM_EPSILON,
        )
    }

    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.matrix(linear.matrix)) + self.vector(linear.bias).unsqueeze::<2>()
    }

    /// Causal self-attention of `x`: `[n · s, d]`, to the same shape.
    fn attention(&self, block: &Block, x: Tensor<2>, n: usize, s: usize) -> Tensor<2> {
        let (d, heads) = (self.shape.width, self.shape.heads);
        let head_width = d / heads;
        let qkv = self.linear(&block.qkv, x);
        let part = |i: usize| {
            qkv.clone()
                .slice([0..n * s, i * d..(i + 1) * d])
                .reshape([n, s, heads, head_width])
                .swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        let scale = 1.0 / (head_width as f64).sqrt();
        let scores = query.mul_scalar(scale).matmul(key.swap_dims(2, 3)) + self.mask.clone();
        let mixed = activation::softmax(scores, 3).matmul(value);
        self.linear(&block.projection, mixed.swap_dims(1, 2).reshape([n * s, d]))
    }

    /// The gradient of every weight, one flat vector `[P]` in the layout's order, off the autodiff
    /// device. A tensor that the loss does not depend on has a gradient of zero.
    #[must_use]
    pub fn gradient(&self, mut gradients: Gradients) -> Tensor<1> {
        let parts = self
            .weights
            .iter()
            .map(|weight| match weight {
                Weight::Vector(x) => x
                    .grad_remove(&mut gradients)
                    .unwrap_or_else(|| x.clone().inner().zeros_like()),
                Weight::Matrix(x) => x
                    .grad_remove(&mut gradients)
                    .unwrap_or_else(|| x.clone().inner().zeros_like())
                    .flatten(0, 1),
            })
            .collect();
        Tensor::cat(parts, 0)
    }
}

/// GPT-2's tanh form of GELU, 0.5 x (1 + tanh u) with u = √(2/π) (x + 0.044715 x³), written as
/// x σ(2u), which is the same function: one exponential in place of a hyperbolic tangent makes
/// the whole training step of a small model 1.6 times faster on flex.
fn gelu(x: Tensor<2>) -> Tensor<2> {
    let two_root = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
    let doubled = x
        .clone()
        .mul(x.clone())
        .mul_scalar(0.044_715 * two_root)
        .add_scalar(two_root)
        .mul(x.clone());
    x.mul(activation::sigmoid(doubled))
}

fn causal_mask(length: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..length * length)
        .map(|i| if i % length > i / length { MASKED } else { 0.0 })
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 1, length, length]), device)
}
