//! The `[grid]` section: lists that are crossed.

use std::collections::HashSet;

use bitcap_base::InvalidSetting;

use crate::experiment::deserialize::read;
use crate::experiment::document::{Entry, Node, Table, Value, join};
use crate::experiment::error::{ExperimentError, Place, Result, last};

/// Most points that a grid may have. A sweep of a hundred thousand trainings is a slip of the pen.
pub const MAX_POINTS: u64 = 100_000;

/// A setting and the values that it goes through, or a section and the settings that go together.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// The setting, or the section, by its dotted path.
    pub(crate) key: String,
    pub(crate) place: Place,
    /// At least one, no two the same.
    pub(crate) values: Vec<Node>,
}

/// The lists of a grid in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid {
    pub(crate) axes: Vec<Axis>,
}

/// Whether a key gives the size of the dataset.
pub(crate) fn is_size(key: &str) -> bool {
    key == "data.samples" || key == "data.load"
}

/// Whether a list of the grid may be of sections of this name, each with settings that go together. (A size
/// takes the place of another one, so that `data` goes by its keys alone.)
pub(crate) fn is_section(key: &str) -> bool {
    ["source", "model", "train"].contains(&key)
}

fn is_seed(key: &str) -> bool {
    last(key) == "seed"
}

/// Fails for keys that no grid can go through: only what changes the training can vary.
pub(crate) fn check_key(key: &str, place: &Place) -> Result<()> {
    let section = key.split_once('.').map(|(section, _)| section);
    if key == "seed"
        || is_section(key)
        || section.is_some_and(|section| section == "data" || is_section(section))
    {
        return Ok(());
    }
    let allowed = [
        "seed", "source", "source.*", "data.*", "model", "model.*", "train", "train.*",
    ];
    Err(ExperimentError::UnknownKey {
        place: place.clone(),
        key: join("grid", key),
        allowed: allowed.map(|key| join("grid", key)).to_vec(),
    })
}

/// Takes the `[grid]` section out of a document, as a list of dotted keys: `"model.width"` in quotes
/// and `model.width` without are the same.
pub(crate) fn take(root: &mut Table) -> Result<Vec<Entry>> {
    let lists = match root.remove("grid").map(|entry| entry.node) {
        None => Vec::new(),
        Some(Node {
            value: Value::Table(table),
            ..
        }) => table.leaves(),
        Some(node) => return Err(node.invalid("grid", "a section")),
    };
    for (index, list) in lists.iter().enumerate() {
        if let Some(first) = lists[..index].iter().find(|first| first.key == list.key) {
            return Err(ExperimentError::twice(&list.place, &list.key, &first.place));
        }
    }
    Ok(lists)
}

impl Grid {
    /// Checks the lists, also against the sections in `root`.
    pub(crate) fn new(lists: Vec<Entry>, root: &Table) -> Result<Self> {
        let mut grid = Self::default();
        for Entry { key, place, node } in lists {
            check_key(&key, &place)?;
            let mut axes = grid.axes.iter();
            if let Some(other) = axes.find(|axis| is_size(&axis.key) && is_size(&key)) {
                let allowed = format!("left out where the grid has {}", other.key);
                let setting = InvalidSetting::new(&key, node.brief(), allowed);
                return Err(ExperimentError::invalid(&place, setting));
            }
            let values = values(&key, node)?;
            let axis = Axis { key, place, values };
            for Entry { key, place, .. } in axis.settings() {
                // The size in [data] is what a grid without sizes falls back on.
                let section = root.get(&key).filter(|_| !is_size(&key));
                let section = section.map(|entry| entry.place.clone());
                let mut others = grid.axes.iter().flat_map(Axis::settings);
                let other = others.find(|other| other.key == key);
                if let Some(first) = section.or(other.map(|other| other.place)) {
                    return Err(ExperimentError::twice(&place, &key, &first));
                }
            }
            grid.axes.push(axis);
            // The axes before this one have at most so many points, and it is a list in memory.
            if grid.points() as u64 > MAX_POINTS {
                return Err(grid.too_many());
            }
        }
        for Axis { key, values, .. } in &grid.axes {
            // By value: 1 and 1.0 are the same setting.
            let mut seen = HashSet::new();
            let mut values = values.iter();
            if let Some(again) = values.find(|node| !seen.insert(value_key(node))) {
                return Err(again.invalid(&join("grid", key), "in the list once"));
            }
        }
        Ok(grid)
    }

    fn too_many(&self) -> ExperimentError {
        let lengths = self.axes.iter().map(|axis| axis.values.len().to_string());
        let counts = lengths.collect::<Vec<_>>().join(" x ");
        // The list that goes beyond the limit is the last one so far.
        let place = &self.axes[self.axes.len() - 1].place;
        let message = "take values out of its lists";
        let message = format!("the grid has more than {MAX_POINTS} cells ({counts}); {message}");
        ExperimentError::other(place, message)
    }

    /// Points of the grid; 1 where it is empty.
    pub(crate) fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The axes with their values at point `index`. The last axis goes fastest.
    pub(crate) fn point(&self, index: usize) -> Vec<(&Axis, &Node)> {
        // The index is a number in mixed radix: a digit an axis, the lowest for the last.
        let mut rest = index;
        let axes = self.axes.iter().rev().map(|axis| {
            let value = &axis.values[rest % axis.values.len()];
            rest /= axis.values.len();
            (axis, value)
        });
        let mut axes: Vec<_> = axes.collect();
        axes.reverse();
        axes
    }

    /// The index of the point that agrees with `index` but has the first of the sizes: the same for
    /// all sizes of one model and seed.
    pub(crate) fn without_size(&self, index: usize) -> usize {
        let mut stride = 1;
        for axis in self.axes.iter().rev() {
            let count = axis.values.len();
            if is_size(&axis.key) {
                // Without the digit of this axis: at the first of the sizes.
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
        let mut parts = self.point(index);
        parts.retain(|(axis, _)| concerns(axis));
        let settings = parts.iter().flat_map(|(axis, node)| axis.settings_at(node));
        let settings =
            settings.map(|setting| format!("{} = {}", setting.key, setting.node.brief()));
        settings.collect::<Vec<_>>().join(", ")
    }

    /// What tells the curve at a point from the others, such as `width=16`: the values of the axes
    /// other than size and seeds.
    pub(crate) fn label(&self, index: usize) -> String {
        let mut varied = self.point(index);
        varied.retain(|(axis, _)| {
            axis.values.len() > 1 && !is_size(&axis.key) && !is_seed(&axis.key)
        });
        let telling = varied.iter().flat_map(|(axis, node)| axis.telling(node));
        let telling: Vec<Entry> = telling.collect();
        let parts = telling.iter().map(|Entry { key, node, .. }| {
            let name = last(key);
            let mut others = telling.iter().filter(|other| other.key != *key);
            // `source.kind` and `model.kind` would else be told apart by nothing.
            let is_shared = others.any(|other| last(&other.key) == name);
            let name = if is_shared { key.as_str() } else { name };
            match &node.value {
                Value::Text(text) => format!("{name}={text}"),
                value => format!("{name}={value}"),
            }
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl Axis {
    /// The settings that the values give, by their dotted paths; what several sections give, once for each.
    fn settings(&self) -> impl Iterator<Item = Entry> {
        // What are no sections give the same setting, and there may be a hundred thousand of them.
        let values = self.values.iter().enumerate();
        let telling = values.filter(|(i, node)| *i == 0 || is_table(node));
        telling.flat_map(|(_, node)| self.settings_at(node))
    }

    /// The settings that one of the values gives: itself, or those of a section.
    pub(crate) fn settings_at(&self, node: &Node) -> Vec<Entry> {
        let (key, place) = (self.key.clone(), node.place.clone());
        match &node.value {
            Value::Table(table) => {
                let settings = table.clone().leaves().into_iter();
                let settings = settings.map(|setting| Entry {
                    key: join(&self.key, &setting.key),
                    ..setting
                });
                settings.collect()
            }
            // A list is written where its key is, and errors about the whole of it are told there.
            _ => vec![Entry {
                key,
                place: self.place.clone(),
                node: Node {
                    place,
                    value: node.value.clone(),
                },
            }],
        }
    }

    /// The settings of a value that tell it from the others: of sections the kind alone, where no two have the same.
    fn telling(&self, node: &Node) -> Vec<Entry> {
        if !self.values.iter().any(is_table) {
            return self.settings_at(node);
        }
        let value = |node: &Node, key: &str| {
            let settings = self.settings_at(node);
            let found = settings.iter().find(|setting| setting.key == key);
            found.map(|setting| value_key(&setting.node))
        };
        // How many values a setting has among those of this list; to be without it is one too.
        let different = |key: &str| {
            let values = self.values.iter().map(|node| value(node, key));
            values.collect::<HashSet<_>>().len()
        };
        let mut settings = self.settings_at(node);
        let kind = join(&self.key, "kind");
        if different(&kind) == self.values.len() {
            settings.retain(|setting| setting.key == kind);
        } else {
            settings.retain(|setting| different(&setting.key) > 1);
        }
        settings
    }
}

fn is_table(node: &Node) -> bool {
    matches!(node.value, Value::Table(_))
}

/// The values of a list of the grid, which is of sections where its key is that of one.
fn values(key: &str, node: Node) -> Result<Vec<Node>> {
    let path = join("grid", key);
    match node.value {
        Value::List(values) if !values.is_empty() => {
            match values
                .iter()
                .find(|node| is_section(key) && !is_table(node))
            {
                Some(other) => {
                    Err(other.invalid(&path, "a list of sections, as {width = 8} is one"))
                }
                None => Ok(values),
            }
        }
        _ => Err(node.invalid(&path, "a list of at least one value")),
    }
}

/// A text that two values share if they mean the same setting, as [`json_key`] makes it.
pub(crate) fn value_key(node: &Node) -> String {
    // A date is no JSON, and no setting.
    read::<serde_json::Value>("", node)
        .map_or_else(|_| node.value.to_string(), |value| json_key(&value))
}

/// A text that two values share if they mean the same setting: 1 and 1.0 do.
pub(crate) fn json_key(value: &serde_json::Value) -> String {
    match value {
        // Below 2^53 every integer is a float; -0.0 becomes 0.
        serde_json::Value::Number(number) => match number.as_f64() {
            Some(x) if number.is_f64() && x.fract() == 0.0 && x.abs() < 9.0e15 => {
                (x as i64).to_string()
            }
            _ => number.to_string(),
        },
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(json_key).collect();
            format!("[{}]", items.join(", "))
        }
        serde_json::Value::Object(settings) => {
            let settings = settings.iter();
            let settings = settings.map(|(key, value)| format!("{key}: {}", json_key(value)));
            format!("{{{}}}", settings.collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}
