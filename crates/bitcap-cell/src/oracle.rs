//! What stands for the source where rote is told from generalization: `measure.oracle`.

use std::path::{Path, PathBuf};

use bitcap_measure::{CodeLengths, OracleBits};
use bitcap_model::{Model, PredictionTask, measuring_device, open};
use bitcap_plan::{CellFolder, DeviceSpec, Manifest};
use bitcap_source::DataShape;

use crate::CellError;
use crate::known_data::KnownData;
use crate::model_folder::model_folder;
use bitcap_base::InvalidSetting;
use bitcap_plan::EXACT_SOURCE;

/// The exact source, or another trained model.
pub(crate) enum Oracle {
    Source,
    Model(Box<Model>),
}

/// Code lengths of the sequences that count.
pub(crate) enum Judged {
    Source(Vec<f64>),
    Model(Vec<f64>),
}

impl Judged {
    pub(crate) fn bits(&self) -> OracleBits<'_> {
        match self {
            Self::Source(bits) => OracleBits::Source(bits),
            Self::Model(bits) => OracleBits::Model(bits),
        }
    }
}

impl Oracle {
    /// `setting` is "source", the name of a cell beside `cell`, or the path of a folder. A model
    /// must be of data like `data`.
    pub(crate) fn open(
        setting: &str,
        cell: &Path,
        data: &DataShape,
        device: DeviceSpec,
    ) -> Result<Self, CellError> {
        if setting == EXACT_SOURCE {
            return Ok(Self::Source);
        }
        let Some(folder) = folder_of(setting, cell) else {
            let allowed = "\"source\", the name of a cell of this experiment that is trained, or \
                the folder of a trained cell or model";
            return Err(
                InvalidSetting::new("measure.oracle", format!("{setting:?}"), allowed).into(),
            );
        };
        let model = Model::load(&folder, &open(measuring_device(device)?)?)?;
        if model.data() != data {
            let found = format!("{setting:?}, a model of {}", model.data());
            let allowed = format!("a model of {data}, as the one that is measured");
            return Err(InvalidSetting::new("measure.oracle", found, &allowed).into());
        }
        Ok(Self::Model(Box::new(model)))
    }

    /// [`Self::blake3`] of the oracle that [`Self::open`] would open, by the manifest of its cell: no
    /// model is loaded. None where that does not say, so that it has to be opened.
    pub(crate) fn recorded_blake3(setting: &str, cell: &Path) -> Option<String> {
        // A cell has its manifest beside model/.
        let folder = CellFolder::new(folder_of(setting, cell)?.parent()?);
        let manifest: Manifest = folder.read_json("manifest.json").ok()?;
        manifest.model_blake3
    }

    /// BLAKE3 of the model, if it is one.
    pub(crate) fn blake3(&self) -> Result<Option<String>, CellError> {
        Ok(match self {
            Self::Source => None,
            Self::Model(model) => Some(model.blake3()?),
        })
    }

    /// What it says of the data; None where the source is the oracle and nobody knows it.
    pub(crate) fn judge(&self, data: &KnownData) -> Result<Option<Judged>, CellError> {
        match self {
            Self::Source => Ok(data.source_bits.clone().map(Judged::Source)),
            Self::Model(model) => {
                let task = PredictionTask::new(model.data(), &data.counted().tokens);
                let said = model.predictions(&task)?;
                let code = CodeLengths::new(data.shape, &said.log_probabilities)?;
                Ok(Some(Judged::Model(code.bits().to_vec())))
            }
        }
    }
}

/// The folder of the model that a setting means: of a cell beside `cell`, or of any path.
fn folder_of(setting: &str, cell: &Path) -> Option<PathBuf> {
    model_folder(&cell.with_file_name(setting)).or_else(|| model_folder(Path::new(setting)))
}
