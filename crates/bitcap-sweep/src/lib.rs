//! The experiment file, the plan, run folders, running cells side by side.

mod again;
mod cell;
mod cell_events;
mod cell_file;
mod checkpoints;
mod collect;
mod deserialize;
mod document;
mod engine_settings;
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
mod lock;
mod manifest;
mod measuring;
mod memory;
mod model;
mod nearest;
mod only;
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
mod stop;
mod submit;
mod tensorboard;
mod training;

pub use again::{DataReport, TrainedCell};
pub use cell::{CellEvent, Failure, RunOptions, is_measured, run_cell};
pub use cell_events::write_events;
pub use collect::collect;
pub use engine_settings::{CellEngine, EngineSettings};
pub use error::{ExperimentError, Place};
pub use estimate::{StepTime, estimate, step_seconds};
pub use experiment::{Experiment, MAX_FILE_BYTES, read_source, read_text};
pub use folder::{CellFolder, CellState, ExperimentFolder, PlanEntry, PlanFile};
pub use folder_error::FolderError;
pub use grid::MAX_POINTS;
pub use launch::{Launch, SweepEvent};
pub use lock::CellLock;
pub use manifest::{Manifest, Session};
pub use memory::check_memory;
pub use plan::{Plan, PlannedCell};
pub use plan_table::text_table;
pub use proof::{Compressed, compress, decompress};
pub use settings::{CellData, CellSettings, MAX_TOKENS, MeasureSettings, SweepSettings};
pub use status::{CellStatus, Standing, Status, status};
pub use stop::Stop;
pub use submit::{
    EngineKind, Job, Queue, Queued, Submission, Submit, SubmitError, check_parallel,
    prepare_for_parallel, quoted, submit_to_slurm,
};
