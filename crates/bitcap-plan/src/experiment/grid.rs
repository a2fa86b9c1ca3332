//! The `[grid]` section: lists that are crossed.

use bitcap_base::InvalidSetting;

use crate::experiment::document::{Entry, Node, Table, Value, join};
use crate::experiment::error::{ExperimentError, Place};

/// Most points that a grid may have. A sweep of a hundred thousand trainings is a slip of the pen.
pub const MAX_POINTS: u64 = 100_000;

/// A setting and the values that it goes through.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// The setting by its dotted path.
    pub(crate) key: String,
    pub(crate) place: Place,
    /// At least one, no two the same.
    pub(crate) values: Vec<Node>,
}

/// The lists of a grid in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid {
    pub(crate) axes: Vec<Axis>,
    points: usize,
}

/// Whether a key gives the size of the dataset.
pub(crate) fn is_size(key: &str) -> bool {
    key == "data.samples" || key == "data.load"
}

/// Whether a key is a seed.
pub(crate) fn is_seed(key: &str) -> bool {
    key == "seed" || key.ends_with(".seed")
}

/// Fails for keys that no grid can go through: only what changes the training can vary.
pub(crate) fn check_key(key: &str, place: &Place) -> Result<(), ExperimentError> {
    let (section, rest) = key.split_once('.').unwrap_or((key, ""));
    if key == "seed" || !rest.is_empty() && ["source", "data", "model", "train"].contains(&section)
    {
        return Ok(());
    }
    let allowed = ["seed", "source.*", "data.*", "model.*", "train.*"];
    Err(ExperimentError::UnknownKey {
        place: place.clone(),
        key: join("grid", key),
        allowed: allowed.map(|key| join("grid", key)).to_vec(),
    })
}

/// Takes the `[grid]` section out of a document, as a list of dotted keys.
pub(crate) fn take(root: &mut Table) -> Result<Vec<Entry>, ExperimentError> {
    let mut lists = Vec::new();
    if let Some(entry) = root.remove(&["grid"]) {
        flatten("", entry, &mut lists)?;
    }
    Ok(lists)
}

/// `"model.width"` in quotes and `model.width` without are the same key of a grid.
fn flatten(prefix: &str, entry: Entry, into: &mut Vec<Entry>) -> Result<(), ExperimentError> {
    match entry.node.value {
        Value::Table(table) => {
            for inner in table.0 {
                let key = join(prefix, &inner.key);
                flatten(&key.clone(), Entry { key, ..inner }, into)?;
            }
            Ok(())
        }
        _ if prefix.is_empty() => {
            let setting = InvalidSetting::new("grid", entry.node.value.brief(), "a section");
            Err(ExperimentError::invalid(&entry.node.place, setting))
        }
        _ => match into.iter().find(|list| list.key == entry.key) {
            Some(first) => Err(twice(&entry, &first.place)),
            None => {
                into.push(entry);
                Ok(())
            }
        },
    }
}

/// Puts a list in, in place of one with the same key.
pub(crate) fn put(lists: &mut Vec<Entry>, entry: Entry) {
    match lists.iter_mut().find(|list| list.key == entry.key) {
        Some(list) => *list = entry,
        None => lists.push(entry),
    }
}

impl Grid {
    /// Checks the lists, also against the sections in `root`.
    pub(crate) fn new(lists: Vec<Entry>, root: &Table) -> Result<Self, ExperimentError> {
        let mut axes: Vec<Axis> = Vec::with_capacity(lists.len());
        let mut points = 1_u64;
        for list in lists {
            let path: Vec<&str> = list.key.split('.').collect();
            check_key(&list.key, &list.place)?;
            // The size in [data] is what a grid without sizes falls back on.
            if let Some(first) = root.at(&path).filter(|_| !is_size(&list.key)) {
                return Err(twice(&list, &first.place));
            }
            if let Some(other) = axes
                .iter()
                .find(|axis| is_size(&axis.key) && is_size(&list.key))
            {
                let allowed = format!("left out where the grid has {}", other.key);
                let setting = InvalidSetting::new(&list.key, list.node.value.brief(), &allowed);
                return Err(ExperimentError::invalid(&list.place, setting));
            }
            let axis = axis(list)?;
            axes.push(axis);
            // Both factors are lengths of lists in memory, and the product stops at the limit.
            points *= axes.last().map_or(1, |axis| axis.values.len() as u64);
            if points > MAX_POINTS {
                return Err(too_many(&axes));
            }
        }
        Ok(Self {
            axes,
            points: points as usize,
        })
    }

    /// Points of the grid; 1 where it is empty.
    pub(crate) fn points(&self) -> usize {
        self.points
    }

    /// The values at point `index`, one an axis. The last axis goes fastest.
    pub(crate) fn point(&self, index: usize) -> Vec<&Node> {
        let mut rest = index;
        let mut values: Vec<&Node> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            values.push(&axis.values[rest % axis.values.len()]);
            rest /= axis.values.len();
        }
        values.reverse();
        values
    }

    /// The index of the point that agrees with `index` but has the first of the sizes: the same for
    /// all sizes of one model and seed.
    pub(crate) fn without_size(&self, index: usize) -> usize {
        let mut stride = 1;
        for axis in self.axes.iter().rev() {
            let count = axis.values.len();
            if is_size(&axis.key) {
                return index - index / stride % count * stride;
            }
            stride *= count;
        }
        index
    }

    /// The part of a point that `setting` may be impossible because of, as errors name it:
    /// `model.width = 8, data.load = 0.5`.
    pub(crate) fn describe(&self, index: usize, setting: &InvalidSetting) -> String {
        let section = |key: &str| key.split('.').next().map(str::to_owned);
        // The size of a dataset has to do with all; else a section stands for itself, but for
        // what the error speaks of.
        let concerns = |axis: &Axis| {
            !is_seed(&axis.key)
                && (setting.key.starts_with("data.")
                    || section(&axis.key) == section(&setting.key)
                    || setting.allowed.contains(&axis.key))
        };
        let parts = self
            .axes
            .iter()
            .zip(self.point(index))
            .filter(|(axis, _)| concerns(axis));
        let parts = parts.map(|(axis, node)| format!("{} = {}", axis.key, node.value.brief()));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// What tells the curve at a point from the others, such as `width=16`: the values of the axes
    /// other than size and seeds.
    pub(crate) fn label(&self, index: usize) -> String {
        let values = self.point(index);
        let telling: Vec<(&Axis, &Node)> = self
            .axes
            .iter()
            .zip(values)
            .filter(|(axis, _)| axis.values.len() > 1 && !is_size(&axis.key) && !is_seed(&axis.key))
            .collect();
        let parts = telling.iter().map(|(axis, node)| {
            let name = last(&axis.key);
            let alone = telling
                .iter()
                .filter(|(other, _)| last(&other.key) == name)
                .count()
                == 1;
            let name = if alone { name } else { &axis.key };
            match &node.value {
                Value::Text(text) => format!("{name}={text}"),
                value => format!("{name}={value}"),
            }
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

fn axis(list: Entry) -> Result<Axis, ExperimentError> {
    let Value::List(values) = list.node.value else {
        let setting = InvalidSetting::new(&join("grid", &list.key), list.node.value.brief(), LIST);
        return Err(ExperimentError::invalid(&list.node.place, setting));
    };
    if values.is_empty() {
        return Err(ExperimentError::invalid(
            &list.node.place,
            InvalidSetting::new(&join("grid", &list.key), "[]", LIST),
        ));
    }
    if values.len() as u64 > MAX_POINTS {
        return Err(too_many(&[Axis {
            key: list.key,
            place: list.place,
            values,
        }]));
    }
    if let Some(again) = repeated(&values) {
        let allowed = "in the list once";
        let setting = InvalidSetting::new(&join("grid", &list.key), again.value.brief(), allowed);
        return Err(ExperimentError::invalid(&again.place, setting));
    }
    Ok(Axis {
        key: list.key,
        place: list.place,
        values,
    })
}

const LIST: &str = "a list of at least one value";

/// The first value that is in the list before.
fn repeated(values: &[Node]) -> Option<&Node> {
    let mut seen = std::collections::HashSet::new();
    values.iter().find(|node| !seen.insert(node.value.key()))
}

fn too_many(axes: &[Axis]) -> ExperimentError {
    let counts: Vec<String> = axes
        .iter()
        .map(|axis| axis.values.len().to_string())
        .collect();
    ExperimentError::TooManyCells {
        place: axes[axes.len() - 1].place.clone(),
        limit: MAX_POINTS,
        counts: counts.join(" x "),
    }
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn twice(entry: &Entry, first: &Place) -> ExperimentError {
    ExperimentError::Twice {
        place: entry.place.clone(),
        key: entry.key.clone(),
        first: first.clone(),
    }
}
