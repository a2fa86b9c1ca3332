//! What can be wrong with an experiment file, an override or a cell's settings.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bitcap_base::InvalidSetting;

use crate::experiment::nearest::nearest;

/// Where a key or a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file as a whole: something is missing there.
    File(Arc<str>),
    /// In a file; both numbers count from 1, columns in characters.
    Line {
        /// The file, as it was named.
        file: Arc<str>,
        /// Line in the file.
        line: usize,
        /// Character in the line.
        column: usize,
    },
    /// In an override, `--set TEXT`.
    Set(Arc<str>),
    /// In a condition, `--only TEXT`.
    Only(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.write_str(file),
            Self::Line { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Set(text) => write!(f, "in --set {text}"),
            Self::Only(text) => write!(f, "in --only {text}"),
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
    /// The file is too large to be an experiment.
    #[error("{}: is larger than {limit} bytes; an experiment file is a few lines of TOML", path.display())]
    TooLarge {
        /// The file, as it was named.
        path: PathBuf,
        /// Bytes an experiment file may have.
        limit: u64,
    },
    /// The file is not text.
    #[error("{place}: not UTF-8; an experiment file is TOML, which is text in UTF-8")]
    NotUtf8 {
        /// The first byte that is not UTF-8.
        place: Place,
    },
    /// The text is not TOML; this includes a key that is written twice.
    #[error("{place}: not valid TOML: {message}")]
    Syntax {
        /// Where the parser stopped.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// An override or a condition is not `key=value`.
    #[error("{place}: {message}; it must be key=value, as in train.steps=500")]
    NotKeyValue {
        /// The override or condition as it was given.
        place: Place,
        /// What is wrong with it.
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
    /// A key without a default is not given.
    #[error("{place}: `{key}` is missing; it has no default")]
    Missing {
        /// Where it belongs.
        place: Place,
        /// The key by its dotted path.
        key: String,
    },
    /// A setting cannot be read, for a reason of its own.
    #[error("{place}: `{key}` cannot be read: {message}")]
    Unreadable {
        /// Where it is written.
        place: Place,
        /// The key by its dotted path.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// The size of the dataset is not given.
    #[error(
        "{place}: neither `data.samples` nor `data.load` is given; give one of them, in [data] or in [grid]"
    )]
    NoSize {
        /// Where it belongs.
        place: Place,
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
    /// A setting is given twice.
    #[error("{place}: `{key}` is given twice, first at {first}; give it once")]
    Twice {
        /// Where it is given again.
        place: Place,
        /// The key by its dotted path.
        key: String,
        /// Where it is given first.
        first: Place,
    },
    /// No cell is as a condition wants it.
    #[error("{place}: no cell has such a `{key}`; in the plan it is {values}")]
    NoCell {
        /// The condition.
        place: Place,
        /// The setting.
        key: String,
        /// The values it has.
        values: String,
    },
    /// The grid has more points than anyone wants.
    #[error(
        "{place}: the grid has more than {limit} cells ({counts}); take values out of its lists"
    )]
    TooManyCells {
        /// Where the grid, or its last list, is written.
        place: Place,
        /// Most points a grid may have.
        limit: u64,
        /// The lengths of the lists, as in `1000 x 1000`.
        counts: String,
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
}

fn suggestion(key: &str, allowed: &[String]) -> String {
    nearest(key, allowed).map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

fn at_point(point: &str) -> String {
    if point.is_empty() {
        String::new()
    } else {
        format!(" (at the grid point {point})")
    }
}
