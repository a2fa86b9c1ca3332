//! GPT-2's layer norm, which other architectures have too.

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
