//! A training as it stands after a step: what a checkpoint holds.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use bitcap_model::DeviceError;
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, View, serialize};

/// All that a training needs to go on as if it had never stopped. Schedule, order of the data and
/// random streams are not in it: they follow from the settings and the step alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainState {
    /// Steps made.
    pub step: u64,
    /// The weights, `[P]` in the order of `bitcap_plan::Layout`.
    pub weights: Vec<f32>,
    /// What the optimizer keeps from step to step, by its names.
    pub optimizer: BTreeMap<String, Vec<f32>>,
    /// What it keeps of single numbers, likewise.
    pub numbers: BTreeMap<String, f64>,
}

/// Why a state cannot be read or taken up.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum StateError {
    /// The bytes are not those of a state.
    #[error("not the state of a training: {0}")]
    Content(String),
    /// It belongs to another model or optimizer.
    #[error("`{name}` has {found} numbers; this training has {expected}")]
    Size {
        /// Name of the tensor in the file.
        name: String,
        /// Numbers in it.
        found: usize,
        /// Numbers there must be.
        expected: usize,
    },
}

const WEIGHTS: &str = "weights";
const STEP: &str = "step";
const NOTES: &str = "notes";
/// Before the name of each of `numbers` in the header.
const NUMBER: &str = "number.";

impl TrainState {
    /// The state as a safetensors file, with `notes` of the caller's in its header.
    #[must_use]
    pub fn to_bytes(&self, notes: &str) -> Vec<u8> {
        let views = self.tensors().map(|(name, values)| {
            let shape = [values.len()];
            (name, Floats { values, shape })
        });
        let mut metadata = HashMap::from([
            (STEP.to_owned(), self.step.to_string()),
            (NOTES.to_owned(), notes.to_owned()),
        ]);
        // Rust writes as many digits as it takes to read the same number again.
        let numbers = self.numbers.iter();
        metadata.extend(numbers.map(|(name, x)| (format!("{NUMBER}{name}"), x.to_string())));
        serialize(views, Some(metadata)).expect("names, lengths and bytes agree")
    }

    /// The state and the notes that [`Self::to_bytes`] wrote. Whether a bit of them was altered
    /// cannot be told here: who keeps the bytes keeps a hash of them.
    ///
    /// # Errors
    /// [`StateError::Content`] where the bytes are not such a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, String), StateError> {
        let content = |what: String| StateError::Content(what);
        let file = SafeTensors::deserialize(bytes).map_err(|error| content(error.to_string()))?;
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| content(error.to_string()))?;
        let metadata = |key: &str| {
            let all = header.metadata().as_ref();
            let value = all.and_then(|all| all.get(key));
            value.ok_or_else(|| content(format!("there is no `{key}` in its header")))
        };
        // Every tensor but the weights passes for the optimizer's here; whether a training has such
        // ones is asked by `check`.
        let mut optimizer = BTreeMap::new();
        for (name, view) in file.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(content(format!("`{name}` is not of 32-bit floats")));
            }
            let (values, _) = view.data().as_chunks::<4>();
            let values: Vec<f32> = values.iter().map(|&x| f32::from_le_bytes(x)).collect();
            optimizer.insert(name, values);
        }
        let mut numbers = BTreeMap::new();
        for (key, value) in header.metadata().iter().flatten() {
            if let Some(name) = key.strip_prefix(NUMBER) {
                let value = value.parse::<f64>().ok().filter(|x| x.is_finite());
                let value = value.ok_or_else(|| content(format!("its `{key}` is no number")))?;
                numbers.insert(name.to_owned(), value);
            }
        }
        let weights = optimizer.remove(WEIGHTS);
        let state = Self {
            step: metadata(STEP)?
                .parse()
                .map_err(|_| content(format!("its `{STEP}` is no number")))?,
            weights: weights.ok_or_else(|| content(format!("there is no tensor `{WEIGHTS}`")))?,
            optimizer,
            numbers,
        };
        Ok((state, metadata(NOTES)?.clone()))
    }

    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, &[f32])> {
        let optimizer = self.optimizer.iter();
        std::iter::once((WEIGHTS, &*self.weights))
            .chain(optimizer.map(|(name, values)| (&**name, &**values)))
    }

    /// Fails unless the tensors are those of a training: as many weights, and what its optimizer keeps.
    /// Those named `others` are not looked at.
    pub(crate) fn check(&self, training: &Self, others: &[&str]) -> Result<(), StateError> {
        let size = |state: &Self, name: &str| {
            let mut tensors = state.tensors();
            tensors
                .find(|(other, _)| *other == name)
                .map_or(0, |(_, values)| values.len())
        };
        // Of both: what only one of them has is of size 0 in the other.
        let names = training.tensors().chain(self.tensors());
        for (name, _) in names.filter(|(name, _)| !others.contains(name)) {
            let (found, expected) = (size(self, name), size(training, name));
            if found != expected {
                return Err(StateError::Size {
                    name: name.into(),
                    found,
                    expected,
                });
            }
        }
        Ok(())
    }
}

/// A vector of a state, whose bytes are made when it is its turn: all at once, those of a long polish would be
/// gigabytes.
struct Floats<'a> {
    values: &'a [f32],
    shape: [usize; 1],
}

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

pub(crate) fn to_host(values: &Tensor<1>) -> Result<Vec<f32>, DeviceError> {
    Ok(values.try_to_vec_as::<f32>()?)
}

pub(crate) fn from_host(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
