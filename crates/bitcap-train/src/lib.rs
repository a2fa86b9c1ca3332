//! Optimizers, schedules and the training loop; emits events, prints nothing.
