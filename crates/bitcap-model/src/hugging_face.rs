//! Models on disk in Hugging Face's form: `config.json` and `model.safetensors`.
//!
//! `transformers` loads such a folder as it is, where it has the architecture. Matrices are held here
//! as they are stored there, so nothing is transposed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitcap_base::{InvalidSetting, write_atomic};
use bitcap_plan::Layout;
use burn::tensor::Device;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;

use crate::architecture::Architecture;
use crate::config::Config;
use crate::device_facts::DeviceError;
use crate::gpt2::Gpt2;
use crate::kinds::architecture;
use crate::llama::Llama;
use crate::mamba::Mamba;
use crate::mlp::Mlp;
use crate::model::Model;
use crate::moe::Moe;
use crate::recurrent::{Cell, Recurrent};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

/// Bytes of a config.json at most: ours have less than a thousand.
const MAX_CONFIG: u64 = 1 << 20;

/// Bytes of a safetensors file beside its tensors at most, as its own reader has it.
const MAX_HEADER: u64 = 100_000_000;

/// Why a model folder could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file does not hold what it should.
    #[error("{path}: {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The device did not give the weights back.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl Model {
    /// Writes the model into `folder`, which is made if need be. Each file is written aside, synced
    /// and renamed.
    ///
    /// # Errors
    /// If the device fails or the file system refuses.
    pub fn save(&self, folder: &Path) -> Result<(), ModelFileError> {
        let weights = self
            .flat()
            .try_to_vec_as::<f32>()
            .map_err(DeviceError::from)?;
        std::fs::create_dir_all(folder).map_err(io_error(folder))?;
        let bytes: Vec<u8> = weights.iter().flat_map(|x| x.to_le_bytes()).collect();
        let views = self.architecture().layout().slots().iter().map(|slot| {
            let range = slot.range();
            let data = &bytes[4 * range.start..4 * range.end];
            let view = TensorView::new(Dtype::F32, slot.dims.clone(), data)
                .expect("the layout's dimensions fit its ranges");
            (slot.name.clone(), view)
        });
        // transformers asks for this mark of the layout of the tensors.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|error| content(&folder.join(WEIGHTS), error.to_string()))?;
        let path = folder.join(WEIGHTS);
        write_atomic(&path, &file).map_err(io_error(&path))?;
        // Last, since this file is what a folder with a model is known by: the weights are there
        // then.
        let config = self.architecture().config();
        let mut text = serde_json::to_vec_pretty(&config).expect("a JSON value serializes");
        text.push(b'\n');
        let path = folder.join(CONFIG);
        write_atomic(&path, &text).map_err(io_error(&path))
    }

    /// Reads a folder that [`Self::save`] wrote, onto `device`.
    ///
    /// # Errors
    /// If a file is missing or does not hold a model of ours, with what is wrong.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, ModelFileError> {
        let path = folder.join(CONFIG);
        let text = read(&path, MAX_CONFIG)?;
        let config: Value = serde_json::from_slice(&text)
            .map_err(|error| content(&path, format!("not JSON: {error}")))?;
        let architecture = of_config(&config, device).map_err(|what| content(&path, what))?;
        let path = folder.join(WEIGHTS);
        // No more is read than such a model can have, whatever the file is.
        let bytes = read(&path, 4 * architecture.layout().len() as u64 + MAX_HEADER)?;
        let weights = weights_of(&bytes, architecture.layout());
        let weights = weights.map_err(|what| content(&path, what))?;
        Ok(Self::new(architecture, weights, device))
    }
}

/// The architecture that wrote this config, or what is wrong with it.
fn of_config(config: &Value, device: &Device) -> Result<Arc<dyn Architecture>, String> {
    let reading = &Config(config);
    let (name, (settings, data)) = match config["model_type"].as_str() {
        Some("gpt2") => ("GPT-2", Gpt2::of_config(reading)?),
        Some("llama") => ("Llama", Llama::of_config(reading)?),
        Some("lstm") => ("LSTM", Recurrent::of_config(Cell::Lstm, reading)?),
        Some("gru") => ("GRU", Recurrent::of_config(Cell::Gru, reading)?),
        Some("mlp") => ("causal ResMLP", Mlp::of_config(reading)?),
        Some("mamba") => ("Mamba", Mamba::of_config(reading)?),
        Some("mixtral") => ("Mixtral", Moe::of_config(reading)?),
        _ => {
            return Err(
                "`model_type` must be \"gpt2\", \"llama\", \"lstm\", \"gru\", \"mlp\", \"mamba\" or \"mixtral\"".into(),
            );
        }
    };
    // In words of the settings, but with the same sizes.
    let invalid = |error: InvalidSetting| format!("no such model can be: {error}");
    settings.validate().map_err(invalid)?;
    data.validate().map_err(invalid)?;
    let architecture = architecture(&settings, data, device);
    // What was not read shows here, and what was read and rounded: the MLP's width divided by the
    // model's, say.
    if architecture.config() != *config {
        return Err(format!(
            "not a {name} as bitcap writes it (another activation, epsilon, or sizes that do not fit \
             together)"
        ));
    }
    Ok(architecture)
}

/// The weights out of the bytes of model.safetensors, or what is wrong with it.
fn weights_of(bytes: &[u8], layout: &Layout) -> Result<Vec<f32>, String> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| format!("not a safetensors file: {error}"))?;
    let mut parts = Vec::with_capacity(layout.slots().len());
    // All of them before there is room for the weights: tensors of these dimensions are in the file.
    for slot in layout.slots() {
        let (name, wanted) = (&slot.name, &slot.dims);
        let view = file
            .tensor(name)
            .map_err(|_| format!("there is no tensor `{name}`"))?;
        if view.dtype() != Dtype::F32 || view.shape() != wanted {
            let (dtype, found) = (view.dtype(), view.shape());
            return Err(format!(
                "`{name}` is {dtype:?} {found:?}; it must be F32 {wanted:?}"
            ));
        }
        parts.push(view.data());
    }
    // A head of its own beside a configuration that ties it, say: one of the two is wrong.
    if let Some(name) = file
        .names()
        .into_iter()
        .find(|name| layout.find(name).is_none())
    {
        return Err(format!("by config.json the model has no tensor `{name}`"));
    }
    let values = parts.iter().flat_map(|part| part.as_chunks::<4>().0);
    Ok(values.map(|&value| f32::from_le_bytes(value)).collect())
}

/// Reads a regular file of so many bytes at most.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, ModelFileError> {
    // Asked before it is opened: opening a pipe would wait for a writer.
    let there = std::fs::metadata(path).map_err(io_error(path))?;
    if !there.is_file() {
        return Err(content(path, "not a regular file".into()));
    }
    if there.len() > most {
        let what = format!(
            "{} bytes; of such a model it has at most {most}",
            there.len()
        );
        return Err(content(path, what));
    }
    std::fs::read(path).map_err(io_error(path))
}

fn io_error(path: &Path) -> impl Fn(std::io::Error) -> ModelFileError + use<'_> {
    move |source| ModelFileError::Io {
        path: path.into(),
        source,
    }
}

fn content(path: &Path, what: String) -> ModelFileError {
    ModelFileError::Content {
        path: path.into(),
        what,
    }
}
