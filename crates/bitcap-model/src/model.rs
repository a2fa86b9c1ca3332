//! A model: an architecture with its weights, and what it says of data.

use std::sync::Arc;

use bitcap_plan::ModelSettings;
use bitcap_source::DataShape;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use crate::architecture::Architecture;
use crate::device_facts::DeviceError;
use crate::kinds::architecture;
use crate::passes::{chunks, largest_pass, passes};
use crate::softmax::Softmax;
use crate::task::PredictionTask;
use crate::weights::Weights;

/// An architecture with its weights, on a device.
#[derive(Clone)]
pub struct Model {
    architecture: Arc<dyn Architecture>,
    /// `[P]` in the order of the layout.
    flat: Tensor<1>,
}

/// What a model says of every predicted token, row-major `[N, S_pred]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Natural-log probability of the token, by f32 logits.
    pub log_probabilities: Vec<f32>,
    /// Whether it is the most probable one (of several the first).
    pub right: Vec<bool>,
}

impl Model {
    /// `weights`: `[P]` in the order of the architecture's layout; `device` without autodiff.
    ///
    /// # Panics
    /// If there are more or fewer weights than parameters.
    #[must_use]
    pub fn new(architecture: Arc<dyn Architecture>, weights: Vec<f32>, device: &Device) -> Self {
        let parameters = weights.len();
        let flat = Tensor::from_data(TensorData::new(weights, [parameters]), device);
        Self::of_flat(architecture, flat)
    }

    /// The same of weights that are on a device already, without autodiff.
    ///
    /// # Panics
    /// If there are more or fewer weights than parameters.
    #[must_use]
    pub fn of_flat(architecture: Arc<dyn Architecture>, flat: Tensor<1>) -> Self {
        assert_eq!(
            flat.dims(),
            [architecture.layout().len()],
            "the weights are those of the architecture"
        );
        Self { architecture, flat }
    }

    /// The same on another device.
    ///
    /// # Errors
    /// If the device that it is on fails.
    pub fn on(&self, settings: &ModelSettings, device: &Device) -> Result<Self, DeviceError> {
        let architecture = architecture(settings, *self.data(), device);
        let weights = self.flat.try_to_vec_as::<f32>()?;
        Ok(Self::new(architecture, weights, device))
    }

    /// What computes.
    #[must_use]
    pub fn architecture(&self) -> &Arc<dyn Architecture> {
        &self.architecture
    }

    /// The weights, `[P]` in the order of the layout.
    #[must_use]
    pub fn flat(&self) -> &Tensor<1> {
        &self.flat
    }

    /// The sequences that it is made for.
    #[must_use]
    pub fn data(&self) -> &DataShape {
        self.architecture.data()
    }

    /// BLAKE3 of what it is beside its weights, and of these in little-endian f32; hexadecimal.
    ///
    /// # Errors
    /// If the device does not give the weights back.
    pub fn blake3(&self) -> Result<String, DeviceError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.architecture.identity());
        let mut bytes = Vec::new();
        // In pieces: the bytes of all of them at once would be one more copy of the weights.
        for piece in self.flat.try_to_vec_as::<f32>()?.chunks(1 << 14) {
            bytes.clear();
            bytes.extend(piece.iter().flat_map(|weight| weight.to_le_bytes()));
            hasher.update(&bytes);
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Sequences in a forward pass at most.
    #[must_use]
    pub fn largest_pass(&self) -> usize {
        let widest = self.architecture.widest_activation();
        largest_pass(widest, self.data(), &self.flat.device())
    }

    /// What the model says of a dataset's predicted tokens.
    ///
    /// # Errors
    /// If the device fails.
    pub fn predictions(&self, task: &PredictionTask) -> Result<Predictions, DeviceError> {
        let weights = self.weights();
        let mut all = Predictions {
            log_probabilities: Vec::with_capacity(task.targets().len()),
            right: Vec::with_capacity(task.targets().len()),
        };
        let device = self.flat.device();
        for range in passes(task.samples(), self.largest_pass()) {
            let pass = task.pass(range, &device);
            let hidden = self.architecture.hidden(&weights, pass.inputs).values;
            // Left on the device until the pass is done: a read waits for it, so there is one a
            // pass and not one a chunk.
            let (mut best, mut chosen) = (Vec::new(), Vec::new());
            for rows in chunks(hidden.dims()[0], self.data(), &device) {
                let hidden = hidden.clone().slice(rows.clone());
                let logits = self.architecture.head(&weights, hidden);
                let softmax = Softmax::of(&logits);
                best.push(softmax.best());
                let targets = pass.targets.clone().slice(rows);
                chosen.push(softmax.log_probabilities(logits.gather(1, targets)));
            }
            let best = Tensor::cat(best, 0).try_into_vec_as::<i32>()?;
            let targets = &task.targets()[all.right.len()..];
            let right = best.iter().zip(targets);
            all.right.extend(right.map(|(best, target)| best == target));
            all.log_probabilities
                .extend(Tensor::cat(chosen, 0).try_into_vec_as::<f32>()?);
        }
        Ok(all)
    }

    /// Natural-log probabilities of all tokens at one place of each sequence, `[n, V']` row-major.
    ///
    /// `known`: `[n, position]` row-major, the tokens before it, each below V. The pass is that of
    /// whole sequences, what is not known yet being token 0: positions do not see those after them,
    /// and the same question has the same answer to the last bit, whoever asks.
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Panics
    /// If `known` is not n rows of `position` tokens, or the token at `position` is not predicted.
    pub fn next(&self, known: &[u16], n: usize, position: usize) -> Result<Vec<f32>, DeviceError> {
        let data = self.data();
        assert_eq!(known.len(), n * position, "whole beginnings");
        let (length, predicted) = (data.length, data.predicted());
        let given = length - predicted;
        assert!((given..length).contains(&position), "a predicted token");
        let mut tokens = vec![0; n * length];
        for row in 0..n {
            let known = &known[row * position..][..position];
            tokens[row * length..][..position].copy_from_slice(known);
        }
        let pass = PredictionTask::new(data, &tokens).pass(0..n, &self.flat.device());
        let weights = self.weights();
        let hidden = self.architecture.hidden(&weights, pass.inputs).values;
        let width = hidden.dims()[1];
        // Hidden states are those of predicted positions alone, the first of which is `given`.
        let place = position - given;
        let hidden = hidden
            .reshape([n, predicted, width])
            .slice([0..n, place..place + 1, 0..width])
            .reshape([n, width]);
        let logits = self.architecture.head(&weights, hidden);
        let softmax = Softmax::of(&logits);
        // The columns that fill up a GPU's rows have been in the softmax, where they are 0.
        let logits = logits.slice([0..n, 0..data.rows()]);
        Ok(softmax.log_probabilities(logits).try_into_vec_as::<f32>()?)
    }

    fn weights(&self) -> Weights {
        Weights::new(self.architecture.layout(), &self.flat, FloatDType::F32)
    }
}
