//! In which settings two cells differ, as far as runs.csv has them.

use serde::Serialize;

use crate::ReportError;
use crate::input::{Column, Input, Row};

/// The columns of runs.csv that are settings, and not results, names or what follows from other settings.
const SETTINGS: [&str; 18] = [
    "seed",
    "source",
    "vocabulary",
    "length",
    "samples",
    "layers",
    "width",
    "heads",
    "mlp_ratio",
    "tied_head",
    "start_token",
    "initialization",
    "optimizer",
    "learning_rate",
    "schedule",
    "steps",
    "batch",
    "precision",
];

/// A setting in which a pair differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingDifference {
    /// The column of runs.csv.
    pub setting: &'static str,
    /// What it is in A, as it stands in the file.
    pub a: String,
    /// What it is in B.
    pub b: String,
}

/// Those of [`SETTINGS`] that the file has; one of before may lack some.
pub(super) struct SettingColumns(Vec<Option<Column>>);

impl SettingColumns {
    pub(super) fn find(input: &Input) -> Result<Self, ReportError> {
        let columns = SETTINGS
            .iter()
            .map(|name| input.column_if_there(name))
            .collect::<Result<_, _>>()?;
        Ok(Self(columns))
    }

    /// A row's settings, in the order of [`SETTINGS`].
    pub(super) fn texts(&self, row: Row<'_>) -> Vec<Option<String>> {
        self.0
            .iter()
            .map(|column| column.map(|column| row.text(column).to_owned()))
            .collect()
    }
}

/// Where both say what it is, and not the same.
pub(super) fn differences(a: &[Option<String>], b: &[Option<String>]) -> Vec<SettingDifference> {
    SETTINGS
        .iter()
        .zip(a.iter().zip(b))
        .filter_map(|(&setting, (a, b))| {
            let (a, b) = a.as_ref().zip(b.as_ref())?;
            (a != b).then(|| SettingDifference {
                setting,
                a: a.clone(),
                b: b.clone(),
            })
        })
        .collect()
}
