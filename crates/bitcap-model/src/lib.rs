//! Architectures in Burn: weights, devices, initial weights, log-probabilities, model files.

mod architecture;
mod attention;
#[cfg(any(test, feature = "wgpu", feature = "cuda"))]
mod card;
mod config;
mod constant;
mod device;
mod device_facts;
mod functions;
mod gpt2;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
mod head;
mod hugging_face;
mod init;
mod kinds;
mod layer_norm;
mod llama;
mod mlp;
mod model;
mod passes;
mod precision;
mod recurrent;
mod row_sums;
mod softmax;
mod task;
mod weights;

pub use architecture::{Architecture, Hidden};
pub use device::{backends, devices, facts, open};
pub use device_facts::{DeviceError, DeviceFacts};
pub use gpt2::Gpt2;
pub use hugging_face::ModelFileError;
pub use init::initial_weights;
pub use kinds::architecture;
pub use model::{Model, Predictions};
pub use passes::{chunks, largest_pass, passes};
pub use precision::{check_precision, matrix_path, measuring_device, precisions};
pub use row_sums::RowSums;
pub use softmax::Softmax;
pub use task::{Pass, PredictionTask};
pub use weights::{GradientSum, Weights};
