//! From tokens to what a model is asked to predict.

use std::ops::Range;

use bitcap_source::DataShape;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// A dataset as inputs and targets: at each predicted position the token before it and itself.
///
/// With a start token the inputs are [start, x_1 .. x_{S-1}] and the targets x_1 .. x_S; without,
/// x_1 .. x_{S-1} and x_2 .. x_S.
#[derive(Clone, Debug)]
pub struct PredictionTask {
    inputs: Vec<i32>,
    targets: Vec<i32>,
    predicted: usize,
}

/// Sequences on a device: inputs `[n, S_pred]` and targets `[n · S_pred, 1]` of one pass.
#[derive(Clone)]
pub struct Pass {
    /// The token before each predicted one.
    pub inputs: Tensor<2, Int>,
    /// The predicted tokens.
    pub targets: Tensor<2, Int>,
}

impl PredictionTask {
    /// `tokens`: `[N, S]` row-major, each below V.
    ///
    /// # Panics
    /// If `tokens` is not a whole number of sequences, or nothing is predicted (S = 1 without a
    /// start token).
    #[must_use]
    pub fn new(data: &DataShape, tokens: &[u16]) -> Self {
        assert!(
            tokens.len().is_multiple_of(data.length),
            "tokens are whole sequences"
        );
        let predicted = data.predicted();
        assert!(predicted > 0, "a sequence of one token needs a start token");
        let size = tokens.len() / data.length * predicted;
        let mut inputs = Vec::with_capacity(size);
        let mut targets = Vec::with_capacity(size);
        for sequence in tokens.chunks_exact(data.length) {
            if data.start_token {
                inputs.push(data.vocabulary as i32);
            }
            let before = &sequence[..data.length - 1];
            inputs.extend(before.iter().map(|&t| i32::from(t)));
            let predicted = &sequence[data.length - predicted..];
            targets.extend(predicted.iter().map(|&t| i32::from(t)));
        }
        Self {
            inputs,
            targets,
            predicted,
        }
    }

    /// Number of sequences N.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.inputs.len() / self.predicted
    }

    /// Tokens predicted in each sequence, S_pred.
    #[must_use]
    pub fn predicted(&self) -> usize {
        self.predicted
    }

    /// The tokens before the predicted ones, `[N, S_pred]` row-major.
    #[must_use]
    pub fn inputs(&self) -> &[i32] {
        &self.inputs
    }

    /// Those of some sequences, `[n, S_pred]` row-major.
    #[must_use]
    pub fn inputs_of(&self, sequences: Range<usize>) -> &[i32] {
        &self.inputs[sequences.start * self.predicted..sequences.end * self.predicted]
    }

    /// The predicted tokens, `[N, S_pred]` row-major.
    #[must_use]
    pub fn targets(&self) -> &[i32] {
        &self.targets
    }

    /// Places the sequences of a range on a device.
    #[must_use]
    pub fn pass(&self, sequences: Range<usize>, device: &Device) -> Pass {
        let s = self.predicted;
        let place = |all: &[i32], dims: [usize; 2]| {
            let values = all[sequences.start * s..sequences.end * s].to_vec();
            Tensor::from_data(TensorData::new(values, dims), device)
        };
        Pass {
            inputs: place(&self.inputs, [sequences.len(), s]),
            targets: place(&self.targets, [sequences.len() * s, 1]),
        }
    }
}

impl Pass {
    /// Those of its sequences with these indices.
    #[must_use]
    pub fn select(&self, sequences: &[usize]) -> Self {
        let [n, s] = self.inputs.dims();
        let indices: Vec<i32> = sequences.iter().map(|&i| i as i32).collect();
        let indices = TensorData::new(indices, [sequences.len()]);
        let indices = Tensor::from_data(indices, &self.inputs.device());
        let targets = self.targets.clone().reshape([n, s]);
        Self {
            inputs: self.inputs.clone().select(0, indices.clone()),
            targets: targets.select(0, indices).reshape([sequences.len() * s, 1]),
        }
    }
}
