//! How a batch is split into forward passes.

use std::ops::Range;

use burn::tensor::Device;

/// How much one pass may fill of a device.
struct Budget {
    /// Bytes of the widest activation in f32.
    bytes: usize,
    /// Rows under which matrix products lose more than the budget gains.
    rows: usize,
}

/// The widest activation stays in the cache of one core. Measured on flex, one thread: V=2048, S=64,
/// d=32 trains at 54,800 tokens a second in passes of this size (4 sequences) and at 26,600 with 512
/// sequences at once; V=64, S=16, d=16 at 425,000 with 64 sequences, half this size, and at 375,000
/// with 346 (dev/LOG.md).
const PROCESSOR: Budget = Budget {
    bytes: 512 * 1024,
    rows: 256,
};

/// A GPU is fastest with as few passes as its memory allows. Burn does not say how much there is;
/// with the copies that autodiff keeps, this takes about six times as much. Where that is too much,
/// `train.micro_batch` is the way to less.
const GPU: Budget = Budget {
    bytes: 2 << 30,
    rows: 1,
};

/// Sequences in one pass at most, for a model of so many numbers a token in its widest activation
/// ([`Architecture::widest_activation`](crate::Architecture::widest_activation)) and so many predicted
/// tokens a sequence.
#[must_use]
pub fn largest_pass(widest: usize, predicted: usize, device: &Device) -> usize {
    let budget = if is_processor(device) { PROCESSOR } else { GPU };
    (budget.bytes / (4 * predicted * widest)).max(budget.rows.div_ceil(predicted))
}

fn is_processor(device: &Device) -> bool {
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    if *device == Device::ndarray() {
        return true;
    }
    *device == Device::flex()
}

/// A near-equal split of `samples` sequences into passes of at most `largest`.
pub fn passes(
    samples: usize,
    largest: usize,
) -> impl ExactSizeIterator<Item = Range<usize>> + DoubleEndedIterator {
    let count = samples.div_ceil(largest.max(1));
    // In u128: the product of two numbers of sequences may be beyond 2^64.
    let bound = move |i: usize| (i as u128 * samples as u128 / count as u128) as usize;
    (0..count).map(move |i| bound(i)..bound(i + 1))
}
