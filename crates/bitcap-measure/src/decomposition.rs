//! What was memorized, split into rote and generalization against a source or an oracle.

mod mixture;

use serde::{Deserialize, Serialize};

use crate::code_length::assert_code_lengths;
use crate::{CodeLengths, DataEntropy};
use bitcap_base::CompensatedSum;

/// Code lengths of the same sequences by what stands for the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OracleBits<'a> {
    /// By the exact source: -log2 p of each sequence's predicted tokens.
    Source(&'a [f64]),
    /// By another model.
    Model(&'a [f64]),
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
///
/// # Uniform data
///
/// Of uniform data judged by its source the figures follow from the definitions, I(X; T' | T) = I(X; T') where T is
/// certain: all that was memorized is rote, nothing is there to generalize, and no mixture is fitted. The paper's
/// estimator is given as it is; it is above that.
///
/// All are None without an oracle, and what needs an entropy is None where that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Decomposition {
    /// The model's share in the shortest code that has both: 0 the oracle's own, 1 the model's own.
    pub mixture_weight: Option<f64>,
    /// Rote: O - C.
    pub unintended_bits: Option<f64>,
    /// Rote by the paper's estimator: the sum of max(0, oracle - model) over sequences, the larger of both probabilities
    /// a sequence. No code is that short, and on data that the model never saw it is above 0 too.
    pub unintended_bits_max: Option<f64>,
    /// Generalization: total less rote. Negative where the model generalizes less than it loses elsewhere.
    pub intended_bits: Option<f64>,
    /// Total less the paper's rote.
    pub intended_bits_max: Option<f64>,
    /// Most that can be generalized: E - O, what the dataset says of the source. Where the oracle is not the source it
    /// bounds just the same, and may be negative.
    pub intended_limit_bits: Option<f64>,
}

impl Decomposition {
    /// From the code lengths of the same sequences by the model and by the oracle, -log2 p of each one's predicted
    /// tokens, and E, where that is known. Of copies each different string goes in once: then all counts it once.
    ///
    /// # Panics
    ///
    /// If there are no sequences, the code lengths are of different numbers of them, or one is negative, infinite or
    /// NaN.
    pub fn of(model_bits: &[f64], oracle_bits: &[f64], entropy_bits: Option<f64>) -> Self {
        assert_code_lengths(model_bits);
        assert_code_lengths(oracle_bits);
        assert_eq!(model_bits.len(), oracle_bits.len(), "the same sequences");
        let sum = |bits: &[f64]| CompensatedSum::from_iter(bits.iter().copied()).value();
        let pairs = oracle_bits.iter().zip(model_bits);
        // How many bits the model saves on each sequence.
        let saved: Vec<f64> = pairs.map(|(oracle, model)| oracle - model).collect();
        // Rote is measured against the oracle's code, so all three codes depend on the differences
        // alone.
        let (mixture_weight, unintended) = mixture::shortest(&saved);
        let gains = saved.iter().map(|bits| bits.max(0.0));
        let unintended_max = CompensatedSum::from_iter(gains).value();
        let memorized = entropy_bits.map(|entropy| entropy - sum(model_bits));
        Self {
            mixture_weight: Some(mixture_weight),
            unintended_bits: Some(unintended),
            unintended_bits_max: Some(unintended_max),
            intended_bits: memorized.map(|total| total - unintended),
            intended_bits_max: memorized.map(|total| total - unintended_max),
            intended_limit_bits: entropy_bits.map(|entropy| entropy - sum(oracle_bits)),
        }
    }

    /// Of data that the model codes so.
    pub(crate) fn of_data(
        entropy: DataEntropy,
        code: &CodeLengths,
        oracle: OracleBits<'_>,
    ) -> Self {
        let (OracleBits::Source(bits) | OracleBits::Model(bits)) = oracle;
        let entropy_bits = entropy.predicted_bits(code.shape(), code.samples());
        let estimated = Self::of(code.bits(), bits, entropy_bits);
        if let (DataEntropy::Uniform { .. }, OracleBits::Source(_)) = (entropy, oracle) {
            // The definitions, in place of estimates: E - O is 0 exactly, where a difference of two
            // sums would be a rounding. `unintended_bits_max` stays what the paper's estimator
            // gives.
            return Self {
                mixture_weight: None,
                unintended_bits: entropy.memorized(code).map(|bits| bits.strict_bits),
                intended_bits: Some(0.0),
                intended_limit_bits: Some(0.0),
                ..estimated
            };
        }
        estimated
    }
}
