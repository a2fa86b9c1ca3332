//! One cell: source, dataset, model, training, likelihoods, bits; its checkpoints, its oracle, the proof
//! of its bits by a real code.

mod append_only;
mod checkpoints;
mod device_check;
mod error;
mod estimate;
mod event_file;
mod known_data;
mod measuring;
mod memory;
mod model_folder;
mod options;
mod oracle;
mod positions;
mod proof;
mod quantize;
mod run;
mod sequences;
mod tensorboard;
mod trained_cell;
mod training;

pub use device_check::{DeviceCheck, check_device, require_sound};
pub use error::CellError;
pub use estimate::{StepTime, adam_step_seconds, estimate};
pub use event_file::write_events;
pub use memory::check_memory;
pub use options::RunOptions;
pub use proof::{Compressed, compress, decompress};
pub use quantize::{QuantizedRow, Scales, quantize};
pub use run::{is_measured, run_cell};
pub use trained_cell::{DataReport, TrainedCell};
