//! The one error for a setting that is out of its range.

/// A setting whose value is impossible: which one, what it is, and what would be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is {found}; it must be {allowed}")]
pub struct InvalidSetting {
    /// The setting by its dotted path, such as `source.vocabulary`.
    pub key: String,
    /// The value that was found.
    pub found: String,
    /// What would be allowed, worded to follow "it must be".
    pub allowed: String,
}
