//! What is to be done and what was done, as data: the experiment file, settings, layouts and parameter
//! counts, the plan, names and hashes, folders and their records, launching cells, engines. No tensors.

mod collect;
mod experiment;
mod folder;
mod launch;
mod layout;
mod messages;
mod plan;
mod plan_table;
pub mod record;
mod select;
mod settings;
mod status;
mod submit;

pub use collect::{Collected, collect};
pub use experiment::{
    Experiment, ExperimentError, MAX_FILE_BYTES, MAX_POINTS, Place, experiment_schema, read_source,
    read_text,
};
pub use folder::{
    CellFolder, CellState, ExperimentFolder, FolderError, Manifest, PlanEntry, PlanFile, Session,
    Sweeping, Work, now,
};
pub use launch::{ChildProcess, Launch, SweepEvent};
pub use layout::{Group, Init, Layout, Rule, Slot, SlotId};
pub use messages::{CellEvent, CellTask, Failure};
pub use plan::{CurvePoint, Plan, PlannedCell};
pub use plan_table::text_table;
pub use record::{Run, Timing};
pub use settings::{
    ArchitectureSettings, Backend, Batch, CellData, CellEngine, CellSettings, CommonSettings,
    DeviceIndex, DeviceSpec, EXACT_SOURCE, EngineSettings, Gpt2Settings, GruSettings,
    Initialization, Kernels, LlamaBlocks, LlamaSettings, LstmSettings, MAX_TOKENS, MambaSettings,
    MeasureSettings, MlpSettings, ModelKind, ModelSettings, MoeSettings, OptimizerKind, Precision,
    RecurrentSettings, ScheduleKind, SweepSettings, TrainSettings,
};
pub use status::{CellStatus, Status, status};
pub use submit::{
    EngineKind, Job, Queue, Queued, Submission, Submit, SubmitError, check_parallel,
    prepare_for_parallel, quoted, submit_to_slurm,
};
