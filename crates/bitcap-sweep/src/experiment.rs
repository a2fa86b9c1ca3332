//! An experiment file with its overrides, read and checked.

use std::path::Path;

use crate::error::ExperimentError;
use crate::plan::Plan;
use crate::settings::{EngineSettings, MeasureSettings, SweepSettings};

/// An experiment: its file with all overrides applied.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name of the experiment's folder.
    pub name: String,
    /// The `[measure]` section.
    pub measure: MeasureSettings,
    /// The `[engine]` section.
    pub engine: EngineSettings,
    /// The `[sweep]` section.
    pub sweep: SweepSettings,
}

impl Experiment {
    /// Reads an experiment file and applies `overrides`, each `key=value`, in their order.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn read(_path: &Path, _overrides: &[String]) -> Result<Self, ExperimentError> {
        unimplemented!()
    }

    /// Reads an experiment from its text; `file` names it in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(_text: &str, _file: &str, _overrides: &[String]) -> Result<Self, ExperimentError> {
        unimplemented!()
    }

    /// Every cell of the experiment.
    ///
    /// # Errors
    /// The first setting that is impossible, with its place and the grid point.
    pub fn plan(&self) -> Result<Plan, ExperimentError> {
        unimplemented!()
    }
}

impl crate::settings::CellSettings {
    /// cell.toml: every setting, readable back by [`Self::from_toml`].
    #[must_use]
    pub fn to_toml(&self) -> String {
        unimplemented!()
    }

    /// Reads a cell.toml, as strictly as an experiment file; `file` names it in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn from_toml(_text: &str, _file: &str) -> Result<Self, ExperimentError> {
        unimplemented!()
    }
}
