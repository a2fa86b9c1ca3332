//! Causal attention of several heads, between the products before and after it.

use burn::tensor::{Device, Tensor};

use crate::constant::Constant;
use crate::functions::softmax;
use crate::weights::Weights;

/// Added to the scores of later positions. Far below any score in f32, and finite, so that no
/// backend meets an infinity.
const MASKED: f64 = -1e9;

/// Attention in which a position sees itself and those before it.
pub(crate) struct CausalAttention {
    heads: usize,
    /// [1, 1, S_pred, S_pred]: 0 where a position may look, [`MASKED`] where not.
    mask: Constant<4>,
}

impl CausalAttention {
    /// With so many heads over sequences of that length.
    pub(crate) fn new(heads: u32, length: usize, device: &Device) -> Self {
        let places = 0..length * length;
        let values = places.map(|i| if i % length > i / length { MASKED } else { 0.0 });
        Self {
            heads: heads as usize,
            mask: Constant::new(values.collect(), [1, 1, length, length], device),
        }
    }

    /// The heads of `x` apart: `[n · s, d]` to `[n, heads, s, d / heads]`.
    pub(crate) fn split(&self, x: Tensor<2>, [n, s]: [usize; 2]) -> Tensor<4> {
        let [_, d] = x.dims();
        // One head stands after another; products want them apart.
        x.reshape([n, s, self.heads, d / self.heads])
            .swap_dims(1, 2)
    }

    /// softmax(Q Kᵀ / √(d / heads)) V of each head, the heads beside each other again: of three
    /// `[n, heads, s, d / heads]` to `[n · s, d]`.
    pub(crate) fn mix(
        &self,
        weights: &Weights,
        query: Tensor<4>,
        key: Tensor<4>,
        value: Tensor<4>,
    ) -> Tensor<2> {
        let [n, heads, s, head_width] = query.dims();
        let scale = 1.0 / (head_width as f64).sqrt();
        // A query has head_width numbers to scale where its scores are s.
        let scores = weights.product(query.mul_scalar(scale), key.swap_dims(2, 3));
        let scores = scores.clone() + self.mask.beside(&scores);
        let mixed = weights.product(softmax(scores), value);
        mixed.swap_dims(1, 2).reshape([n * s, heads * head_width])
    }
}
