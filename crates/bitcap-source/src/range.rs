//! Settings held against their ranges.

use std::fmt::Display;

use bitcap_base::InvalidSetting;

/// `allowed` is worded to follow "it must be".
pub(crate) fn invalid(
    key: &str,
    found: impl ToString,
    allowed: impl Into<String>,
) -> InvalidSetting {
    InvalidSetting {
        key: key.into(),
        found: found.to_string(),
        allowed: allowed.into(),
    }
}

/// An error naming `key` unless `found` lies from `low` to `high`, both allowed. NaN is in no range.
pub(crate) fn in_range<T: PartialOrd + Display>(
    key: &str,
    found: T,
    low: T,
    high: T,
) -> Result<(), InvalidSetting> {
    if (&low..=&high).contains(&&found) {
        return Ok(());
    }
    let allowed = format!("from {low} to {high}");
    Err(invalid(key, found, allowed))
}
