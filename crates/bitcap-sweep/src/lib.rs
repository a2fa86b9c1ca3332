//! The experiment file, the plan, run folders, running cells side by side.

mod cell_file;
mod deserialize;
mod document;
mod error;
mod experiment;
mod grid;
mod identity;
mod nearest;
mod plan;
mod plan_table;
mod resolve;
mod sections;
mod set;
mod settings;

pub use error::{ExperimentError, Place};
pub use experiment::{Experiment, MAX_FILE_BYTES};
pub use grid::MAX_POINTS;
pub use plan::{Plan, PlannedCell};
pub use plan_table::text_table;
pub use settings::{
    CellData, CellEngine, CellSettings, EngineSettings, MAX_TOKENS, MeasureSettings, SweepSettings,
    expected_capacity_bits,
};
