//! The experiment file, the plan, run folders, running cells side by side.

mod cell;
mod cell_file;
mod collect;
mod deserialize;
mod document;
mod error;
mod estimate;
mod experiment;
mod folder;
mod folder_error;
mod grid;
mod growing;
mod identity;
mod launch;
mod manifest;
mod memory;
mod nearest;
mod plan;
mod plan_table;
mod resolve;
mod sections;
mod sequences;
mod set;
mod settings;
mod status;

pub use cell::{CellEvent, Failure, run_cell};
pub use collect::collect;
pub use error::{ExperimentError, Place};
pub use estimate::{StepTime, estimate, step_seconds};
pub use experiment::{Experiment, MAX_FILE_BYTES};
pub use folder::{CellFolder, CellLock, CellState, ExperimentFolder, PlanEntry, PlanFile};
pub use folder_error::FolderError;
pub use grid::MAX_POINTS;
pub use launch::{SweepEvent, launch};
pub use manifest::Manifest;
pub use memory::check_memory;
pub use plan::{Plan, PlannedCell};
pub use plan_table::text_table;
pub use settings::{
    CellData, CellEngine, CellSettings, EngineSettings, MAX_TOKENS, MeasureSettings, SweepSettings,
    expected_capacity_bits,
};
pub use status::{CellStatus, Status, status};
