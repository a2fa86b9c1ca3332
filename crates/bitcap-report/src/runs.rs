//! The rows of runs.csv, checked and by curve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::accounting::Accounted;
use crate::error::ReportError;
use crate::records::{self, Records};
use bitcap_plan::Run;

/// The columns that a report cannot do without.
const NEEDED: &str = "group,label,seed,doubled,vocabulary,length,samples,load,layers,width,start_token,parameters,\
    entropy_bits,ceiling_bits_strict,ceiling_bits_paper,memorized_bits_strict,memorized_bits_paper,\
    fresh_memorized_bits_strict,fresh_memorized_bits_paper";

/// All rows of a file.
pub(crate) struct Runs {
    /// In the order of the file.
    pub(crate) groups: Vec<Group>,
    /// The experiment's folder, which holds `cells/`.
    pub(crate) root: PathBuf,
}

impl Runs {
    /// Groups that have cells of the plain number of steps.
    pub(crate) fn plain(&self) -> impl DoubleEndedIterator<Item = &Group> + Clone {
        self.groups.iter().filter(|group| !group.plain.is_empty())
    }
}

/// The rows of one curve, by samples and seed; there is at least one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// With the plain number of steps.
    pub(crate) plain: Vec<Cell>,
    /// With twice as many.
    pub(crate) doubled: Vec<Cell>,
}

impl Group {
    /// A row, for what is the same in all: the names of the curve, the model and its data.
    pub(crate) fn model(&self) -> &Run {
        &self.plain.first().unwrap_or_else(|| &self.doubled[0]).run
    }
}

/// A row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) run: Run,
    /// `None` where the entropy is not known, as of a user's file: then nothing is known to be memorized, and there
    /// is no place for the cell on a curve.
    pub(crate) bits: Option<Bits>,
}

/// What is known of data whose entropy is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bits {
    pub(crate) load: f64,
    pub(crate) entropy: f64,
    pub(crate) ceiling: Accounted<f64>,
    pub(crate) memorized: Accounted<f64>,
    /// `None` where fresh data was not measured.
    pub(crate) fresh: Option<Accounted<f64>>,
}

/// Reads every row; the folders of the cells are looked for beside the file.
pub(crate) fn read(path: &Path) -> Result<Runs, ReportError> {
    let records: Records<Run> = records::collected(path, NEEDED)?;
    check_cells(&records)?;
    // Groups stand in the order of their first rows, which legends, colours and tables follow.
    let mut places: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (line, run) in &records.rows {
        if run.group.is_empty() {
            return Err(records.empty(*line, "group", "it must be the group's name"));
        }
        let (first, place) = *places.entry(&run.group).or_insert((*line, groups.len()));
        if place == groups.len() {
            groups.push(Group::default());
        } else if shared(groups[place].model()) != shared(run) {
            // Means over rows of different models would look like those of one.
            let problem = format_args!(
                "group {:?} differs from line {first} in label, vocabulary, length, layers, width, parameters or \
                 start_token; these must be the same in all rows of a group",
                run.group
            );
            return Err(records.conflict(*line, problem));
        }
        let cell = Cell {
            bits: bits(&records, *line, run)?,
            run: run.clone(),
        };
        match run.doubled {
            true => groups[place].doubled.push(cell),
            false => groups[place].plain.push(cell),
        }
    }
    // Sums do not depend on the order of the file.
    let order = |Cell { run, .. }: &Cell| (run.samples, run.seed, run.cell.clone());
    for group in &mut groups {
        group.plain.sort_by_cached_key(order);
        group.doubled.sort_by_cached_key(order);
    }
    Ok(Runs {
        groups,
        root: path.parent().unwrap_or(Path::new("")).to_path_buf(),
    })
}

/// What must be the same in all rows of a group.
fn shared(run: &Run) -> (&str, [u64; 5], bool) {
    let sizes = [
        run.vocabulary,
        run.length,
        run.layers,
        run.width,
        run.parameters,
    ];
    (&run.label, sizes, run.start_token)
}

/// Checks that rows are the same cell only where one training belongs to several curves.
///
/// # Errors
/// Where a cell is on a curve twice, or rows of one cell differ in more than the curve. Where rows have no name of a
/// cell, they are told apart by samples and seed.
pub(crate) fn check_cells(records: &Records<Run>) -> Result<(), ReportError> {
    let mut places = BTreeMap::new();
    let mut cells: BTreeMap<&str, (u64, &Run)> = BTreeMap::new();
    for (line, run) in &records.rows {
        let named = !run.cell.is_empty();
        // A name tells cells apart by itself; samples and seed may be equal where another setting
        // differs that is no part of the curve, such as `train.seed`.
        let numbers = (!named).then_some((run.samples, run.seed));
        let place = (&run.group, run.doubled, &run.cell, numbers);
        if let Some(first) = places.insert(place, line) {
            let problem = match named {
                true => format!("the cell {:?} is in line {first} already", run.cell),
                false => format!("the same group, samples, seed and doubled as in line {first}"),
            };
            let problem = problem + "; each cell must be on a curve once";
            return Err(records.conflict(*line, problem));
        }
        let (first, before) = *cells.entry(&run.cell).or_insert((*line, run));
        // The earlier row with what may differ taken from this one: then one comparison of all
        // columns will do, those added later among them.
        let on_its_curve = Run {
            group: run.group.clone(),
            label: run.label.clone(),
            doubled: run.doubled,
            ..before.clone()
        };
        if named && on_its_curve != *run {
            let problem = format_args!(
                "the cell {:?} is in line {first} with other values; rows of one cell must be the same but for group, \
                 label and doubled",
                run.cell
            );
            return Err(records.conflict(*line, problem));
        }
    }
    Ok(())
}

/// Both accountings, or neither where nothing is known.
pub(crate) fn both(
    records: &Records<Run>,
    line: u64,
    name: &str,
    (strict, paper): (Option<f64>, Option<f64>),
) -> Result<Option<Accounted<f64>>, ReportError> {
    if strict.or(paper).is_none() {
        return Ok(None);
    }
    Ok(Some(Accounted {
        strict: records.known(line, &format!("{name}_strict"), strict)?,
        paper: records.known(line, &format!("{name}_paper"), paper)?,
    }))
}

fn bits(records: &Records<Run>, line: u64, run: &Run) -> Result<Option<Bits>, ReportError> {
    let both = |name, values| both(records, line, name, values);
    let known = |name, value| records.known(line, name, value);
    let memorized = (run.memorized_bits_strict, run.memorized_bits_paper);
    let fresh = (
        run.fresh_memorized_bits_strict,
        run.fresh_memorized_bits_paper,
    );
    // Only where both are missing is the entropy not known; one without the other is a damaged
    // file, and an error below.
    if run.entropy_bits.is_none() && both("memorized_bits", memorized)?.is_none() {
        return Ok(None);
    }
    // Of data that are certain nothing can be memorized: they say nothing of a capacity.
    if run.entropy_bits == Some(0.0) {
        return Ok(None);
    }
    Ok(Some(Bits {
        load: known("load", run.load)?,
        entropy: known("entropy_bits", run.entropy_bits)?,
        ceiling: Accounted {
            strict: known("ceiling_bits_strict", run.ceiling_bits_strict)?,
            paper: known("ceiling_bits_paper", run.ceiling_bits_paper)?,
        },
        memorized: Accounted {
            strict: known("memorized_bits_strict", memorized.0)?,
            paper: known("memorized_bits_paper", memorized.1)?,
        },
        fresh: both("fresh_memorized_bits", fresh)?,
    }))
}

#[cfg(test)]
impl From<Run> for Cell {
    fn from(run: Run) -> Self {
        Self { run, bits: None }
    }
}
