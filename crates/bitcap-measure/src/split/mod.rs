//! What was memorized, split into rote and generalization against a source or an oracle.

mod bits;
mod mixture;

use serde::{Deserialize, Serialize};

pub use bits::{OracleBits, SplitBits};

use crate::MeasureError;
use bitcap_base::CompensatedSum;

/// The code lengths of the same sequences under a model and under an oracle: the source itself, where its parameters
/// are known, or another model that stands for it.
///
/// Bits are -log2 p of each sequence's predicted tokens, as [`CodeLengths::bits`](crate::CodeLengths::bits) gives them
/// for a model. A dataset of copies goes in with each different string once: then all that follows counts it once.
#[derive(Debug, Clone, Copy)]
pub struct SplitInput<'a> {
    /// -log2 p(x | model) of each sequence.
    pub model_bits: &'a [f64],
    /// -log2 p(x | oracle) of each sequence, in the same order.
    pub oracle_bits: &'a [f64],
    /// Predicted tokens a sequence.
    pub predicted: usize,
    /// -log2 p(X), the code length of all of them together with the source's parameters unknown. None where no
    /// entropy is known, as of a user's file.
    pub entropy_bits: Option<f64>,
}

/// What a model memorized of data, how much of it is rote, and how much it generalizes.
///
/// With E the entropy, O the oracle's code length, M the model's, and C that of a code that has both, in bits:
/// total E - M, rote O - C, generalization the rest, (E - M) - (O - C).
///
/// # The code that has both
///
/// It is the shortest of three: the oracle's code, the model's code, and the code of the mixture
/// (1 - w) p_oracle + w p_model with the one w that fits the dataset best, plus (log2 N) / 2 bits for stating w. Each
/// can be decoded, and a sequence is given at most the larger of its two probabilities, so C is at least as long as the
/// paper's sum of maxima, and at most as long as O and as M. Hence, for any model, oracle and data:
///
/// - 0 <= `unintended_bits` <= `unintended_bits_max`, because sum of maxima <= C <= O;
/// - `intended_bits` <= `intended_limit_bits` = E - O, because C <= M; the same for the paper's max.
///
/// # How much rote is seen where there is none
///
/// Let the oracle be the source, and the data be drawn from it independently of the model (fresh data). Then 2^(O - M)
/// has an expectation of at most 1. So has the product of (1 - w) + w p_model / p_oracle over the sequences for every
/// w, hence also its mean over w under Beta(1/2, 1/2). Multiplied out, a product is a sum over subsets of k sequences
/// of w^k (1 - w)^(N - k) times what does not depend on w, and by the bound of Krichevsky and Trofimov (1981) the
/// largest w^k (1 - w)^(N - k) is at most 2 sqrt(N) times its mean; so is the largest product. By Markov's inequality b
/// bits or more of rote are seen with a probability of at most (1 + 2) 2^-b: 3.1 bits on average at most, however large
/// the dataset. Which of the three codes was used would take log2 3 bits more; they are left out, so that no rote is 0.
/// The paper's max has no such bound: it grows with N.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// N, the sequences (of copies, the different strings).
    pub samples: usize,
    /// E, code length with the source's parameters unknown, where that is known.
    pub entropy_bits: Option<f64>,
    /// O, code length under the oracle.
    pub source_bits: f64,
    /// M, code length under the model.
    pub model_bits: f64,
    /// Total: E - M. None where E is not known.
    pub memorized_bits: Option<f64>,
    /// The model's share in the shortest code that has both: 0 the oracle's own, 1 the model's own.
    pub mixture_weight: f64,
    /// Rote: O - C.
    pub unintended_bits: f64,
    /// Rote by the paper's estimator: the sum of max(0, oracle - model) over sequences. No code is that short, and on
    /// data that the model never saw it is above 0 too.
    pub unintended_bits_max: f64,
    /// Generalization: total less rote. Negative where the model generalizes less than it loses elsewhere.
    pub intended_bits: Option<f64>,
    /// Total less the paper's rote.
    pub intended_bits_max: Option<f64>,
    /// Most that can be generalized: E - O, what the dataset says of the source. Where the oracle is not the source it
    /// bounds just the same, and may be negative.
    pub intended_limit_bits: Option<f64>,
    /// (M - O) / predicted tokens. On fresh data: how far the model is from the source, 0 or more on average.
    pub excess_bits_per_token: f64,
}

impl Split {
    /// Splits what was memorized.
    ///
    /// # Errors
    ///
    /// There are no sequences or no predicted tokens; the code lengths are of different numbers of sequences; or one,
    /// or the entropy, is negative, infinite or NaN.
    pub fn of(input: SplitInput<'_>) -> Result<Self, MeasureError> {
        let SplitInput {
            model_bits,
            oracle_bits,
            predicted,
            entropy_bits,
        } = input;
        check_code_lengths("model", model_bits)?;
        check_code_lengths("oracle", oracle_bits)?;
        if model_bits.len() != oracle_bits.len() {
            return Err(MeasureError::OtherSequences {
                of: "oracle",
                found: oracle_bits.len(),
                expected: model_bits.len(),
            });
        }
        if predicted == 0 {
            return Err(MeasureError::NothingPredicted);
        }
        if let Some(found) = entropy_bits
            && !(found.is_finite() && found >= 0.0)
        {
            return Err(MeasureError::EntropyBits { found });
        }
        let samples = model_bits.len();
        let sum = |bits: &[f64]| bits.iter().copied().collect::<CompensatedSum>().value();
        let (source, model) = (sum(oracle_bits), sum(model_bits));
        // How many bits the model saves on each sequence.
        let saved: Vec<f64> = oracle_bits
            .iter()
            .zip(model_bits)
            .map(|(oracle, model)| oracle - model)
            .collect();
        let (mixture_weight, unintended) = mixture::shortest(&saved);
        let unintended_max = saved
            .iter()
            .map(|bits| bits.max(0.0))
            .collect::<CompensatedSum>()
            .value();
        let memorized = entropy_bits.map(|entropy| entropy - model);
        Ok(Self {
            samples,
            entropy_bits,
            source_bits: source,
            model_bits: model,
            memorized_bits: memorized,
            mixture_weight,
            unintended_bits: unintended,
            unintended_bits_max: unintended_max,
            intended_bits: memorized.map(|total| total - unintended),
            intended_bits_max: memorized.map(|total| total - unintended_max),
            intended_limit_bits: entropy_bits.map(|entropy| entropy - source),
            excess_bits_per_token: (model - source) / (samples as f64 * predicted as f64),
        })
    }
}

/// Refuses an empty list, and lengths that no code has.
pub(crate) fn check_code_lengths(of: &'static str, bits: &[f64]) -> Result<(), MeasureError> {
    if bits.is_empty() {
        return Err(MeasureError::NoSamples);
    }
    match bits
        .iter()
        .position(|bits| !(bits.is_finite() && *bits >= 0.0))
    {
        Some(sequence) => Err(MeasureError::CodeLength {
            of,
            sequence,
            found: bits[sequence],
        }),
        None => Ok(()),
    }
}
