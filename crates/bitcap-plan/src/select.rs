//! `--only model.width=64`: some cells of a plan, picked by their settings.

use crate::experiment::document::Value;
use crate::experiment::error::{ExperimentError, Place};
use crate::experiment::grid::{json_key, value_key};
use crate::experiment::overrides::key_values;
use crate::plan::{Plan, PlannedCell};

/// A cell with its settings by their dotted paths, as [`json_key`] writes them.
type WithSettings<'a> = (&'a PlannedCell, Vec<(String, String)>);

impl Plan {
    /// The cells that meet every condition, each `key=value` or `key=[value, value]`, in the order
    /// of the plan. A key is a setting of the cell, or `data.load` where sizes are loads.
    ///
    /// # Errors
    /// A condition that is not of this form or not of a setting, or that no cell meets.
    pub fn only(&self, conditions: &[String]) -> Result<Vec<&PlannedCell>, ExperimentError> {
        let mut picked: Vec<WithSettings<'_>> = self
            .cells
            .iter()
            .map(|cell| (cell, settings_of(cell)))
            .collect();
        for text in conditions {
            let place = Place::whole(format!("in --only {text}"));
            for entry in key_values(text, &place)? {
                let key = entry.key;
                let all = picked.iter().flat_map(|(_, settings)| settings);
                // Of the cells that meet the conditions before this one: an error names what is
                // left to pick.
                let own = all.clone().filter(|(there, _)| *there == key);
                let values = distinct(own.map(|(_, value)| value));
                if values.is_empty() {
                    let allowed = distinct(all.map(|(key, _)| key));
                    return Err(ExperimentError::UnknownKey {
                        place,
                        key,
                        allowed,
                    });
                }
                // Of a list each value, and the list itself, which is the value of some settings.
                let mut wanted = vec![value_key(&entry.node)];
                if let Value::List(nodes) = &entry.node.value {
                    wanted.extend(nodes.iter().map(value_key));
                }
                picked.retain(|(_, settings)| {
                    let own = settings.iter().find(|(there, _)| *there == key);
                    own.is_some_and(|(_, value)| wanted.contains(value))
                });
                if picked.is_empty() {
                    let values = values.join(", ");
                    let message = format!("no cell has such a `{key}`; in the plan it is {values}");
                    return Err(ExperimentError::other(&place, message));
                }
            }
        }
        Ok(picked.into_iter().map(|(cell, _)| cell).collect())
    }
}

/// Each once, in the order in which they come first.
fn distinct<'a>(all: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(one) {
            distinct.push(one.clone());
        }
    }
    distinct
}

/// Every setting of a cell that a plan can vary.
fn settings_of(cell: &PlannedCell) -> Vec<(String, String)> {
    let mut settings = vec![("seed".to_owned(), cell.settings.seed.into())];
    settings.extend(cell.settings.training_settings());
    // A GPT-2's is not written, and is as good a condition as any other.
    if !settings.iter().any(|(key, _)| key == "model.kind") {
        let kind = cell.settings.model.kind().to_string();
        settings.push(("model.kind".to_owned(), kind.into()));
    }
    // No setting of the cell, which has its size in samples; but the grid may give sizes so.
    let load = cell.asked_load.map(serde_json::Value::from);
    settings.extend(load.map(|load| ("data.load".to_owned(), load)));
    // null is an option that is not set: there is no value to ask for.
    settings.retain(|(_, value): &(_, serde_json::Value)| !value.is_null());
    let settings = settings.into_iter();
    settings
        .map(|(key, value)| (key, json_key(&value)))
        .collect()
}
