//! What input can make unmeasurable.

/// Why a model cannot be measured on data, or a measurement cannot be right. Sequences and tokens are counted from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// A number that is not the logarithm of a probability a code can use, as of a model whose weights are not finite.
    #[error(
        "the log-probability of token {position} of sequence {sequence} is {found}; it must be finite and at most 0"
    )]
    LogProbability {
        /// Row of the token.
        sequence: usize,
        /// Its place in the sequence (without a start token the first that is predicted is 1).
        position: usize,
        /// The number given.
        found: f64,
    },
    /// Data with structure, and a model that does not predict the first token.
    #[error(
        "data of a source with structure can be measured only by a model with a start token: the first token has a \
         distribution too, and must be predicted"
    )]
    FirstTokenNotPredicted,
    /// More memorized than any model of single sequences can: the likelihoods are not those of one.
    #[error(
        "the likelihoods come to {memorized} memorized bits (strict), and no model of single sequences can pass \
         {ceiling}; they must be next-token probabilities of these very sequences"
    )]
    AboveCeiling {
        /// Memorized bits, strict.
        memorized: f64,
        /// The ceiling, strict.
        ceiling: f64,
    },
}
