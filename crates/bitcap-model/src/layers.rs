//! Layers that several architectures have: GPT-2's layer norm and RMSNorm.

use bitcap_plan::SlotId;
use burn::tensor::Tensor;

use crate::functions::layer_norm;
use crate::weights::Weights;

/// (x - mean) / √(variance + ε) · gain + bias, of each row.
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

/// RMSNorm (Zhang & Sennrich 2019): x / √(mean x² + ε) · gain, of each row of `x`: `[rows, d]`, to the
/// same shape.
pub(crate) fn rms_norm(weights: &Weights, gain: SlotId, epsilon: f64, x: Tensor<2>) -> Tensor<2> {
    let square = x.clone().square().mean_dim(1);
    let root = square.add_scalar(epsilon).sqrt();
    x / root * weights.tensor::<1>(gain).unsqueeze::<2>()
}
