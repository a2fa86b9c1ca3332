//! A trained model, as its folder holds it.

use std::path::{Path, PathBuf};

use bitcap_model::{PredictionTask, Predictions, load, open, predictions};
use bitcap_plan::{DeviceSpec, Gpt2Shape};
use burn::tensor::{Tensor, TensorData};

use crate::CellError;

/// Weights on a device, and what identifies them.
pub(crate) struct TrainedModel {
    pub(crate) shape: Gpt2Shape,
    pub(crate) weights: Tensor<1>,
    pub(crate) parameters: u64,
    /// BLAKE3 of shape and weights, hexadecimal.
    pub(crate) blake3: String,
}

impl TrainedModel {
    pub(crate) fn new(
        shape: Gpt2Shape,
        weights: Vec<f32>,
        device: DeviceSpec,
    ) -> Result<Self, CellError> {
        let blake3 = blake3_of(&shape, &weights);
        let parameters = weights.len();
        let weights = TensorData::new(weights, [parameters]);
        Ok(Self {
            shape,
            weights: Tensor::from_data(weights, &open(device)?),
            parameters: parameters as u64,
            blake3,
        })
    }

    /// Out of a folder with config.json and model.safetensors.
    pub(crate) fn load(folder: &Path, device: DeviceSpec) -> Result<Self, CellError> {
        let (shape, weights) = load(folder)?;
        Self::new(shape, weights, device)
    }

    /// What the model says of `tokens`, whole sequences of its shape.
    pub(crate) fn predictions(&self, tokens: &[u16]) -> Predictions {
        let task = PredictionTask::new(&self.shape, tokens);
        predictions(&self.shape, &self.weights, &task, |_| {})
    }
}

/// The folder of the model that `path` means: itself, or model/ in the folder of a cell.
pub(crate) fn model_folder(path: &Path) -> Option<PathBuf> {
    [path.to_owned(), path.join("model")]
        .into_iter()
        .find(|folder| folder.join("config.json").is_file())
}

/// Heads and the like are no weights, and change what a model says all the same.
fn blake3_of(shape: &Gpt2Shape, weights: &[f32]) -> String {
    let shape = serde_json::to_vec(shape).expect("a record of numbers");
    let mut hasher = blake3::Hasher::new();
    hasher.update(&shape);
    let mut bytes = Vec::new();
    for piece in weights.chunks(1 << 14) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|weight| weight.to_le_bytes()));
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}
