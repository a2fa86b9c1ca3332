//! The picture of a toy case, made of its CSV file.

use std::path::Path;

use crate::input::{Column, Input, Row};
use crate::{Picture, ReportError, figure};

/// A row of the file: a learner of so many samples. Bits are of all of them together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ToyRow {
    pub(crate) samples: u64,
    pub(crate) memorized_bits: f64,
    pub(crate) unintended_bits: f64,
    pub(crate) intended_bits: f64,
    pub(crate) accuracy_on_data: f64,
    pub(crate) accuracy_baseline: f64,
    pub(crate) accuracy_best: f64,
    pub(crate) accuracy_on_source: f64,
}

/// Draws the rows of a toy case's CSV file (columns as `bitcap toy` writes them: `samples`, `memorized_bits`,
/// `unintended_bits`, `intended_bits`, `accuracy_on_data`, `accuracy_baseline`, `accuracy_best`,
/// `accuracy_on_source`): bits and accuracies against the number of samples. `title` names the case; empty for none.
///
/// # Errors
/// Where the file cannot be read, a column is missing, a value is impossible, or there are no rows.
pub fn toy_figure(csv: &Path, title: &str) -> Result<Picture, ReportError> {
    let input = Input::read(csv)?;
    let columns = Columns::find(&input)?;
    let mut rows = input
        .rows()?
        .map(|row| columns.row(row))
        .collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|row| row.samples);
    Picture::new("toy", figure::toy::svg(&rows, title))
}

struct Columns {
    samples: Column,
    memorized_bits: Column,
    unintended_bits: Column,
    intended_bits: Column,
    accuracy_on_data: Column,
    accuracy_baseline: Column,
    accuracy_best: Column,
    accuracy_on_source: Column,
}

impl Columns {
    fn find(input: &Input) -> Result<Self, ReportError> {
        Ok(Self {
            samples: input.column("samples")?,
            memorized_bits: input.column("memorized_bits")?,
            unintended_bits: input.column("unintended_bits")?,
            intended_bits: input.column("intended_bits")?,
            accuracy_on_data: input.column("accuracy_on_data")?,
            accuracy_baseline: input.column("accuracy_baseline")?,
            accuracy_best: input.column("accuracy_best")?,
            accuracy_on_source: input.column("accuracy_on_source")?,
        })
    }

    fn row(&self, row: Row<'_>) -> Result<ToyRow, ReportError> {
        Ok(ToyRow {
            samples: row.count(self.samples)?,
            memorized_bits: row.bits(self.memorized_bits)?,
            unintended_bits: row.bits(self.unintended_bits)?,
            intended_bits: row.bits(self.intended_bits)?,
            accuracy_on_data: row.share(self.accuracy_on_data)?,
            accuracy_baseline: row.share(self.accuracy_baseline)?,
            accuracy_best: row.share(self.accuracy_best)?,
            accuracy_on_source: row.share(self.accuracy_on_source)?,
        })
    }
}
