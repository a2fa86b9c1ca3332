//! Overrides, `--set key=value`: each takes the place of whatever the file says of its key.

use bitcap_base::InvalidSetting;

use crate::experiment::document::{Entry, Node, Table, Value, join, parse};
use crate::experiment::error::{ExperimentError, Place};
use crate::experiment::grid::{check_key, is_size, put};

/// Applies one override to the document and to the grid's lists.
///
/// The value is TOML; what is not and does not open a quote or a bracket is a text, so that
/// `--set train.optimizer=muon` needs no quotes inside of quotes. An override of `model.width` also takes the list of `model.width` out
/// of the grid, and one of the grid takes the value out of its section. The two ways to give a
/// dataset's size count as one key.
pub(crate) fn apply(
    text: &str,
    root: &mut Table,
    grid: &mut Vec<Entry>,
) -> Result<(), ExperimentError> {
    let place = Place::Set(text.into());
    for (key, node) in key_values(text, &place)? {
        if key == "grid" {
            return Err(ExperimentError::invalid(
                &place,
                InvalidSetting::new("grid", node.value.brief(), "a section"),
            ));
        } else if let Some(key) = key.strip_prefix("grid.") {
            check_key(key, &place)?;
            if is_size(key) {
                grid.retain(|list| list.key == key || !is_size(&list.key));
            } else {
                root.remove(&key.split('.').collect::<Vec<_>>());
            }
            put(
                grid,
                Entry {
                    key: key.to_owned(),
                    place: place.clone(),
                    node,
                },
            );
        } else {
            let clashes = |other: &str| other == key || is_size(&key) && is_size(other);
            grid.retain(|list| !clashes(&list.key));
            if is_size(&key) {
                root.remove(&["data", "samples"]);
                root.remove(&["data", "load"]);
            }
            root.set("", &key.split('.').collect::<Vec<_>>(), &place, node)?;
        }
    }
    Ok(())
}

/// What `key=value` on the command line says: values by their dotted paths, at least one.
pub(crate) fn key_values(
    text: &str,
    place: &Place,
) -> Result<Vec<(String, Node)>, ExperimentError> {
    let malformed = |message: &str| ExperimentError::NotKeyValue {
        place: place.clone(),
        message: message.to_owned(),
    };
    if text.contains(['\n', '\r']) {
        return Err(malformed("it has more than one line"));
    }
    let read_toml = |text: &str| {
        let mut leaves = Vec::new();
        flatten("", parse(text, &|_| place.clone())?, &mut leaves);
        Ok::<_, ExperimentError>(leaves)
    };
    let leaves = read_toml(text).or_else(|error| {
        let Some((key, value)) = text.split_once('=') else {
            return Err(malformed("there is no `=`"));
        };
        let value = value.trim();
        let is_syntax = matches!(error, ExperimentError::Syntax { .. });
        if !is_syntax || value.starts_with(['"', '\'', '[', '{']) {
            return Err(error);
        }
        // The key alone says where the text goes.
        let mut leaves = read_toml(&format!("{key}=0")).map_err(|_| error)?;
        for (_, node) in &mut leaves {
            node.value = Value::Text(value.to_owned());
        }
        Ok(leaves)
    })?;
    if leaves.is_empty() {
        return Err(malformed("it sets no key"));
    }
    Ok(leaves)
}

/// The parts of `a=1, b=[2, 3], c="4, 5"` between commas that are in no bracket and no quotes.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quote) = (0_i32, None);
    let split = move |c: char| {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0 && quote.is_none()
    };
    text.split(split)
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Every value that is not a section, by its dotted path.
fn flatten(prefix: &str, table: Table, into: &mut Vec<(String, Node)>) {
    for Entry { key, node, .. } in table.0 {
        let key = join(prefix, &key);
        match node.value {
            Value::Table(table) => flatten(&key, table, into),
            _ => into.push((key, node)),
        }
    }
}
