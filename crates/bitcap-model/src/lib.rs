//! Architectures in Burn: weights, devices, initial weights, log-probabilities, model files.

mod device;
mod evaluate;
mod gpt2;
mod hugging_face;
mod init;

pub use device::{DeviceError, about, backends, matrix_path, open};
pub use evaluate::{PredictionTask, Predictions, log_probabilities, passes_of, predictions};
pub use gpt2::Gpt2;
pub use hugging_face::{ModelFileError, load, save};
pub use init::initial_weights;
