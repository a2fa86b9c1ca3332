//! Where data comes from: sources, exact entropies, dataset files. No tensors.

mod dataset;
mod draw;
pub mod file;
mod invalid;
mod settings;
mod stream;
mod uniform;
mod whole;

pub use dataset::Dataset;
pub use draw::{Drawer, Stream, draw};
pub use invalid::InvalidSetting;
pub use settings::SourceSettings;
pub use stream::stream;
pub use uniform::UniformSettings;
pub use whole::write_whole;
