//! Architectures in Burn: weights, devices, initial weights, log-probabilities, model files.

mod architecture;
mod device;
mod gpt2;
mod hugging_face;
mod init;
mod model;
mod passes;
mod softmax;
mod task;
mod weights;

pub use architecture::{Architecture, Hidden, architecture};
pub use device::{DeviceError, about, backends, matrix_path, open};
pub use gpt2::Gpt2;
pub use hugging_face::ModelFileError;
pub use init::initial_weights;
pub use model::{Model, Predictions};
pub use passes::{largest_pass, passes};
pub use softmax::Softmax;
pub use task::{Pass, PredictionTask};
pub use weights::Weights;
