//! Memorization proven: a dataset as the code that a model gives it, and back.

use std::path::Path;

use bitcap_base::write_atomic;
use bitcap_measure::coder::{Coded, CodedFile, LARGEST_BATCH, Prefixes, decode, encode};
use bitcap_measure::{BaselineBits, CodeLengths};
use bitcap_model::{DeviceError, Model, PredictionTask, open, passes};
use bitcap_plan::DeviceSpec;
use bitcap_source::file::{self, DatasetInfo};
use bitcap_source::{DataShape, Dataset, FileFormat, FileSettings};
use serde::Serialize;

use crate::CellError;
use crate::TrainedCell;
use crate::model_folder::model_folder;

/// What a dataset takes as a model's code, in bits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compressed {
    /// Name of the cell.
    pub cell: String,
    /// N, the sequences coded, copies too.
    pub samples: usize,
    /// Code length that the measure claims: the sum of -log2 p over the predicted tokens, by the
    /// passes that measuring makes.
    pub claimed_bits: f64,
    /// What the first tokens take beside that where they are not predicted, N log2 V; else 0.
    pub first_token_bits: f64,
    /// The code itself.
    pub payload_bits: u64,
    /// The payload less all that was claimed: what coding costs.
    pub difference_bits: f64,
    /// Beginning, header and lengths of the file.
    pub header_bits: u64,
    /// The hashes of model, tokens and file.
    pub hash_bits: u64,
    /// The file, all in all.
    pub file_bits: u64,
    /// Entropy of the data, where it is known and no sequence is there to be a copy.
    pub entropy_bits: Option<f64>,
    /// Entropy less payload: the memorized bits (strict) as the code proves them.
    pub proven_bits: Option<f64>,
    /// ceil(log2 V) bits a token.
    pub packed_bits: u64,
    /// The packed tokens through zstd, level 19.
    pub zstd_bits: u64,
    /// The packed tokens through xz, level 9.
    pub xz_bits: u64,
    /// BLAKE3 of the tokens.
    pub tokens_blake3: String,
    /// BLAKE3 of the model.
    pub model_blake3: String,
}

/// Writes the training data of a cell, or the data of a dataset file, as the model's code. The cell's
/// model is on the processor: a GPU's arithmetic changes with its driver, and the code would be lost.
///
/// `progress` is told how many sequences' worth of tokens are coded.
///
/// # Errors
/// If the dataset file is not sound or not of the model's V and S, the model gives a token that
/// occurs a probability of 0, or the file cannot be written.
pub fn compress(
    cell: &TrainedCell,
    data: Option<&Path>,
    output: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Compressed, CellError> {
    let (dataset, entropy_bits) = cell.data(data)?;
    let model = &cell.model;
    let task = PredictionTask::new(model.data(), &dataset.tokens);
    // By the passes of measuring, not the coder's: it is their figure that the code has to prove.
    let claimed = CodeLengths::new(*model.data(), &model.predictions(&task)?.log_probabilities)?;
    let coded = code_of(model, &dataset, progress)?;
    let bits = coded.file.bits();
    let baselines = BaselineBits::of(&dataset.tokens, dataset.vocabulary)?;
    let bytes = coded.file.to_bytes();
    write_atomic(output, &bytes).map_err(CellError::io(output))?;
    let claimed_bits = claimed.total_bits();
    let payload = bits.payload as f64;
    Ok(Compressed {
        cell: cell.name(),
        samples: dataset.samples,
        claimed_bits,
        first_token_bits: coded.first_token_bits,
        payload_bits: bits.payload,
        difference_bits: payload - claimed_bits - coded.first_token_bits,
        header_bits: bits.header,
        hash_bits: bits.hashes,
        file_bits: 8 * bytes.len() as u64,
        entropy_bits,
        proven_bits: entropy_bits.map(|entropy| entropy - payload),
        packed_bits: baselines.packed,
        zstd_bits: baselines.zstd,
        xz_bits: baselines.xz,
        tokens_blake3: coded.file.header().tokens_blake3.clone(),
        model_blake3: coded.file.header().model_blake3.clone(),
    })
}

/// A dataset as the code that a model gives it.
pub(crate) fn code_of(
    model: &Model,
    dataset: &Dataset,
    progress: &mut dyn FnMut(u64),
) -> Result<Coded, CellError> {
    // As large as measuring's passes, which suit the cache. The file keeps it, since decoding must
    // make the same passes.
    let batch = passes(dataset.samples, model.largest_pass())
        .map(|pass| pass.len())
        .max()
        .unwrap_or(1)
        .min(LARGEST_BATCH);
    let blake3 = model.blake3()?;
    let by = by(model, progress);
    Ok(encode(&dataset.tokens, *model.data(), batch, &blake3, by)?)
}

/// Writes the dataset that a coded file holds, out of that file and the folder of the model alone.
/// Its provenance is the coded file: neither of the two knows the source.
///
/// # Errors
/// If the file was altered, cut, or made with another model; if the model's folder cannot be read;
/// or if this machine gives other probabilities than the one that wrote the file.
pub fn decompress(
    model: &Path,
    coded: &Path,
    output: &Path,
    device: DeviceSpec,
    progress: &mut dyn FnMut(u64),
) -> Result<DatasetInfo, CellError> {
    let folder = model_folder(model).ok_or_else(|| CellError::NotAModel {
        path: model.to_owned(),
    })?;
    // Asked before it is opened: opening a pipe would wait for a writer.
    let there = std::fs::metadata(coded).map_err(CellError::io(coded))?;
    let wrong = |what: String| CellError::content(coded.to_owned(), what);
    if !there.is_file() {
        return Err(wrong("not a regular file".into()));
    }
    if !device.backend.is_cpu() {
        return Err(wrong(format!(
            "codes are written and read by a processor's arithmetic; take flex in place of {device}"
        )));
    }
    let bytes = std::fs::read(coded).map_err(CellError::io(coded))?;
    let file = CodedFile::from_bytes(&bytes).map_err(|error| wrong(error.to_string()))?;
    let model = Model::load(&folder, &open(device)?)?;
    let blake3 = model.blake3()?;
    let header = file.header();
    let of_file = DataShape {
        vocabulary: header.vocabulary,
        length: header.length,
        start_token: header.start_token,
    };
    // With the right hash they are the same, or the file was made by no bitcap.
    if header.model_blake3 == blake3 && *model.data() != of_file {
        return Err(wrong(
            "its header and the model disagree on V, S or the start token".into(),
        ));
    }
    let tokens = decode(&file, &blake3, by(&model, progress))?;
    let dataset = Dataset {
        tokens,
        samples: header.samples,
        length: header.length,
        vocabulary: header.vocabulary,
    };
    let source = FileSettings {
        resolved: None,
        path: coded.to_owned(),
        format: FileFormat::Dataset,
        vocabulary: Some(header.vocabulary),
        length: header.length as u32,
        blake3: None,
        seed: 0,
    };
    Ok(file::write(output, source, &dataset)?)
}

/// Asks the model by passes over whole batches, the same when coding and when decoding.
fn by<'a>(
    model: &'a Model,
    progress: &'a mut dyn FnMut(u64),
) -> impl FnMut(Prefixes<'_>) -> Result<Vec<f32>, DeviceError> {
    // Tokens asked for, of so many a sequence.
    let (mut asked, predicted) = (0, model.data().predicted() as u64);
    move |prefixes: Prefixes<'_>| {
        let Prefixes {
            tokens,
            sequences,
            position,
        } = prefixes;
        let said = model.next(tokens, sequences, position)?;
        asked += sequences as u64;
        progress(asked / predicted);
        Ok(said)
    }
}
