//! A TOML document in which every key and value knows where it was written, so that overrides and
//! grid values can be put into it and errors still name their places.

use std::fmt;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use bitcap_base::InvalidSetting;

use crate::experiment::error::{ExperimentError, Place};

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
                f.write_str("[")?;
                for (i, node) in nodes.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, node.value)?;
                }
                f.write_str("]")
            }
            Self::Table(_) => f.write_str("a section"),
        }
    }
}

impl Value {
    /// The value as errors show it, cut short where it is long.
    pub(crate) fn brief(&self) -> String {
        let text = self.to_string();
        match text.char_indices().nth(60) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }

    /// A text that two values share if they mean the same setting: 1 and 1.0 do.
    pub(crate) fn key(&self) -> String {
        match self {
            // Below 2^53 every integer is a float; -0.0 becomes 0.
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => {
                (*number as i64).to_string()
            }
            Self::List(nodes) => nodes.iter().map(|node| node.value.key() + ",").collect(),
            value => value.to_string(),
        }
    }
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// The entry at a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Entry> {
        let (first, rest) = path.split_first()?;
        let entry = self.get(first)?;
        match (&entry.node.value, rest) {
            (_, []) => Some(entry),
            (Value::Table(table), rest) => table.at(rest),
            _ => None,
        }
    }

    /// Takes an entry out; nothing happens where there is none.
    pub(crate) fn remove(&mut self, path: &[&str]) -> Option<Entry> {
        match path {
            [] => None,
            [key] => {
                let index = self.0.iter().position(|entry| entry.key == *key)?;
                Some(self.0.remove(index))
            }
            [first, rest @ ..] => {
                match &mut self
                    .0
                    .iter_mut()
                    .find(|entry| entry.key == *first)?
                    .node
                    .value
                {
                    Value::Table(table) => table.remove(rest),
                    _ => None,
                }
            }
        }
    }

    /// Puts `node` at a path of keys, in place of what was there; sections that are not there yet
    /// are made. `prefix` is the path of this table, for errors.
    pub(crate) fn set(
        &mut self,
        prefix: &str,
        path: &[&str],
        place: &Place,
        node: Node,
    ) -> Result<(), ExperimentError> {
        let Some((first, rest)) = path.split_first() else {
            return Ok(());
        };
        let index = self.0.iter().position(|entry| entry.key == *first);
        let index = index.unwrap_or_else(|| {
            let value = Value::Table(Self::default());
            let node = Node {
                place: place.clone(),
                value,
            };
            self.0.push(Entry {
                key: (*first).to_owned(),
                place: place.clone(),
                node,
            });
            self.0.len() - 1
        });
        let entry = &mut self.0[index];
        if rest.is_empty() {
            entry.place = place.clone();
            entry.node = node;
            return Ok(());
        }
        let key = join(prefix, first);
        match &mut entry.node.value {
            Value::Table(table) => table.set(&key, rest, place, node),
            other => {
                let setting = InvalidSetting::new(&key, other.brief(), "a section");
                Err(ExperimentError::invalid(&entry.node.place, setting))
            }
        }
    }
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
pub(crate) fn parse(text: &str, place: &dyn Fn(usize) -> Place) -> Result<Table, ExperimentError> {
    let document = DeTable::parse(text).map_err(|error| ExperimentError::Syntax {
        place: place(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    read_table("", document.get_ref(), place)
}

fn read_table(
    path: &str,
    table: &DeTable<'_>,
    place: &dyn Fn(usize) -> Place,
) -> Result<Table, ExperimentError> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let node_place = place(value.span().start);
        let value = read_value(&join(path, &name), value.get_ref(), &node_place, place)?;
        entries.push(Entry {
            key: name,
            place: place(key.span().start),
            node: Node {
                place: node_place,
                value,
            },
        });
    }
    Ok(Table(entries))
}

fn read_value(
    path: &str,
    value: &DeValue<'_>,
    here: &Place,
    place: &dyn Fn(usize) -> Place,
) -> Result<Value, ExperimentError> {
    let impossible = |found: &str, allowed: &str| {
        ExperimentError::invalid(here, InvalidSetting::new(path, found, allowed))
    };
    Ok(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::Integer)
            .map_err(|_| impossible(&number.to_string(), "between -2^63 and 2^63 - 1"))?,
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(finite) if finite.is_finite() => Value::Float(finite),
            _ => return Err(impossible(number.as_str(), "a finite number")),
        },
        DeValue::Array(values) => Value::List(
            values
                .iter()
                .enumerate()
                .map(|(i, value)| {
                    let here = place(value.span().start);
                    let value = read_value(&format!("{path}[{i}]"), value.get_ref(), &here, place)?;
                    Ok(Node { place: here, value })
                })
                .collect::<Result<_, ExperimentError>>()?,
        ),
        DeValue::Table(table) => Value::Table(read_table(path, table, place)?),
    })
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
        let start = self.starts[line - 1];
        let before = self.text.get(start..byte).unwrap_or_default();
        Place::Line {
            file: self.file.clone(),
            line,
            column: before.chars().count() + 1,
        }
    }
}
