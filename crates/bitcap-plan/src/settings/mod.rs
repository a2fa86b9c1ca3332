//! Every setting of a cell: its sections, what they may be, the names and hashes that follow.

mod cell;
mod device;
mod engine;
mod identity;
mod measure;
mod model;
mod train;

pub(crate) use cell::data_shape;
pub use cell::{CellData, CellSettings, MAX_TOKENS};
pub use device::{Backend, DeviceIndex, DeviceSpec};
pub use engine::{CellEngine, EngineSettings, Kernels};
pub use measure::{EXACT_SOURCE, MeasureSettings, SweepSettings};
pub use model::{
    ArchitectureSettings, CommonSettings, Gpt2Settings, GruSettings, Initialization, LlamaBlocks,
    LlamaSettings, LstmSettings, MambaSettings, MlpSettings, ModelKind, ModelSettings, MoeSettings,
    RecurrentSettings,
};
pub use train::{Batch, OptimizerKind, Precision, ScheduleKind, TrainSettings};
