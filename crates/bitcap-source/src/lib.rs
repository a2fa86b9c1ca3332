//! Where data comes from: sources, exact entropies, dataset files. No tensors.

mod coin;
mod copies;
mod data_shape;
mod dataset;
mod draw;
pub mod file;
mod invalid;
mod linear;
mod marginal;
mod markov;
mod math;
mod random;
mod settings;
mod source;
mod stream;
mod uniform;
mod user_file;
mod whole;

pub use coin::CoinSettings;
pub use copies::{CopiesLaw, CopiesSettings, Exposure};
pub use data_shape::DataShape;
pub use dataset::{Dataset, is_blake3, tokens_blake3};
pub use draw::{Drawer, Stream, draw};
pub use invalid::InvalidSetting;
pub use linear::LinearSettings;
pub use marginal::Marginal;
pub use markov::{MarkovSettings, UnigramSettings};
pub use settings::SourceSettings;
pub use source::Source;
pub use stream::stream;
pub use uniform::UniformSettings;
pub use user_file::{FileFacts, FileFormat, FileSettings};
pub use whole::{remove_partial, write_all_whole, write_whole};
