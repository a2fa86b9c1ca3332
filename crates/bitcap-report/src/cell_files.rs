//! What the report reads of a cell's own files; each may be missing, and so may columns that came later.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::accounting::Accounted;
use crate::error::ReportError;
use crate::records::{self, Records};
use bitcap_plan::Run;
use bitcap_plan::record::{count, non_negative};

/// sequences.csv.
#[derive(Debug)]
pub(crate) struct Sequences {
    pub(crate) kind: Kind,
    pub(crate) training: Vec<Sequence>,
    pub(crate) fresh: Vec<Sequence>,
}

/// Which bits a sequence has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Debug)]
pub(crate) struct Positions {
    /// By position, ascending.
    pub(crate) training: Vec<Position>,
    pub(crate) fresh: Vec<Position>,
}

/// A row of it.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Position {
    data: Data,
    pub(crate) position: u16,
    /// Mean code length of a token there, in bits.
    #[serde(deserialize_with = "non_negative", rename = "code_bits_mean")]
    pub(crate) code_bits: f64,
}

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Data {
    Training,
    Fresh,
}

impl Kind {
    /// What an axis of the bits of one of these is called.
    pub(crate) fn label(self, of: &str) -> String {
        let saved = match self {
            Self::Memorized => "memorized",
            Self::SavedAgainstSource => "saved against the true source",
        };
        format!("{saved} (bits a {of})")
    }
}

#[derive(Deserialize)]
struct SequenceRow {
    data: Data,
    memorized_bits_strict: Option<f64>,
    memorized_bits_paper: Option<f64>,
    log2_probability_model: Option<f64>,
    log2_probability_source: Option<f64>,
    #[serde(default, deserialize_with = "count")]
    count: Option<u64>,
}

/// The columns of sequences.csv that may be empty, but not missing.
const NEEDED: &str =
    "memorized_bits_strict,memorized_bits_paper,log2_probability_model,log2_probability_source";

/// Reads a cell's sequences; `None` without the file, or where sequences have no bits of their own (a user's file).
pub(crate) fn sequences(root: &Path, run: &Run) -> Result<Option<Sequences>, ReportError> {
    let Some(records) = file::<SequenceRow>(root, run, "sequences.csv", NEEDED)? else {
        return Ok(None);
    };
    // By the first row; then all others must have the same.
    let kind = match &records.rows[0].1 {
        row if row.memorized_bits_strict.is_some() => Kind::Memorized,
        row if row.log2_probability_source.is_some() => Kind::SavedAgainstSource,
        _ => return Ok(None),
    };
    let (mut training, mut fresh) = (Vec::new(), Vec::new());
    for (line, row) in &records.rows {
        let known = |column, value| records.known(*line, column, value);
        let (strict, paper) = match kind {
            Kind::Memorized => (
                known("memorized_bits_strict", row.memorized_bits_strict)?,
                known("memorized_bits_paper", row.memorized_bits_paper)?,
            ),
            // Such a source needs a start token, with which the accountings are one.
            Kind::SavedAgainstSource => {
                let model = known("log2_probability_model", row.log2_probability_model)?;
                let source = known("log2_probability_source", row.log2_probability_source)?;
                (model - source, model - source)
            }
        };
        let of = match row.data {
            Data::Training => &mut training,
            Data::Fresh => &mut fresh,
        };
        of.push(Sequence {
            bits: Accounted { strict, paper },
            count: row.count,
        });
    }
    Ok((!training.is_empty()).then_some(Sequences {
        kind,
        training,
        fresh,
    }))
}

/// Reads what a cell's tokens cost by position; `None` without the file.
pub(crate) fn positions(root: &Path, run: &Run) -> Result<Option<Positions>, ReportError> {
    let Some(records) = file::<Position>(root, run, "positions.csv", "")? else {
        return Ok(None);
    };
    let mut rows: Vec<Position> = records.into_rows();
    rows.sort_by_key(|row| row.position);
    let of_training = |row: &Position| row.data == Data::Training;
    let (training, fresh): (Vec<_>, Vec<_>) = rows.into_iter().partition(of_training);
    Ok((!training.is_empty()).then_some(Positions { training, fresh }))
}

fn file<T: DeserializeOwned>(
    root: &Path,
    run: &Run,
    name: &str,
    needed: &str,
) -> Result<Option<Records<T>>, ReportError> {
    // Joined, an empty name would be the folder of all cells.
    if run.cell.is_empty() {
        return Ok(None);
    }
    records::read_if_there(&root.join("cells").join(&run.cell).join(name), needed)
}
