//! What the report reads of a cell's own files; each may be missing, and so may columns that came later.

use crate::cells::{Cell, Cells};
use crate::input::{Column, Input, Row};
use crate::{Accounted, ReportError};

/// sequences.csv.
#[derive(Debug)]
pub(crate) struct Sequences {
    pub(crate) kind: Kind,
    pub(crate) training: Vec<Sequence>,
    pub(crate) fresh: Vec<Sequence>,
}

/// Which bits a sequence has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Those memorized, where the entropy is a sum over sequences.
    Memorized,
    /// Those that the model saves against the true source, where it has parameters.
    SavedAgainstSource,
}

/// A row of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    /// Of the file's [`Kind`].
    pub(crate) bits: Accounted<f64>,
    /// Of copies, how often the string stands in the data.
    pub(crate) count: Option<u64>,
}

/// positions.csv.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    pub(crate) training: Vec<Position>,
    pub(crate) fresh: Vec<Position>,
}

/// A row of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) position: u64,
    /// Mean code length of a token there, in bits.
    pub(crate) code_bits: f64,
}

/// Reads a cell's sequences; `None` without the file, or where sequences have no bits of their own (a user's file).
///
/// # Errors
/// Where the file is there and not as it must be.
pub(crate) fn sequences(cells: &Cells, cell: &Cell) -> Result<Option<Sequences>, ReportError> {
    let Some(input) = file(cells, cell, "sequences.csv")? else {
        return Ok(None);
    };
    let columns = SequenceColumns::find(&input)?;
    let Some(kind) = columns.kind(&input)? else {
        return Ok(None);
    };
    let mut sequences = Sequences {
        kind,
        training: Vec::new(),
        fresh: Vec::new(),
    };
    for row in input.rows()? {
        let sequence = columns.sequence(row, kind)?;
        match is_training(row, columns.data)? {
            true => sequences.training.push(sequence),
            false => sequences.fresh.push(sequence),
        }
    }
    Ok((!sequences.training.is_empty()).then_some(sequences))
}

struct SequenceColumns {
    data: Column,
    memorized: Accounted<Column>,
    model: Column,
    source: Column,
    count: Option<Column>,
}

impl SequenceColumns {
    fn find(input: &Input) -> Result<Self, ReportError> {
        Ok(Self {
            data: input.column("data")?,
            memorized: Accounted {
                strict: input.column("memorized_bits_strict")?,
                paper: input.column("memorized_bits_paper")?,
            },
            model: input.column("log2_probability_model")?,
            source: input.column("log2_probability_source")?,
            count: input.column_if_there("count")?,
        })
    }

    /// By the first row; then all others must have the same.
    fn kind(&self, input: &Input) -> Result<Option<Kind>, ReportError> {
        let Some(row) = input.rows()?.next() else {
            return Ok(None);
        };
        let has = |column| !row.text(column).is_empty();
        Ok(if has(self.memorized.strict) {
            Some(Kind::Memorized)
        } else if has(self.source) {
            Some(Kind::SavedAgainstSource)
        } else {
            None
        })
    }

    fn sequence(&self, row: Row<'_>, kind: Kind) -> Result<Sequence, ReportError> {
        let bits = match kind {
            Kind::Memorized => Accounted {
                strict: row.bits(self.memorized.strict)?,
                paper: row.bits(self.memorized.paper)?,
            },
            // Such a source needs a start token, with which the accountings are one.
            Kind::SavedAgainstSource => {
                let saved = row.bits(self.model)? - row.bits(self.source)?;
                Accounted {
                    strict: saved,
                    paper: saved,
                }
            }
        };
        let count = match self.count {
            Some(column) if !row.text(column).is_empty() => Some(row.count(column)?),
            _ => None,
        };
        Ok(Sequence { bits, count })
    }
}

/// Reads what a cell's tokens cost by position; `None` without the file.
///
/// # Errors
/// Where the file is there and not as it must be.
pub(crate) fn positions(cells: &Cells, cell: &Cell) -> Result<Option<Positions>, ReportError> {
    let Some(input) = file(cells, cell, "positions.csv")? else {
        return Ok(None);
    };
    let data = input.column("data")?;
    let place = input.column("position")?;
    let code = input.column("code_bits_mean")?;
    let mut positions = Positions::default();
    for row in input.rows()? {
        let position = Position {
            position: row.value(place, "a whole number from 0 to 65535", |&n: &u64| {
                n <= 65_535
            })?,
            code_bits: row.non_negative(code)?,
        };
        match is_training(row, data)? {
            true => positions.training.push(position),
            false => positions.fresh.push(position),
        }
    }
    for data in [&mut positions.training, &mut positions.fresh] {
        data.sort_by_key(|row| row.position);
    }
    Ok((!positions.training.is_empty()).then_some(positions))
}

fn file(cells: &Cells, cell: &Cell, name: &str) -> Result<Option<Input>, ReportError> {
    let Some(folder) = &cell.folder else {
        return Ok(None);
    };
    Input::read_if_there(&cells.root.join("cells").join(folder).join(name))
}

fn is_training(row: Row<'_>, data: Column) -> Result<bool, ReportError> {
    match row.text(data) {
        "training" => Ok(true),
        "fresh" => Ok(false),
        _ => Err(row.refuse(data, "\"training\" or \"fresh\"")),
    }
}
