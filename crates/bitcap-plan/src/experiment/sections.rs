//! From the sections of a document to settings: what may stand at the top level, the seeds that
//! follow from one, and places for settings that are impossible.

use bitcap_base::InvalidSetting;
use bitcap_source::SourceSettings;
use serde::Deserialize;

use crate::experiment::deserialize::read;
use crate::experiment::document::{Entry, Node, Table, Value, join};
use crate::experiment::error::{ExperimentError, Place};
use crate::settings::{ModelKind, ModelSettings};

/// A document with the name of its file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) file: Place,
    pub(crate) root: Table,
}

impl Document {
    /// Fails at the first key at the top level that is not in `allowed`.
    pub(crate) fn only(&self, allowed: &[&str]) -> Result<(), ExperimentError> {
        match self
            .root
            .0
            .iter()
            .find(|entry| !allowed.contains(&entry.key.as_str()))
        {
            None => Ok(()),
            Some(Entry { key, place, .. }) => Err(ExperimentError::UnknownKey {
                place: place.clone(),
                key: key.clone(),
                allowed: allowed.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Reads the value of a key at the top level, if it is there.
    pub(crate) fn value<'de, T: Deserialize<'de>>(
        &'de self,
        key: &str,
    ) -> Result<Option<T>, ExperimentError> {
        self.root
            .get(key)
            .map(|entry| read(key, &entry.node))
            .transpose()
    }

    /// Reads a section; one that is missing is read as if it were empty.
    pub(crate) fn section<T: for<'de> Deserialize<'de>>(
        &self,
        key: &str,
    ) -> Result<T, ExperimentError> {
        match self.root.get(key) {
            Some(entry) => read(key, &entry.node),
            None => read(key, &self.empty()),
        }
    }

    /// Reads `[source]`, whatever its kind.
    pub(crate) fn source(&self) -> Result<SourceSettings, ExperimentError> {
        let empty = self.empty();
        let node = self.root.get("source").map_or(&empty, |entry| &entry.node);
        match &node.value {
            Value::Table(_) => read("source", node).map_err(|error| locate(node, error)),
            value => {
                let setting = InvalidSetting::new("source", value.brief(), "a section");
                Err(ExperimentError::invalid(&node.place, setting))
            }
        }
    }

    /// Reads `[model]`, whatever its kind.
    pub(crate) fn model(&self) -> Result<ModelSettings, ExperimentError> {
        let mut section = self
            .root
            .get("model")
            .map_or_else(|| self.empty(), |entry| entry.node.clone());
        // Out of the section before the rest of it is read, by the struct of that kind.
        let kind = match &mut section.value {
            Value::Table(table) => table.remove(&[KIND]),
            _ => None,
        };
        let kind = match &kind {
            None => ModelKind::default(),
            Some(entry) => read(&join("model", KIND), &entry.node)?,
        };
        match kind {
            ModelKind::Gpt2 => read("model", &section).map(ModelSettings::Gpt2),
        }
        .map_err(|mut error| {
            if let ExperimentError::UnknownKey { allowed, .. } = &mut error {
                allowed.insert(0, join("model", KIND));
            }
            error
        })
    }

    /// Gives every seed that is not set by itself the value of `seed`, which is returned.
    pub(crate) fn inject_seeds(&mut self) -> Result<u64, ExperimentError> {
        let seed = self.value::<u64>("seed")?.unwrap_or(0);
        let place = self
            .root
            .get("seed")
            .map_or(&self.file, |entry| &entry.node.place)
            .clone();
        for section in ["source", "data", "train"] {
            if self.root.at(&[section, "seed"]).is_none() {
                // `seed` came out of TOML, whose integers are i64.
                let value = Value::Integer(i64::try_from(seed).unwrap_or(i64::MAX));
                let node = Node {
                    place: place.clone(),
                    value,
                };
                self.root.set("", &[section, "seed"], &place, node)?;
            }
        }
        Ok(seed)
    }

    /// The error for an impossible setting, with the place of its key: where it is written, or its
    /// section, or the file.
    pub(crate) fn error(&self, setting: InvalidSetting) -> ExperimentError {
        let path: Vec<&str> = setting.key.split('.').collect();
        let entry = self.root.at(&path).map(|entry| &entry.node.place);
        let section = || self.root.get(path[0]).map(|entry| &entry.place);
        let place = entry.or_else(section).unwrap_or(&self.file);
        ExperimentError::invalid(place, setting)
    }

    fn empty(&self) -> Node {
        Node {
            place: self.file.clone(),
            value: Value::Table(Table::default()),
        }
    }
}

/// Serde gathers up a section whose `kind` decides on its struct before it reads it, and so loses
/// the place of what is wrong in it. It reads the gathered keys in order, so that the culprit is the
/// last key of the shortest beginning of the section that is wrong other than by what it lacks.
fn locate(node: &Node, error: ExperimentError) -> ExperimentError {
    let Value::Table(table) = &node.value else {
        return error;
    };
    let mut beginning = Table::default();
    let (kind, rest): (Vec<&Entry>, Vec<&Entry>) =
        table.0.iter().partition(|entry| entry.key == KIND);
    for entry in kind.into_iter().chain(rest) {
        beginning.0.push(entry.clone());
        let part = Node {
            place: node.place.clone(),
            value: Value::Table(beginning),
        };
        let key = join("source", &entry.key);
        match read::<SourceSettings>("source", &part) {
            Err(ExperimentError::Invalid { setting, .. }) => {
                let setting = InvalidSetting::new(&key, entry.node.value.brief(), &setting.allowed);
                return ExperimentError::invalid(&entry.node.place, setting);
            }
            Err(ExperimentError::UnknownKey { mut allowed, .. }) => {
                allowed.insert(0, join("source", KIND));
                return ExperimentError::UnknownKey {
                    place: entry.place.clone(),
                    key,
                    allowed,
                };
            }
            Ok(_) | Err(_) => {}
        }
        let Value::Table(table) = part.value else {
            return error;
        };
        beginning = table;
    }
    error
}

/// The key that says which source or model it is.
const KIND: &str = "kind";
