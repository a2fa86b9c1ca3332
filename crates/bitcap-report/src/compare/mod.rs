//! Two outputs folders side by side, cell by cell.

mod cells;
mod comparison;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use crate::accounting::Accounting;
use crate::error::ReportError;
use cells::Cell;
pub use cells::PairedBy;
pub use comparison::{
    Comparison, LargestDifference, Machine, Pair, SettingDifference, Sides, Summary,
};

/// Reads runs.csv in two outputs folders and, where it is there, timings.csv, and pairs their cells: first by name,
/// which says that the training is the same; those left over by what their names say of their sizes, and by whether
/// they are of doubled steps, where that is one cell on either side.
///
/// # Errors
/// Where a folder is not there or has no runs.csv, a file cannot be read, a needed column is missing, a value is
/// impossible, there are no rows, or a cell is in a file twice.
pub fn compare(a: &Path, b: &Path, accounting: Accounting) -> Result<Comparison, ReportError> {
    let cells = Sides::new(cells::read(a)?, cells::read(b)?);
    let places = cells::pair(&cells.a, &cells.b);
    let pairs = places.iter().map(|(&in_a, &(in_b, by))| {
        let pair = Sides::new(&cells.a[in_a], &cells.b[in_b]);
        Pair::new(pair, by, accounting)
    });
    let pairs: Vec<Pair> = pairs.collect();
    let names_without = |cells: &[Cell], paired: &BTreeSet<usize>| {
        let alone = (0..cells.len()).filter(|place| !paired.contains(place));
        alone.map(|place| cells[place].run.cell.clone()).collect()
    };
    Ok(Comparison {
        accounting,
        folders: Sides::new(a, b).map(|folder| folder.display().to_string()),
        summary: Summary::of(&pairs),
        only_in: Sides::new(
            names_without(&cells.a, &places.keys().copied().collect()),
            names_without(&cells.b, &places.values().map(|(in_b, _)| *in_b).collect()),
        ),
        pairs,
    })
}
