//! Causal self-attention of whole sequences, lane by lane; see the page of [`crate::interleaved`].

use pulp::{Simd, WithSimd};

use crate::interleaved::Floats;
use crate::tile::{ROWS, Steps, for_height, for_vectors, height, of_vectors};
use crate::vector::{exp, vectors, vectors_mut};
use crate::{Cpu, Interleaved};

/// Queries whose probabilities the backward pass holds at a time: what is summed over queries is
/// taken up and put down once for each such strip.
const STRIP: usize = 18;

/// How the features of queries, keys and values divide into heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Positions of a sequence.
    pub positions: usize,
    /// Number of heads.
    pub heads: usize,
    /// Features of a head.
    pub width: usize,
}

/// What attention needs beside its inputs and outputs, allocated once.
#[derive(Clone, Default)]
pub struct Scratch {
    /// Exponentials or probabilities of a strip's queries, `[STRIP, positions, lanes]`.
    probabilities: Floats,
    /// Gradients of the scores, likewise.
    gradients: Floats,
}

impl Scratch {
    /// Room for attention of these heads.
    #[must_use]
    pub fn new(cpu: Cpu, heads: Heads) -> Self {
        // Forward takes a tile of rows of it, backward a strip: neither has more than there are
        // positions.
        let len = STRIP.min(heads.positions) * heads.positions * cpu.lanes();
        Self {
            probabilities: Floats::zeros(len),
            gradients: Floats::zeros(len),
        }
    }
}

/// What the backward pass needs of the forward pass beside its output: for each query and head the
/// greatest scaled score and the reciprocal of the sum of exponentials below it.
#[derive(Clone, Default)]
pub struct Normalizers(Floats);

impl Normalizers {
    /// Room for so many columns.
    #[must_use]
    pub fn zeros(cpu: Cpu, heads: Heads, columns: usize) -> Self {
        Self(Floats::zeros(columns * heads.heads * 2 * cpu.lanes()))
    }
}

/// Mixes the values of each sequence: y = softmax(q kᵀ / √width) v for each head, where a position
/// sees itself and those before it.
///
/// `qkv`: queries, keys and values side by side, 3 · heads · width features, in whole groups of
/// sequences. `y`: heads · width features.
///
/// # Panics
/// If the shapes do not agree.
pub fn attention(
    cpu: Cpu,
    heads: Heads,
    qkv: &Interleaved,
    scratch: &mut Scratch,
    normalizers: &mut Normalizers,
    y: &mut Interleaved,
) {
    check(heads, qkv, y);
    cpu.run(Forward {
        heads,
        qkv,
        scratch,
        normalizers,
        y,
    });
}

/// The gradient of attention's inputs: `d_qkv` from `dy`, with what the forward pass was given and
/// gave.
///
/// # Panics
/// If the shapes do not agree.
#[expect(
    clippy::too_many_arguments,
    reason = "inputs and outputs of both passes"
)]
pub fn attention_backward(
    cpu: Cpu,
    heads: Heads,
    qkv: &Interleaved,
    y: &Interleaved,
    normalizers: &Normalizers,
    dy: &Interleaved,
    scratch: &mut Scratch,
    d_qkv: &mut Interleaved,
) {
    check(heads, qkv, y);
    check(heads, d_qkv, dy);
    cpu.run(Backward {
        heads,
        qkv,
        y,
        normalizers,
        dy,
        scratch,
        d_qkv,
    });
}

fn check(heads: Heads, qkv: &Interleaved, y: &Interleaved) {
    let d = heads.heads * heads.width;
    assert_eq!((qkv.features(), y.features()), (3 * d, d));
    assert_eq!(qkv.columns(), y.columns());
    assert!(
        qkv.columns().is_multiple_of(heads.positions),
        "whole sequences"
    );
}

/// Where a head's part of something begins, and its strides in floats.
#[derive(Clone, Copy)]
struct Part<'a> {
    floats: &'a [f32],
    by_position: usize,
    lanes: usize,
}

impl<'a> Part<'a> {
    /// Features `first ..` of a group of sequences whose first column is `column`.
    #[inline(always)]
    fn new(of: &'a Interleaved, column: usize, first: usize) -> Self {
        Self {
            floats: &of.as_slice()[column * of.stride() + first * of.lanes()..],
            by_position: of.stride(),
            lanes: of.lanes(),
        }
    }

    /// From a position and a feature on.
    #[inline(always)]
    fn at(self, position: usize, feature: usize) -> &'a [f32] {
        &self.floats[position * self.by_position + feature * self.lanes..]
    }

    /// From a position on.
    #[inline(always)]
    fn from(self, position: usize) -> Self {
        Self {
            floats: self.at(position, 0),
            ..self
        }
    }

    /// Rows of a tile are positions, its sum runs over features.
    #[inline(always)]
    fn over_features(self) -> Steps {
        Steps {
            of_row: self.by_position,
            of_step: self.lanes,
        }
    }

    /// Rows of a tile are features, its sum runs over positions.
    #[inline(always)]
    fn over_positions(self) -> Steps {
        Steps {
            of_row: self.lanes,
            of_step: self.by_position,
        }
    }
}

struct Forward<'a> {
    heads: Heads,
    qkv: &'a Interleaved,
    scratch: &'a mut Scratch,
    normalizers: &'a mut Normalizers,
    y: &'a mut Interleaved,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            heads,
            qkv,
            scratch,
            normalizers,
            y,
        } = self;
        let Heads {
            positions,
            heads,
            width,
        } = heads;
        let (lanes, d) = (S::F32_LANES, heads * width);
        let scale = simd.splat_f32s(1.0 / (width as f32).sqrt());
        let strip = scratch.probabilities.all_mut();
        // A query's row has a vector for each key.
        let of_row = positions * lanes;
        for group in (0..qkv.columns()).step_by(positions) {
            for head in 0..heads {
                let queries = Part::new(qkv, group, head * width);
                let keys = Part::new(qkv, group, d + head * width);
                let values = Part::new(qkv, group, 2 * d + head * width);
                let mut first = 0;
                while first < positions {
                    // Up to six queries at once, against all keys that the last of them sees.
                    let tile = height(positions - first);
                    let seen = first + tile;
                    let rows = queries.from(first);
                    dots(simd, [tile, seen, width], rows, keys, strip, of_row);
                    // Of any value: all that the tile uses are set below.
                    let mut reciprocals = [scale; ROWS];
                    for (i, reciprocal) in reciprocals[..tile].iter_mut().enumerate() {
                        let row = vectors_mut::<S>(&mut strip[i * of_row..][..seen * lanes]);
                        // Keys of the tile that come after this query become zeros: the product
                        // with the values takes whole rows.
                        let (greatest, sum) = exponentials(simd, row, first + i + 1, scale);
                        *reciprocal = simd.div_f32s(simd.splat_f32s(1.0), sum);
                        // In vectors, `[columns, heads, 2]`; the backward pass finds them so.
                        let at = ((group + first + i) * heads + head) * 2;
                        let to = vectors_mut::<S>(normalizers.0.all_mut());
                        to[at] = greatest;
                        to[at + 1] = *reciprocal;
                    }
                    // The values weighted by the exponentials, a sum over keys. It is divided by
                    // theirs only at the end, in `width` numbers.
                    for_height!(tile, R => {
                        for_vectors!(S, width, |feature, N| {
                            let sums = of_vectors::<S, R, N>(
                                simd,
                                seen,
                                strip,
                                Steps { of_row, of_step: lanes },
                                values.at(0, feature),
                                values.over_positions(),
                            );
                            for (i, sums) in sums.iter().enumerate() {
                                let to = vectors_mut::<S>(y.column_mut(group + first + i));
                                let to = &mut to[head * width + feature..][..N];
                                for (to, &sum) in to.iter_mut().zip(sums) {
                                    *to = simd.mul_f32s(sum, reciprocals[i]);
                                }
                            }
                        });
                    });
                    first = seen;
                }
            }
        }
    }
}

/// Dot products over features of the first so many positions of `a` with those of `b`, into rows
/// that are `of_row` floats apart. `sizes`: positions of `a`, at most a tile's rows; of `b`; and
/// features.
#[inline(always)]
fn dots<S: Simd>(
    simd: S,
    sizes: [usize; 3],
    a: Part<'_>,
    b: Part<'_>,
    to: &mut [f32],
    of_row: usize,
) {
    let [tile, count, width] = sizes;
    for_height!(tile, R => for_vectors!(S, count, |first, N| {
        let sums = of_vectors::<S, R, N>(
            simd,
            width,
            a.floats,
            a.over_features(),
            b.at(first, 0),
            b.over_features(),
        );
        for (i, sums) in sums.iter().enumerate() {
            let to = &mut to[i * of_row + first * S::F32_LANES..];
            vectors_mut::<S>(to)[..N].copy_from_slice(sums);
        }
    }));
}

/// Turns the first `seen` scores of a row into exponentials under their greatest and the others
/// into zeros; returns the greatest, scaled, and the exponentials' sum.
#[inline(always)]
fn exponentials<S: Simd>(
    simd: S,
    row: &mut [S::f32s],
    seen: usize,
    scale: S::f32s,
) -> (S::f32s, S::f32s) {
    let (scores, hidden) = row.split_at_mut(seen);
    let mut greatest = scores[0];
    for &score in &scores[1..] {
        greatest = simd.max_f32s(greatest, score);
    }
    // The scale is above 0 and keeps the order: the greatest exponent is exactly 0, the sum at
    // least 1, and dividing by it safe.
    let greatest = simd.mul_f32s(greatest, scale);
    let mut sum = simd.splat_f32s(0.0);
    for score in scores {
        *score = exp(simd, simd.sub_f32s(simd.mul_f32s(*score, scale), greatest));
        sum = simd.add_f32s(sum, *score);
    }
    hidden.fill(simd.splat_f32s(0.0));
    (greatest, sum)
}

struct Backward<'a> {
    heads: Heads,
    qkv: &'a Interleaved,
    y: &'a Interleaved,
    normalizers: &'a Normalizers,
    dy: &'a Interleaved,
    scratch: &'a mut Scratch,
    d_qkv: &'a mut Interleaved,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Heads {
            positions, heads, ..
        } = self.heads;
        let strips = positions.div_ceil(STRIP);
        for group in (0..self.qkv.columns()).step_by(positions) {
            for head in 0..heads {
                for i in 0..strips {
                    // Near-equal strips, none longer than STRIP, for which the scratch has room.
                    let queries = i * positions / strips..(i + 1) * positions / strips;
                    self.strip(simd, group, head, queries);
                }
            }
        }
    }
}

impl Backward<'_> {
    /// All that comes of the queries of one strip.
    #[inline(always)]
    fn strip<S: Simd>(
        &mut self,
        simd: S,
        group: usize,
        head: usize,
        strip: std::ops::Range<usize>,
    ) {
        let Heads {
            positions,
            heads,
            width,
        } = self.heads;
        let (lanes, d) = (S::F32_LANES, heads * width);
        let [at_query, at_key, at_value] = [0, d, 2 * d].map(|part| part + head * width);
        let queries = Part::new(self.qkv, group, at_query);
        let keys = Part::new(self.qkv, group, at_key);
        let values = Part::new(self.qkv, group, at_value);
        let dy = Part::new(self.dy, group, head * width);
        let y = Part::new(self.y, group, head * width);
        let scale = simd.splat_f32s(1.0 / (width as f32).sqrt());
        let of_row = positions * lanes;
        let probabilities = self.scratch.probabilities.all_mut();
        let gradients = self.scratch.gradients.all_mut();

        // First, a tile of queries at a time: their probabilities once more, from the scores, the
        // gradients of the scores, and from these the gradients of the queries.
        let mut first = strip.start;
        while first < strip.end {
            let tile = height(strip.end - first);
            let seen = first + tile;
            let row = (first - strip.start) * of_row;
            let to = &mut probabilities[row..];
            dots(
                simd,
                [tile, seen, width],
                queries.from(first),
                keys,
                to,
                of_row,
            );
            let to = &mut gradients[row..];
            dots(
                simd,
                [tile, seen, width],
                dy.from(first),
                values,
                to,
                of_row,
            );
            for i in 0..tile {
                let query = first + i;
                let at = ((group + query) * heads + head) * 2;
                let of = &vectors::<S>(self.normalizers.0.all())[at..at + 2];
                let (greatest, reciprocal) = (of[0], of[1]);
                // With P = softmax(scale · q kᵀ) and P' = dy vᵀ its gradient, that of q kᵀ is
                // scale · P (P' - Σ P P'), where Σ P P' over the keys is dy · Σ P v = dy · y: no
                // sum over keys is left.
                // What all keys' slopes have in common.
                let mut dot = simd.splat_f32s(0.0);
                let dy = &vectors::<S>(dy.at(query, 0))[..width];
                for (&dy, &y) in dy.iter().zip(&vectors::<S>(y.at(query, 0))[..width]) {
                    dot = simd.mul_add_e_f32s(dy, y, dot);
                }
                let (seen, hidden) = ((query + 1) * lanes, strip.end * lanes);
                let row = row + i * of_row;
                let scores = vectors_mut::<S>(&mut probabilities[row..][..seen]);
                let slopes = vectors_mut::<S>(&mut gradients[row..][..seen]);
                for (score, slope) in scores.iter_mut().zip(slopes) {
                    // The operations of the forward pass in their order: to the bit the
                    // exponentials whose sum is in `reciprocal`.
                    let e = exp(simd, simd.sub_f32s(simd.mul_f32s(*score, scale), greatest));
                    let p = simd.mul_f32s(e, reciprocal);
                    *score = p;
                    *slope = simd.mul_f32s(p, simd.mul_f32s(simd.sub_f32s(*slope, dot), scale));
                }
                // Up to the end of the strip, since the keys' gradients take whole tiles of its
                // keys.
                probabilities[row + seen..row + hidden].fill(0.0);
                gradients[row + seen..row + hidden].fill(0.0);
            }
            // dq, the slopes times the keys. A query is in one strip only, so it is written, not
            // added to.
            for_height!(tile, R => {
                for_vectors!(S, width, |feature, N| {
                    let sums = of_vectors::<S, R, N>(
                        simd,
                        seen,
                        &gradients[row..],
                        Steps { of_row, of_step: lanes },
                        keys.at(0, feature),
                        keys.over_positions(),
                    );
                    for (i, sums) in sums.iter().enumerate() {
                        let to = vectors_mut::<S>(self.d_qkv.column_mut(group + first + i));
                        to[at_query + feature..][..N].copy_from_slice(sums);
                    }
                });
            });
            first = seen;
        }

        // Then, a tile of keys at a time, dk = slopesᵀ q and dv = Pᵀ dy, as far as the strip's
        // queries go.
        // Keys before the strip have gradients from strips before; those within it begin here.
        for (range, begins) in [(0..strip.start, false), (strip.clone(), true)] {
            let mut key = range.start;
            while key < range.end {
                let tile = height(range.end - key);
                // Queries before the key do not see it.
                let from = key.max(strip.start);
                let row = (from - strip.start) * of_row + key * lanes;
                // The same rows read across: a tile's rows are keys, its sum runs over queries.
                let steps = Steps {
                    of_row: lanes,
                    of_step: of_row,
                };
                for (of, by, to) in [
                    (&*gradients, queries, at_key),
                    (&*probabilities, dy, at_value),
                ] {
                    for_height!(tile, R => for_vectors!(S, width, |feature, N| {
                        let sums = of_vectors::<S, R, N>(
                            simd,
                            strip.end - from,
                            &of[row..],
                            steps,
                            by.at(from, feature),
                            by.over_positions(),
                        );
                        for (i, sums) in sums.iter().enumerate() {
                            let column = vectors_mut::<S>(self.d_qkv.column_mut(group + key + i));
                            let column = &mut column[to + feature..][..N];
                            for (to, &sum) in column.iter_mut().zip(sums) {
                                *to = if begins { sum } else { simd.add_f32s(*to, sum) };
                            }
                        }
                    }));
                }
                key += tile;
            }
        }
    }
}
