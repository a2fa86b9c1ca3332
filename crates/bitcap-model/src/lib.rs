//! Architectures in Burn, their parameter counts, loading and saving weights.

mod settings;

pub use settings::{Gpt2Shape, Initialization, ModelSettings, ParameterCounts};
