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

/// Checks that a value fits; else what was found and what is `allowed` are the error.
///
/// # Errors
/// If it does not.
pub fn check_setting(
    fits: bool,
    key: &str,
    found: impl ToString,
    allowed: impl Into<String>,
) -> Result<(), InvalidSetting> {
    if fits {
        return Ok(());
    }
    Err(InvalidSetting::new(key, found, allowed))
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
    // By references: T need not be `Copy`.
    let fits = (&low..=&high).contains(&&found);
    let allowed = format!("from {low} to {high}");
    check_setting(fits, key, found, allowed)
}
