//! Weights on disk in Hugging Face's GPT-2 form: `config.json` and `model.safetensors`.
//!
//! `transformers` loads such a folder as it is. GPT-2's linear maps are stored `[in, out]` there,
//! which is also how they are held here, so nothing is transposed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bitcap_base::write_atomic;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

use crate::gpt2::LAYER_NORM_EPSILON;
use bitcap_plan::{Gpt2Shape, Layout};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

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
}

/// Writes `weights` (`[P]` in the order of [`Layout::gpt2`]) into `folder`, which is made if need be.
///
/// Each file is written aside, synced and renamed.
///
/// # Errors
/// If the file system refuses.
pub fn save(folder: &Path, shape: &Gpt2Shape, weights: &[f32]) -> Result<(), ModelFileError> {
    let layout = Layout::gpt2(shape);
    assert_eq!(
        weights.len(),
        layout.len(),
        "weights are those of the shape"
    );
    std::fs::create_dir_all(folder).map_err(io_error(folder))?;
    let bytes: Vec<u8> = weights.iter().flat_map(|x| x.to_le_bytes()).collect();
    let views = layout.slots().iter().map(|slot| {
        let range = slot.range();
        let data = &bytes[4 * range.start..4 * range.end];
        let view = TensorView::new(Dtype::F32, slot.shape.clone(), data)
            .expect("the layout's shapes fit its ranges");
        (slot.name.clone(), view)
    });
    // transformers asks for this mark of the layout of the tensors.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let file = safetensors::serialize(views, Some(metadata))
        .map_err(|error| content(&folder.join(WEIGHTS), error.to_string()))?;
    let path = folder.join(WEIGHTS);
    write_atomic(&path, &file).map_err(io_error(&path))?;
    let mut text = serde_json::to_vec_pretty(&config(shape)).expect("a JSON value serializes");
    text.push(b'\n');
    let path = folder.join(CONFIG);
    write_atomic(&path, &text).map_err(io_error(&path))
}

/// Reads a folder that [`save`] wrote: the shape and the weights in the order of
/// [`Layout::gpt2`].
///
/// # Errors
/// If a file is missing or does not hold a GPT-2 of ours, with what is wrong.
pub fn load(folder: &Path) -> Result<(Gpt2Shape, Vec<f32>), ModelFileError> {
    let path = folder.join(CONFIG);
    let text = std::fs::read(&path).map_err(io_error(&path))?;
    let value: Value = serde_json::from_slice(&text)
        .map_err(|error| content(&path, format!("not JSON: {error}")))?;
    let shape = shape_of(&path, &value)?;

    let path = folder.join(WEIGHTS);
    let bytes = std::fs::read(&path).map_err(io_error(&path))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| content(&path, format!("not a safetensors file: {error}")))?;
    let layout = Layout::gpt2(&shape);
    let mut weights = vec![0.0f32; layout.len()];
    for slot in layout.slots() {
        let name = &slot.name;
        let view = file
            .tensor(name)
            .map_err(|_| content(&path, format!("there is no tensor `{name}`")))?;
        if view.dtype() != Dtype::F32 || view.shape() != slot.shape {
            let (dtype, found) = (view.dtype(), view.shape());
            let wanted = &slot.shape;
            return Err(content(
                &path,
                format!("`{name}` is {dtype:?} {found:?}; it must be F32 {wanted:?}"),
            ));
        }
        let (values, _) = view.data().as_chunks::<4>();
        for (weight, value) in weights[slot.range()].iter_mut().zip(values) {
            *weight = f32::from_le_bytes(*value);
        }
    }
    Ok((shape, weights))
}

fn config(shape: &Gpt2Shape) -> Value {
    json!({
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": shape.embedding_rows(),
        "n_positions": shape.length,
        "n_embd": shape.width,
        "n_layer": shape.layers,
        "n_head": shape.heads,
        "n_inner": shape.mlp_ratio * shape.width,
        "activation_function": "gelu_new",
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "layer_norm_epsilon": LAYER_NORM_EPSILON,
        "tie_word_embeddings": shape.tied_head,
        "bos_token_id": shape.start_token.then_some(shape.vocabulary),
        "eos_token_id": null,
        "torch_dtype": "float32",
        // Not Hugging Face's, which keeps what it does not know: whether the last row of the
        // embedding is a start token cannot be told from the rest.
        "bitcap_start_token": shape.start_token,
    })
}

fn shape_of(path: &Path, config: &Value) -> Result<Gpt2Shape, ModelFileError> {
    let number = |key: &str| {
        config[key]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|&n| n > 0 && n <= 1 << 24)
            .ok_or_else(|| content(path, format!("`{key}` must be a positive whole number")))
    };
    let flag = |key: &str| {
        config[key]
            .as_bool()
            .ok_or_else(|| content(path, format!("`{key}` must be true or false")))
    };
    let start_token = flag("bitcap_start_token")?;
    let width = number("n_embd")?;
    let shape = Gpt2Shape {
        vocabulary: number("vocab_size")? - usize::from(start_token),
        length: number("n_positions")?,
        layers: number("n_layer")?,
        width,
        heads: number("n_head")?,
        mlp_ratio: number("n_inner")? / width,
        tied_head: flag("tie_word_embeddings")?,
        start_token,
    };
    if self::config(&shape) != *config {
        return Err(content(
            path,
            "not a GPT-2 as bitcap writes it (another activation, epsilon, or sizes that do not fit together)".into(),
        ));
    }
    Ok(shape)
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
