//! What a GPT-2 is, as far as the kernels must know: its sizes, and where each weight lies.

use std::ops::Range;

/// Sizes of a GPT-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of the token embedding and of the head: the vocabulary, and the start token if there
    /// is one.
    pub rows: usize,
    /// Tokens of a sequence that are read and predicted.
    pub length: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Width d of the residual stream.
    pub width: usize,
    /// Attention heads; they divide the width.
    pub heads: usize,
    /// Width of the MLP's hidden layer.
    pub hidden: usize,
}

/// Where a layer norm's `[d]` gain and bias begin in the flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NormAt {
    /// The gain.
    pub gain: usize,
    /// The bias.
    pub bias: usize,
}

/// Where a linear map's `[inputs, outputs]` matrix and `[outputs]` bias begin in the flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearAt {
    /// The matrix.
    pub matrix: usize,
    /// The bias.
    pub bias: usize,
}

/// Where the weights of a block begin in the flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerAt {
    /// Before attention.
    pub attention_norm: NormAt,
    /// Queries, keys and values, `[d, 3 d]`.
    pub qkv: LinearAt,
    /// From attention into the residual stream, `[d, d]`.
    pub projection: LinearAt,
    /// Before the MLP.
    pub mlp_norm: NormAt,
    /// `[d, hidden]`.
    pub expand: LinearAt,
    /// `[hidden, d]`.
    pub contract: LinearAt,
}

/// Where each weight of a GPT-2 begins in the flat vector, all row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// `[rows, d]`.
    pub token_embedding: usize,
    /// `[length, d]` or more rows.
    pub position_embedding: usize,
    /// The blocks in order.
    pub layers: Vec<LayerAt>,
    /// After the last block.
    pub final_norm: NormAt,
    /// `[rows, d]`; the same as the token embedding's where the head is tied.
    pub head: usize,
    /// Elements of the flat vector in all, P.
    pub len: usize,
}

/// Sizes or offsets no model can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizesError {
    /// A size of zero.
    #[error("{0} is 0; a model has at least one of everything but blocks")]
    Zero(&'static str),
    /// Heads that do not divide the width.
    #[error("{heads} heads do not divide a width of {width}")]
    Heads {
        /// Number of heads.
        heads: usize,
        /// Width of the residual stream.
        width: usize,
    },
    /// Another number of blocks in the offsets.
    #[error("offsets of {found} blocks for a model of {expected}")]
    Layers {
        /// Blocks of the sizes.
        expected: usize,
        /// Blocks of the offsets.
        found: usize,
    },
    /// A weight beyond the end of the flat vector.
    #[error("a weight ends at {end}, beyond the flat vector's {len} elements")]
    Beyond {
        /// Where the weight ends.
        end: usize,
        /// The flat vector's length.
        len: usize,
    },
    /// Two weights in one place.
    #[error(
        "two weights overlap at element {at} of the flat vector; only a tied head may be another weight, the token embedding"
    )]
    Overlap {
        /// Where the later one begins.
        at: usize,
    },
}

impl Sizes {
    /// Checks the sizes, and that all weights lie within the flat vector.
    pub(crate) fn check(&self, offsets: &Offsets) -> Result<(), SizesError> {
        let Self {
            rows,
            length,
            layers,
            width: d,
            heads,
            hidden,
        } = *self;
        for (size, name) in [
            (rows, "rows"),
            (length, "length"),
            (d, "width"),
            (heads, "heads"),
            (hidden, "hidden"),
        ] {
            if size == 0 {
                return Err(SizesError::Zero(name));
            }
        }
        if !d.is_multiple_of(heads) {
            return Err(SizesError::Heads { heads, width: d });
        }
        if offsets.layers.len() != layers {
            let (expected, found) = (layers, offsets.layers.len());
            return Err(SizesError::Layers { expected, found });
        }
        for range in self.ranges(offsets) {
            if range.end > offsets.len {
                let (end, len) = (range.end, offsets.len);
                return Err(SizesError::Beyond { end, len });
            }
        }
        // None is empty: of ranges sorted by where they begin, two neighbours overlap if any two
        // do. The backward pass borrows two parts of the gradient at once and relies on it.
        let mut ranges = self.ranges(offsets);
        ranges.sort_by_key(|range| range.start);
        match ranges.windows(2).find(|pair| pair[0].end > pair[1].start) {
            Some(pair) => Err(SizesError::Overlap { at: pair[1].start }),
            None => Ok(()),
        }
    }

    /// Where all weights lie, a tied head once.
    fn ranges(&self, offsets: &Offsets) -> Vec<Range<usize>> {
        let Self {
            rows,
            length,
            width: d,
            hidden,
            ..
        } = *self;
        let mut ranges = vec![
            span(offsets.token_embedding, rows * d),
            span(offsets.position_embedding, length * d),
        ];
        // A tied one would overlap with itself.
        if offsets.head != offsets.token_embedding {
            ranges.push(span(offsets.head, rows * d));
        }
        ranges.extend(offsets.final_norm.ranges(d));
        for at in &offsets.layers {
            ranges.extend(at.attention_norm.ranges(d));
            ranges.extend(at.qkv.ranges(d, 3 * d));
            ranges.extend(at.projection.ranges(d, d));
            ranges.extend(at.mlp_norm.ranges(d));
            ranges.extend(at.expand.ranges(d, hidden));
            ranges.extend(at.contract.ranges(hidden, d));
        }
        ranges
    }
}

/// So many elements from a place on.
pub(crate) fn span(first: usize, len: usize) -> Range<usize> {
    first..first + len
}

impl NormAt {
    /// Where gain and bias lie, of so many features.
    pub(crate) fn ranges(self, features: usize) -> [Range<usize>; 2] {
        [span(self.gain, features), span(self.bias, features)]
    }
}

impl LinearAt {
    /// Where matrix and bias lie.
    pub(crate) fn ranges(self, inputs: usize, outputs: usize) -> [Range<usize>; 2] {
        [
            span(self.matrix, inputs * outputs),
            span(self.bias, outputs),
        ]
    }
}
