//! The experiment file, the plan, run folders, running cells side by side.

mod error;
mod experiment;
mod identity;
mod nearest;
mod plan;
mod settings;

pub use error::{ExperimentError, Place};
pub use experiment::Experiment;
pub use plan::{Plan, PlannedCell};
pub use settings::{
    CellData, CellEngine, CellSettings, EngineSettings, MAX_TOKENS, MeasureSettings, SweepSettings,
    expected_capacity_bits,
};
