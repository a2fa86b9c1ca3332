//! The cells of an outputs folder, and which is held against which of another folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::accounting::Accounted;
use crate::error::ReportError;
use crate::records::{self, Records};
use crate::runs::{both, check_cells};
use bitcap_plan::{Run, Timing};
use serde::Serialize;

/// What is compared of one cell: one training, whatever the curves that it belongs to.
pub(super) struct Cell {
    pub(super) run: Run,
    /// Whether it is a cell of plain steps, and whether one of doubled steps; it may be both.
    pub(super) plain: bool,
    pub(super) doubled: bool,
    /// `None` where the entropy of the data is not known.
    pub(super) memorized_bits: Option<Accounted<f64>>,
    /// What is in the columns of settings that the file has.
    pub(super) settings: Vec<(&'static str, String)>,
    /// `None` where timings.csv has no such cell, or is not there.
    pub(super) timing: Option<Timing>,
}

/// The columns of runs.csv that a comparison cannot do without.
const NEEDED: &str =
    "cell,doubled,parameters,memorized_bits_strict,memorized_bits_paper,training_loss";

/// Every cell of runs.csv, in the order of the file, with what timings.csv says of it.
pub(super) fn read(folder: &Path) -> Result<Vec<Cell>, ReportError> {
    if !folder.is_dir() {
        let problem =
            "is not a folder; it must be an experiment's outputs folder, which holds runs.csv";
        return Err(ReportError::Input {
            path: folder.to_path_buf(),
            problem: problem.to_owned(),
        });
    }
    let records: Records<Run> = records::collected(&folder.join("runs.csv"), NEEDED)?;
    check_cells(&records)?;
    let mut timings = timings(folder)?;
    let mut places = BTreeMap::new();
    let mut cells: Vec<Cell> = Vec::new();
    for (line, run) in &records.rows {
        if run.cell.is_empty() {
            return Err(records.empty(*line, "cell", "it must be the name of a folder"));
        }
        let place = *places.entry(&run.cell).or_insert(cells.len());
        if place == cells.len() {
            let bits = (run.memorized_bits_strict, run.memorized_bits_paper);
            let settings = run.settings().into_iter();
            cells.push(Cell {
                plain: false,
                doubled: false,
                memorized_bits: both(&records, *line, "memorized_bits", bits)?,
                // A column that the file has not would be read as its default, and seem a
                // difference from a file that has it. Only the polish is none where there is no column.
                settings: settings
                    .filter(|(name, _)| records.has(name) || *name == "polish_steps")
                    .collect(),
                timing: timings.remove(&run.cell),
                run: run.clone(),
            });
        }
        match run.doubled {
            true => cells[place].doubled = true,
            false => cells[place].plain = true,
        }
    }
    Ok(cells)
}

/// By the cells' names; those that runs.csv has no row for do no harm.
fn timings(folder: &Path) -> Result<BTreeMap<String, Timing>, ReportError> {
    let path = folder.join("timings.csv");
    let mut timings = BTreeMap::new();
    let Some(records) = records::read_if_there::<Timing>(&path, "cell,host,device,seconds")? else {
        return Ok(timings);
    };
    let mut lines = BTreeMap::new();
    for (line, timing) in &records.rows {
        let cell = &timing.cell;
        if let Some(first) = lines.insert(cell, line) {
            let problem =
                format_args!("the cell {cell:?} is in line {first} already; it must be there once");
            return Err(records.conflict(*line, problem));
        }
        timings.insert(cell.clone(), timing.clone());
    }
    Ok(timings)
}

/// Why two cells are a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PairedBy {
    /// Their names are the same, and with them every setting that changes the weights.
    Name,
    /// Layers, width, samples, steps and seed are the same, and whether they are of doubled steps; another setting is
    /// not.
    Sizes,
}

/// A's places of the pairs, each with B's. By name first, then what is left over by sizes where one cell on either side
/// has them: of two, none can say which is meant.
pub(super) fn pair(a: &[Cell], b: &[Cell]) -> BTreeMap<usize, (usize, PairedBy)> {
    let names = b.iter().map(|cell| cell.run.cell.as_str());
    let names: BTreeMap<&str, usize> = names.zip(0..).collect();
    let by_name = (0..).zip(a).filter_map(|(in_a, cell)| {
        let in_b = names.get(cell.run.cell.as_str())?;
        Some((in_a, (*in_b, PairedBy::Name)))
    });
    let mut pairs: BTreeMap<_, _> = by_name.collect();
    let mut taken: BTreeSet<usize> = pairs.values().map(|(in_b, _)| *in_b).collect();
    // Only those without a partner by name are looked at, so that a cell whose name is in both
    // folders makes no sizes ambiguous.
    let left_of_b = by_sizes(b, |place| !taken.contains(&place));
    for (sizes, in_a) in by_sizes(a, |place| !pairs.contains_key(&place)) {
        if let ([in_a], Some([in_b])) = (&in_a[..], left_of_b.get(&sizes).map(Vec::as_slice))
            // A cell of both plain and doubled steps may have a partner already.
            && !pairs.contains_key(in_a)
            && taken.insert(*in_b)
        {
            pairs.insert(*in_a, (*in_b, PairedBy::Sizes));
        }
    }
    pairs
}

/// The places of those cells that are `left` and whose names say their sizes; plain and doubled ones apart.
fn by_sizes(cells: &[Cell], left: impl Fn(usize) -> bool) -> BTreeMap<(&str, bool), Vec<usize>> {
    let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, cell) in cells.iter().enumerate().filter(|(place, _)| left(*place)) {
        for (doubled, is) in [(false, cell.plain), (true, cell.doubled)] {
            if let Some(sizes) = sizes(&cell.run.cell).filter(|_| is) {
                places.entry((sizes, doubled)).or_default().push(place);
            }
        }
    }
    places
}

/// A cell's name without the hash that it ends in; `None` if it does not.
fn sizes(name: &str) -> Option<&str> {
    let (sizes, hash) = name.rsplit_once('-')?;
    let is_hash = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn sizes_are_the_name_without_its_hash() {
        assert_eq!(sizes("l1-w8-s0-424e8913"), Some("l1-w8-s0"));
        for name in ["l1-w8-n14", "424e8913", "l1-424e891", "l1-424e891g", "l1-"] {
            assert_eq!(sizes(name), None, "{name}");
        }
    }
}
