//! A TOML document in which every key and value knows where it was written, so that overrides and
//! grid values can be put into it and errors still name their places.

use std::fmt;
use std::sync::Arc;

use bitcap_base::InvalidSetting;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::experiment::error::{ExperimentError, Place, Result};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What TOML can hold, as far as an experiment needs it.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    /// Finite: the other floats of TOML are turned away when it is read.
    Float(f64),
    Flag(bool),
    /// Dates and times, which no setting takes; kept to be named in an error.
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Entry>);

/// A key, where it was written, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// The error for a value that is impossible at `key`.
    pub(crate) fn invalid(&self, key: &str, allowed: impl Into<String>) -> ExperimentError {
        let setting = InvalidSetting::new(key, self.brief(), allowed);
        ExperimentError::invalid(&self.place, setting)
    }

    /// The value as errors show it, cut short where it is long.
    pub(crate) fn brief(&self) -> String {
        let text = self.value.to_string();
        // Any text may be given as a value; 60 characters tell which one it is.
        match text.char_indices().nth(60) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }
}

/// As a value is named in errors and labels: `8`, `1.5`, `"muon"`, `true`, `[0.9, 0.99]`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Date(date) => write!(f, "the date {date}"),
            Self::List(nodes) => {
                let values = nodes.iter().map(|node| node.value.to_string());
                write!(f, "[{}]", values.collect::<Vec<_>>().join(", "))
            }
            Self::Table(_) => f.write_str("a section"),
        }
    }
}

impl Table {
    /// The entry at a dotted key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        let (first, rest) = split(key);
        let entry = self.0.iter().find(|entry| entry.key == first)?;
        match (rest, &entry.node.value) {
            (None, _) => Some(entry),
            (Some(rest), Value::Table(table)) => table.get(rest),
            _ => None,
        }
    }

    /// Takes the entry at a dotted key out; nothing happens where there is none.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Entry> {
        let (first, rest) = split(key);
        let index = self.0.iter().position(|entry| entry.key == first)?;
        let Some(rest) = rest else {
            return Some(self.0.remove(index));
        };
        match &mut self.0[index].node.value {
            Value::Table(table) => table.remove(rest),
            _ => None,
        }
    }

    /// Puts an entry at its dotted key, in place of what was there; sections that are not there yet
    /// are made. `prefix` is the path of this table, for errors.
    pub(crate) fn set(&mut self, prefix: &str, entry: Entry) -> Result<()> {
        let (first, rest) = split(&entry.key);
        let index = self.0.iter().position(|entry| entry.key == first);
        let index = index.unwrap_or_else(|| {
            let (key, place) = (first.to_owned(), entry.place.clone());
            // A section that only its key implies is written where the key is.
            let node = Node {
                place: place.clone(),
                value: Value::Table(Self::default()),
            };
            self.0.push(Entry { key, place, node });
            self.0.len() - 1
        });
        let path = join(prefix, first);
        let Some(key) = rest.map(str::to_owned) else {
            self.0[index] = entry;
            return Ok(());
        };
        let there = &mut self.0[index].node;
        match &mut there.value {
            Value::Table(table) => table.set(&path, Entry { key, ..entry }),
            // As `name.x = 5`, where `name` is a text.
            _ => Err(there.invalid(&path, "a section")),
        }
    }

    /// Every value that is not a section, by its dotted key.
    pub(crate) fn leaves(self) -> Vec<Entry> {
        let mut leaves = Vec::new();
        for entry in self.0 {
            let Value::Table(table) = entry.node.value else {
                leaves.push(entry);
                continue;
            };
            leaves.extend(table.leaves().into_iter().map(|leaf| Entry {
                key: join(&entry.key, &leaf.key),
                ..leaf
            }));
        }
        leaves
    }
}

/// The first part of a dotted key, and the others.
fn split(key: &str) -> (&str, Option<&str>) {
    key.split_once('.')
        .map_or((key, None), |(first, rest)| (first, Some(rest)))
}

/// A dotted path.
pub(crate) fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}

/// Reads a TOML document. `place` tells where in the outside world a byte of `text` is.
pub(crate) fn parse(text: &str, place: &dyn Fn(usize) -> Place) -> Result<Table> {
    let document = DeTable::parse(text).map_err(|error| ExperimentError::Syntax {
        place: place(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    read_table("", document.get_ref(), place)
}

fn read_table(path: &str, table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Result<Table> {
    let entries = table.iter().map(|(key, value)| {
        Ok(Entry {
            key: key.get_ref().to_string(),
            place: place(key.span().start),
            node: read_node(&join(path, key.get_ref()), value, place)?,
        })
    });
    entries.collect::<Result<_, _>>().map(Table)
}

fn read_node(
    path: &str,
    value: &Spanned<DeValue<'_>>,
    place: &dyn Fn(usize) -> Place,
) -> Result<Node> {
    let here = place(value.span().start);
    let impossible = |found: &str, allowed: &str| {
        let setting = InvalidSetting::new(path, found, allowed);
        Err(ExperimentError::invalid(&here, setting))
    };
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        // toml hands digits on as they are written, in any radix and also beyond an i64.
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => return impossible(&number.to_string(), "between -2^63 and 2^63 - 1"),
        },
        // TOML has inf and nan; no setting has, and JSON, by which cells are hashed, could not tell
        // them apart.
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(finite) if finite.is_finite() => Value::Float(finite),
            _ => return impossible(number.as_str(), "a finite number"),
        },
        DeValue::Array(values) => {
            let values = (0..).zip(values.iter());
            let nodes = values.map(|(i, value)| read_node(&format!("{path}[{i}]"), value, place));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(read_table(path, table, place)?),
    };
    Ok(Node { place: here, value })
}

/// The lines of a text: from bytes to places in a file.
pub(crate) struct Lines<'a> {
    file: Arc<str>,
    text: &'a str,
    /// Byte at which each line starts.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(file: &str, text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(byte, _)| byte + 1);
        Self {
            file: file.into(),
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// Where byte `byte` of the text is.
    pub(crate) fn place(&self, byte: usize) -> Place {
        let line = self.starts.partition_point(|&start| start <= byte).max(1);
        // In characters, as editors count; none where the byte is beyond the text.
        let before = self.text.get(self.starts[line - 1]..byte);
        let column = before.unwrap_or_default().chars().count() + 1;
        Place {
            origin: self.file.clone(),
            position: Some((line, column)),
        }
    }
}
