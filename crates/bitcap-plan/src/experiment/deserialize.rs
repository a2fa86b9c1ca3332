//! From a document to structs: a serde deserializer whose errors name the key, its place, what was
//! found and what would be allowed.
//!
//! That of the crate toml tells an error as prose, without the names that an enum has; takes a list
//! in place of a section, and one that is too long; and knows one text only, where a document is made
//! of a file and overrides.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::experiment::document::{Entry, Node, Value, join};
use crate::experiment::error::ExperimentError;

/// Reads `node`, which is written at the dotted path `path`.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    path: &str,
    node: &'de Node,
) -> Result<T, ExperimentError> {
    read_by(path, node, |at| T::deserialize(at))
}

/// The same by a function of one's own.
pub(crate) fn read_by<'de, T>(
    path: &str,
    node: &'de Node,
    read: impl FnOnce(At<'de>) -> Result<T, Fault>,
) -> Result<T, ExperimentError> {
    let path = path.to_owned();
    At { path, node }.read(read)
}

/// An error on its way out.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The value is not what it must be.
    Wrong(String),
    UnknownKey(String, &'static [&'static str]),
    Missing(&'static str),
    /// What a type's own reading says is wrong.
    Other(String),
    /// With its path and place.
    Placed(ExperimentError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Fault {}

/// Serde's words for what it expects, in those of someone who writes TOML.
fn in_plain_words(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    // What another version of serde calls otherwise comes through as it is.
    match words.as_str() {
        "u8" | "u16" | "u32" => {
            let bits: u32 = words[1..].parse().unwrap_or(32);
            format!("an integer from 0 to {}", (1_u64 << bits) - 1)
        }
        "u64" | "usize" => "an integer from 0 to 2^63 - 1".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "string" => "text in quotes".to_owned(),
        "a map" => "a section".to_owned(),
        _ if words.starts_with("struct ") => "a section".to_owned(),
        _ => words.replace("an array of length", "a list of length"),
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    // What was found is left out of these: the node shows it as it is written.
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Wrong(in_plain_words(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Wrong(in_plain_words(expected))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::Wrong(in_plain_words(expected))
    }

    fn unknown_variant(_: &str, allowed: &'static [&'static str]) -> Self {
        Self::Wrong(one_of(allowed))
    }

    fn unknown_field(key: &str, allowed: &'static [&'static str]) -> Self {
        Self::UnknownKey(key.to_owned(), allowed)
    }

    fn missing_field(key: &'static str) -> Self {
        Self::Missing(key)
    }
}

/// The names that an enum has, worded to follow "it must be".
pub(crate) fn one_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match names.as_slice() {
        [only] => only.clone(),
        names => format!("one of {}", names.join(", ")),
    }
}

/// A node and the dotted path it is written at.
#[derive(Clone)]
pub(crate) struct At<'de> {
    path: String,
    node: &'de Node,
}

impl<'de> At<'de> {
    /// Reads the node, and says where it is of an error that nothing further in has said it of.
    fn read<T>(self, read: impl FnOnce(Self) -> Result<T, Fault>) -> Result<T, ExperimentError> {
        let Self { path, node } = self.clone();
        read(self).map_err(|fault| match fault {
            // Further in the place was known more exactly.
            Fault::Placed(error) => error,
            Fault::Wrong(allowed) => node.invalid(&path, allowed),
            Fault::UnknownKey(key, allowed) => {
                // The fault is of the section; its place is that of the key.
                let entry = match &node.value {
                    Value::Table(table) => table.0.iter().find(|entry| entry.key == key),
                    _ => None,
                };
                ExperimentError::UnknownKey {
                    place: entry.map_or(&node.place, |entry| &entry.place).clone(),
                    key: join(&path, &key),
                    allowed: allowed.iter().map(|key| join(&path, key)).collect(),
                }
            }
            Fault::Missing(key) => ExperimentError::missing(&node.place, &join(&path, key)),
            Fault::Other(message) => {
                let message = format!("`{path}` cannot be read: {message}");
                ExperimentError::other(&node.place, message)
            }
        })
    }
}

impl<'de> Deserializer<'de> for At<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::Date(_) => Err(Fault::Wrong(in_plain_words(&visitor))),
            Value::List(nodes) => {
                // Asked first, since reading uses the visitor up. Those of a fixed length stop when
                // they are full, and would leave the rest of a longer list without a word.
                let expected = in_plain_words(&visitor);
                let mut elements = Elements(&self.path, nodes.iter().enumerate());
                let read = visitor.visit_seq(&mut elements)?;
                match elements.1.next() {
                    None => Ok(read),
                    Some(_) => Err(Fault::Wrong(expected)),
                }
            }
            Value::Table(table) => visitor.visit_map(Members {
                path: &self.path,
                entries: table.0.iter(),
                next: None,
            }),
        }
    }

    /// Derived structs would take a list too, by the order of their fields; an experiment may not.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Table(_) => self.deserialize_any(visitor),
            _ => Err(Fault::Wrong("a section".into())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // TOML has no null: what is written is there.
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_enum(StrDeserializer::new(text)),
            _ => Err(Fault::Wrong(one_of(variants))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The elements of a list at a path, with their places in it.
struct Elements<'a, 'de>(&'a str, std::iter::Enumerate<std::slice::Iter<'de, Node>>);

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let next = self.1.next().map(|(index, node)| {
            let path = format!("{}[{index}]", self.0);
            let read = At { path, node }.read(|at| seed.deserialize(at));
            read.map_err(Fault::Placed)
        });
        next.transpose()
    }
}

/// The keys and values of the section at a path.
struct Members<'a, 'de> {
    path: &'a str,
    entries: std::slice::Iter<'de, Entry>,
    next: Option<At<'de>>,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let next = self.entries.next().map(|Entry { key, node, .. }| {
            let path = join(self.path, key);
            self.next = Some(At { path, node });
            seed.deserialize(StrDeserializer::new(key))
        });
        next.transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = self.next.take();
        value
            .ok_or_else(|| Fault::Other("a value is read after its key".into()))?
            .read(|at| seed.deserialize(at))
            .map_err(Fault::Placed)
    }
}
