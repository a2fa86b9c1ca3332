//! Layers that several architectures have.

use bitcap_plan::SlotId;
use burn::tensor::{Tensor, activation};

use crate::functions::layer_norm;
use crate::weights::Weights;

/// GPT-2's layer norm: (x - mean) / √(variance + ε) · gain + bias, of each row.
pub(crate) struct LayerNorm {
    pub(crate) gain: SlotId,
    pub(crate) bias: SlotId,
}

impl LayerNorm {
    /// Of `x`: `[rows, d]`, to the same shape.
    pub(crate) fn of(&self, weights: &Weights, x: Tensor<2>) -> Tensor<2> {
        layer_norm(x, weights.tensor(self.gain), weights.tensor(self.bias))
    }
}

/// RMSNorm (Zhang & Sennrich 2019, arXiv 1910.07467): x / √(mean x² + ε) · gain, of each row of `x`: `[rows, d]`, to the
/// same shape.
pub(crate) fn rms_norm(weights: &Weights, gain: SlotId, epsilon: f64, x: Tensor<2>) -> Tensor<2> {
    let square = x.clone().square().mean_dim(1);
    let root = square.add_scalar(epsilon).sqrt();
    x / root * weights.tensor::<1>(gain).unsqueeze::<2>()
}

/// The hidden layer of a SwiGLU (Shazeer 2020, arXiv 2002.05202), silu(x Gᵀ) ⊙ x Eᵀ: of `x`, `[rows, d]`, by
/// `gate` and `expand`, `[hidden, d]`, to `[rows, hidden]`.
pub(crate) fn swiglu(
    weights: &Weights,
    x: Tensor<2>,
    gate: Tensor<2>,
    expand: Tensor<2>,
) -> Tensor<2> {
    let gate = activation::silu(weights.product(x.clone(), gate.transpose()));
    gate * weights.product(x, expand.transpose())
}
