//! Where things lie: `outputs/<experiment>/` and the folders of its cells.

mod cell_folder;
mod error;
mod experiment_folder;
pub(crate) mod files;
mod manifest;
mod plan_file;

pub use cell_folder::{CellFolder, CellState};
pub use error::FolderError;
pub use experiment_folder::{ExperimentFolder, Sweeping};
pub use manifest::{Manifest, Session, Work, now};
pub use plan_file::{PlanEntry, PlanFile};
