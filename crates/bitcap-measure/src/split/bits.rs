//! The figures of a split as they stand in `measurement.json`.

use serde::{Deserialize, Serialize};

use super::{Split, SplitInput};
use crate::{CodeLengths, DataEntropy, MeasureError};

/// Code lengths of the same sequences by what stands for the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OracleBits<'a> {
    /// By the exact source: -log2 p of each sequence's predicted tokens.
    Source(&'a [f64]),
    /// By another model.
    Model(&'a [f64]),
}

/// Rote and generalization, as far as there is anything to tell them apart by: all None without an oracle, and what
/// needs an entropy None where that is not known.
///
/// Of uniform data judged by its source they follow from the definitions, I(X; T' | T) = I(X; T') where T is certain:
/// all that was memorized is rote, nothing is there to generalize, and no mixture is fitted. The paper's estimator is
/// given as it is; it is above that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitBits {
    /// The model's share in the shortest code that has both model and oracle ([`Split::mixture_weight`]).
    pub mixture_weight: Option<f64>,
    /// Rote: what that code saves against the oracle's.
    pub unintended_bits: Option<f64>,
    /// Rote by the paper's estimator, the larger of both probabilities a sequence, which is no code.
    pub unintended_bits_max: Option<f64>,
    /// Generalization: memorized bits less rote.
    pub intended_bits: Option<f64>,
    /// Memorized bits less the paper's rote.
    pub intended_bits_max: Option<f64>,
    /// Most that can be generalized: entropy less the oracle's code length.
    pub intended_limit_bits: Option<f64>,
}

impl SplitBits {
    /// Of data that the model codes so.
    pub(crate) fn of(
        entropy: DataEntropy,
        code: &CodeLengths,
        oracle: Option<OracleBits<'_>>,
    ) -> Result<Self, MeasureError> {
        let (DataEntropy::Uniform { .. }, Some(OracleBits::Source(bits))) = (entropy, oracle)
        else {
            return match oracle {
                Some(OracleBits::Source(bits) | OracleBits::Model(bits)) => {
                    Self::against(entropy, code, bits)
                }
                None => Ok(Self::default()),
            };
        };
        let paper = Self::against(entropy, code, bits)?;
        Ok(Self {
            mixture_weight: None,
            unintended_bits: entropy
                .memorized_by(code.total_bits(), code.shape())
                .map(|memorized| memorized.strict_bits),
            intended_bits: Some(0.0),
            intended_limit_bits: Some(0.0),
            ..paper
        })
    }

    fn against(
        entropy: DataEntropy,
        code: &CodeLengths,
        oracle_bits: &[f64],
    ) -> Result<Self, MeasureError> {
        let shape = code.shape();
        let entropy_bits = match entropy {
            // What is predicted of it, so that the total is the strict one.
            DataEntropy::Uniform { .. } => Some(shape.predicted_bits()),
            DataEntropy::Structured { entropy_bits, .. } => Some(entropy_bits),
            DataEntropy::Unknown => None,
        };
        let split = Split::of(SplitInput {
            model_bits: code.bits(),
            oracle_bits,
            predicted: shape.predicted(),
            entropy_bits,
        })?;
        Ok(Self {
            mixture_weight: Some(split.mixture_weight),
            unintended_bits: Some(split.unintended_bits),
            unintended_bits_max: Some(split.unintended_bits_max),
            intended_bits: split.intended_bits,
            intended_bits_max: split.intended_bits_max,
            intended_limit_bits: split.intended_limit_bits,
        })
    }
}
