//! `--only model.width=64`: some cells of a plan, picked by their settings.

use crate::experiment::document::{Node, Value};
use crate::experiment::error::{ExperimentError, Place};
use crate::experiment::overrides::key_values;
use crate::plan::{Plan, PlannedCell};

impl Plan {
    /// The cells that meet every condition, each `key=value` or `key=[value, value]`, in the order
    /// of the plan. A key is a setting of the cell, or `data.load` where sizes are loads.
    ///
    /// # Errors
    /// A condition that is not of this form or not of a setting, or that no cell meets.
    pub fn only(&self, conditions: &[String]) -> Result<Vec<&PlannedCell>, ExperimentError> {
        let mut picked: Vec<(&PlannedCell, Vec<(String, String)>)> = self
            .cells
            .iter()
            .map(|cell| (cell, settings_of(cell)))
            .collect();
        for text in conditions {
            let place = Place::Only(text.as_str().into());
            for (key, node) in key_values(text, &place)? {
                let values = |cells: &[(&PlannedCell, Vec<(String, String)>)]| {
                    let all = cells.iter().flat_map(|(_, settings)| settings);
                    let mut values: Vec<String> = Vec::new();
                    for (_, value) in all.filter(|(there, _)| *there == key) {
                        if !values.contains(value) {
                            values.push(value.clone());
                        }
                    }
                    values
                };
                let there = values(&picked);
                if there.is_empty() {
                    return Err(unknown(&place, &key, &picked));
                }
                let wanted = wanted(&node);
                picked.retain(|(_, settings)| {
                    let own = settings.iter().find(|(there, _)| *there == key);
                    own.is_some_and(|(_, value)| wanted.contains(value))
                });
                if picked.is_empty() {
                    return Err(ExperimentError::NoCell {
                        place,
                        key,
                        values: there.join(", "),
                    });
                }
            }
        }
        Ok(picked.into_iter().map(|(cell, _)| cell).collect())
    }
}

fn unknown(
    place: &Place,
    key: &str,
    cells: &[(&PlannedCell, Vec<(String, String)>)],
) -> ExperimentError {
    let mut allowed: Vec<String> = Vec::new();
    for (key, _) in cells.iter().flat_map(|(_, settings)| settings) {
        if !allowed.contains(key) {
            allowed.push(key.clone());
        }
    }
    ExperimentError::UnknownKey {
        place: place.clone(),
        key: key.to_owned(),
        allowed,
    }
}

/// The values that a condition allows, as [`Value::key`] writes them: of a list each, and the list
/// itself, which is the value of some settings.
fn wanted(node: &Node) -> Vec<String> {
    let mut values = vec![node.value.key()];
    if let Value::List(nodes) = &node.value {
        values.extend(nodes.iter().map(|node| node.value.key()));
    }
    values
}

/// Every setting of a cell that a plan can vary, by its dotted path, as [`Value::key`] writes it.
fn settings_of(cell: &PlannedCell) -> Vec<(String, String)> {
    let value = serde_json::to_value(&cell.settings).expect("structs of numbers, texts and lists");
    let mut settings = vec![("seed".to_owned(), key(&value["seed"]))];
    for section in ["source", "data", "model", "train"] {
        flatten(section, &value[section], &mut settings);
    }
    if let Some(load) = cell.asked_load {
        settings.push(("data.load".to_owned(), Value::Float(load).key()));
    }
    settings
}

fn flatten(path: &str, value: &serde_json::Value, into: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{path}.{member}"), value, into);
            }
        }
        serde_json::Value::Null => {}
        value => into.push((path.to_owned(), key(value))),
    }
}

/// As [`Value::key`] writes the same value in TOML.
fn key(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number).key(),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)).key(),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()).key(),
        serde_json::Value::Array(items) => items.iter().map(|item| key(item) + ",").collect(),
        value => value.to_string(),
    }
}
