//! Where data comes from: sources, exact entropies, dataset files. No tensors.
//!
//! A new kind of source is a file in `kinds` that fulfils the contract in `kind.rs`, and a line in
//! `settings.rs`.

mod data_shape;
mod dataset;
mod dirichlet;
pub mod file;
mod kind;
mod marginal;
mod math;
mod random;
mod settings;
mod source;

/// The kinds of sources, a file each.
mod kinds {
    pub(crate) mod addition;
    pub(crate) mod coin;
    pub(crate) mod copies;
    pub(crate) mod copying;
    pub(crate) mod facts;
    pub(crate) mod file;
    pub(crate) mod grammar;
    pub(crate) mod hidden_markov;
    pub(crate) mod linear;
    pub(crate) mod markov;
    pub(crate) mod parity;
    pub(crate) mod uniform;
}

pub use data_shape::DataShape;
pub use dataset::{Dataset, Split, is_blake3, tokens_blake3};
pub use kind::{Exposure, FileFacts, Kind};
pub use kinds::addition::AdditionSettings;
pub use kinds::coin::CoinSettings;
pub use kinds::copies::{CopiesLaw, CopiesSettings};
pub use kinds::copying::CopyingSettings;
pub use kinds::facts::FactsSettings;
pub use kinds::file::{FileFormat, FileSettings};
pub use kinds::grammar::GrammarSettings;
pub use kinds::hidden_markov::HiddenMarkovSettings;
pub use kinds::linear::LinearSettings;
pub use kinds::markov::{MarkovSettings, UnigramSettings};
pub use kinds::parity::ParitySettings;
pub use kinds::uniform::UniformSettings;
pub use marginal::Marginal;
pub use settings::SourceSettings;
pub use source::{Source, draw};
