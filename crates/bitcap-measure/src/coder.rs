//! Memorization proven by compression: a dataset as the arithmetic code that a model gives it.
//!
//! Claimed code lengths are sums of logarithms; a code is bytes from which the data comes back. The coder is
//! constriction's range coder, the distributions are rounded to multiples of 2^-32, and the model is asked for exactly
//! the same distributions in the same batches when coding and when decoding.
//!
//! # How near the code is to the claim
//!
//! Of 2^32 shares every one of the V (or V + 1) symbols gets one, the others go by probability, rounded down to whole
//! shares at the ends of each symbol's interval. So a symbol of probability p has more than p (2^32 - V) and at most
//! p 2^32 + 2 shares: a token costs at most V / 2^32 / ln 2 bits more than -log2 p (2.2e-5 bits for V = 65536), and
//! less than that where p is near 2^-32 or below. The state of 128 bits loses less than 2^-63 bits a token, and the
//! end costs at most 64 bits: the last two words of 32. One sequence's f32 probabilities do not sum to 1 exactly
//! either; rounding shares of their sum takes that out of the code, not out of the claim: about 1e-6 of a bit a token.
//!
//! # The model
//!
//! It is a function of [`Prefixes`] that gives the natural-log probabilities of the next token of each sequence,
//! row-major [`sequences`, V], or [`sequences`, V + 1] with a start token, whose own entry is the last
//! ([`DataShape::rows`]). The same prefixes must give the same numbers to the last bit, whatever was asked before: the
//! decoder asks again what the encoder did.

mod file;
mod range;

use bitcap_source::{DataShape, is_blake3, tokens_blake3};

pub use file::{CodeHeader, CodedBits, CodedFile, CodedFileError, LARGEST_BATCH};
pub use range::DistributionError;

use crate::rows::sequences;
use bitcap_base::CompensatedSum;
use file::CodeFormat;
use range::{TokenDecoder, TokenEncoder};

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

/// Why tokens cannot be coded, or a coded file not decoded. `E` is what the model's own error is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError<E> {
    /// The model failed.
    #[error("the model failed at sequence {sequence}, token {position}: {source}")]
    Model {
        /// First sequence of the batch.
        sequence: usize,
        /// The token asked for.
        position: usize,
        /// The model's error.
        source: E,
    },
    /// The model gave something that is no distribution.
    #[error("the model's distribution for token {position} of sequence {sequence}: {source}")]
    Distribution {
        /// Row of the token.
        sequence: usize,
        /// Its place in the sequence.
        position: usize,
        /// What is wrong with it.
        source: DistributionError,
    },
    /// The file says that another model made it.
    #[error(
        "the file was made with the model whose weights have BLAKE3 {expected}; this one's have {found}"
    )]
    OtherModel {
        /// The model given.
        found: String,
        /// The model that the file names.
        expected: String,
    },
    /// The file is as it was written, the weights are the same, and yet other tokens came out.
    #[error(
        "the model now gives other probabilities than when the file was made (first noticed {place}): decode on the \
         same kind of machine and with the same backend"
    )]
    OtherProbabilities {
        /// Where it was noticed.
        place: String,
    },
}

/// Codes `tokens`, row-major [N, S], with a model that reads `batch` sequences at a time, at most [`LARGEST_BATCH`].
/// `model_blake3` is the BLAKE3 of its weights, in hexadecimal.
///
/// # Errors
///
/// The model fails, or gives what is no distribution or says that a token which occurs is impossible.
///
/// # Panics
///
/// If the tokens are not of the shape, `batch` or the hash is none, or the model gives another number of
/// log-probabilities than it should.
pub fn encode<E>(
    tokens: &[u16],
    shape: DataShape,
    batch: usize,
    model_blake3: &str,
    predict: impl FnMut(Prefixes<'_>) -> Result<Vec<f32>, E>,
) -> Result<Coded, CodeError<E>> {
    let samples = sequences(tokens, shape).len();
    assert!((1..=LARGEST_BATCH).contains(&batch), "a batch that can be");
    assert!(is_blake3(model_blake3), "a BLAKE3 in hexadecimal");
    let header = CodeHeader {
        format: CodeFormat::V1,
        samples,
        length: shape.length,
        vocabulary: shape.vocabulary,
        start_token: shape.start_token,
        batch,
        model_blake3: model_blake3.to_owned(),
        tokens_blake3: tokens_blake3(tokens),
    };
    let mut encoder = TokenEncoder::default();
    let mut claimed = CompensatedSum::default();
    walk(&header, predict, |row, position, distribution| {
        let token = tokens[row * shape.length + position];
        match distribution {
            None => encoder.encode_uniform(token, shape.vocabulary),
            Some(distribution) => {
                encoder.encode(token, distribution)?;
                // From the numbers that are coded with, not from another pass of the model: what
                // separates the code from the claim is then the coder's alone.
                claimed.add(-f64::from(distribution[usize::from(token)]));
            }
        }
        Ok(Some(token))
    })?;
    let payload = encoder.finish();
    Ok(Coded {
        file: CodedFile { header, payload },
        claimed_bits: claimed.value() / std::f64::consts::LN_2,
        first_token_bits: (samples * shape.given()) as f64 * f64::from(shape.vocabulary).log2(),
    })
}

/// The tokens of a coded file, row-major [N, S]: exactly those that were coded, or an error.
///
/// # Errors
///
/// The file was made with other weights than those with `model_blake3`; the model fails or gives what is no
/// distribution; or its probabilities are not those of the encoder, so that other tokens come out.
///
/// # Panics
///
/// If the model gives another number of log-probabilities than it should.
pub fn decode<E>(
    file: &CodedFile,
    model_blake3: &str,
    predict: impl FnMut(Prefixes<'_>) -> Result<Vec<f32>, E>,
) -> Result<Vec<u16>, CodeError<E>> {
    let header = &file.header;
    // Before anything is decoded: under other weights other tokens come out, after as much work.
    if header.model_blake3 != model_blake3 {
        return Err(CodeError::OtherModel {
            found: model_blake3.to_owned(),
            expected: header.model_blake3.clone(),
        });
    }
    let mut decoder = TokenDecoder::new(&file.payload);
    let tokens = walk(header, predict, |_, _, distribution| {
        let read = match distribution {
            None => decoder.decode_uniform(header.vocabulary),
            Some(distribution) => decoder.decode(distribution)?,
        };
        // The start token is an entry and never a token of the data.
        let read = read.filter(|&token| token < header.vocabulary as usize);
        Ok(read.map(|token| token as u16))
    })?;
    // Nearly any bits decode to some tokens under any probabilities; only the hash tells whether
    // they are those that were coded.
    if tokens_blake3(&tokens) == header.tokens_blake3 {
        Ok(tokens)
    } else {
        Err(CodeError::OtherProbabilities {
            place: "at the end, by the hash of the tokens".into(),
        })
    }
}

/// Goes through the tokens in the order of the code, and returns them, row-major [N, S]. `code` writes or reads the
/// token with this row and position by its distribution (None where it is not predicted), and says which it is: None
/// where no token has the bits that follow.
fn walk<E>(
    header: &CodeHeader,
    mut predict: impl FnMut(Prefixes<'_>) -> Result<Vec<f32>, E>,
    mut code: impl FnMut(usize, usize, Option<&[f32]>) -> Result<Option<u16>, DistributionError>,
) -> Result<Vec<u16>, CodeError<E>> {
    let shape = header.shape();
    // All grow with what is known: the word of a file's header alone gets no memory.
    let (mut tokens, mut known, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
    for start in (0..header.samples).step_by(header.batch) {
        let sequences = header.batch.min(header.samples - start);
        // The tokens of the batch as they come, [position, sequence].
        // A position of all sequences at a time, since one pass of the model over the batch gives
        // all of their distributions.
        known.clear();
        for position in 0..shape.length {
            let mut predicted = Vec::new();
            if position >= shape.given() {
                prefixes.clear();
                prefixes.extend(by_sequence(&known, sequences));
                let asked = predict(Prefixes {
                    tokens: &prefixes,
                    sequences,
                    position,
                });
                predicted = asked.map_err(|source| CodeError::Model {
                    sequence: start,
                    position,
                    source,
                })?;
                assert_eq!(
                    predicted.len(),
                    sequences * shape.rows(),
                    "a log-probability for each sequence and entry"
                );
            }
            // Empty where nothing was predicted, so that each sequence gets None.
            let mut distributions = predicted.chunks_exact(shape.rows());
            for sequence in start..start + sequences {
                let token = code(sequence, position, distributions.next());
                let token = token.map_err(|source| CodeError::Distribution {
                    sequence,
                    position,
                    source,
                })?;
                // Once a token is wrong, so is what follows from it: bits that no token has show
                // that before the hash does.
                known.push(token.ok_or_else(|| CodeError::OtherProbabilities {
                    place: format!("at token {position} of sequence {sequence}"),
                })?);
            }
        }
        tokens.extend(by_sequence(&known, sequences));
    }
    Ok(tokens)
}

/// Tokens [position, sequence] as [sequence, position].
fn by_sequence(tokens: &[u16], sequences: usize) -> impl Iterator<Item = u16> {
    let of = move |sequence| tokens.iter().skip(sequence).step_by(sequences).copied();
    (0..sequences).flat_map(of)
}
