//! Reading an outputs folder: the cells of its runs.csv, with what timings.csv says of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::settings::SettingColumns;
use crate::input::{Column, Input, Row};
use crate::{Accounted, ReportError};

/// What is compared of one cell.
pub(super) struct Cell {
    pub(super) name: String,
    pub(super) doubled: bool,
    /// By the names of `compare::settings`.
    pub(super) settings: Vec<Option<String>>,
    pub(super) parameters: u64,
    /// `None` where the entropy of the data is not known.
    pub(super) memorized_bits: Option<Accounted<f64>>,
    pub(super) training_loss: f64,
    /// `None` where timings.csv has no such cell, or is not there.
    pub(super) timing: Option<Timing>,
}

/// A row of timings.csv.
pub(super) struct Timing {
    pub(super) seconds: f64,
    pub(super) machine: Machine,
}

/// What a cell was trained on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Machine {
    /// The host's name.
    pub host: String,
    /// The device's name on it, such as `flex`.
    pub device: String,
}

struct Columns {
    cell: Column,
    doubled: Column,
    settings: SettingColumns,
    parameters: Column,
    memorized_bits: Accounted<Column>,
    training_loss: Column,
}

/// Reads every row of runs.csv, in the order of the file.
///
/// # Errors
/// Where the folder or its runs.csv is not there, one of the files is not as it must be, or a cell is in one twice.
pub(super) fn read(folder: &Path) -> Result<Vec<Cell>, ReportError> {
    if !folder.is_dir() {
        return Err(ReportError::NotAFolder {
            path: folder.to_path_buf(),
        });
    }
    let Some(input) = Input::read_if_there(&folder.join("runs.csv"))? else {
        return Err(ReportError::NotCollected {
            folder: folder.to_path_buf(),
        });
    };
    let mut timings = match Input::read_if_there(&folder.join("timings.csv"))? {
        Some(input) => timings(&input)?,
        None => BTreeMap::new(),
    };
    let columns = Columns::find(&input)?;
    let mut lines = BTreeMap::new();
    let mut cells = Vec::new();
    for row in input.rows()? {
        let name = name_once(row, columns.cell, &mut lines)?;
        let timing = timings.remove(&name);
        cells.push(columns.cell(row, name, timing)?);
    }
    Ok(cells)
}

/// By the cells' names; those that runs.csv has no row for do no harm.
fn timings(input: &Input) -> Result<BTreeMap<String, Timing>, ReportError> {
    let cell = input.column("cell")?;
    let host = input.column("host")?;
    let device = input.column("device")?;
    let seconds = input.column("seconds")?;
    let mut lines = BTreeMap::new();
    let mut timings = BTreeMap::new();
    for row in input.rows()? {
        let timing = Timing {
            seconds: row.non_negative(seconds)?,
            machine: Machine {
                host: row.text(host).to_owned(),
                device: row.text(device).to_owned(),
            },
        };
        timings.insert(name_once(row, cell, &mut lines)?, timing);
    }
    Ok(timings)
}

/// The name of a row's cell, which no line before it may have.
fn name_once(
    row: Row<'_>,
    column: Column,
    lines: &mut BTreeMap<String, u64>,
) -> Result<String, ReportError> {
    let name = row.folder_name(column)?;
    match lines.insert(name.clone(), row.line()) {
        None => Ok(name),
        Some(first) => Err(row.conflict(format!(
            "the cell {name:?} is in line {first} already; each cell must be there once"
        ))),
    }
}

impl Columns {
    fn find(input: &Input) -> Result<Self, ReportError> {
        Ok(Self {
            cell: input.column("cell")?,
            doubled: input.column("doubled")?,
            settings: SettingColumns::find(input)?,
            parameters: input.column("parameters")?,
            memorized_bits: Accounted {
                strict: input.column("memorized_bits_strict")?,
                paper: input.column("memorized_bits_paper")?,
            },
            training_loss: input.column("training_loss")?,
        })
    }

    fn cell(
        &self,
        row: Row<'_>,
        name: String,
        timing: Option<Timing>,
    ) -> Result<Cell, ReportError> {
        Ok(Cell {
            name,
            doubled: row.flag(self.doubled)?,
            settings: self.settings.texts(row),
            parameters: row.count(self.parameters)?,
            memorized_bits: row.accounted_bits(self.memorized_bits)?,
            // Nats, but within the same bounds; rounding may leave the loss of a perfect model below 0.
            training_loss: row.bits(self.training_loss)?,
            timing,
        })
    }
}
