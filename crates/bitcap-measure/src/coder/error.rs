//! What can be wrong when coding and decoding.

use crate::MeasureError;

/// Why a distribution cannot be coded with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// An entry that is not the logarithm of a probability.
    #[error("entry {entry} is {found}; a log-probability must be at most 0")]
    Entry {
        /// Which entry.
        entry: usize,
        /// The number found.
        found: f32,
    },
    /// Not normalized.
    #[error("the probabilities sum to {found}; they must sum to 1")]
    Sum {
        /// The sum found.
        found: f64,
    },
    /// Too few entries.
    #[error("there are {found} entries; there must be 2 or more")]
    Entries {
        /// How many there are.
        found: usize,
    },
    /// The token to code has no entry.
    #[error("there is no entry for token {token}")]
    NoEntry {
        /// The token.
        token: u16,
    },
    /// The token to code is impossible under the model.
    #[error(
        "token {token} occurs there and has probability 0; no claimed bits can be compared with its code"
    )]
    Impossible {
        /// The token.
        token: u16,
    },
}

/// Why tokens cannot be coded, or a coded file not decoded. `E` is what the model's own error is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError<E> {
    /// The tokens or their shape are wrong.
    #[error(transparent)]
    Data(#[from] MeasureError),
    /// A value that it cannot have.
    #[error("`{key}` is {found}; it must be {allowed}")]
    Setting {
        /// Which value.
        key: &'static str,
        /// The value found.
        found: String,
        /// What would be right.
        allowed: &'static str,
    },
    /// The model failed.
    #[error("the model failed at sequence {sequence}, token {position}: {source}")]
    Model {
        /// First sequence of the batch.
        sequence: usize,
        /// The token asked for.
        position: usize,
        /// The model's error.
        source: E,
    },
    /// The model gave too many or too few log-probabilities.
    #[error(
        "the model gave {found} log-probabilities for token {position} of {sequences} sequences from {sequence} on; \
         they have {expected}"
    )]
    Entries {
        /// First sequence of the batch.
        sequence: usize,
        /// How many sequences are in it.
        sequences: usize,
        /// The token asked for.
        position: usize,
        /// How many there were.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The model gave something that is no distribution.
    #[error("the model's distribution for token {position} of sequence {sequence}: {source}")]
    Distribution {
        /// Row of the token.
        sequence: usize,
        /// Its place in the sequence.
        position: usize,
        /// What is wrong with it.
        source: DistributionError,
    },
    /// The file says that another model made it.
    #[error(
        "the file was made with the model whose weights have BLAKE3 {expected}; this one's have {found}"
    )]
    OtherModel {
        /// The model given.
        found: String,
        /// The model that the file names.
        expected: String,
    },
    /// The file is as it was written, the weights are the same, and yet other tokens came out.
    #[error(
        "the model now gives other probabilities than when the file was made (first noticed {place}): decode on the \
         same kind of machine and with the same backend"
    )]
    OtherProbabilities {
        /// Where it was noticed.
        place: String,
    },
}

/// Why bytes are not a coded file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodedFileError {
    /// Does not begin as such a file does.
    #[error("this is not a file that bitcap coded: it does not begin with \"bitcap-code/1\"")]
    NotCoded,
    /// The end is missing.
    #[error("the file is cut: it has {found} bytes and should have {expected}")]
    Cut {
        /// Its length in bytes.
        found: usize,
        /// What it should be at least.
        expected: u64,
    },
    /// There is something after the end.
    #[error("the file has {found} bytes and should have {expected}: something was added")]
    Longer {
        /// Its length in bytes.
        found: usize,
        /// What it should be.
        expected: u64,
    },
    /// The content does not have the hash it was written with.
    #[error("the file was altered: its content has another BLAKE3 than it was written with")]
    Altered,
    /// The header is not one, or says what cannot be.
    #[error("the header is wrong: {0}")]
    Header(String),
}
