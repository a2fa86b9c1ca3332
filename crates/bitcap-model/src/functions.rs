//! Layer norm, softmax, GELU and a linear recurrence with their gradients in closed form.
//!
//! Each operation of Burn's is a kernel to launch on a GPU, and of a layer norm's gradient autodiff makes 28
//! of them, of a GELU's 20. By hand they are 10 and 8. Of a recurrence autodiff would cut its factors
//! into steps, and each step's gradient would be as large as what it was cut from. Everything else is
//! left to autodiff.

// Burn's ndarray backend is, and kept as a second opinion.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use std::f64::consts::PI;
use std::ops::Range;

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
#[cfg(feature = "ndarray")]
use burn::backend::NdArray;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Slice, Tensor};

/// GPT-2's epsilon in every layer norm.
pub(crate) const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Layer norm of the rows of `x`.
pub(crate) fn layer_norm(x: Tensor<2>, gain: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
    let (x, gain, bias) = (
        x.into_dispatch(),
        gain.into_dispatch(),
        bias.into_dispatch(),
    );
    Tensor::from_dispatch(Dispatch::row_norm(x, gain, bias))
}

/// Softmax along the last dimension.
pub(crate) fn softmax<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::last_softmax(x.into_dispatch()))
}

/// GPT-2's tanh form of GELU, 0.5 x (1 + tanh u) with u = √(2/π) (x + 0.044715 x³), written as
/// x σ(2u), which is the same function: one exponential in place of a hyperbolic tangent makes
/// the whole training step of a small model 1.6 times faster on flex.
pub(crate) fn gelu(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::tanh_gelu(x.into_dispatch()))
}

/// h_t = decay_t h_(t-1) + input_t from h = 0, of each number by itself: `[steps, m]`, all three.
pub(crate) fn linear_recurrence(decay: Tensor<2>, input: Tensor<2>) -> Tensor<2> {
    let (decay, input) = (decay.into_dispatch(), input.into_dispatch());
    Tensor::from_dispatch(Dispatch::linear_recurrence(decay, input))
}

#[cfg_attr(
    not(feature = "ndarray"),
    backend_extension(
        Flex,
        Cube: cfg(any(feature = "wgpu", feature = "cuda")),
        Autodiff
    )
)]
#[cfg_attr(
    feature = "ndarray",
    backend_extension(
        Flex,
        NdArray,
        Cube: cfg(any(feature = "wgpu", feature = "cuda")),
        Autodiff
    )
)]
trait Functions: Backend {
    fn row_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn last_softmax(x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn tanh_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn linear_recurrence(decay: FloatTensor<Self>, input: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// A backend without autodiff.
trait Plain: Backend {
    /// σ of `x`.
    fn logistic(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::sigmoid(x)
    }
}

impl Plain for Flex {}

#[cfg(feature = "ndarray")]
impl Plain for NdArray {}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl Plain for Cube {
    /// Four kernels; Burn's own has six.
    fn logistic(x: FloatTensor<Self>) -> FloatTensor<Self> {
        use burn::backend::ops::FloatTensorOps as _;
        let one_more = Self::float_add_scalar(Self::float_exp(Self::float_neg(x)), 1.0.into());
        Self::float_recip(one_more)
    }
}

impl<B: Plain> Functions for B {
    fn row_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::layer_norm(x, gain, Some(bias), LAYER_NORM_EPSILON)
    }

    fn last_softmax(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let last = x.shape().num_dims() - 1;
        Self::softmax(x, last)
    }

    fn tanh_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let gate = gate::<Self>(x.clone());
        Self::float_mul(x, gate)
    }

    fn linear_recurrence(decay: FloatTensor<Self>, input: FloatTensor<Self>) -> FloatTensor<Self> {
        let mut state = steps::<Self>(&input, 0..1);
        let mut states = vec![state.clone()];
        for t in 1..input.shape()[0] {
            let kept = Self::float_mul(state, steps::<Self>(&decay, t..t + 1));
            state = Self::float_add(kept, steps::<Self>(&input, t..t + 1));
            states.push(state.clone());
        }
        Self::float_cat(states, 0)
    }
}

impl<B: Plain, C: CheckpointStrategy> Functions for Autodiff<B, C> {
    fn row_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gain.node(), bias.node()];
        let (x, gain, bias) = (
            x.into_primitive(),
            gain.into_primitive(),
            bias.into_primitive(),
        );
        match RowNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (normed, deviation) = normed::<B>(x);
                let gain = as_row::<B>(gain);
                let scaled = B::float_mul(normed.clone(), gain.clone());
                let y = B::float_add(scaled, as_row::<B>(bias));
                prep.finish([normed, deviation, gain], y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::row_norm(x, gain, bias)),
        }
    }

    fn last_softmax(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = x.node();
        let y = B::last_softmax(x.into_primitive());
        match LastSoftmax.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(y.clone(), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn tanh_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        match TanhGelu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let gate = gate::<B>(x.clone());
                let y = B::float_mul(x.clone(), gate.clone());
                prep.finish([x, gate, y.clone()], y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::tanh_gelu(x)),
        }
    }

    fn linear_recurrence(decay: FloatTensor<Self>, input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [decay.node(), input.node()];
        let (decay, input) = (decay.into_primitive(), input.into_primitive());
        let states = B::linear_recurrence(decay.clone(), input);
        let op = LinearRecurrence.prepare::<C>(nodes);
        match op.compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([decay, states.clone()], states),
            OpsKind::UnTracked(prep) => prep.finish(states),
        }
    }
}

#[derive(Debug)]
struct RowNorm;

impl<B: Backend> Backward<B, 3> for RowNorm {
    /// The normed rows, their deviations `[rows, 1]`, the gain `[1, d]`.
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 3>, all: &mut Gradients, _: &mut Checkpointer) {
        let y = all.consume::<B>(&ops.node);
        let [normed, deviation, gain] = ops.state;
        let [of_x, of_gain, of_bias] = ops.parents;
        let over_rows = |values| {
            let sum = B::float_sum_dim(values, 0);
            let width = sum.shape().num_elements();
            B::float_reshape(sum, Shape::new([width]))
        };
        if let Some(node) = of_bias {
            all.register::<B>(node.id, over_rows(y.clone()));
        }
        if let Some(node) = of_gain {
            let scaled = B::float_mul(y.clone(), normed.clone());
            all.register::<B>(node.id, over_rows(scaled));
        }
        if let Some(node) = of_x {
            let y = B::float_mul(y, gain);
            let mean = B::float_mean_dim(y.clone(), 1);
            let along = B::float_mean_dim(B::float_mul(y.clone(), normed.clone()), 1);
            let across = B::float_sub(B::float_sub(y, mean), B::float_mul(normed, along));
            all.register::<B>(node.id, B::float_div(across, deviation));
        }
    }
}

#[derive(Debug)]
struct LastSoftmax;

impl<B: Backend> Backward<B, 1> for LastSoftmax {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, all: &mut Gradients, _: &mut Checkpointer) {
        let p = ops.state;
        unary::<B, _>(ops.parents, ops.node, all, |y| {
            let weighted = B::float_mul(y, p.clone());
            let last = p.shape().num_dims() - 1;
            let sum = B::float_sum_dim(weighted.clone(), last);
            B::float_sub(weighted, B::float_mul(p, sum))
        });
    }
}

#[derive(Debug)]
struct TanhGelu;

impl<B: Backend> Backward<B, 1> for TanhGelu {
    /// x, σ(2u), x σ(2u).
    type State = [FloatTensor<B>; 3];

    /// σ + x σ (1 - σ) 2u'.
    fn backward(self, ops: Ops<Self::State, 1>, all: &mut Gradients, _: &mut Checkpointer) {
        let [x, gate, y] = ops.state;
        unary::<B, _>(ops.parents, ops.node, all, |of_y| {
            let inner = of_square::<B>(x, 3.0);
            let rest = B::float_sub(y.clone(), B::float_mul(y, gate.clone()));
            let slope = B::float_add(gate, B::float_mul(rest, inner));
            B::float_mul(of_y, slope)
        });
    }
}

#[derive(Debug)]
struct LinearRecurrence;

impl<B: Backend> Backward<B, 2> for LinearRecurrence {
    /// The decays, the states.
    type State = [FloatTensor<B>; 2];

    /// With g_t = y_t + decay_(t+1) g_(t+1), the gradient of input_t is g_t, and that of decay_t is
    /// g_t h_(t-1).
    fn backward(self, ops: Ops<Self::State, 2>, all: &mut Gradients, _: &mut Checkpointer) {
        let y = all.consume::<B>(&ops.node);
        let [decay, states] = ops.state;
        let [of_decay, of_input] = ops.parents;
        let last = y.shape()[0] - 1;
        let mut gradient = steps::<B>(&y, last..last + 1);
        let mut gradients = vec![gradient.clone()];
        for t in (0..last).rev() {
            let later = B::float_mul(gradient, steps::<B>(&decay, t + 1..t + 2));
            gradient = B::float_add(later, steps::<B>(&y, t..t + 1));
            gradients.push(gradient.clone());
        }
        gradients.reverse();
        let gradients = B::float_cat(gradients, 0);
        if let Some(node) = of_decay {
            let zeros = B::float_mul_scalar(steps::<B>(&decay, 0..1), 0.0.into());
            let before = B::float_cat(vec![zeros, steps::<B>(&states, 0..last)], 0);
            all.register::<B>(node.id, B::float_mul(before, gradients.clone()));
        }
        if let Some(node) = of_input {
            all.register::<B>(node.id, gradients);
        }
    }
}

/// Some steps of `[steps, m]`.
fn steps<B: Backend>(x: &FloatTensor<B>, range: Range<usize>) -> FloatTensor<B> {
    B::float_slice(x.clone(), &[Slice::from(range), Slice::full()])
}

/// Rows less their means, in parts of their deviations, and these: `[rows, 1]`.
fn normed<B: Backend>(x: FloatTensor<B>) -> (FloatTensor<B>, FloatTensor<B>) {
    let centered = B::float_sub(x.clone(), B::float_mean_dim(x, 1));
    let variance = B::float_mean_dim(B::float_mul(centered.clone(), centered.clone()), 1);
    let deviation = B::float_sqrt(B::float_add_scalar(variance, LAYER_NORM_EPSILON.into()));
    (B::float_div(centered, deviation.clone()), deviation)
}

fn as_row<B: Backend>(vector: FloatTensor<B>) -> FloatTensor<B> {
    let width = vector.shape().num_elements();
    B::float_reshape(vector, Shape::new([1, width]))
}

/// σ(2u).
fn gate<B: Plain>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::logistic(B::float_mul(of_square::<B>(x.clone(), 1.0), x))
}

/// 2 √(2/π) (1 + `cubic` · 0.044715 x²): with 1 it is 2u / x, with 3 the slope of 2u.
fn of_square<B: Backend>(x: FloatTensor<B>, cubic: f64) -> FloatTensor<B> {
    let two_root = 2.0 * (2.0 / PI).sqrt();
    let scaled = B::float_mul_scalar(
        B::float_mul(x.clone(), x),
        (cubic * 0.044_715 * two_root).into(),
    );
    B::float_add_scalar(scaled, two_root.into())
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData, activation, module};

    use super::*;

    /// Numbers of all sizes up to about 6, none alike.
    fn numbers(dims: [usize; 2], seed: usize) -> Tensor<2> {
        let number = |i: usize| ((i * 37 + seed * 11) as f32 * 0.739).sin() * 6.0;
        let values: Vec<f32> = (0..dims[0] * dims[1]).map(number).collect();
        Tensor::from_data(TensorData::new(values, dims), &Device::flex())
    }

    /// Values and gradients are those that autodiff makes of Burn's own operations.
    fn agree(
        leaves: Vec<Tensor<2>>,
        ours: fn(&[Tensor<2>]) -> Tensor<2>,
        burn: fn(&[Tensor<2>]) -> Tensor<2>,
    ) {
        let results = [ours, burn].map(|function| {
            let leaves: Vec<Tensor<2>> = leaves
                .iter()
                .map(|leaf| Tensor::from_inner(leaf.clone()).require_grad())
                .collect();
            let y = function(&leaves);
            let weights = Tensor::from_inner(numbers(y.dims(), 5));
            let gradients = (y.clone() * weights).sum().backward();
            let gradients = leaves.iter().map(|leaf| leaf.grad(&gradients).unwrap());
            let all = std::iter::once(y.inner()).chain(gradients);
            all.flat_map(|values| values.try_into_vec_as::<f32>().unwrap())
                .collect::<Vec<f32>>()
        });
        let [ours, burn] = results;
        assert_eq!(ours.len(), burn.len());
        for (a, b) in ours.iter().zip(&burn) {
            assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{a} {b}");
        }
    }

    #[test]
    fn a_layer_norm_has_the_gradient_of_autodiff() {
        agree(
            vec![
                numbers([7, 12], 1),
                numbers([1, 12], 2),
                numbers([1, 12], 3),
            ],
            |all| {
                layer_norm(
                    all[0].clone(),
                    all[1].clone().flatten(0, 1),
                    all[2].clone().flatten(0, 1),
                )
            },
            |all| {
                let (gain, bias) = (all[1].clone().flatten(0, 1), all[2].clone().flatten(0, 1));
                module::layer_norm(all[0].clone(), gain, Some(bias), LAYER_NORM_EPSILON)
            },
        );
    }

    #[test]
    fn a_softmax_has_the_gradient_of_autodiff() {
        agree(
            vec![numbers([9, 5], 1)],
            |all| softmax(all[0].clone()),
            |all| activation::softmax(all[0].clone(), 1),
        );
    }

    #[test]
    fn a_gelu_has_the_gradient_of_autodiff() {
        agree(
            vec![numbers([9, 5], 1)],
            |all| gelu(all[0].clone()),
            |all| activation::gelu_approximate(all[0].clone()),
        );
    }

    /// Also of one step.
    #[test]
    fn a_linear_recurrence_has_the_gradient_of_autodiff() {
        for dims in [[5, 6], [1, 6]] {
            agree(
                vec![numbers(dims, 1).tanh(), numbers(dims, 2)],
                |all| linear_recurrence(all[0].clone(), all[1].clone()),
                |all| {
                    let [steps, _] = all[0].dims();
                    let step = |i: usize, t| all[i].clone().slice(t..t + 1);
                    let mut state = step(1, 0).zeros_like();
                    let mut states = Vec::new();
                    for t in 0..steps {
                        state = step(0, t) * state + step(1, t);
                        states.push(state.clone());
                    }
                    Tensor::cat(states, 0)
                },
            );
        }
    }
}
