//! What can be wrong with an experiment file, an override or a cell's settings.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitcap_base::InvalidSetting;

pub(crate) type Result<T, E = ExperimentError> = std::result::Result<T, E>;

/// Where a key or a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named; or what else it is in, such as `in --set train.steps=500`.
    pub origin: Arc<str>,
    /// Line in the file and character in the line, both from 1; None for a file as a whole, and for
    /// all else.
    pub position: Option<(usize, usize)>,
}

impl Place {
    pub(crate) fn whole(origin: impl Into<Arc<str>>) -> Self {
        Self {
            origin: origin.into(),
            position: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        match self.position {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// The first thing that is wrong with an experiment, and where.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file, as it was named.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is not TOML; this includes a key that is written twice.
    #[error("{place}: not valid TOML: {message}")]
    Syntax {
        /// Where the parser stopped.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// A key that means nothing here.
    #[error("{place}: unknown key `{key}`{}; allowed: {}", suggestion(key, allowed), allowed.join(", "))]
    UnknownKey {
        /// Where it is written.
        place: Place,
        /// The key by its dotted path.
        key: String,
        /// The keys that mean something there, by their dotted paths.
        allowed: Vec<String>,
    },
    /// A value has the wrong type or is impossible.
    #[error("{place}: {setting}{}", at_point(point))]
    Invalid {
        /// Where the value is written, or where its key would be.
        place: Place,
        /// The key, what was found and what would be allowed.
        setting: Box<InvalidSetting>,
        /// The grid point at which it is impossible, such as `model.width = 9, seed = 0`; empty
        /// where it does not depend on the grid.
        point: String,
    },
    /// Two different cells whose folders would have the same name: their hashes agree in the
    /// eight digits that names hold.
    #[error(
        "two different cells would be named `{name}`; change any setting of one of them a little"
    )]
    SameName {
        /// The name of both.
        name: String,
    },
    /// Anything else: something is missing, given twice, or too much.
    #[error("{place}: {message}")]
    Other {
        /// Where it is written, or where it belongs.
        place: Place,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl ExperimentError {
    /// An impossible value at `place`, whatever the point of the grid.
    pub(crate) fn invalid(place: &Place, setting: InvalidSetting) -> Self {
        Self::Invalid {
            place: place.clone(),
            setting: Box::new(setting),
            point: String::new(),
        }
    }

    /// A key without a default that is not given.
    pub(crate) fn missing(place: &Place, key: &str) -> Self {
        Self::other(place, format!("`{key}` is missing; it has no default"))
    }

    /// A key at `place` that is given at `first` already.
    pub(crate) fn twice(place: &Place, key: &str, first: &Place) -> Self {
        let message = format!("`{key}` is given twice, first at {first}; give it once");
        Self::other(place, message)
    }

    pub(crate) fn other(place: &Place, message: impl Into<String>) -> Self {
        Self::Other {
            place: place.clone(),
            message: message.into(),
        }
    }

    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + use<'_> {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }
}

/// The key that a mistyped one was probably meant to be: the nearest by edit distance, if it is at
/// most a third of the word away. Only what follows the last dot is compared; the rest is the
/// section that both stand in.
fn suggestion(key: &str, allowed: &[String]) -> String {
    let word = last(key);
    let length = word.chars().count();
    let distance = |key: &&String| strsim::osa_distance(word, last(key));
    allowed
        .iter()
        // `grid.model.*` stands for many keys, and is none. Nobody mistypes a key of hundreds of
        // characters; the distance costs time with its square.
        .filter(|key| !key.ends_with('*') && length <= 200)
        .min_by_key(distance)
        // A single slip is allowed however short the word.
        .filter(|key| 3 * distance(key) <= length.max(3))
        .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

/// What follows the last dot of a key.
pub(crate) fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn at_point(point: &str) -> String {
    if point.is_empty() {
        String::new()
    } else {
        format!(" (at the grid point {point})")
    }
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn only_near_words_are_suggested() {
        let keys = ["model.width", "model.layers", "train.steps"].map(String::from);
        for (key, near) in [
            ("model.widht", "model.width"),
            ("train.step", "train.steps"),
            ("train.stpes", "train.steps"),
        ] {
            assert_eq!(suggestion(key, &keys), format!(" (did you mean `{near}`?)"));
        }
        for key in ["model.colour", "train.spot", &"x".repeat(100_000)] {
            assert_eq!(suggestion(key, &keys), "");
        }
    }
}
