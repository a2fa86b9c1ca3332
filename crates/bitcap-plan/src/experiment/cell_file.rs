//! cell.toml: every setting of a cell, written and read back.

use std::path::Path;

use crate::experiment::error::ExperimentError;
use crate::experiment::read_text;
use crate::experiment::sections::Document;
use crate::settings::CellSettings;

/// What stands in a cell.toml, all of it.
const TOP_LEVEL: [&str; 7] = [
    "seed", "source", "data", "model", "train", "measure", "engine",
];

impl CellSettings {
    /// cell.toml: every setting, readable back by [`Self::from_toml`].
    ///
    /// # Panics
    /// Where a number is 2^63 or more, which TOML does not hold and [`Self::validate`] refuses.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers below 2^63, texts and lists of them")
    }

    /// Reads a cell.toml, as strictly as an experiment file; `file` names it in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ExperimentError> {
        let document = Document::parse(text, file)?;
        document.only(&TOP_LEVEL)?;
        // A cell is resolved: unlike in an experiment, `seed` has no default.
        let missing = || ExperimentError::missing(&document.file, "seed");
        let settings = Self {
            seed: document.value("seed")?.ok_or_else(missing)?,
            source: document.source()?,
            data: document.section("data")?,
            model: document.model()?,
            train: document.section("train")?,
            measure: document.section("measure")?,
            engine: document.section("engine")?,
        };
        let valid = settings.validate();
        valid.map_err(|setting| document.error(setting))?;
        Ok(settings)
    }

    /// Reads the cell.toml at `path`.
    ///
    /// # Errors
    /// The file cannot be read, or the first thing that is wrong in it, with its place.
    pub fn read(path: &Path) -> Result<Self, ExperimentError> {
        Self::from_toml(&read_text(path)?, &path.display().to_string())
    }
}
