//! What is known of a dataset beside its tokens, and what was memorized by that.

use bitcap_source::DataShape;

use crate::{CodeLengths, MeasureError};

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
    /// Data of a source whose parameters were drawn from a prior that nobody can take the mean over. All tokens must be
    /// predicted.
    Bounded {
        /// At least -log2 p(X) with the parameters unknown.
        entropy_bound_bits: f64,
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
            Self::Uniform { bits: entropy_bits } | Self::Structured { entropy_bits, .. } => {
                Some(entropy_bits)
            }
            Self::Bounded { .. } | Self::Unknown => None,
        }
    }

    /// At least the code length with the source's parameters unknown, where that is all that is known of it.
    pub(crate) fn entropy_bound_bits(self) -> Option<f64> {
        match self {
            Self::Bounded {
                entropy_bound_bits, ..
            } => Some(entropy_bound_bits),
            Self::Uniform { .. } | Self::Structured { .. } | Self::Unknown => None,
        }
    }

    /// Code length with the source's parameters known, where that is known.
    pub(crate) fn source_bits(self) -> Option<f64> {
        match self {
            Self::Uniform { bits: source_bits }
            | Self::Structured { source_bits, .. }
            | Self::Bounded { source_bits, .. } => Some(source_bits),
            Self::Unknown => None,
        }
    }

    /// The entropy of the predicted tokens alone, where it is known: what a code of them is held against.
    pub fn predicted_bits(self, shape: DataShape, samples: usize) -> Option<f64> {
        match self {
            // `bits` is of all S tokens, a code of the predicted ones only. Structured data have no
            // such difference: they are measured with a start token or not at all.
            Self::Uniform { .. } => Some(shape.predicted_bits(samples)),
            structured_or_unknown => structured_or_unknown.entropy_bits(),
        }
    }

    /// What a code of the data memorized of it, where the entropy is known.
    pub fn memorized(self, code: &CodeLengths) -> Option<Memorized> {
        let entropy = self.predicted_bits(code.shape(), code.samples())?;
        Some(Memorized::of(entropy - code.total_bits(), code.shape()))
    }

    /// How many bits a token the model's code is longer than the true source's: 0 or more on average where the data is
    /// fresh.
    pub(crate) fn excess_bits_per_token(self, code: &CodeLengths) -> Option<f64> {
        let source_bits = match self {
            Self::Uniform { .. } => code.shape().predicted_bits(code.samples()),
            structured_or_unknown => structured_or_unknown.source_bits()?,
        };
        Some((code.total_bits() - source_bits) / code.predicted_tokens())
    }

    /// That a model of data of this shape can be held against it.
    ///
    /// # Panics
    ///
    /// If the figures cannot be those of so many sequences of this shape.
    pub(crate) fn check(self, shape: DataShape, samples: usize) -> Result<(), MeasureError> {
        match self {
            Self::Uniform { bits } => {
                let tokens = (samples * shape.length) as f64;
                let right = tokens * f64::from(shape.vocabulary).log2();
                assert!(
                    (bits - right).abs() <= TOLERANCE * right,
                    "{samples} uniform {shape} have an entropy of {right} bits, not {bits}"
                );
            }
            // An error and no panic: the settings of a model can bring it about.
            Self::Structured { .. } | Self::Bounded { .. } if !shape.start_token => {
                return Err(MeasureError::FirstTokenNotPredicted);
            }
            Self::Structured {
                entropy_bits,
                source_bits,
            }
            | Self::Bounded {
                entropy_bound_bits: entropy_bits,
                source_bits,
            } => assert!(
                entropy_bits.is_finite() && source_bits.is_finite(),
                "the source must be able to give the data"
            ),
            Self::Unknown => (),
        }
        Ok(())
    }
}

/// Bits of data that a model's code saves against the entropy: what it memorized.
///
/// On training data this is at most the [`Ceiling`](crate::Ceiling). Of uniform data it is negative where the model does
/// worse than a uniform guess.
///
/// # On fresh data nothing can be gained
///
/// Let u be the uniform distribution, x drawn from it independently of the model q. The strict bits of x are
/// log2 q(x) - log2 u(x), and their expectation is sum_x u(x) log2(q(x) / u(x)) = -KL(u || q) <= 0; without a start
/// token the same holds given each first token, hence on average over it. It is 0 only if q is uniform.
///
/// A finite sample can come out above 0, but hardly: the expectation of 2^bits is sum_x u(x) q(x) / u(x) = 1 (less if q
/// spends probability elsewhere, as on a start token), also of a whole fresh dataset, whose sequences are independent.
/// So by Markov's inequality b bits or more, strict, are seen with a probability of at most 2^-b.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memorized {
    /// Strict accounting: the entropy of the predicted tokens less their code length.
    pub strict_bits: f64,
    /// Paper's accounting: S / S_pred times the strict; equal to it with a start token.
    pub paper_bits: f64,
}

impl Memorized {
    /// By both accountings, of bits by the strict one.
    pub(crate) fn of(strict_bits: f64, shape: DataShape) -> Self {
        Self {
            strict_bits,
            // Multiplied and divided by S, not every number comes back to its last bit.
            paper_bits: match shape.start_token {
                true => strict_bits,
                false => strict_bits * shape.length as f64 / shape.predicted() as f64,
            },
        }
    }

    /// Of each sequence of uniform data, in the order of the dataset.
    pub fn per_sequence(code: &CodeLengths) -> impl Iterator<Item = Self> + '_ {
        let shape = code.shape();
        // Only of uniform data is the entropy a sum over sequences, each with the same share.
        let uniform = shape.predicted_bits(1);
        let each = code.bits().iter();
        each.map(move |bits| Self::of(uniform - bits, shape))
    }
}
