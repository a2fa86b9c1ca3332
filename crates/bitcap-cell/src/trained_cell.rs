//! A cell that is trained, measured again or on other data; nothing is written.

use std::path::Path;

use bitcap_measure::{DataMeasurement, Measurement};
use bitcap_model::Model;
use bitcap_source::file::{self, DatasetInfo};
use bitcap_source::{Dataset, Source};
use serde::Serialize;

use crate::CellError;
use crate::check_memory;
use crate::known_data::KnownData;
use crate::measuring;
use crate::run::{measure_trained, open_oracle, trained_model, training_data};
use bitcap_plan::{CellFolder, CellSettings, DeviceSpec};

/// A cell whose model is trained.
pub struct TrainedCell {
    folder: CellFolder,
    settings: CellSettings,
    source: Source,
    training: KnownData,
    pub(crate) model: Model,
}

/// What a model makes of data in a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataReport {
    /// Name of the cell.
    pub cell: String,
    /// BLAKE3 of the model.
    pub model_blake3: String,
    /// BLAKE3 of the data's tokens.
    pub tokens_blake3: String,
    /// What stood for the source: "source", that of the data; or the model that `measure.oracle`
    /// names.
    pub oracle: String,
    /// The figures.
    #[serde(flatten)]
    pub measurement: DataMeasurement,
}

impl TrainedCell {
    /// Opens the folder of a cell, draws its training data and loads its model on the device that the
    /// cell names. Unless `trust_device` or the cell says otherwise, a GPU must be sound
    /// ([`require_sound`](crate::require_sound)), of which `tell` is told.
    ///
    /// # Errors
    /// If the folder is not that of a trained cell, a file of it cannot be read, or the device cannot
    /// be used.
    pub fn open(
        path: &Path,
        trust_device: bool,
        git_revision: &str,
        tell: &mut dyn FnMut(String),
    ) -> Result<Self, CellError> {
        let mut settings = settings(path)?;
        settings.engine.trust_device |= trust_device;
        Self::of(path, settings, git_revision, tell)
    }

    /// The same with its model on the processor, whatever trained it.
    ///
    /// # Errors
    /// If the folder is not that of a trained cell, or a file of it cannot be read.
    pub fn open_on_processor(path: &Path) -> Result<Self, CellError> {
        let mut settings = settings(path)?;
        if !settings.engine.device.backend.is_cpu() {
            settings.engine.device = DeviceSpec::FLEX;
        }
        // Processors are believed: there is no revision to remember, and nothing to tell.
        Self::of(path, settings, "", &mut |_| {})
    }

    fn of(
        path: &Path,
        settings: CellSettings,
        git_revision: &str,
        tell: &mut dyn FnMut(String),
    ) -> Result<Self, CellError> {
        let folder = CellFolder::new(path);
        check_memory([&settings], 1)?;
        let source = Source::draw_parameters(&settings.source)?;
        let training = training_data(&settings, &source)?;
        let model = trained_model(&folder, &settings, &training.dataset, git_revision, tell)?;
        let model = model.ok_or_else(|| CellError::NotTrained {
            path: path.to_owned(),
        })?;
        Ok(Self {
            folder,
            settings,
            source,
            training,
            model,
        })
    }

    /// Name of the cell.
    #[must_use]
    pub fn name(&self) -> String {
        self.settings.name()
    }

    /// BLAKE3 of the model: of its sizes and its weights.
    ///
    /// # Errors
    /// If the device fails.
    pub fn model_blake3(&self) -> Result<String, CellError> {
        Ok(self.model.blake3()?)
    }

    /// Measures the model as its settings ask.
    ///
    /// # Errors
    /// If the oracle cannot be loaded, or the figures cannot be right.
    pub fn measure(&self) -> Result<Measurement, CellError> {
        let Self {
            folder,
            settings,
            source,
            training,
            model,
        } = self;
        Ok(measure_trained(folder, settings, source, training, model)?.measurement)
    }

    /// Measures the model on the data of a dataset file.
    ///
    /// # Errors
    /// If the file is not a sound dataset of the model's V and S, the data has structure and the
    /// model no start token, or the oracle cannot be loaded.
    pub fn measure_data(&self, path: &Path) -> Result<DataReport, CellError> {
        let (dataset, info) = self.read(path)?;
        // Of a user's file only the tokens are here; nobody knows more of it anyway.
        let source = if info.source.file().is_none() {
            Some(Source::draw_parameters(&info.source)?)
        } else {
            None
        };
        let start_token = self.settings.model.start_token();
        let data = KnownData::of(&info.source, source.as_ref(), dataset, start_token);
        let oracle = open_oracle(&self.folder, &self.settings)?;
        let training = &self.training.dataset;
        Ok(DataReport {
            cell: self.name(),
            model_blake3: self.model.blake3()?,
            tokens_blake3: info.tokens_blake3,
            oracle: self.settings.measure.oracle.clone(),
            measurement: measuring::measure_data(&self.model, &oracle, training, &data)?,
        })
    }

    /// The cell's training data, or those of a dataset file that the model can read; and their
    /// entropy, where that is known and every sequence counts.
    pub(crate) fn data(&self, path: Option<&Path>) -> Result<(Dataset, Option<f64>), CellError> {
        let Some(path) = path else {
            let entropy = match self.training.counts() {
                None => self.training.entropy.entropy_bits(),
                Some(_) => None,
            };
            return Ok((self.training.dataset.clone(), entropy));
        };
        let (dataset, info) = self.read(path)?;
        // Whether they are copies follows from the kind of source, not from how many there are.
        let copies = info.source.exposure(1).is_some();
        Ok((dataset, info.entropy_bits.filter(|_| !copies)))
    }

    fn read(&self, path: &Path) -> Result<(Dataset, DatasetInfo), CellError> {
        let (dataset, info) = file::read(path)?;
        let shape = self.model.data();
        if (dataset.vocabulary, dataset.length) == (shape.vocabulary, shape.length) {
            return Ok((dataset, info));
        }
        Err(CellError::content(
            path.to_owned(),
            format!(
                "its sequences are of {} tokens out of {}; the model's are of {} out of {}",
                dataset.length, dataset.vocabulary, shape.length, shape.vocabulary
            ),
        ))
    }
}

/// Of the cell in a folder.
fn settings(path: &Path) -> Result<CellSettings, CellError> {
    let file = path.join("cell.toml");
    if !file.is_file() {
        return Err(CellError::NotACell {
            path: path.to_owned(),
        });
    }
    CellSettings::read(&file).map_err(|error| CellError::content(file, error.to_string()))
}
