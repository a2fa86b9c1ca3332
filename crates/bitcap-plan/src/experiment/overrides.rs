//! Overrides, `--set key=value`: each takes the place of whatever the file says of its key.

use crate::experiment::document::{Entry, Table, Value, parse};
use crate::experiment::error::{ExperimentError, Place, Result};
use crate::experiment::grid::{check_key, is_section, is_size};

/// Applies one override to the document and to the grid's lists.
///
/// The value is TOML; what is not and does not open a quote or a bracket is a text, so that
/// `--set train.optimizer=muon` needs no quotes inside of quotes. An override of `model.width` also
/// takes the list of `model.width` out of the grid, and one of the grid takes the value out of its
/// section. The two ways to give a dataset's size count as one key.
pub(crate) fn apply(text: &str, root: &mut Table, grid: &mut Vec<Entry>) -> Result<()> {
    let place = Place::whole(format!("in --set {text}"));
    for entry in key_values(text, &place)? {
        if entry.key == "grid" {
            return Err(entry.node.invalid("grid", "a section"));
        }
        if let Some(key) = entry.key.strip_prefix("grid.") {
            check_key(key, &place)?;
            // The size in [data] stays: what the grid says goes before it (`document_at`). So does a section beside
            // a list of sections, which says what all of them share.
            if is_size(key) {
                grid.retain(|list| list.key == key || !is_size(&list.key));
            } else if !is_section(key) {
                root.remove(key);
            }
            let key = key.to_owned();
            let list = Entry { key, ..entry };
            match grid.iter_mut().find(|there| there.key == list.key) {
                Some(there) => *there = list,
                None => grid.push(list),
            }
        } else {
            let key = &entry.key;
            grid.retain(|list| list.key != *key && !(is_size(key) && is_size(&list.key)));
            if is_size(key) {
                root.remove("data.samples");
                root.remove("data.load");
            }
            root.set("", entry)?;
        }
    }
    Ok(())
}

/// What `key=value` on the command line says: values by their dotted paths, at least one.
pub(crate) fn key_values(text: &str, place: &Place) -> Result<Vec<Entry>> {
    let malformed = |what: &str| {
        let message = format!("{what}; it must be key=value, as in train.steps=500");
        ExperimentError::other(place, message)
    };
    // TOML would read a second key after a line break.
    if text.contains(['\n', '\r']) {
        return Err(malformed("it has more than one line"));
    }
    let read_toml = |text: &str| parse(text, &|_| place.clone()).map(Table::leaves);
    let leaves = read_toml(text).or_else(|error| {
        let Some((key, value)) = text.split_once('=') else {
            return Err(malformed("there is no `=`"));
        };
        let value = value.trim();
        // An integer beyond an i64, for one, is TOML and impossible: it is not taken for a bare
        // word.
        let is_syntax = matches!(error, ExperimentError::Syntax { .. });
        if !is_syntax || value.starts_with(['"', '\'', '[', '{']) {
            return Err(error);
        }
        // The key alone says where the text goes.
        let mut leaves = read_toml(&format!("{key}=0")).map_err(|_| error)?;
        for leaf in &mut leaves {
            leaf.node.value = Value::Text(value.to_owned());
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
