//! Architectures in Burn, their parameter counts, loading and saving weights.

mod device;
mod evaluate;
mod gpt2;
mod hugging_face;
mod init;
mod layout;
mod settings;

pub use device::DeviceName;
pub use evaluate::{PredictionTask, Predictions, log_probabilities, passes_of, predictions};
pub use gpt2::Gpt2;
pub use hugging_face::{ModelFileError, load, save};
pub use init::initial_weights;
pub use layout::{Layout, Role, Slot};
pub use settings::{Gpt2Shape, Initialization, ModelSettings, ParameterCounts};
