//! The plan of an experiment: every cell that is to be trained, with the figures that follow from
//! its settings alone.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use bitcap_base::InvalidSetting;
use serde::{Deserialize, Serialize};

use crate::experiment::Experiment;
use crate::experiment::error::{ExperimentError, Result};
use crate::experiment::resolve::{Files, Resolved};
use crate::settings::CellSettings;

/// Every cell of an experiment, in the order of the grid, the doubled ones last.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the experiment.
    pub name: String,
    /// The cells; no two have the same name.
    pub cells: Vec<PlannedCell>,
}

/// One cell of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCell {
    /// Position in the plan, from 0.
    pub index: usize,
    /// Name of the cell's folder, [`CellSettings::name`].
    pub name: String,
    /// Every setting, resolved.
    pub settings: CellSettings,
    /// The curves that it is a point of, at least one. It is of more than one where the grid has both
    /// some number of steps and twice as many: there the one training is a point of its own curve and
    /// the doubled partner of the other's.
    pub curves: Vec<CurvePoint>,
    /// The load that was asked for, where the size was given so: [`CellSettings::load`] is what
    /// comes nearest to it.
    pub asked_load: Option<f64>,
}

/// A cell as a point of a curve.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Hash of the curve, [`CellSettings::group`] before doubling.
    pub group: String,
    /// What tells the curve from the others, such as `width=16`; empty where there is only one.
    pub label: String,
    /// Whether the steps are twice those of the curve (`sweep.doubled_at_load`).
    pub doubled: bool,
}

impl PlannedCell {
    /// The point that the cell was planned for first.
    #[must_use]
    pub fn curve(&self) -> &CurvePoint {
        &self.curves[0]
    }
}

impl Experiment {
    /// Every cell of the experiment: the points of the grid, the last list going fastest, then
    /// those that are trained with twice the steps.
    ///
    /// These are, where sizes are loads, the cells at `sweep.doubled_at_load`; where sizes are
    /// samples, for each model and seed the cell whose load is nearest to it by ratio (of two
    /// equally near, the smaller). Points whose training is the same, by [`CellSettings::hash`],
    /// are one cell, which is then a point of each of their curves.
    ///
    /// # Errors
    /// The first setting that is impossible, with its place and the grid point.
    pub fn plan(&self) -> Result<Plan, ExperimentError> {
        let grid = &self.grid;
        let mut files = Files::default();
        // All points before the first cell: which are doubled depends on the loads of all.
        let points: Vec<Resolved> = (0..grid.points())
            .map(|index| Resolved::at(self, index, &mut files))
            .collect::<Result<_, _>>()?;
        let doubled = match self.sweep.doubled_at_load {
            Some(load) => self.points_to_double(load, &points)?,
            None => Vec::new(),
        };
        let mut cells = Cells::default();
        for (index, point) in points.iter().enumerate() {
            cells.add(&point.settings, point, grid.label(index), false)?;
        }
        // Last, so that the indices of the others are the same with doubling and without.
        for index in doubled {
            let point = &points[index];
            let doubled = point.doubled(self, index)?;
            cells.add(&doubled, point, grid.label(index), true)?;
        }
        Ok(Plan {
            name: self.name.clone(),
            cells: cells.cells,
        })
    }

    fn points_to_double(&self, load: f64, points: &[Resolved]) -> Result<Vec<usize>> {
        let wrong = |allowed: String| {
            let key = "sweep.doubled_at_load";
            let setting = InvalidSetting::new(key, format!("{load:?}"), allowed);
            self.document.error(setting)
        };
        let mut loads: Vec<f64> = Vec::new();
        for asked in points.iter().filter_map(|point| point.load) {
            if !loads.contains(&asked) {
                loads.push(asked);
            }
        }
        // Exactly: both are numbers that somebody wrote down.
        if loads.contains(&load) {
            let indices = 0..points.len();
            return Ok(indices
                .filter(|&index| points[index].load == Some(load))
                .collect());
        }
        if !loads.is_empty() {
            let list: Vec<String> = loads.iter().map(|load| format!("{load:?}")).collect();
            let list = list.join(", ");
            return Err(wrong(format!("one of the loads in the plan: {list}")));
        }
        // For each model and seed, how far the nearest size is, how large it is, and where.
        let mut nearest: BTreeMap<usize, (f64, u64, usize)> = BTreeMap::new();
        for (index, point) in points.iter().enumerate() {
            let Some(own) = point.settings.load() else {
                let allowed = "left out: the entropy of this source is not known, and so no load";
                return Err(wrong(allowed.into()));
            };
            // By ratio: half of it is as far away as twice.
            let distance = (own / load).ln().abs();
            let found = (distance, point.settings.data.samples, index);
            let best = nearest
                .entry(self.grid.without_size(index))
                .or_insert(found);
            if (found.0, found.1) < (best.0, best.1) {
                *best = found;
            }
        }
        let mut indices: Vec<usize> = nearest.into_values().map(|(_, _, index)| index).collect();
        // Back in the order of the plan: the map goes by model and seed.
        indices.sort_unstable();
        Ok(indices)
    }
}

/// The cells of a plan as they gather.
#[derive(Default)]
struct Cells {
    cells: Vec<PlannedCell>,
    /// Where the cell of each training stands, by its hash.
    hashes: HashMap<[u8; 32], usize>,
    names: HashSet<String>,
}

impl Cells {
    /// Adds a cell of the curve that `point` is on; where the same training is there already, the
    /// curve to that.
    fn add(
        &mut self,
        settings: &CellSettings,
        point: &Resolved,
        label: String,
        doubled: bool,
    ) -> Result<()> {
        let curve = CurvePoint {
            group: point.settings.group(),
            label,
            doubled,
        };
        // By the whole hash: a name has eight digits of it, and two trainings may agree in those.
        match self.hashes.entry(*settings.hash().as_bytes()) {
            Entry::Occupied(there) => {
                let curves = &mut self.cells[*there.get()].curves;
                // Two loads that round to one size are one point of the curve.
                if !curves
                    .iter()
                    .any(|other| (&other.group, other.doubled) == (&curve.group, doubled))
                {
                    curves.push(curve);
                }
                return Ok(());
            }
            Entry::Vacant(free) => free.insert(self.cells.len()),
        };
        let name = settings.name();
        if !self.names.insert(name.clone()) {
            return Err(ExperimentError::SameName { name });
        }
        self.cells.push(PlannedCell {
            index: self.cells.len(),
            name,
            curves: vec![curve],
            asked_load: point.load,
            settings: settings.clone(),
        });
        Ok(())
    }
}
