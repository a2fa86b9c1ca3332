//! The kinds of sources, a file each.

pub(crate) mod coin;
pub(crate) mod copies;
pub(crate) mod file;
pub(crate) mod linear;
pub(crate) mod markov;
pub(crate) mod uniform;
