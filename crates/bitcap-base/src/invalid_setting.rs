//! The one error for a setting that is out of its range.

use std::fmt::Display;

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

impl InvalidSetting {
    /// `allowed` is worded to follow "it must be".
    pub fn new(key: &str, found: impl ToString, allowed: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            found: found.to_string(),
            allowed: allowed.into(),
        }
    }
}

/// Checks that a number lies from `low` to `high`, both allowed. NaN is in no range.
///
/// # Errors
/// If it does not, with the range.
pub fn in_range<T: PartialOrd + Display>(
    key: &str,
    found: T,
    low: T,
    high: T,
) -> Result<(), InvalidSetting> {
    if (&low..=&high).contains(&&found) {
        return Ok(());
    }
    let allowed = format!("from {low} to {high}");
    Err(InvalidSetting::new(key, found, allowed))
}
