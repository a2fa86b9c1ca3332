//! What can be wrong with a toy case.

/// Why a toy case cannot be worked out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ToyError {
    /// Not TOML, an unknown or missing key, or a value of the wrong type. Says the line.
    #[error("{0}")]
    Toml(String),
    /// A value that it cannot have.
    #[error("`{key}` is {found}; it must be {allowed}")]
    Setting {
        /// The key, from the top of the file; list items are counted from 0.
        key: String,
        /// The value found.
        found: String,
        /// What would be right.
        allowed: String,
    },
    /// More terms than can be gone through.
    #[error(
        "`samples` holds {samples}: {source_values} source values and {data_values} data values then have {terms} \
         terms to go through, and the most is {limit}; use fewer samples"
    )]
    TooLarge {
        /// n, the learner's samples.
        samples: u32,
        /// How many values the source has.
        source_values: usize,
        /// How many values the data has.
        data_values: usize,
        /// Source values x data values^n, as text: it may not fit a number.
        terms: String,
        /// The most there may be.
        limit: usize,
    },
}

impl ToyError {
    pub(super) fn setting(
        key: impl Into<String>,
        found: impl std::fmt::Display,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Setting {
            key: key.into(),
            found: found.to_string(),
            allowed: allowed.into(),
        }
    }
}
