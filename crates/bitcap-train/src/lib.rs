//! Optimizers, schedules and the training loop; emits events, prints nothing.

mod cross_entropy;
mod muon;
mod optimizer;
mod order;
mod schedule;
mod state;
mod trainer;

pub use optimizer::Optimizer;
pub use order::Order;
pub use schedule::rate_factor;
pub use state::{StateError, TrainState};
pub use trainer::{Progress, TrainError, Trainer};
