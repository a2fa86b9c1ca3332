//! Optimizers, schedules and the training loop; emits events, prints nothing.

mod kernel_step;
mod lbfgs;
mod muon;
mod optimizer;
mod order;
mod schedule;
mod soap;
mod state;
mod step;
mod trainer;

pub use optimizer::Optimizer;
pub use order::{Order, Sequences};
pub use schedule::rate_factor;
pub use state::{StateError, TrainState};
pub use step::{ComposedStep, Loss, Step};
pub use trainer::{Progress, TrainError, Trainer};
