//! Memorized bits of uniform data, by both accountings.

use crate::{CodeLengths, Shape};

/// Bits of uniform data that a model's code saves: what it memorized.
///
/// On training data this is at most the [`Ceiling`](crate::Ceiling). It is negative where the model does worse than a
/// uniform guess.
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
    /// Strict accounting: S_pred log2 V a sequence less the code length.
    pub strict_bits: f64,
    /// Paper's accounting: S / S_pred times the strict; equal to it with a start token.
    pub paper_bits: f64,
}

impl Memorized {
    /// Of the whole dataset.
    pub fn in_total(code: &CodeLengths) -> Self {
        let shape = code.shape();
        Self::from_strict(shape.predicted_bits() - code.total_bits(), shape)
    }

    /// Of each sequence, in the order of the dataset.
    pub fn per_sequence(code: &CodeLengths) -> impl ExactSizeIterator<Item = Self> + '_ {
        let shape = code.shape();
        let uniform = shape.predicted_bits_per_sequence();
        code.bits()
            .iter()
            .map(move |bits| Self::from_strict(uniform - bits, shape))
    }

    pub(crate) fn from_strict(strict_bits: f64, shape: Shape) -> Self {
        Self {
            strict_bits,
            paper_bits: shape.paper_bits(strict_bits),
        }
    }
}
