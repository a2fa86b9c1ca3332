//! A dataset through a model into a code and back.

use std::ops::Range;

use super::error::{CodeError, DistributionError};
use super::file::CodedFile;
use super::header::{CodeFormat, CodeHeader, check_batch, check_hash, tokens_blake3};
use super::range::{TokenDecoder, TokenEncoder};
use crate::shape::check_tokens;
use crate::{Prediction, Shape};
use bitcap_base::CompensatedSum;

/// What is known of a batch of sequences when the next token of each is to be predicted.
#[derive(Debug, Clone, Copy)]
pub struct Prefixes<'a> {
    /// The tokens before it, row-major [`sequences`, `position`]; without the start token.
    pub tokens: &'a [u16],
    /// How many sequences.
    pub sequences: usize,
    /// Which token is to be predicted, from 0; 0 only with a start token.
    pub position: usize,
}

/// A model, asked for one token after another.
pub trait Predictor {
    /// How it can fail.
    type Error;

    /// Clears `log_probabilities` and fills it with the natural-log probabilities of the next token of each sequence,
    /// row-major [`sequences`, V], or [`sequences`, V + 1] with a start token, whose own entry is the last.
    ///
    /// The same prefixes must give the same numbers to the last bit, whatever was asked before: the decoder asks again
    /// what the encoder did.
    ///
    /// # Errors
    ///
    /// The model's own.
    fn predict(
        &mut self,
        prefixes: Prefixes<'_>,
        log_probabilities: &mut Vec<f32>,
    ) -> Result<(), Self::Error>;
}

/// A dataset's code, and what to compare its length with.
#[derive(Debug, Clone, PartialEq)]
pub struct Coded {
    /// The code.
    pub file: CodedFile,
    /// Sum of -log2 p over the predicted tokens, with the very probabilities that they were coded with.
    pub claimed_bits: f64,
    /// What the first tokens take beside that where they are not predicted: N log2 V bits; with a start token 0.
    pub first_token_bits: f64,
}

impl Coded {
    /// The payload less all that was claimed: what coding costs, at most 0.1 % and 64 bits. Below 0 only where tokens
    /// have probabilities of 2^-32 and less, which the code rounds up.
    pub fn difference_bits(&self) -> f64 {
        self.file.bits().payload as f64 - self.first_token_bits - self.claimed_bits
    }
}

/// Codes `tokens`, row-major [N, S], with a model that reads `batch` sequences at a time. `model_blake3` is the
/// BLAKE3 of its weights, in hexadecimal.
///
/// # Errors
///
/// The tokens do not have the shape; `batch` is 0 or more than 65536; the hash is not one; the model fails, or gives
/// what is no distribution or says that a token which occurs is impossible.
pub fn encode<P: Predictor>(
    tokens: &[u16],
    shape: Shape,
    batch: usize,
    model_blake3: &str,
    predictor: &mut P,
) -> Result<Coded, CodeError<P::Error>> {
    check_tokens(tokens, shape)?;
    check_batch(batch).map_err(|allowed| CodeError::Setting {
        key: "batch",
        found: batch.to_string(),
        allowed,
    })?;
    check_hash(model_blake3).map_err(|allowed| CodeError::Setting {
        key: "model_blake3",
        found: format!("\"{model_blake3}\""),
        allowed,
    })?;
    let length = shape.length();
    let mut encoder = TokenEncoder::new();
    let mut claimed = CompensatedSum::default();
    let mut asker = Asker::new(shape, predictor);
    for rows in batches(shape, batch) {
        for position in 0..length {
            let known = |row| &tokens[row * length..][..position];
            let asked = asker.ask(rows.clone(), position, known)?;
            for (index, row) in rows.clone().enumerate() {
                let token = tokens[row * length + position];
                let written = match asked {
                    None => encoder.encode_uniform(token, shape.vocabulary()),
                    Some(ref asked) => {
                        let log_probabilities = asked.row(index);
                        let log_probability = log_probabilities[usize::from(token)];
                        claimed.add(-f64::from(log_probability));
                        if log_probability == f32::NEG_INFINITY {
                            Err(DistributionError::Impossible { token })
                        } else {
                            encoder.encode(token, log_probabilities)
                        }
                    }
                };
                written.map_err(|source| CodeError::Distribution {
                    sequence: row,
                    position,
                    source,
                })?;
            }
        }
    }
    let header = CodeHeader {
        format: CodeFormat::V1,
        samples: shape.samples(),
        length,
        vocabulary: shape.vocabulary(),
        start_token: shape.prediction() == Prediction::All,
        batch,
        model_blake3: model_blake3.to_owned(),
        tokens_blake3: tokens_blake3(tokens),
    };
    let given = (shape.samples() * shape.prediction().given()) as f64;
    Ok(Coded {
        file: CodedFile::new(header, encoder.finish()),
        claimed_bits: claimed.value() / std::f64::consts::LN_2,
        first_token_bits: given * f64::from(shape.vocabulary()).log2(),
    })
}

/// The tokens of a coded file, row-major [N, S]: exactly those that were coded, or an error.
///
/// # Errors
///
/// The file was made with other weights than those with `model_blake3`; the model fails or gives what is no
/// distribution; or its probabilities are not those of the encoder, so that other tokens come out.
pub fn decode<P: Predictor>(
    file: &CodedFile,
    model_blake3: &str,
    predictor: &mut P,
) -> Result<Vec<u16>, CodeError<P::Error>> {
    let header = file.header();
    if header.model_blake3 != model_blake3 {
        return Err(CodeError::OtherModel {
            found: model_blake3.to_owned(),
            expected: header.model_blake3.clone(),
        });
    }
    let shape = header.shape()?;
    let length = shape.length();
    let mut decoder = TokenDecoder::new(file.payload());
    let mut asker = Asker::new(shape, predictor);
    // Grows with what is decoded: the header's word alone gets no memory.
    let mut tokens: Vec<u16> = Vec::new();
    for rows in batches(shape, header.batch) {
        let start = rows.start * length;
        tokens.resize(rows.end * length, 0);
        for position in 0..length {
            let known = |row| &tokens[row * length..][..position];
            let asked = asker.ask(rows.clone(), position, known)?;
            for (index, row) in rows.clone().enumerate() {
                let read = match asked {
                    None => decoder.decode_uniform(shape.vocabulary()),
                    Some(ref asked) => decoder.decode(asked.row(index)).map_err(|source| {
                        CodeError::Distribution {
                            sequence: row,
                            position,
                            source,
                        }
                    })?,
                };
                // The start token is an entry and never a token of the data.
                let token = read
                    .and_then(|token| u16::try_from(token).ok())
                    .filter(|&token| u32::from(token) < shape.vocabulary())
                    .ok_or_else(|| CodeError::OtherProbabilities {
                        place: format!("at token {position} of sequence {row}"),
                    })?;
                tokens[start + index * length + position] = token;
            }
        }
    }
    if tokens_blake3(&tokens) == header.tokens_blake3 {
        Ok(tokens)
    } else {
        Err(CodeError::OtherProbabilities {
            place: "at the end, by the hash of the tokens".into(),
        })
    }
}

/// The rows of one batch after another.
fn batches(shape: Shape, batch: usize) -> impl Iterator<Item = Range<usize>> {
    let samples = shape.samples();
    (0..samples)
        .step_by(batch)
        .map(move |start| start..samples.min(start.saturating_add(batch)))
}

/// Asks a model for the distributions of one position of a batch, and checks how many come.
struct Asker<'a, P> {
    shape: Shape,
    entries: usize,
    predictor: &'a mut P,
    prefixes: Vec<u16>,
    log_probabilities: Vec<f32>,
}

/// The distributions of one position of a batch.
struct Asked<'a> {
    log_probabilities: &'a [f32],
    entries: usize,
}

impl Asked<'_> {
    fn row(&self, index: usize) -> &[f32] {
        &self.log_probabilities[index * self.entries..][..self.entries]
    }
}

impl<'a, P: Predictor> Asker<'a, P> {
    fn new(shape: Shape, predictor: &'a mut P) -> Self {
        let start = usize::from(shape.prediction() == Prediction::All);
        Self {
            shape,
            entries: shape.vocabulary() as usize + start,
            predictor,
            prefixes: Vec::new(),
            log_probabilities: Vec::new(),
        }
    }

    /// None where the token is not predicted. `known` gives the first tokens of a row.
    fn ask<'t>(
        &mut self,
        rows: Range<usize>,
        position: usize,
        known: impl Fn(usize) -> &'t [u16],
    ) -> Result<Option<Asked<'_>>, CodeError<P::Error>> {
        if position < self.shape.prediction().given() {
            return Ok(None);
        }
        self.prefixes.clear();
        for row in rows.clone() {
            self.prefixes.extend_from_slice(known(row));
        }
        let prefixes = Prefixes {
            tokens: &self.prefixes,
            sequences: rows.len(),
            position,
        };
        self.predictor
            .predict(prefixes, &mut self.log_probabilities)
            .map_err(|source| CodeError::Model {
                sequence: rows.start,
                position,
                source,
            })?;
        let expected = rows.len() * self.entries;
        if self.log_probabilities.len() != expected {
            return Err(CodeError::Entries {
                sequence: rows.start,
                sequences: rows.len(),
                position,
                found: self.log_probabilities.len(),
                expected,
            });
        }
        Ok(Some(Asked {
            log_probabilities: &self.log_probabilities,
            entries: self.entries,
        }))
    }
}
