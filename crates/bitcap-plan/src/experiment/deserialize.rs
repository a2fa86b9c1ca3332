//! From a document to structs: a serde deserializer whose errors name the key, its place, what was
//! found and what would be allowed.

use std::fmt;

use bitcap_base::InvalidSetting;
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use crate::experiment::document::{Entry, Node, Value, join};
use crate::experiment::error::{ExperimentError, Place};

/// Reads `node`, which is written at the dotted path `path`.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    path: &str,
    node: &'de Node,
) -> Result<T, ExperimentError> {
    T::deserialize(node).map_err(|fault| fault.at(node).into_error(path))
}

/// An error on its way out: it gathers its path and place as it passes them.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Innermost first.
    path: Vec<String>,
    /// Where, and the value that stands there.
    at: Option<(Place, String)>,
    kind: FaultKind,
}

#[derive(Debug)]
enum FaultKind {
    /// The value is not what it must be.
    Wrong {
        allowed: String,
    },
    UnknownKey {
        key: String,
        allowed: &'static [&'static str],
    },
    Missing {
        key: &'static str,
    },
    /// What a type's own reading says is wrong.
    Other {
        message: String,
    },
}

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self {
            path: Vec::new(),
            at: None,
            kind,
        }
    }

    fn wrong(allowed: impl Into<String>) -> Self {
        Self::new(FaultKind::Wrong {
            allowed: allowed.into(),
        })
    }

    /// Says where it is, unless something further in has said so already.
    fn at(mut self, node: &Node) -> Self {
        if self.at.is_none() {
            self.at = Some((node.place.clone(), node.value.brief()));
        }
        self
    }

    fn within(mut self, key: impl Into<String>) -> Self {
        self.path.push(key.into());
        self
    }

    fn into_error(self, prefix: &str) -> ExperimentError {
        let path = self.path.iter().rev().fold(prefix.to_owned(), |path, key| {
            if key.starts_with('[') {
                path + key
            } else {
                join(&path, key)
            }
        });
        let (place, found) = self
            .at
            .unwrap_or_else(|| (Place::File("".into()), "not what it should be".into()));
        match self.kind {
            FaultKind::Wrong { allowed } => ExperimentError::invalid(
                &place,
                InvalidSetting {
                    key: path,
                    found,
                    allowed,
                },
            ),
            FaultKind::UnknownKey { key, allowed } => ExperimentError::UnknownKey {
                place,
                key: join(&path, &key),
                allowed: allowed.iter().map(|key| join(&path, key)).collect(),
            },
            FaultKind::Other { message } => ExperimentError::Unreadable {
                place,
                key: path,
                message,
            },
            FaultKind::Missing { key } => ExperimentError::Missing {
                place,
                key: join(&path, key),
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}

/// Serde's words for what it expects, in those of someone who writes TOML.
fn in_plain_words(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    match words.as_str() {
        "u8" | "u16" | "u32" => {
            let bits: u32 = words[1..].parse().unwrap_or(32);
            format!("an integer from 0 to {}", (1_u64 << bits) - 1)
        }
        "u64" | "usize" => "an integer from 0 to 2^63 - 1".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "string" => "text in quotes".to_owned(),
        "variant identifier" => "a name in quotes".to_owned(),
        _ if words.starts_with("struct ") => "a section".to_owned(),
        _ => words.replace("an array of length", "a list of length"),
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(FaultKind::Other {
            message: message.to_string(),
        })
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(in_plain_words(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(in_plain_words(expected))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::wrong(in_plain_words(expected))
    }

    fn unknown_variant(_: &str, allowed: &'static [&'static str]) -> Self {
        Self::wrong(one_of(allowed))
    }

    fn unknown_field(key: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(FaultKind::UnknownKey {
            key: key.to_owned(),
            allowed,
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(FaultKind::Missing { key })
    }
}

fn one_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match names.as_slice() {
        [only] => only.clone(),
        names => format!("one of {}", names.join(", ")),
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::Date(_) => Err(Fault::invalid_type(Unexpected::Other("date"), &visitor)),
            Value::List(nodes) => {
                let expected = in_plain_words(&visitor);
                let mut elements = Elements { nodes, next: 0 };
                let read = visitor.visit_seq(&mut elements);
                if read.is_ok() && elements.next < nodes.len() {
                    return Err(Fault::wrong(expected).at(self));
                }
                read
            }
            Value::Table(table) => visitor.visit_map(Members {
                entries: table.0.iter(),
                next: None,
            }),
        }
        .map_err(|fault| fault.at(self))
    }

    /// Derived structs would take a list too, by the order of their fields; an experiment may not.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.value {
            Value::Table(_) => self.deserialize_any(visitor),
            _ => Err(Fault::wrong("a section").at(self)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Text(text) => visitor.visit_enum(Name(text)),
            _ => Err(Fault::wrong(one_of(variants))),
        }
        .map_err(|fault| fault.at(self))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The name of one of an enum's variants; settings have no other enums.
struct Name<'de>(&'de str);

impl<'de> EnumAccess<'de> for Name<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Name<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Fault> {
        Err(Fault::wrong("a section"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(Fault::wrong("a list"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        Err(Fault::wrong("a section"))
    }
}

struct Elements<'de> {
    nodes: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.nodes.get(self.next) else {
            return Ok(None);
        };
        let read = seed.deserialize(node);
        let read = read.map_err(|fault| fault.at(node).within(format!("[{}]", self.next)))?;
        self.next += 1;
        Ok(Some(read))
    }
}

struct Members<'de> {
    entries: std::slice::Iter<'de, Entry>,
    next: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.next = self.entries.next();
        let Some(entry) = self.next else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Fault> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|mut fault| {
            fault.at = Some((entry.place.clone(), entry.node.value.brief()));
            fault
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let entry = self
            .next
            .take()
            .ok_or_else(|| Fault::custom("read after its key"))?;
        let read = seed.deserialize(&entry.node);
        read.map_err(|fault| fault.at(&entry.node).within(&entry.key))
    }
}
