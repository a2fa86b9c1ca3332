//! What is known of a dataset beside its tokens, and what was memorized by that.

use crate::{CodeLengths, MeasureError, Memorized, Prediction, Shape};

/// How far an entropy that was worked out elsewhere may be from N S log2 V, relative: roundings, nothing else.
const TOLERANCE: f64 = 1e-9;

/// The code lengths of a dataset without any model: what memorized bits are counted from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DataEntropy {
    /// Uniform data, or copies of such, every string once: there are no parameters to know.
    Uniform {
        /// N S log2 V, as the source states it.
        bits: f64,
    },
    /// Data of a source whose parameters were drawn from a prior. All tokens must be predicted, as the first one has a
    /// distribution too; both accountings are then one. Of copies, every string counts once.
    Structured {
        /// -log2 p(X) with the parameters unknown.
        entropy_bits: f64,
        /// -log2 p(X | source) with the parameters known.
        source_bits: f64,
    },
    /// A user's file: nobody knows.
    Unknown,
}

impl DataEntropy {
    /// Code length with the source's parameters unknown, where that is known.
    pub fn entropy_bits(self) -> Option<f64> {
        match self {
            Self::Uniform { bits } => Some(bits),
            Self::Structured { entropy_bits, .. } => Some(entropy_bits),
            Self::Unknown => None,
        }
    }

    /// Code length with the source's parameters known, where that is known.
    pub fn source_bits(self) -> Option<f64> {
        match self {
            Self::Uniform { bits } => Some(bits),
            Self::Structured { source_bits, .. } => Some(source_bits),
            Self::Unknown => None,
        }
    }

    /// What a code of `bits` bits, of data of this shape, memorized.
    pub(crate) fn memorized_by(self, bits: f64, shape: Shape) -> Option<Memorized> {
        let strict = match self {
            // Of uniform data without a start token, the entropy of the predicted tokens.
            Self::Uniform { .. } => shape.predicted_bits() - bits,
            Self::Structured { entropy_bits, .. } => entropy_bits - bits,
            Self::Unknown => return None,
        };
        Some(Memorized::from_strict(strict, shape))
    }

    /// How many bits a token the model's code is longer than the true source's: 0 or more on average where the data is
    /// fresh.
    pub(crate) fn excess_bits_per_token(self, code: &CodeLengths) -> Option<f64> {
        let shape = code.shape();
        let source_bits = match self {
            Self::Uniform { .. } => shape.predicted_bits(),
            Self::Structured { source_bits, .. } => source_bits,
            Self::Unknown => return None,
        };
        Some((code.total_bits() - source_bits) / shape.predicted_tokens() as f64)
    }

    /// That the figures can be those of data of this shape.
    pub(crate) fn check(self, shape: Shape) -> Result<(), MeasureError> {
        match self {
            Self::Uniform { bits } => {
                let expected = shape.uniform_bits();
                // Written so that NaN fails too.
                if (bits - expected).abs() <= TOLERANCE * expected {
                    Ok(())
                } else {
                    Err(MeasureError::Entropy {
                        found: bits,
                        expected,
                    })
                }
            }
            Self::Structured {
                entropy_bits,
                source_bits,
            } => {
                if shape.prediction() != Prediction::All {
                    return Err(MeasureError::FirstTokenNotPredicted);
                }
                for found in [entropy_bits, source_bits] {
                    if !(found.is_finite() && found >= 0.0) {
                        return Err(MeasureError::EntropyBits { found });
                    }
                }
                Ok(())
            }
            Self::Unknown => Ok(()),
        }
    }
}
