//! Rows of runs.csv by what was measured of single cells; a file of before may lack any of these columns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::ReportError;
use crate::input::{Column, Input, Row};
use crate::statistics::{Spread, spread};

/// What may be shown of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    UnintendedBits,
    IntendedBits,
    IntendedLimitBits,
    FreshExcessBitsPerToken,
    MembershipAuc,
    MembershipBalancedAccuracy,
    MembershipTprAt1PercentFpr,
    Extraction8,
    Extraction16,
    Extraction32,
}

impl Measure {
    const ALL: [Self; 10] = [
        Self::UnintendedBits,
        Self::IntendedBits,
        Self::IntendedLimitBits,
        Self::FreshExcessBitsPerToken,
        Self::MembershipAuc,
        Self::MembershipBalancedAccuracy,
        Self::MembershipTprAt1PercentFpr,
        Self::Extraction8,
        Self::Extraction16,
        Self::Extraction32,
    ];

    fn column(self) -> &'static str {
        match self {
            Self::UnintendedBits => "unintended_bits",
            Self::IntendedBits => "intended_bits",
            Self::IntendedLimitBits => "intended_limit_bits",
            Self::FreshExcessBitsPerToken => "fresh_excess_bits_per_token",
            Self::MembershipAuc => "membership_auc",
            Self::MembershipBalancedAccuracy => "membership_balanced_accuracy",
            Self::MembershipTprAt1PercentFpr => "membership_tpr_at_1_percent_fpr",
            Self::Extraction8 => "extraction_8",
            Self::Extraction16 => "extraction_16",
            Self::Extraction32 => "extraction_32",
        }
    }

    fn is_share(self) -> bool {
        self >= Self::MembershipAuc
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// The name of its folder; `None` where the file has none.
    pub(crate) folder: Option<String>,
    pub(crate) seed: u64,
    pub(crate) samples: u64,
    /// `None` where the data's entropy is not known.
    pub(crate) load: Option<f64>,
    values: BTreeMap<Measure, f64>,
}

/// One model's cells without those of doubled steps, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// What it is called in legends.
    pub(crate) name: String,
    pub(crate) parameters: u64,
    pub(crate) vocabulary: u64,
    pub(crate) start_token: bool,
    pub(crate) cells: Vec<Cell>,
}

/// All models, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cells {
    pub(crate) groups: Vec<Group>,
    /// The experiment's folder, which holds `cells/`.
    pub(crate) root: PathBuf,
    /// How many rows are of doubled steps.
    pub(crate) doubled: usize,
}

/// A mean over seeds at one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mean {
    /// The load, or the number of samples where loads are not known.
    pub(crate) x: f64,
    pub(crate) y: Spread,
    pub(crate) seeds: usize,
}

struct Columns {
    folder: Option<Column>,
    group: Column,
    label: Column,
    seed: Column,
    doubled: Column,
    samples: Column,
    load: Column,
    layers: Column,
    width: Column,
    parameters: Column,
    vocabulary: Column,
    start_token: Column,
    measures: Vec<(Measure, Column)>,
}

impl Columns {
    fn find(input: &Input) -> Result<Self, ReportError> {
        let mut measures = Vec::new();
        for measure in Measure::ALL {
            if let Some(column) = input.column_if_there(measure.column())? {
                measures.push((measure, column));
            }
        }
        Ok(Self {
            folder: input.column_if_there("cell")?,
            group: input.column("group")?,
            label: input.column("label")?,
            seed: input.column("seed")?,
            doubled: input.column("doubled")?,
            samples: input.column("samples")?,
            load: input.column("load")?,
            layers: input.column("layers")?,
            width: input.column("width")?,
            parameters: input.column("parameters")?,
            vocabulary: input.column("vocabulary")?,
            start_token: input.column("start_token")?,
            measures,
        })
    }

    fn cell(&self, row: Row<'_>) -> Result<Cell, ReportError> {
        let mut values = BTreeMap::new();
        for &(measure, column) in &self.measures {
            if row.text(column).is_empty() {
                continue;
            }
            let value = if measure.is_share() {
                row.share(column)?
            } else {
                row.bits(column)?
            };
            values.insert(measure, value);
        }
        let folder = match self.folder {
            Some(column) if !row.text(column).is_empty() => Some(row.folder_name(column)?),
            _ => None,
        };
        Ok(Cell {
            folder,
            seed: row.value(self.seed, "a whole number from 0", |_: &u64| true)?,
            samples: row.count(self.samples)?,
            load: match row.text(self.load) {
                "" => None,
                _ => Some(row.positive(self.load)?),
            },
            values,
        })
    }

    fn group(&self, row: Row<'_>) -> Result<Group, ReportError> {
        let label = row.text(self.label);
        Ok(Group {
            name: match label.trim() {
                "" => format!("{}×{}", row.count(self.layers)?, row.count(self.width)?),
                _ => label.to_owned(),
            },
            parameters: row.count(self.parameters)?,
            vocabulary: row.count(self.vocabulary)?,
            start_token: row.value(self.start_token, "true or false", |_: &bool| true)?,
            cells: Vec::new(),
        })
    }
}

/// Reads every row; the folders of the cells are looked for beside the file.
///
/// # Errors
/// Where the file cannot be read, a column that every runs.csv has is missing, or a value is impossible.
pub(crate) fn read(path: &Path) -> Result<Cells, ReportError> {
    let input = Input::read(path)?;
    let columns = Columns::find(&input)?;
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    let mut cells = Cells {
        groups: Vec::new(),
        root: path.parent().unwrap_or(Path::new("")).to_path_buf(),
        doubled: 0,
    };
    for row in input.rows()? {
        let cell = columns.cell(row)?;
        if row.text(columns.doubled) == "1" {
            cells.doubled += 1;
            continue;
        }
        let name = row.text(columns.group);
        let index = match order.get(name) {
            Some(&index) => index,
            None => {
                cells.groups.push(columns.group(row)?);
                order.insert(name, cells.groups.len() - 1);
                cells.groups.len() - 1
            }
        };
        cells.groups[index].cells.push(cell);
    }
    Ok(cells)
}

impl Cells {
    /// Whether every load is known, so that pictures are drawn against it.
    pub(crate) fn has_loads(&self) -> bool {
        self.groups
            .iter()
            .flat_map(|group| &group.cells)
            .all(|cell| cell.load.is_some())
    }

    /// Means over seeds by size, ascending; of sizes where no cell has the measure there is none.
    pub(crate) fn means(&self, group: &Group, measure: Measure) -> Vec<Mean> {
        let loads = self.has_loads();
        let mut sizes: BTreeMap<u64, Vec<(u64, f64, f64)>> = BTreeMap::new();
        for cell in &group.cells {
            if let Some(&value) = cell.values.get(&measure) {
                let x = cell.load.filter(|_| loads).unwrap_or(cell.samples as f64);
                let seeds = sizes.entry(cell.samples).or_default();
                seeds.push((cell.seed, x, value));
            }
        }
        sizes
            .into_values()
            .filter_map(|mut seeds| {
                // Sums do not depend on the order of the rows.
                seeds.sort_by_key(|&(seed, ..)| seed);
                let xs: Vec<f64> = seeds.iter().map(|seed| seed.1).collect();
                let ys: Vec<f64> = seeds.iter().map(|seed| seed.2).collect();
                Some(Mean {
                    x: spread(&xs)?.mean,
                    y: spread(&ys)?,
                    seeds: seeds.len(),
                })
            })
            .collect()
    }
}

impl Group {
    /// Whether some cell has the measure, and it passes `fits`.
    pub(crate) fn any(&self, measure: Measure, fits: impl Fn(f64) -> bool) -> bool {
        self.cells
            .iter()
            .any(|cell| cell.values.get(&measure).is_some_and(|&value| fits(value)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A cell with one figure.
    pub(crate) fn cell(samples: u64, seed: u64, load: Option<f64>, auc: Option<f64>) -> Cell {
        Cell {
            folder: None,
            seed,
            samples,
            load,
            values: auc
                .map(|auc| (Measure::MembershipAuc, auc))
                .into_iter()
                .collect(),
        }
    }

    pub(crate) fn group(parameters: u64, cells: Vec<Cell>) -> Group {
        Group {
            name: format!("p={parameters}"),
            parameters,
            vocabulary: 4,
            start_token: true,
            cells,
        }
    }

    pub(crate) fn all(groups: Vec<Group>) -> Cells {
        Cells {
            groups,
            root: PathBuf::new(),
            doubled: 0,
        }
    }

    #[test]
    fn means_are_over_the_seeds_that_have_the_measure() {
        let cells = all(vec![group(
            9,
            vec![
                cell(20, 1, Some(1.2), Some(0.7)),
                cell(20, 0, Some(1.0), Some(0.9)),
                cell(10, 0, Some(0.5), None),
                cell(40, 0, Some(2.0), Some(0.5)),
            ],
        )]);
        let means = cells.means(&cells.groups[0], Measure::MembershipAuc);
        assert_eq!(means.len(), 2);
        let Mean { x, y, seeds } = means[0];
        assert!((x - 1.1).abs() < 1e-12 && (y.mean - 0.8).abs() < 1e-12);
        assert!((y.deviation.unwrap() - 0.02_f64.sqrt()).abs() < 1e-12);
        assert_eq!((seeds, means[1].y.deviation), (2, None));
        assert_eq!(cells.means(&cells.groups[0], Measure::Extraction8), []);
    }

    #[test]
    fn without_every_load_samples_are_the_axis() {
        let cells = all(vec![group(
            9,
            vec![
                cell(20, 0, Some(1.0), Some(0.9)),
                cell(40, 0, None, Some(0.5)),
            ],
        )]);
        let means = cells.means(&cells.groups[0], Measure::MembershipAuc);
        assert_eq!((means[0].x, means[1].x), (20.0, 40.0));
    }
}
