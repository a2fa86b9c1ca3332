//! Rotary positions (RoFormer, Su et al. 2021, arXiv 2104.09864).

use burn::tensor::{Device, Tensor};

use crate::constant::Constant;

/// The slowest wave turns by 1 / this, all but: RoFormer's base.
pub(crate) const ROPE_BASE: f64 = 10_000.0;

/// At place t the numbers j and j + w/2 of a head of width w are the two coordinates of a point that is
/// turned by t · base^(-2j/w). (RoFormer pairs neighbours; transformers, and so the weights, halves.)
pub(crate) struct Rotation {
    /// `[1, 1, S_pred, w]`, the angle of each number.
    cosine: Constant<4>,
    sine: Constant<4>,
}

impl Rotation {
    /// Of heads of an even width, over sequences of that length.
    pub(crate) fn new(length: usize, width: usize, device: &Device) -> Self {
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
    pub(crate) fn of(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, heads, s, width] = x.dims();
        let half = |from: usize, to: usize| x.clone().slice([0..n, 0..heads, 0..s, from..to]);
        let quarter_turn = Tensor::cat(vec![-half(width / 2, width), half(0, width / 2)], 3);
        let (cosine, sine) = (self.cosine.beside(&x), self.sine.beside(&x));
        x * cosine + quarter_turn * sine
    }
}
