//! How a batch is split into forward passes.

use std::ops::Range;

use bitcap_source::DataShape;
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

/// A GPU is fastest with as few passes as its memory allows, and any driver has buffers of this size
/// (lavapipe's largest). At 2,048 sequences of 64 tokens it is one pass up to a width of 64.
const GPU: Budget = Budget {
    bytes: 128 << 20,
    rows: 1,
};

/// Bytes of the logits that a GPU works out at once: a pass is cut into chunks for its head, so that
/// they stay in the cache (50 MB on an H100, 72 on an RTX 4090) from one operation to the next. All of
/// them at once, 1 GB at 2,048 x 64 tokens out of 2,048, would go through its memory a dozen times.
const LOGITS: usize = 32 << 20;

/// Sequences in one pass at most, for a model of so many numbers a token in its widest activation
/// before the head ([`Architecture::widest_activation`](crate::Architecture::widest_activation)).
#[must_use]
pub fn largest_pass(widest: usize, data: &DataShape, device: &Device) -> usize {
    let predicted = data.predicted();
    // On a processor the logits of a whole pass are there at once and may be the widest; on a GPU
    // they come in chunks.
    let (budget, widest) = if is_processor(device) {
        (PROCESSOR, widest.max(data.rows()))
    } else {
        (GPU, widest)
    };
    (budget.bytes / (4 * predicted * widest)).max(budget.rows.div_ceil(predicted))
}

/// The rows of a pass, cut into those whose logits are worked out at once. On a processor the whole
/// pass fits its cache.
pub fn chunks(
    rows: usize,
    data: &DataShape,
    device: &Device,
) -> impl ExactSizeIterator<Item = Range<usize>> + use<> {
    let largest = if is_processor(device) {
        rows
    } else {
        (LOGITS / (4 * data.rows())).max(1)
    };
    passes(rows, largest)
}

pub(crate) fn is_processor(device: &Device) -> bool {
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
