//! What is to be done and what was done, as data: the experiment file, settings, layouts and parameter
//! counts, the plan, names and hashes, folders and their records, launching cells, engines. No tensors.

mod collect;
mod data_shape;
mod events;
mod experiment;
mod folder;
mod launch;
mod layout;
mod plan;
mod plan_table;
mod select;
mod settings;
mod status;
mod submit;

pub use collect::collect;
pub use data_shape::DataShape;
pub use events::{CellEvent, Failure};
pub use experiment::{
    Experiment, ExperimentError, MAX_FILE_BYTES, MAX_POINTS, Place, read_source, read_text,
};
pub use folder::{
    CellFolder, CellState, ExperimentFolder, FolderError, Manifest, PlanEntry, PlanFile, Session,
    Work, now,
};
pub use launch::{Launch, SweepEvent};
pub use layout::{Group, Init, Layout, Rule, Slot, SlotId};
pub use plan::{Plan, PlannedCell};
pub use plan_table::text_table;
pub use settings::{
    Backend, Batch, CellData, CellEngine, CellSettings, DeviceIndex, DeviceSpec, EXACT_SOURCE,
    EngineSettings, Gpt2Settings, Initialization, MAX_TOKENS, MeasureSettings, ModelSettings,
    OptimizerKind, Precision, ScheduleKind, SweepSettings, TrainSettings,
    expected_capacity_bits,
};
pub use status::{CellStatus, Standing, Status, status};
pub use submit::{
    EngineKind, Job, Queue, Queued, Submission, Submit, SubmitError, check_parallel,
    prepare_for_parallel, quoted, submit_to_slurm,
};
