//! Two outputs folders side by side, cell by cell.

mod folder;
mod pairing;
mod settings;
mod summary;
mod table;

use std::path::Path;

use serde::Serialize;

use crate::statistics::finite;
use crate::{Accounting, ReportError};
use folder::Cell;
pub use folder::Machine;
pub use pairing::PairedBy;
pub use settings::SettingDifference;
pub use summary::{LargestDifference, Summary};

/// The same of both folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sides<T> {
    /// In A, the folder that differences and ratios are against.
    pub a: T,
    /// In B.
    pub b: T,
}

/// Which cells two folders have in common, and how they differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The accounting of all memorized bits in here.
    pub accounting: Accounting,
    /// The folders, as they were given.
    pub folders: Sides<String>,
    /// Everything at a glance.
    pub summary: Summary,
    /// In the order of A's runs.csv.
    pub pairs: Vec<Pair>,
    /// The cells without a partner, in the order of their runs.csv.
    pub only_in: Sides<Vec<String>>,
}

/// A cell of A and the one of B that it is held against. What is unknown is `None`, never 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The cells' names; the same if they are paired by name.
    pub cell: Sides<String>,
    /// Why they are a pair.
    pub paired_by: PairedBy,
    /// What runs.csv says is set otherwise. Empty if they are paired by name, and where the difference is in a
    /// setting that runs.csv has no column for.
    pub differing_settings: Vec<SettingDifference>,
    /// Memorized bits; `None` where the entropy of the data is not known.
    pub memorized_bits: Sides<Option<f64>>,
    /// B - A, in bits.
    pub difference_bits: Option<f64>,
    /// B - A in percent of A's absolute value, so that its sign is that of the difference; `None` if A is 0.
    pub difference_percent: Option<f64>,
    /// Memorized bits over the parameters of the model.
    pub bits_per_parameter: Sides<Option<f64>>,
    /// Cross-entropy on the training data, in nats a predicted token.
    pub training_loss: Sides<f64>,
    /// Seconds that the training took; `None` without a row in timings.csv.
    pub seconds: Sides<Option<f64>>,
    /// B / A; `None` if A is 0.
    pub seconds_ratio: Option<f64>,
    /// What the seconds are of.
    pub machine: Sides<Option<Machine>>,
}

/// Reads runs.csv in two outputs folders and, where it is there, timings.csv, and pairs their cells: first by name,
/// which says that the training is the same; those left over by what their names say of their sizes, and by whether
/// they are of doubled steps, where that is one cell on either side.
///
/// # Errors
/// Where a folder is not there or has no runs.csv, a file cannot be read, a needed column is missing, a value is
/// impossible, there are no rows, or a cell is in a file twice.
pub fn compare(a: &Path, b: &Path, accounting: Accounting) -> Result<Comparison, ReportError> {
    let cells = Sides {
        a: folder::read(a)?,
        b: folder::read(b)?,
    };
    let paired = pairing::pair(&cells.a, &cells.b);
    let pairs: Vec<Pair> = paired
        .pairs
        .iter()
        .map(|&(a, b, by)| Pair::new(&cells.a[a], &cells.b[b], by, accounting))
        .collect();
    let names = |cells: &[Cell], alone: &[usize]| -> Vec<String> {
        alone.iter().map(|&i| cells[i].name.clone()).collect()
    };
    Ok(Comparison {
        accounting,
        folders: Sides {
            a: a.display().to_string(),
            b: b.display().to_string(),
        },
        summary: Summary::of(&pairs),
        only_in: Sides {
            a: names(&cells.a, &paired.alone.a),
            b: names(&cells.b, &paired.alone.b),
        },
        pairs,
    })
}

impl Comparison {
    /// Plain text for a terminal: a row a pair, and below it what all pairs come to and what has no partner.
    #[must_use]
    pub fn table(&self) -> String {
        table::table(self)
    }
}

impl Pair {
    fn new(a: &Cell, b: &Cell, paired_by: PairedBy, accounting: Accounting) -> Self {
        let of = |cell: &Cell| cell.memorized_bits.map(|bits| bits.by(accounting));
        let bits = Sides { a: of(a), b: of(b) };
        let seconds = |cell: &Cell| cell.timing.as_ref().map(|timing| timing.seconds);
        let machine = |cell: &Cell| cell.timing.as_ref().map(|timing| timing.machine.clone());
        let seconds = Sides {
            a: seconds(a),
            b: seconds(b),
        };
        let difference = bits.both().map(|bits| bits.b - bits.a);
        Self {
            cell: Sides {
                a: a.name.clone(),
                b: b.name.clone(),
            },
            paired_by,
            differing_settings: match paired_by {
                PairedBy::Name => Vec::new(),
                PairedBy::Sizes => settings::differences(&a.settings, &b.settings),
            },
            memorized_bits: bits,
            difference_bits: difference,
            difference_percent: difference
                .zip(bits.a)
                .and_then(|(difference, a)| finite(100.0 * difference / a.abs())),
            bits_per_parameter: Sides {
                a: bits.a.map(|bits| bits / a.parameters as f64),
                b: bits.b.map(|bits| bits / b.parameters as f64),
            },
            training_loss: Sides {
                a: a.training_loss,
                b: b.training_loss,
            },
            seconds,
            seconds_ratio: seconds.both().and_then(Sides::ratio),
            machine: Sides {
                a: machine(a),
                b: machine(b),
            },
        }
    }
}

impl Sides<Option<f64>> {
    /// Both, where both are known.
    fn both(self) -> Option<Sides<f64>> {
        let (a, b) = self.a.zip(self.b)?;
        Some(Sides { a, b })
    }
}

impl Sides<f64> {
    /// B / A, unless A is 0.
    fn ratio(self) -> Option<f64> {
        finite(self.b / self.a)
    }
}
