//! Mamba's forward pass in Burn (Gu & Dao 2023, arXiv 2312.00752), the same function as transformers'
//! `MambaForCausalLM`. A block is x ← x + mixer(RMSNorm(x)), and a mixer, of e channels,
//!
//! ```text
//! u, z = two maps of x                                        [e] each
//! u = silu(causal convolution of u, each channel by itself)
//! r, B, C = three maps of u                                   [⌈d/16⌉], [N], [N]
//! Δ = softplus(W r + b)                                       [e]
//! h ← exp(Δ A) h + Δ u B,    A = -exp(A_log)                  [e, N]
//! y = C h + D u                                               [e]
//! mixer(x) = a map of y silu(z)                               [d]
//! ```
//!
//! All but h is worked out for all positions at once, and h one after another: of 16 to 64 positions a
//! parallel scan would only add work.

use bitcap_plan::{ArchitectureSettings, Layout, MambaSettings, ModelSettings, SlotId};
use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor, activation};
use serde_json::{Value, json};

use crate::architecture::{Architecture, Hidden};
use crate::config::Config;
use crate::functions::linear_recurrence;
use crate::head::Head;
use crate::layers::rms_norm;
use crate::weights::Weights;

/// Under the root in every norm: transformers' default.
const RMS_NORM_EPSILON: f64 = 1e-5;

/// A Mamba less its weights.
pub(crate) struct Mamba {
    settings: MambaSettings,
    data: DataShape,
    layout: Layout,
    embedding: SlotId,
    blocks: Vec<Block>,
    final_norm: SlotId,
    head: Head,
}

/// A norm is its gain, a linear map its matrix, `[out, in]`, or its matrix and its bias.
struct Block {
    norm: SlotId,
    /// To u and z.
    input: SlotId,
    /// `[e, 1, kernel]` and a bias.
    convolution: [SlotId; 2],
    /// To r, B and C.
    selection: SlotId,
    time_step: [SlotId; 2],
    /// `[e, N]`.
    a_log: SlotId,
    /// D, `[e]`.
    skip: SlotId,
    output: SlotId,
}

impl Mamba {
    /// On `device`, without autodiff.
    pub(crate) fn new(settings: &MambaSettings, data: DataShape, device: &Device) -> Self {
        let layout = settings.layout(&data);
        let slot = |name: &str| {
            let id = layout.find(name);
            id.expect("the layout of these settings holds every tensor of the forward pass")
        };
        let block = |layer| {
            let part = |part: &str| slot(&format!("backbone.layers.{layer}.{part}"));
            Block {
                norm: part("norm.weight"),
                input: part("mixer.in_proj.weight"),
                convolution: [part("mixer.conv1d.weight"), part("mixer.conv1d.bias")],
                selection: part("mixer.x_proj.weight"),
                time_step: [part("mixer.dt_proj.weight"), part("mixer.dt_proj.bias")],
                a_log: part("mixer.A_log"),
                skip: part("mixer.D"),
                output: part("mixer.out_proj.weight"),
            }
        };
        let embedding = slot("backbone.embeddings.weight");
        let head = if settings.tied_head {
            embedding
        } else {
            slot("lm_head.weight")
        };
        Self {
            embedding,
            blocks: (0..settings.layers).map(block).collect(),
            final_norm: slot("backbone.norm_f.weight"),
            head: Head::new(head, data.rows(), device),
            settings: settings.clone(),
            data,
            layout,
        }
    }

    /// What a config.json says that [`Architecture::config`] made.
    pub(crate) fn of_config(config: &Config) -> Result<(ModelSettings, DataShape), String> {
        let data = config.data("max_position_embeddings")?;
        let settings = MambaSettings {
            layers: config.number("num_hidden_layers")?,
            width: config.number("hidden_size")?,
            state: config.number("state_size")?,
            expand: config.number("expand")?,
            conv_kernel: config.number("conv_kernel")?,
            tied_head: config.flag("tie_word_embeddings")?,
            start_token: data.start_token,
        };
        Ok((ModelSettings::Mamba(settings), data))
    }

    /// Of `x`: `[s · n, d]`, the sequences of each position beside each other, to the same shape.
    fn mixer(
        &self,
        weights: &Weights,
        block: &Block,
        x: &Tensor<2>,
        [n, s]: [usize; 2],
    ) -> Tensor<2> {
        let (channels, state) = (self.settings.channels(), self.settings.state as usize);
        let [u, z] = maps(weights, x, block.input, [channels; 2]);
        let u = activation::silu(self.convolution(weights, block, u, n));
        let rank = self.settings.time_step_rank();
        let [r, b, c] = maps(weights, &u, block.selection, [rank, state, state]);

        let [matrix, bias] = block.time_step;
        let time = weights.linear(r, matrix) + weights.tensor::<1>(bias).unsqueeze::<2>();
        // softplus(x) = -log σ(-x), which is one operation.
        let time = -activation::log_sigmoid(-time);

        // The states lie as [N, e] at each position, so that the longer dimension is the inner one.
        let states = [s * n, state, channels];
        let of_channels = |x: Tensor<2>| x.reshape([s * n, 1, channels]);
        let of_state = |x: Tensor<2>| x.reshape([s * n, state, 1]);
        let a = -turned(weights.tensor::<2>(block.a_log)).exp();
        let decay = (of_channels(time.clone()) * a.reshape([1, state, channels])).exp();
        let input = of_channels(time * u.clone()) * of_state(b);
        let by_step = |x: Tensor<3>| x.reshape([s, n * state * channels]);
        let h = linear_recurrence(by_step(decay), by_step(input)).reshape(states);
        let read = (h * of_state(c)).sum_dim(1).reshape([s * n, channels]);

        let skip = weights.tensor::<1>(block.skip).unsqueeze::<2>();
        let y = (read + u * skip) * activation::silu(z);
        weights.linear(y, block.output)
    }

    /// The sum over the last positions up to the present one, each channel by its own weights, and a
    /// bias; of `u`: `[s · n, e]`, to the same shape.
    fn convolution(&self, weights: &Weights, block: &Block, u: Tensor<2>, n: usize) -> Tensor<2> {
        let [rows, channels] = u.dims();
        let kernel = self.settings.conv_kernel as usize;
        let [taps, bias] = block.convolution;
        let taps = weights.tensor::<3>(taps).reshape([channels, kernel]);
        let taps = turned(taps).reshape([kernel, channels]);
        // Of the position so many before.
        let tap = |delay: usize| taps.clone().slice(kernel - 1 - delay..kernel - delay);
        let mut sum = u.clone() * tap(0) + weights.tensor::<1>(bias).unsqueeze::<2>();
        for delay in 1..kernel.min(rows / n) {
            let zeros = u.clone().slice(0..delay * n).zeros_like();
            let before = Tensor::cat(vec![zeros, u.clone().slice(0..rows - delay * n)], 0);
            sum = sum + before * tap(delay);
        }
        sum
    }
}

/// The parts of one map of `x`: `[rows, in]`, each by its own rows of the matrix: parts of the product
/// would not lie together.
fn maps<const N: usize>(
    weights: &Weights,
    x: &Tensor<2>,
    matrix: SlotId,
    widths: [usize; N],
) -> [Tensor<2>; N] {
    let matrix = weights.tensor::<2>(matrix);
    let mut end = 0;
    widths.map(|width| {
        end += width;
        let part = matrix.clone().slice(end - width..end);
        weights.product(x.clone(), part.transpose())
    })
}

/// The numbers of a matrix, column by column. In a row they lie as they are read: what a transposed view is
/// multiplied by would be read in strides.
fn turned(matrix: Tensor<2>) -> Tensor<1> {
    let [rows, columns] = matrix.dims();
    matrix.transpose().reshape([rows * columns])
}

impl Architecture for Mamba {
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
        let x = weights.rows(self.embedding, tokens.reshape([n * s]));
        let [_, d] = x.dims();
        let mut x = x.reshape([n, s, d]).swap_dims(0, 1).reshape([s * n, d]);
        for block in &self.blocks {
            let normed = norm(block.norm, x.clone());
            x = x + self.mixer(weights, block, &normed, places);
        }
        let x = norm(self.final_norm, x);
        Hidden {
            values: x.reshape([s, n, d]).swap_dims(0, 1).reshape([n * s, d]),
            auxiliary: None,
        }
    }

    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.head.logits(weights, hidden)
    }

    fn config(&self) -> Value {
        let Self { settings, data, .. } = self;
        json!({
            "architectures": ["MambaForCausalLM"],
            "model_type": "mamba",
            "vocab_size": data.rows(),
            // Not Mamba's, which has no limit: the sequences that it was trained on.
            "max_position_embeddings": data.length,
            "hidden_size": settings.width,
            "num_hidden_layers": settings.layers,
            "state_size": settings.state,
            "expand": settings.expand,
            "conv_kernel": settings.conv_kernel,
            "time_step_rank": settings.time_step_rank(),
            "use_bias": false,
            "use_conv_bias": true,
            "hidden_act": "silu",
            "layer_norm_epsilon": RMS_NORM_EPSILON,
            "tie_word_embeddings": settings.tied_head,
            "bos_token_id": data.start_token.then_some(data.vocabulary),
            "eos_token_id": null,
            "pad_token_id": null,
            "torch_dtype": "float32",
            "bitcap_start_token": data.start_token,
        })
    }
}
