//! Token and position embeddings.

use pulp::{Simd, WithSimd};

use crate::vector::{vectors, vectors_mut};
use crate::{Cpu, Interleaved};

/// x = the input's row of `tokens` + the position's row of `positions`, for whole sequences.
///
/// `inputs`: `[n, S]` row-major, each a row of `tokens`; lanes without a sequence get token 0.
/// `tokens`: `[rows, features]`; `positions`: `[S, features]` or more.
///
/// # Panics
/// If an input is no row of `tokens`, or there are more sequences than `x` has lanes for.
pub fn embedding(
    cpu: Cpu,
    inputs: &[i32],
    length: usize,
    tokens: &[f32],
    positions: &[f32],
    x: &mut Interleaved,
) {
    cpu.run(Forward {
        inputs,
        length,
        tokens,
        positions,
        x,
    });
}

/// Adds the gradients of both embeddings to `d_tokens` and `d_positions`.
///
/// # Panics
/// As [`embedding`].
pub fn embedding_backward(
    cpu: Cpu,
    inputs: &[i32],
    length: usize,
    dx: &Interleaved,
    d_tokens: &mut [f32],
    d_positions: &mut [f32],
) {
    cpu.run(Backward {
        inputs,
        length,
        dx,
        d_tokens,
        d_positions,
    });
}

/// The input at a place in the lanes.
#[inline(always)]
fn input(inputs: &[i32], length: usize, lanes: usize, column: usize, lane: usize) -> Option<usize> {
    // A group of sequences is `length` columns, with a lane for each sequence. Sequences are whole,
    // so in a lane beyond the last one every place is past the end.
    let sequence = column / length * lanes + lane;
    let at = sequence * length + column % length;
    inputs.get(at).map(|&token| token as usize)
}

struct Forward<'a> {
    inputs: &'a [i32],
    length: usize,
    tokens: &'a [f32],
    positions: &'a [f32],
    x: &'a mut Interleaved,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            inputs,
            length,
            tokens,
            positions,
            x,
        } = self;
        let (features, lanes) = (x.features(), S::F32_LANES);
        assert!(
            inputs.len() <= x.columns() * lanes,
            "no more sequences than lanes"
        );
        for column in 0..x.columns() {
            let position = &positions[column % length * features..][..features];
            let to = x.column_mut(column);
            // A token's features lie a vector apart, each in the token's lane.
            for lane in 0..lanes {
                let token = input(inputs, length, lanes, column, lane).unwrap_or(0);
                let row = &tokens[token * features..][..features];
                for (to, &value) in to.chunks_exact_mut(lanes).zip(row) {
                    to[lane] = value;
                }
            }
            for (to, &value) in vectors_mut::<S>(to).iter_mut().zip(position) {
                *to = simd.add_f32s(*to, simd.splat_f32s(value));
            }
        }
    }
}

struct Backward<'a> {
    inputs: &'a [i32],
    length: usize,
    dx: &'a Interleaved,
    d_tokens: &'a mut [f32],
    d_positions: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            inputs,
            length,
            dx,
            d_tokens,
            d_positions,
        } = self;
        let (features, lanes) = (dx.features(), S::F32_LANES);
        assert!(
            inputs.len() <= dx.columns() * lanes,
            "no more sequences than lanes"
        );
        for column in 0..dx.columns() {
            let from = dx.column(column);
            let position = &mut d_positions[column % length * features..][..features];
            // Over all lanes: where there is no sequence nothing is predicted, and the gradient is
            // 0.
            for (to, &value) in position.iter_mut().zip(vectors::<S>(from)) {
                *to += simd.reduce_sum_f32s(value);
            }
            for lane in 0..lanes {
                // Lane after lane, since several may have the same token.
                if let Some(token) = input(inputs, length, lanes, column, lane) {
                    let row = &mut d_tokens[token * features..][..features];
                    for (to, from) in row.iter_mut().zip(from.chunks_exact(lanes)) {
                        *to += from[lane];
                    }
                }
            }
        }
    }
}
