//! From the sections of a document to settings: what may stand at the top level, the kinds that
//! decide on a section's keys, the seeds that follow from one, and places for settings that are
//! impossible.

use bitcap_base::InvalidSetting;
use bitcap_source::SourceSettings;
use serde::de::DeserializeOwned;

use crate::experiment::deserialize::{one_of, read, read_by};
use crate::experiment::document::{Entry, Lines, Node, Table, Value, join, parse};
use crate::experiment::error::{ExperimentError, Place, Result};
use crate::settings::{ModelKind, ModelSettings};

/// A document with the name of its file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) file: Place,
    pub(crate) root: Table,
}

impl Document {
    /// Reads a document; `file` names it in errors.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self> {
        let lines = Lines::new(file, text);
        Ok(Self {
            file: Place::whole(file),
            root: parse(text, &|byte| lines.place(byte))?,
        })
    }

    /// Fails at the first key at the top level that is not in `allowed`.
    pub(crate) fn only(&self, allowed: &[&str]) -> Result<()> {
        let is_unknown = |entry: &&Entry| !allowed.contains(&entry.key.as_str());
        match self.root.0.iter().find(is_unknown) {
            None => Ok(()),
            Some(Entry { key, place, .. }) => Err(ExperimentError::UnknownKey {
                place: place.clone(),
                key: key.clone(),
                allowed: allowed.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Reads the value of a key at the top level, if it is there.
    pub(crate) fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let entry = self.root.get(key);
        entry.map(|entry| read(key, &entry.node)).transpose()
    }

    /// Reads a section; one that is missing is read as if it were empty.
    pub(crate) fn section<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        read(key, &self.node(key))
    }

    fn node(&self, key: &str) -> Node {
        let empty = || Node {
            place: self.file.clone(),
            value: Value::Table(Table::default()),
        };
        self.root
            .get(key)
            .map_or_else(empty, |entry| entry.node.clone())
    }

    /// Reads `[source]` by the struct of its kind.
    pub(crate) fn source(&self) -> Result<SourceSettings> {
        let (kind, section) = self.kind_and_rest("source")?;
        let Some(kind) = kind else {
            return Err(ExperimentError::missing(&section.place, "source.kind"));
        };
        // Not by a tagged enum of serde's, which reads a section into memory first and loses its
        // places.
        match &kind.value {
            Value::Text(kind) if SourceSettings::KINDS.contains(&kind.as_str()) => {
                let settings = read_by("source", &section, |at| SourceSettings::of_kind(kind, at));
                settings.map_err(|error| with_kind("source", error))
            }
            _ => Err(kind.invalid("source.kind", one_of(SourceSettings::KINDS))),
        }
    }

    /// Reads `[model]` by the struct of its kind.
    pub(crate) fn model(&self) -> Result<ModelSettings> {
        let (kind, section) = self.kind_and_rest("model")?;
        let kind = kind.map_or(Ok(ModelKind::default()), |kind| read("model.kind", &kind))?;
        let settings = read_by("model", &section, |at| ModelSettings::of_kind(kind, at));
        settings.map_err(|error| with_kind("model", error))
    }

    /// The key that decides which others a section has, and the section without it.
    fn kind_and_rest(&self, key: &str) -> Result<(Option<Node>, Node)> {
        let mut section = self.node(key);
        match &mut section.value {
            Value::Table(table) => Ok((table.remove("kind").map(|entry| entry.node), section)),
            _ => Err(section.invalid(key, "a section")),
        }
    }

    /// Gives every seed that is not set by itself the value of `seed`, which is returned.
    pub(crate) fn inject_seeds(&mut self) -> Result<u64> {
        let seed = self.value::<u64>("seed")?.unwrap_or(0);
        let written = self.root.get("seed").map(|entry| entry.node.place.clone());
        // Errors about it, and about a section that is there by it alone, are told where `seed` is.
        let node = Node {
            place: written.unwrap_or_else(|| self.file.clone()),
            // `seed` came out of TOML, whose integers are i64.
            value: Value::Integer(i64::try_from(seed).unwrap_or(i64::MAX)),
        };
        for key in ["source.seed", "data.seed", "train.seed"] {
            if self.root.get(key).is_none() {
                let entry = Entry {
                    key: key.to_owned(),
                    place: node.place.clone(),
                    node: node.clone(),
                };
                self.root.set("", entry)?;
            }
        }
        Ok(seed)
    }

    /// The error for an impossible setting, with the place of its key: where it is written, or its
    /// section, or the file.
    pub(crate) fn error(&self, setting: InvalidSetting) -> ExperimentError {
        let section = setting.key.split('.').next().unwrap_or_default();
        let entry = self.root.get(&setting.key).map(|entry| &entry.node.place);
        let section = || self.root.get(section).map(|entry| &entry.place);
        let place = entry.or_else(section).unwrap_or(&self.file);
        ExperimentError::invalid(place, setting)
    }
}

/// The error with the kind, which was read before all others, among the keys that there are.
fn with_kind(section: &str, mut error: ExperimentError) -> ExperimentError {
    if let ExperimentError::UnknownKey { allowed, .. } = &mut error {
        allowed.insert(0, join(section, "kind"));
    }
    error
}
