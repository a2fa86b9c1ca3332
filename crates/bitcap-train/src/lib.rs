//! Optimizers, schedules and the training loop; emits events, prints nothing.

mod settings;

pub use settings::{Batch, OptimizerKind, Precision, ScheduleKind, TrainSettings};
