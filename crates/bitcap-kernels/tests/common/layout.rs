//! A flat vector's layout for tests and benchmarks: one weight after another, as the model has
//! them.

use bitcap_kernels::{LayerAt, LinearAt, NormAt, Offsets, Sizes};

/// Offsets in the order of use, the matrices of the blocks among the rest.
pub fn offsets(sizes: &Sizes, tied: bool) -> Offsets {
    let Sizes {
        rows,
        length,
        layers,
        width: d,
        hidden,
        ..
    } = *sizes;
    let mut len = 0;
    let mut next = |size: usize| {
        len += size;
        len - size
    };
    let token_embedding = next(rows * d);
    let position_embedding = next(length * d);
    let mut layer = || LayerAt {
        attention_norm: NormAt {
            gain: next(d),
            bias: next(d),
        },
        qkv: LinearAt {
            matrix: next(d * 3 * d),
            bias: next(3 * d),
        },
        projection: LinearAt {
            matrix: next(d * d),
            bias: next(d),
        },
        mlp_norm: NormAt {
            gain: next(d),
            bias: next(d),
        },
        expand: LinearAt {
            matrix: next(d * hidden),
            bias: next(hidden),
        },
        contract: LinearAt {
            matrix: next(hidden * d),
            bias: next(d),
        },
    };
    let layers = (0..layers).map(|_| layer()).collect();
    let final_norm = NormAt {
        gain: next(d),
        bias: next(d),
    };
    let head = if tied {
        token_embedding
    } else {
        next(rows * d)
    };
    Offsets {
        token_embedding,
        position_embedding,
        layers,
        final_norm,
        head,
        len,
    }
}
