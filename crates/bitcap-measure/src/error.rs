//! What can be wrong with the numbers given to the measure.

use crate::Shape;

/// Why something could not be measured. Sequences and tokens are counted from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// The dataset has no sequence.
    #[error("the dataset holds no sequence; there must be at least 1 to measure")]
    NoSamples,
    /// The sequences have no token.
    #[error("the sequences are 0 tokens long; they must hold at least 1")]
    EmptySequences,
    /// Sequences of one token and no start token.
    #[error(
        "sequences of 1 token leave nothing to predict without a start token; \
         use a start token or a length of at least 2"
    )]
    NothingPredicted,
    /// A vocabulary that u16 tokens cannot have, or that carries no information.
    #[error("the vocabulary is {found}; it must be from 2 to 65536")]
    Vocabulary {
        /// The vocabulary given.
        found: u32,
    },
    /// N x S does not fit the machine's addresses.
    #[error("{samples} sequences of {length} tokens are more than this machine can address")]
    TooLarge {
        /// N, the number of sequences.
        samples: usize,
        /// S, the tokens a sequence.
        length: usize,
    },
    /// The tokens are not N x S.
    #[error("there are {found} tokens; {samples} sequences of {length} are {}", samples * length)]
    TokenCount {
        /// How many tokens were given.
        found: usize,
        /// N, the number of sequences.
        samples: usize,
        /// S, the tokens a sequence.
        length: usize,
    },
    /// Tokens that do not make whole sequences.
    #[error("{found} tokens do not make whole sequences of {length}")]
    PartialSequence {
        /// How many tokens were given.
        found: usize,
        /// S, the tokens a sequence.
        length: usize,
    },
    /// A token that the vocabulary does not have.
    #[error("token {position} of sequence {sequence} is {token}; the vocabulary has 0 to {}", vocabulary - 1)]
    TokenOutOfRange {
        /// Row of the token.
        sequence: usize,
        /// Its place in the sequence.
        position: usize,
        /// The token.
        token: u16,
        /// V, the vocabulary.
        vocabulary: u32,
    },
    /// Log-probabilities that do not make whole sequences.
    #[error(
        "{found} log-probabilities do not make whole sequences of {predicted} predicted tokens"
    )]
    PartialRow {
        /// How many log-probabilities were given.
        found: usize,
        /// How many a sequence has.
        predicted: usize,
    },
    /// Log-probabilities of more or fewer sequences than the dataset has.
    #[error("there are log-probabilities of {found} sequences; the dataset has {samples}")]
    SequenceCount {
        /// How many sequences were given.
        found: usize,
        /// N, the number of sequences.
        samples: usize,
    },
    /// A number that is not the logarithm of a probability a code can use.
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
    /// A length that no code has.
    #[error(
        "the code length of sequence {sequence} by the {of} is {found} bits; it must be finite and at least 0"
    )]
    CodeLength {
        /// Whose code it is.
        of: &'static str,
        /// Which sequence.
        sequence: usize,
        /// The number given.
        found: f64,
    },
    /// Code lengths, or other figures of sequences, that do not belong together.
    #[error("there are figures of {found} sequences by the {of}; the others are of {expected}")]
    OtherSequences {
        /// Whose they are.
        of: &'static str,
        /// How many there are.
        found: usize,
        /// How many the others are.
        expected: usize,
    },
    /// An entropy that no data has.
    #[error("the entropy is {found} bits; it must be finite and at least 0")]
    EntropyBits {
        /// The number given.
        found: f64,
    },
    /// Figures that are not one a predicted token.
    #[error("there are {found} figures of predicted tokens; {samples} sequences have {}", samples * predicted)]
    Predictions {
        /// How many there are.
        found: usize,
        /// N, the number of sequences.
        samples: usize,
        /// Predicted tokens a sequence.
        predicted: usize,
    },
    /// Too few sequences for a threshold to be chosen on one half and scored on the other.
    #[error(
        "there are {members} members and {non_members} non-members; there must be at least 2 of each"
    )]
    TooFewToInfer {
        /// How many members.
        members: usize,
        /// How many non-members.
        non_members: usize,
    },
    /// Pieces of a measurement that were made from data of another shape.
    #[error("the {piece} is of {found}; the training data is {expected}")]
    ShapeMismatch {
        /// Which piece.
        piece: &'static str,
        /// Its shape.
        found: Shape,
        /// The shape it should have.
        expected: Shape,
    },
    /// An entropy that is not that of uniform data of this shape.
    #[error("the entropy is {found} bits; uniform data of this shape has {expected}")]
    Entropy {
        /// The bits given.
        found: f64,
        /// N S log2 V.
        expected: f64,
    },
    /// Data with structure, and a model that does not predict the first token.
    #[error(
        "data of a source with structure can be measured only by a model with a start token: the first token has a \
         distribution too, and must be predicted"
    )]
    FirstTokenNotPredicted,
    /// A model without parameters.
    #[error("the model has 0 parameters; bits per parameter need at least 1")]
    NoParameters,
    /// More fresh sequences found in the training data than there are.
    #[error("{found} fresh sequences are said to occur in the training data; there are {samples}")]
    InTraining {
        /// How many were said to occur.
        found: usize,
        /// How many fresh sequences there are.
        samples: usize,
    },
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
