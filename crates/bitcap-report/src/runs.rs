//! Reading runs.csv: one row a cell that is done.

use std::collections::BTreeMap;
use std::path::Path;

use crate::input::{Column, Input, Row};
use crate::{Accounted, ReportError};

/// What the report needs of one cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) group: String,
    pub(crate) seed: u64,
    pub(crate) doubled: bool,
    pub(crate) samples: u64,
    pub(crate) load: f64,
    pub(crate) entropy_bits: f64,
    pub(crate) ceiling_bits: Accounted<f64>,
    pub(crate) memorized_bits: Accounted<f64>,
    pub(crate) fresh_memorized_bits: Option<Accounted<f64>>,
    pub(crate) model: Model,
}

/// What all cells of a group share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// What tells this group from the others of the experiment; may be empty.
    pub label: String,
    /// V.
    pub vocabulary: u64,
    /// S, in tokens.
    pub length: u64,
    /// Transformer blocks.
    pub layers: u64,
    /// Width of the residual stream.
    pub width: u64,
    /// Trained parameters.
    pub parameters: u64,
    /// Whether all S tokens are predicted, so that both accountings agree.
    pub start_token: bool,
}

struct Columns {
    group: Column,
    label: Column,
    seed: Column,
    doubled: Column,
    vocabulary: Column,
    length: Column,
    samples: Column,
    load: Column,
    layers: Column,
    width: Column,
    start_token: Column,
    parameters: Column,
    entropy_bits: Column,
    ceiling_bits: Accounted<Column>,
    memorized_bits: Accounted<Column>,
    fresh_memorized_bits: Accounted<Column>,
}

impl Columns {
    fn find(input: &Input) -> Result<Self, ReportError> {
        Ok(Self {
            group: input.column("group")?,
            label: input.column("label")?,
            seed: input.column("seed")?,
            doubled: input.column("doubled")?,
            vocabulary: input.column("vocabulary")?,
            length: input.column("length")?,
            samples: input.column("samples")?,
            load: input.column("load")?,
            layers: input.column("layers")?,
            width: input.column("width")?,
            start_token: input.column("start_token")?,
            parameters: input.column("parameters")?,
            entropy_bits: input.column("entropy_bits")?,
            ceiling_bits: Accounted {
                strict: input.column("ceiling_bits_strict")?,
                paper: input.column("ceiling_bits_paper")?,
            },
            memorized_bits: Accounted {
                strict: input.column("memorized_bits_strict")?,
                paper: input.column("memorized_bits_paper")?,
            },
            fresh_memorized_bits: Accounted {
                strict: input.column("fresh_memorized_bits_strict")?,
                paper: input.column("fresh_memorized_bits_paper")?,
            },
        })
    }

    /// Whether the row says that its entropy is not known, as of a user's file: then nothing is
    /// known to be memorized, and there is no place for it on a curve.
    fn entropy_is_unknown(&self, row: Row<'_>) -> bool {
        let (entropy, memorized) = (self.entropy_bits, self.memorized_bits);
        [entropy, memorized.strict, memorized.paper]
            .into_iter()
            .all(|column| row.text(column).is_empty())
    }

    fn run(&self, row: Row<'_>) -> Result<Run, ReportError> {
        Ok(Run {
            group: row.value(self.group, "the group's name", |g: &String| !g.is_empty())?,
            seed: row.value(self.seed, "a whole number from 0", |_: &u64| true)?,
            doubled: row.flag(self.doubled)?,
            samples: row.count(self.samples)?,
            load: row.positive(self.load)?,
            entropy_bits: row.positive(self.entropy_bits)?,
            ceiling_bits: Accounted {
                // 0 or below where the best model of single sequences saves nothing.
                strict: row.bits(self.ceiling_bits.strict)?,
                paper: row.bits(self.ceiling_bits.paper)?,
            },
            memorized_bits: Accounted {
                strict: row.bits(self.memorized_bits.strict)?,
                paper: row.bits(self.memorized_bits.paper)?,
            },
            // Empty where fresh data was not measured.
            fresh_memorized_bits: row.accounted_bits(self.fresh_memorized_bits)?,
            model: Model {
                label: row.text(self.label).to_owned(),
                vocabulary: row.count(self.vocabulary)?,
                length: row.count(self.length)?,
                layers: row.count(self.layers)?,
                width: row.count(self.width)?,
                parameters: row.count(self.parameters)?,
                start_token: row.value(self.start_token, "true or false", |_: &bool| true)?,
            },
        })
    }
}

/// Reads every row, in the order of the file, but those whose entropy is not known.
///
/// # Errors
/// Where the file cannot be read, a needed column is missing, a value is impossible, there are no rows or none
/// whose entropy is known, a cell is there twice, or rows of one group differ in what the group's model is.
pub(crate) fn read(path: &Path) -> Result<Vec<Run>, ReportError> {
    let input = Input::read(path)?;
    let columns = Columns::find(&input)?;
    let mut runs = Vec::new();
    let mut cells = BTreeMap::new();
    let mut models: BTreeMap<String, (u64, Model)> = BTreeMap::new();
    for row in input.rows()? {
        if columns.entropy_is_unknown(row) {
            continue;
        }
        let run = columns.run(row)?;
        let cell = (run.group.clone(), run.doubled, run.samples, run.seed);
        if let Some(first) = cells.insert(cell, row.line()) {
            return Err(row.conflict(format!(
                "the same group, samples, seed and doubled as in line {first}; each cell must be there once"
            )));
        }
        let (first, model) = models
            .entry(run.group.clone())
            .or_insert_with(|| (row.line(), run.model.clone()));
        if *model != run.model {
            return Err(row.conflict(format!(
                "group {:?} differs from line {first} in label, vocabulary, length, layers, width, parameters or \
                 start_token; these must be the same in all rows of a group",
                run.group
            )));
        }
        runs.push(run);
    }
    if runs.is_empty() {
        return Err(ReportError::EntropyUnknown {
            path: path.to_path_buf(),
        });
    }
    Ok(runs)
}
