//! `plan.json`: the cells of an experiment's folder, and what only their plans know of them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::FolderError;
use super::files;
use crate::{CurvePoint, Plan};

/// The form of an outputs folder; one of another form is not touched.
const FORMAT: &str = "bitcap-outputs/1";

/// All cells that were planned into a folder, by whatever experiment file and overrides, in the
/// order in which their plans came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// The form of the folder, `bitcap-outputs/1`.
    pub format: String,
    /// Version of bitcap that wrote it.
    pub version: String,
    /// Name of the experiment.
    pub name: String,
    /// A cell each, or more than one of a cell that is a point of more than one curve.
    pub cells: Vec<PlanEntry>,
}

/// A cell as a point of a curve.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlanEntry {
    /// Name of its folder.
    pub cell: String,
    /// The curve.
    #[serde(flatten)]
    pub curve: CurvePoint,
    /// Steps of its training, the polish included.
    pub steps: u64,
}

impl PlanFile {
    pub(super) fn of(plan: &Plan) -> Self {
        let entries = plan.cells.iter().flat_map(|cell| {
            cell.curves.iter().map(|curve| PlanEntry {
                cell: cell.name.clone(),
                curve: curve.clone(),
                steps: cell.settings.train.all_steps(),
            })
        });
        Self {
            format: FORMAT.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            name: plan.name.clone(),
            cells: entries.collect(),
        }
    }

    /// Joins with what an earlier plan has beyond this one, as far as it is `wanted`.
    ///
    /// Whichever of two plans comes first, and however often they come, the result has the same
    /// entries: of two labels the one that says more stays. Their order is that of this plan where it
    /// has all of the earlier one, and else the earlier one's with what is new at the end.
    pub(super) fn join(&mut self, earlier: Self, wanted: impl Fn(&PlanEntry) -> bool) {
        // Not the label, which only tells the curves of one plan apart; nor the steps, which the
        // name of the cell has.
        let key = |PlanEntry { cell, curve, .. }: &PlanEntry| {
            (cell.clone(), curve.group.clone(), curve.doubled)
        };
        let own: HashMap<_, usize> = self.cells.iter().map(key).zip(0..).collect();
        let mut kept: Vec<PlanEntry> = Vec::new();
        let mut is_beyond = false;
        for entry in earlier.cells {
            match own.get(&key(&entry)) {
                Some(&place) => {
                    let (label, other) = (&mut self.cells[place].curve.label, entry.curve.label);
                    // By length, and by the alphabet where that is the same: so it is one choice
                    // whichever comes first.
                    if (label.len(), &*label) < (other.len(), &other) {
                        *label = other;
                    }
                    kept.push(self.cells[place].clone());
                }
                None if wanted(&entry) => {
                    is_beyond = true;
                    kept.push(entry);
                }
                None => {}
            }
        }
        // Else the earlier plan is a part of this one, whose order stays.
        if is_beyond {
            let known: HashSet<_> = kept.iter().map(key).collect();
            let own = std::mem::take(&mut self.cells);
            kept.extend(own.into_iter().filter(|entry| !known.contains(&key(entry))));
            self.cells = kept;
        }
    }

    /// The names of the cells, each once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        let names = self.cells.iter().map(|entry| entry.cell.as_str());
        names.filter(move |name| seen.insert(*name))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), FolderError> {
        files::write_json(path, self)
    }

    /// None where there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, FolderError> {
        let Some(bytes) = files::if_there(path, std::fs::read(path))? else {
            return Ok(None);
        };
        let content = |what: String| FolderError::Content {
            path: path.to_owned(),
            what,
        };
        let no_plan = |error| content(format!("not a plan of bitcap: {error}"));
        // Another version's may have other keys.
        let plan: Value = serde_json::from_slice(&bytes).map_err(no_plan)?;
        match plan["format"].as_str() {
            Some(FORMAT) => serde_json::from_value(plan).map(Some).map_err(no_plan),
            Some(other) => Err(content(format!(
                "this folder was made by another version of bitcap (form `{other}`; this version \
                 reads `{FORMAT}`); use that version, or another --outputs"
            ))),
            None => Err(content(format!(
                "there is no `format`; it must be `{FORMAT}`"
            ))),
        }
    }
}
