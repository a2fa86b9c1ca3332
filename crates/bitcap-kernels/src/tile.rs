//! Tiles of a product that stay in registers: all the matrix arithmetic there is.
//!
//! A tile is up to [`ROWS`] rows by a few vectors. Six rows by two vectors leave AVX2's sixteen
//! registers four for the operands: 0.75 to 0.98 of the multiply-add peak on a Zen 3 core at
//! depths of 16 to 256, where four by three had 0.45. Thirty-two registers take four vectors.

use pulp::Simd;

/// Rows of a tile.
pub(crate) const ROWS: usize = 6;

/// Where the elements of an operand lie: `i * of_row + r * of_step`, `i` being the row or vector
/// of the tile and `r` the step along the sum.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) of_row: usize,
    pub(crate) of_step: usize,
}

impl Steps {
    #[inline(always)]
    fn last(self, rows: usize, depth: usize) -> usize {
        (rows - 1) * self.of_row + (depth - 1) * self.of_step
    }
}

/// Rows of the next tile where `left` are left: sixes as far as that leaves no rest smaller than
/// a four, whose twelve or eight sums are what hides the latency of a multiply-add.
#[inline(always)]
pub(crate) fn height(left: usize) -> usize {
    match left {
        1 => 1,
        2 | 3 => 2,
        4 | 5 | 8 => 4,
        _ => ROWS,
    }
}

/// Runs `$body` with `$rows` a constant, the tile's rows.
macro_rules! for_height {
    ($height:expr, $rows:ident => $body:expr) => {
        match $height {
            6 => {
                const $rows: usize = 6;
                $body
            }
            4 => {
                const $rows: usize = 4;
                $body
            }
            2 => {
                const $rows: usize = 2;
                $body
            }
            _ => {
                const $rows: usize = 1;
                $body
            }
        }
    };
}

/// Runs `$body` over `$count` vectors in steps of `$vectors`, a constant: 4 with 32 registers,
/// then 2, then 1; without vector instructions 1 alone, which is less to compile. `$first` is the first vector of a step.
macro_rules! for_vectors {
    ($simd:ty, $count:expr, |$first:ident, $vectors:ident| $body:expr) => {{
        let count = $count;
        let mut $first = 0;
        if <$simd as pulp::Simd>::REGISTER_COUNT >= 32 {
            const $vectors: usize = 4;
            while $first + $vectors <= count {
                $body;
                $first += $vectors;
            }
        }
        if !<$simd as pulp::Simd>::IS_SCALAR {
            const $vectors: usize = 2;
            while $first + $vectors <= count {
                $body;
                $first += $vectors;
            }
        }
        {
            const $vectors: usize = 1;
            while $first < count {
                $body;
                $first += $vectors;
            }
        }
    }};
}

pub(crate) use {for_height, for_vectors};

/// Σ_r a[i, r] · b[j, r]: of `a` single floats, of `b` vectors.
#[inline(always)]
pub(crate) fn of_floats<S: Simd, const R: usize, const N: usize>(
    simd: S,
    depth: usize,
    a: &[f32],
    a_steps: Steps,
    b: &[f32],
    b_steps: Steps,
) -> [[S::f32s; N]; R] {
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    // Without a step there is no last one to check.
    if depth == 0 {
        return sums;
    }
    // Checked once a tile: places only grow with step, row and vector, so the loops need no check.
    assert!(a_steps.last(R, depth) < a.len());
    assert!(b_steps.last(N, depth) + S::F32_LANES <= b.len());
    let (a, b) = (a.as_ptr(), b.as_ptr());
    // A step loads N vectors and R floats for its R · N multiply-adds.
    for r in 0..depth {
        let mut columns = [simd.splat_f32s(0.0); N];
        for (j, column) in columns.iter_mut().enumerate() {
            // SAFETY: r < depth and j < N, so this is at or before the last vector of `b`, which
            // the assertion above found inside; f32s is plain floats, read at any alignment.
            *column = unsafe {
                b.add(r * b_steps.of_step + j * b_steps.of_row)
                    .cast::<S::f32s>()
                    .read_unaligned()
            };
        }
        for (i, row) in sums.iter_mut().enumerate() {
            // SAFETY: r < depth and i < R, so this is at or before the last float of `a`, which
            // the assertion above found inside.
            let weight = unsafe { *a.add(r * a_steps.of_step + i * a_steps.of_row) };
            let weight = simd.splat_f32s(weight);
            for (sum, &column) in row.iter_mut().zip(&columns) {
                *sum = simd.mul_add_e_f32s(weight, column, *sum);
            }
        }
    }
    sums
}

/// Σ_r a[i, r] ∘ b[j, r], lane by lane: both of vectors.
#[inline(always)]
pub(crate) fn of_vectors<S: Simd, const R: usize, const N: usize>(
    simd: S,
    depth: usize,
    a: &[f32],
    a_steps: Steps,
    b: &[f32],
    b_steps: Steps,
) -> [[S::f32s; N]; R] {
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    if depth == 0 {
        return sums;
    }
    // As in `of_floats`, but that of `a`, too, a whole vector is read at each place.
    assert!(a_steps.last(R, depth) + S::F32_LANES <= a.len());
    assert!(b_steps.last(N, depth) + S::F32_LANES <= b.len());
    let (a, b) = (a.as_ptr(), b.as_ptr());
    for r in 0..depth {
        let mut columns = [simd.splat_f32s(0.0); N];
        for (j, column) in columns.iter_mut().enumerate() {
            // SAFETY: r < depth and j < N, so this is at or before the last vector of `b`, which
            // the assertion above found inside; f32s is plain floats, read at any alignment.
            *column = unsafe {
                b.add(r * b_steps.of_step + j * b_steps.of_row)
                    .cast::<S::f32s>()
                    .read_unaligned()
            };
        }
        for (i, row) in sums.iter_mut().enumerate() {
            // SAFETY: r < depth and i < R, so this is at or before the last vector of `a`, which
            // the assertion above found inside; as for `b`.
            let weight = unsafe {
                a.add(r * a_steps.of_step + i * a_steps.of_row)
                    .cast::<S::f32s>()
                    .read_unaligned()
            };
            for (sum, &column) in row.iter_mut().zip(&columns) {
                *sum = simd.mul_add_e_f32s(weight, column, *sum);
            }
        }
    }
    sums
}

/// A matrix in the order in which tiles read it: tile after tile, in each step after step, the
/// floats of the tile's rows side by side.
#[derive(Clone, Default)]
pub(crate) struct Packed {
    floats: crate::interleaved::Floats,
    rows: usize,
    depth: usize,
}

impl Packed {
    pub(crate) fn zeros(rows: usize, depth: usize) -> Self {
        Self {
            floats: crate::interleaved::Floats::zeros(rows * depth),
            rows,
            depth,
        }
    }

    /// Takes over a matrix whose element (row, step) is at `row * of_row + step * of_step`.
    pub(crate) fn pack(&mut self, source: &[f32], steps: Steps) {
        let (rows, depth) = (self.rows, self.depth);
        let floats = self.floats.all_mut();
        let mut first = 0;
        // Who reads the matrix walks its rows by `height` from the first on, as here, and so meets
        // these very tiles.
        while first < rows {
            let tile = height(rows - first);
            // Every row takes `depth` floats, so a tile begins here whatever the heights before it.
            let to = &mut floats[first * depth..][..tile * depth];
            for (r, to) in to.chunks_exact_mut(tile).enumerate() {
                for (i, to) in to.iter_mut().enumerate() {
                    *to = source[(first + i) * steps.of_row + r * steps.of_step];
                }
            }
            first += tile;
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The tile that begins at row `first` and has so many rows.
    #[inline(always)]
    pub(crate) fn tile(&self, first: usize, rows: usize) -> &[f32] {
        &self.floats.all()[first * self.depth..][..rows * self.depth]
    }
}
