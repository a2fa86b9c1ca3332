//! Where data comes from: sources, exact entropies, dataset files. No tensors.

mod coin;
mod copies;
mod dataset;
mod draw;
pub mod file;
mod linear;
mod marginal;
mod markov;
mod math;
mod random;
mod settings;
mod source;
mod uniform;
mod user_file;

pub use coin::CoinSettings;
pub use copies::{CopiesLaw, CopiesSettings, Exposure};
pub use dataset::Dataset;
pub use draw::{Drawer, Stream, draw};
pub use linear::LinearSettings;
pub use marginal::Marginal;
pub use markov::{MarkovSettings, UnigramSettings};
pub use settings::SourceSettings;
pub use source::Source;
pub use uniform::UniformSettings;
pub use user_file::{FileFacts, FileFormat, FileSettings};
