//! The whole training step's loss and gradient, forward and backward, a block of sequences at a
//! time.

use std::ops::Range;

use crate::attention::{Heads, Normalizers, Scratch, attention, attention_backward};
use crate::embedding::{embedding, embedding_backward};
use crate::gpt2::{LayerAt, LinearAt, NormAt, Offsets, Sizes, SizesError, span};
use crate::head::{Gradients, Head, NO_TARGET};
use crate::layer_norm::{NormGradient, Normalized, layer_norm, layer_norm_backward};
use crate::linear::{
    Weights, linear, linear_gelu, linear_input_gradient, linear_input_gradient_through,
    linear_residual, linear_weight_gradient,
};
use crate::{Cpu, Interleaved};

/// Columns of a block where sequences are short: what is summed over columns in registers is put
/// down once a block.
const COLUMNS: usize = 64;

/// A GPT-2 on a processor: its weights packed, and all that its passes write, allocated once.
pub struct Gpt2 {
    cpu: Cpu,
    sizes: Sizes,
    offsets: Offsets,
    heads: Heads,
    /// Groups of sequences, a lane each, in a block.
    groups: usize,
    layers: Vec<Layer>,
    head: Head,
    final_norm: Norm,
    stream: Interleaved,
    /// The final norm's output and its gradient.
    last: Interleaved,
    d_last: Interleaved,
    backward: Backward,
    scratch: Scratch,
    targets: Vec<u32>,
    log_probabilities: Vec<f32>,
    right: Vec<bool>,
}

/// A layer norm: what its forward pass leaves, and its gradient.
struct Norm {
    normalized: Normalized,
    gradient: NormGradient,
}

/// A block's packed weights, and what its forward pass leaves for the backward pass.
struct Layer {
    qkv: Weights,
    projection: Weights,
    expand: Weights,
    contract: Weights,
    attention_norm: Norm,
    attention_input: Interleaved,
    queries_keys_values: Interleaved,
    normalizers: Normalizers,
    mixed: Interleaved,
    mlp_norm: Norm,
    mlp_input: Interleaved,
    activated: Interleaved,
    activation_slope: Interleaved,
}

/// Gradients of activations.
struct Backward {
    stream: Interleaved,
    narrow: Interleaved,
    queries_keys_values: Interleaved,
    hidden: Interleaved,
}

impl Gpt2 {
    /// Room for a model of these sizes whose flat weights lie as `offsets` says.
    ///
    /// # Errors
    /// If no model has such sizes, or the offsets are not theirs.
    pub fn new(cpu: Cpu, sizes: Sizes, offsets: Offsets) -> Result<Self, SizesError> {
        sizes.check(&offsets)?;
        let Sizes {
            rows,
            length,
            layers,
            width: d,
            heads,
            hidden,
        } = sizes;
        // At least one, however long: attention takes whole sequences.
        let groups = (COLUMNS / length).max(1);
        let columns = groups * length;
        let of = |features| Interleaved::zeros(cpu, features, columns);
        let norm = || Norm {
            normalized: Normalized::zeros(cpu, d, columns),
            gradient: NormGradient::zeros(cpu, d),
        };
        let heads = Heads {
            positions: length,
            heads,
            width: d / heads,
        };
        let layers = (0..layers)
            .map(|_| Layer {
                qkv: Weights::new(d, 3 * d),
                projection: Weights::new(d, d),
                expand: Weights::new(d, hidden),
                contract: Weights::new(hidden, d),
                attention_norm: norm(),
                attention_input: of(d),
                queries_keys_values: of(3 * d),
                normalizers: Normalizers::zeros(cpu, heads, columns),
                mixed: of(d),
                mlp_norm: norm(),
                mlp_input: of(d),
                activated: of(hidden),
                activation_slope: of(hidden),
            })
            .collect();
        let tokens = columns * cpu.lanes();
        Ok(Self {
            cpu,
            sizes,
            offsets,
            heads,
            groups,
            layers,
            head: Head::new(cpu, rows, d),
            final_norm: norm(),
            stream: of(d),
            last: of(d),
            d_last: of(d),
            backward: Backward {
                stream: of(d),
                narrow: of(d),
                queries_keys_values: of(3 * d),
                hidden: of(hidden),
            },
            scratch: Scratch::new(cpu, heads),
            targets: vec![NO_TARGET; tokens],
            log_probabilities: vec![0.0; tokens],
            right: vec![false; tokens],
        })
    }

    /// Σ -ln p(target) in nats over all predicted tokens, and the gradient of `scale` times that
    /// sum, which overwrites `gradient`.
    ///
    /// `weights` and `gradient`: `[P]`, as the offsets say; `inputs` and `targets`: `[n, length]`
    /// row-major, the token before each predicted one and itself. Nothing is allocated. Loss or
    /// gradient is not finite where a weight is not, or a number in between outgrows f32.
    ///
    /// # Panics
    /// If a slice has another shape, or a token is no row of the embedding.
    pub fn loss_and_gradient(
        &mut self,
        weights: &[f32],
        inputs: &[i32],
        targets: &[i32],
        scale: f32,
        gradient: &mut [f32],
    ) -> f64 {
        assert_eq!(gradient.len(), self.offsets.len);
        self.pack(weights, inputs, targets);
        // Every block adds to it, but for gains and biases of norms, which stay apart by lane till
        // the end.
        gradient.fill(0.0);
        for (norm, _) in self.norms() {
            norm.gradient.clear();
        }
        let mut loss = 0.0;
        let block = self.groups * self.cpu.lanes() * self.sizes.length;
        for (inputs, targets) in inputs.chunks(block).zip(targets.chunks(block)) {
            // Forward and backward of one block before the next, so that its activations are still
            // in the cache.
            self.place(inputs.len(), targets);
            self.forward(weights, inputs);
            // Where a tied head adds, the embedding adds after it: both only add.
            let head = span(self.offsets.head, self.sizes.rows * self.sizes.width);
            let to = Gradients {
                scale,
                d_hidden: &mut self.d_last,
                d_weights: &mut gradient[head.clone()],
            };
            let (last, targets) = (&self.last, &self.targets[..]);
            loss += self
                .head
                .gradients(self.cpu, last, &weights[head], targets, to);
            self.backward(weights, inputs, gradient);
        }
        let width = self.sizes.width;
        for (norm, at) in self.norms() {
            let [gain, bias] = parts(gradient, at.ranges(width));
            norm.gradient.add_to(gain, bias);
        }
        loss
    }

    /// ln p(target) of every predicted token, `[n, length]` row-major, and whether the target is
    /// the most probable token (of several the first).
    ///
    /// # Panics
    /// As [`Self::loss_and_gradient`].
    pub fn log_probabilities(
        &mut self,
        weights: &[f32],
        inputs: &[i32],
        targets: &[i32],
        log_probabilities: &mut [f32],
        right: &mut [bool],
    ) {
        assert_eq!(
            (log_probabilities.len(), right.len()),
            (targets.len(), targets.len())
        );
        self.pack(weights, inputs, targets);
        let (length, lanes) = (self.sizes.length, self.cpu.lanes());
        let block = self.groups * lanes * length;
        let outputs = log_probabilities
            .chunks_mut(block)
            .zip(right.chunks_mut(block));
        for ((inputs, targets), (out, right)) in
            inputs.chunks(block).zip(targets.chunks(block)).zip(outputs)
        {
            self.place(inputs.len(), targets);
            self.forward(weights, inputs);
            self.head.log_probabilities(
                self.cpu,
                &self.last,
                &self.targets,
                &mut self.log_probabilities,
                &mut self.right,
            );
            for (token, (out, right)) in out.iter_mut().zip(right).enumerate() {
                let at = place(token, length, lanes);
                *out = self.log_probabilities[at];
                *right = self.right[at];
            }
        }
    }

    /// Checks what a pass is given, and packs the weights for it.
    fn pack(&mut self, weights: &[f32], inputs: &[i32], targets: &[i32]) {
        let Sizes {
            rows,
            length,
            width: d,
            hidden,
            ..
        } = self.sizes;
        assert_eq!(weights.len(), self.offsets.len);
        assert_eq!(inputs.len(), targets.len());
        assert!(inputs.len().is_multiple_of(length), "whole sequences");
        assert!(
            inputs
                .iter()
                .chain(targets)
                .all(|&t| usize::try_from(t).is_ok_and(|t| t < rows)),
            "tokens are rows of the embedding"
        );
        // Once for all blocks of sequences. Gains, biases and embeddings are read where they lie.
        for (layer, at) in self.layers.iter_mut().zip(&self.offsets.layers) {
            layer.qkv.pack(&weights[at.qkv.matrix..][..d * 3 * d]);
            layer
                .projection
                .pack(&weights[at.projection.matrix..][..d * d]);
            layer
                .expand
                .pack(&weights[at.expand.matrix..][..d * hidden]);
            layer
                .contract
                .pack(&weights[at.contract.matrix..][..hidden * d]);
        }
        self.head.pack(&weights[self.offsets.head..][..rows * d]);
    }

    /// Makes all activations as long as a block of so many tokens needs, and lays out its targets.
    fn place(&mut self, tokens: usize, targets: &[i32]) {
        let (length, lanes) = (self.sizes.length, self.cpu.lanes());
        // The last block may be smaller. Lanes without a sequence go along with token 0 and no
        // target: what they come to is read by nobody, and their gradient is 0.
        let columns = (tokens / length).div_ceil(lanes) * length;
        self.targets.clear();
        self.targets.resize(columns * lanes, NO_TARGET);
        for (token, &target) in targets.iter().enumerate() {
            self.targets[place(token, length, lanes)] = target as u32;
        }
        for layer in &mut self.layers {
            layer.attention_norm.normalized.set_columns(columns);
            layer.mlp_norm.normalized.set_columns(columns);
            for activations in [
                &mut layer.attention_input,
                &mut layer.queries_keys_values,
                &mut layer.mixed,
                &mut layer.mlp_input,
                &mut layer.activated,
                &mut layer.activation_slope,
            ] {
                activations.set_columns(columns);
            }
        }
        self.final_norm.normalized.set_columns(columns);
        for activations in [
            &mut self.stream,
            &mut self.last,
            &mut self.d_last,
            &mut self.backward.stream,
            &mut self.backward.narrow,
            &mut self.backward.queries_keys_values,
            &mut self.backward.hidden,
        ] {
            activations.set_columns(columns);
        }
    }

    /// From tokens to what the head is given.
    fn forward(&mut self, weights: &[f32], inputs: &[i32]) {
        let (cpu, d) = (self.cpu, self.sizes.width);
        // The backward pass needs what went into each map, not the stream itself: one serves all
        // layers.
        let stream = &mut self.stream;
        let tokens = &weights[self.offsets.token_embedding..];
        let positions = &weights[self.offsets.position_embedding..];
        embedding(cpu, inputs, self.sizes.length, tokens, positions, stream);
        for (layer, at) in self.layers.iter_mut().zip(&self.offsets.layers) {
            let bias = |at: LinearAt, outputs: usize| &weights[at.bias..][..outputs];
            layer.attention_norm.forward(
                cpu,
                weights,
                at.attention_norm,
                stream,
                &mut layer.attention_input,
            );
            let qkv = &mut layer.queries_keys_values;
            linear(
                cpu,
                &layer.qkv,
                bias(at.qkv, 3 * d),
                &layer.attention_input,
                qkv,
            );
            attention(
                cpu,
                self.heads,
                qkv,
                &mut self.scratch,
                &mut layer.normalizers,
                &mut layer.mixed,
            );
            linear_residual(
                cpu,
                &layer.projection,
                bias(at.projection, d),
                &layer.mixed,
                stream,
            );
            layer
                .mlp_norm
                .forward(cpu, weights, at.mlp_norm, stream, &mut layer.mlp_input);
            linear_gelu(
                cpu,
                &layer.expand,
                bias(at.expand, self.sizes.hidden),
                &layer.mlp_input,
                &mut layer.activated,
                &mut layer.activation_slope,
            );
            linear_residual(
                cpu,
                &layer.contract,
                bias(at.contract, d),
                &layer.activated,
                stream,
            );
        }
        self.final_norm.forward(
            cpu,
            weights,
            self.offsets.final_norm,
            stream,
            &mut self.last,
        );
    }

    /// From the gradient of what the head was given to that of all weights but the head's.
    fn backward(&mut self, weights: &[f32], inputs: &[i32], gradient: &mut [f32]) {
        let (cpu, d) = (self.cpu, self.sizes.width);
        let Backward {
            stream,
            narrow,
            queries_keys_values,
            hidden,
        } = &mut self.backward;
        // The gradient of the residual stream. What is in it goes past a branch as it is, and the
        // norm at the branch's beginning adds what came through.
        stream.as_mut_slice().fill(0.0);
        self.final_norm
            .backward(cpu, weights, self.offsets.final_norm, &self.d_last, stream);
        for (layer, at) in self.layers.iter_mut().zip(&self.offsets.layers).rev() {
            let LayerAt {
                attention_norm,
                qkv,
                projection,
                mlp_norm,
                expand,
                contract,
            } = *at;
            // Of y = x W + b, dW = xᵀ dy, db = Σ dy and dx = dy Wᵀ. The MLP, from its end to its
            // beginning:
            weight_gradient(cpu, contract, &layer.activated, stream, gradient);
            let slope = &layer.activation_slope;
            linear_input_gradient_through(cpu, &layer.contract, stream, slope, hidden);
            weight_gradient(cpu, expand, &layer.mlp_input, hidden, gradient);
            linear_input_gradient(cpu, &layer.expand, hidden, narrow);
            layer
                .mlp_norm
                .backward(cpu, weights, mlp_norm, narrow, stream);

            // Attention likewise; the stream has the MLP's share by now.
            weight_gradient(cpu, projection, &layer.mixed, stream, gradient);
            linear_input_gradient(cpu, &layer.projection, stream, narrow);
            attention_backward(
                cpu,
                self.heads,
                &layer.queries_keys_values,
                &layer.mixed,
                &layer.normalizers,
                narrow,
                &mut self.scratch,
                queries_keys_values,
            );
            weight_gradient(
                cpu,
                qkv,
                &layer.attention_input,
                queries_keys_values,
                gradient,
            );
            linear_input_gradient(cpu, &layer.qkv, queries_keys_values, narrow);
            layer
                .attention_norm
                .backward(cpu, weights, attention_norm, narrow, stream);
        }
        // What is left in the stream is the gradient of token and position embedding alike.
        let Sizes { rows, length, .. } = self.sizes;
        let [tokens, positions] = parts(
            gradient,
            [
                span(self.offsets.token_embedding, rows * d),
                span(self.offsets.position_embedding, length * d),
            ],
        );
        embedding_backward(cpu, inputs, length, stream, tokens, positions);
    }

    fn norms(&mut self) -> impl Iterator<Item = (&mut Norm, NormAt)> {
        let of_layers = self.layers.iter_mut().zip(&self.offsets.layers);
        of_layers
            .flat_map(|(layer, at)| {
                [
                    (&mut layer.attention_norm, at.attention_norm),
                    (&mut layer.mlp_norm, at.mlp_norm),
                ]
            })
            .chain([(&mut self.final_norm, self.offsets.final_norm)])
    }
}

impl Norm {
    fn forward(
        &mut self,
        cpu: Cpu,
        weights: &[f32],
        at: NormAt,
        x: &Interleaved,
        y: &mut Interleaved,
    ) {
        let [gain, bias] = at.ranges(x.features());
        layer_norm(
            cpu,
            x,
            &weights[gain],
            &weights[bias],
            &mut self.normalized,
            y,
        );
    }

    fn backward(
        &mut self,
        cpu: Cpu,
        weights: &[f32],
        at: NormAt,
        dy: &Interleaved,
        dx: &mut Interleaved,
    ) {
        let [gain, _] = at.ranges(dy.features());
        let Self {
            normalized,
            gradient,
        } = self;
        layer_norm_backward(cpu, dy, normalized, &weights[gain], gradient, dx);
    }
}

/// Adds the gradient of a linear map's matrix and bias to their places.
fn weight_gradient(
    cpu: Cpu,
    at: LinearAt,
    x: &Interleaved,
    dy: &Interleaved,
    gradient: &mut [f32],
) {
    let [matrix, bias] = parts(gradient, at.ranges(x.features(), dy.features()));
    linear_weight_gradient(cpu, x, dy, matrix, bias);
}

/// Two parts of the gradient.
fn parts(gradient: &mut [f32], ranges: [Range<usize>; 2]) -> [&mut [f32]; 2] {
    let parts = gradient.get_disjoint_mut(ranges);
    parts.expect("the offsets were found to lie apart and within the flat vector")
}

/// Where a token of row-major sequences stands in the lanes: `[columns, lanes]`.
fn place(token: usize, length: usize, lanes: usize) -> usize {
    let (sequence, position) = (token / length, token % length);
    (sequence / lanes * length + position) * lanes + sequence % lanes
}
