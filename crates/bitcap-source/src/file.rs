//! Dataset files: safetensors, so that anything that reads tensors reads them, with the whole
//! provenance in the header.
//!
//! One tensor, `tokens`, `U16`, `[N, S]`. The strings of `__metadata__`:
//!
//! | key | value |
//! |---|---|
//! | `format` | `bitcap-dataset/1` |
//! | `source` | the source's settings as JSON |
//! | `vocabulary`, `length`, `samples` | V, S and N |
//! | `data_seed`, `stream` | what the samples were drawn with; `data` or `fresh` |
//! | `entropy_bits` | exact code length in bits, the source's parameters unknown; `unknown` where nobody knows it, as of a file |
//! | `entropy_bound_bits` | only where that is unknown and has an upper bound: the bound |
//! | `source_blake3` | only where the source is a file: BLAKE3 of its content |
//! | `tokens_blake3` | BLAKE3 of the tensor's bytes, hexadecimal |
//! | `bitcap_version` | the version that wrote the file |
//!
//! Both directions work in a stream: memory does not grow with N, but where [`read()`] returns the
//! tokens themselves, and as [`crate::Marginal`] says of copies.

mod error;
mod info;
mod read;
pub(crate) mod tokens;
mod write;

pub use error::{DatasetFileError, Problem};
pub use info::DatasetInfo;
pub use read::{inspect, read};
pub use tokens::FORMAT;
pub use write::{generate, generate_to, write};
