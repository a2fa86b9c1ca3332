//! Two outputs folders side by side, cell by cell.

mod cells;
mod comparison;
mod pairing;
mod table;

use std::path::Path;

use crate::accounting::Accounting;
use crate::error::ReportError;
pub use comparison::{
    Comparison, LargestDifference, Machine, Pair, PairedBy, SettingDifference, Sides, Summary,
};

/// Reads runs.csv in two outputs folders and, where it is there, timings.csv, and pairs their cells: first by name,
/// which says that the training is the same; those left over by what their names say of their sizes, and by whether
/// they are of doubled steps, where that is one cell on either side.
///
/// # Errors
/// Where a folder is not there or has no runs.csv, a file cannot be read, a needed column is missing, a value is
/// impossible, there are no rows, or a cell is in a file twice.
pub fn compare(a: &Path, b: &Path, accounting: Accounting) -> Result<Comparison, ReportError> {
    let cells = Sides {
        a: cells::read(a)?,
        b: cells::read(b)?,
    };
    let paired = pairing::pair(&cells.a, &cells.b);
    let pairs = paired.pairs.iter().map(|&(in_a, in_b, by)| {
        let pair = Sides {
            a: &cells.a[in_a],
            b: &cells.b[in_b],
        };
        Pair::new(pair, by, accounting)
    });
    let pairs: Vec<Pair> = pairs.collect();
    let names = |cells: &[cells::Cell], places: &[usize]| -> Vec<String> {
        places
            .iter()
            .map(|&place| cells[place].run.cell.clone())
            .collect()
    };
    Ok(Comparison {
        accounting,
        folders: Sides { a, b }.map(|folder| folder.display().to_string()),
        summary: Summary::of(&pairs),
        only_in: Sides {
            a: names(&cells.a, &paired.alone.a),
            b: names(&cells.b, &paired.alone.b),
        },
        pairs,
    })
}
