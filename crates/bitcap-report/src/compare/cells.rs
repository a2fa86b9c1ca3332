//! Reading an outputs folder: the cells of its runs.csv, with what timings.csv says of them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::accounting::Accounted;
use crate::error::ReportError;
use crate::records::{self, Records};
use crate::runs::{both, check_cells};
use bitcap_plan::{Run, Timing};

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

/// Reads every cell of runs.csv, in the order of the file.
///
/// # Errors
/// Where the folder or its runs.csv is not there, one of the files is not as it must be, or a cell is in one twice.
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
            let (strict, paper) = (run.memorized_bits_strict, run.memorized_bits_paper);
            let settings = run.settings().into_iter();
            cells.push(Cell {
                plain: false,
                doubled: false,
                memorized_bits: both(&records, *line, "memorized_bits", strict, paper)?,
                settings: settings.filter(|(name, _)| records.has(name)).collect(),
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
