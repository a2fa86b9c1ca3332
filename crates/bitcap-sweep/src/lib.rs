//! The experiment file, the plan, run folders, running cells side by side.

mod again;
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
mod known_data;
mod launch;
mod manifest;
mod measuring;
mod memory;
mod model;
mod nearest;
mod oracle;
mod plan;
mod plan_table;
mod positions;
mod proof;
mod resolve;
mod sections;
mod sequences;
mod set;
mod settings;
mod status;

pub use again::{DataReport, TrainedCell};
pub use cell::{CellEvent, Failure, is_measured, run_cell};
pub use collect::collect;
pub use error::{ExperimentError, Place};
pub use estimate::{StepTime, estimate, step_seconds};
pub use experiment::{Experiment, MAX_FILE_BYTES, read_source, read_text};
pub use folder::{CellFolder, CellLock, CellState, ExperimentFolder, PlanEntry, PlanFile};
pub use folder_error::FolderError;
pub use grid::MAX_POINTS;
pub use launch::{SweepEvent, launch};
pub use manifest::Manifest;
pub use memory::check_memory;
pub use plan::{Plan, PlannedCell};
pub use plan_table::text_table;
pub use proof::{Compressed, compress, decompress};
pub use settings::{
    CellData, CellEngine, CellSettings, EngineSettings, MAX_TOKENS, MeasureSettings, SweepSettings,
    expected_capacity_bits,
};
pub use status::{CellStatus, Status, status};
