//! Linear maps y = x W + b, and what is fused with them.

use pulp::{Simd, WithSimd};

use crate::tile::{Packed, ROWS, Steps, for_height, for_vectors, height, of_floats, of_vectors};
use crate::vector::{gelu, vectors, vectors_mut};
use crate::{Cpu, Interleaved};

/// A weight matrix `[inputs, outputs]`, packed for forward and backward.
#[derive(Clone, Default)]
pub struct Weights {
    forward: Packed,
    backward: Packed,
}

impl Weights {
    /// Room for a matrix of this shape; [`Self::pack`] fills it.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            forward: Packed::zeros(outputs, inputs),
            backward: Packed::zeros(inputs, outputs),
        }
    }

    /// Takes over the values of `weights`, `[inputs, outputs]` row-major.
    ///
    /// # Panics
    /// If `weights` has another number of elements.
    pub fn pack(&mut self, weights: &[f32]) {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        assert_eq!(weights.len(), inputs * outputs);
        // Forward a tile's rows are outputs, which lie side by side, and its sum runs over inputs,
        // a row of the matrix apart; backward it is the other way round.
        let (row, column) = (outputs, 1);
        self.forward.pack(
            weights,
            Steps {
                of_row: column,
                of_step: row,
            },
        );
        self.backward.pack(
            weights,
            Steps {
                of_row: row,
                of_step: column,
            },
        );
    }

    /// Features it takes.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.backward.rows()
    }

    /// Features it gives.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.forward.rows()
    }
}

/// y = x W + b.
pub fn linear(cpu: Cpu, weights: &Weights, bias: &[f32], x: &Interleaved, y: &mut Interleaved) {
    let end = AddBias { bias, y };
    cpu.run(Product {
        weights: &weights.forward,
        x,
        end,
    });
}

/// y += x W + b: a linear map that writes into the residual stream.
pub fn linear_residual(
    cpu: Cpu,
    weights: &Weights,
    bias: &[f32],
    x: &Interleaved,
    y: &mut Interleaved,
) {
    let end = AddBiasToStream { bias, y };
    cpu.run(Product {
        weights: &weights.forward,
        x,
        end,
    });
}

/// y = GELU(x W + b) by GPT-2's tanh form, and GELU's derivative there.
pub fn linear_gelu(
    cpu: Cpu,
    weights: &Weights,
    bias: &[f32],
    x: &Interleaved,
    y: &mut Interleaved,
    derivative: &mut Interleaved,
) {
    let end = AddBiasAndGelu {
        bias,
        y,
        derivative,
    };
    cpu.run(Product {
        weights: &weights.forward,
        x,
        end,
    });
}

/// dx = dy Wᵀ: the gradient of a linear map's input.
pub fn linear_input_gradient(cpu: Cpu, weights: &Weights, dy: &Interleaved, dx: &mut Interleaved) {
    let end = Store { y: dx };
    cpu.run(Product {
        weights: &weights.backward,
        x: dy,
        end,
    });
}

/// dx = (dy Wᵀ) ∘ `derivative`: the same through an activation function before the map.
pub fn linear_input_gradient_through(
    cpu: Cpu,
    weights: &Weights,
    dy: &Interleaved,
    derivative: &Interleaved,
    dx: &mut Interleaved,
) {
    let end = Multiply { derivative, y: dx };
    cpu.run(Product {
        weights: &weights.backward,
        x: dy,
        end,
    });
}

/// Adds the gradients of a linear map's matrix, `[inputs, outputs]` row-major, and of its bias,
/// `[outputs]`, to `d_weights` and `d_bias`.
///
/// # Panics
/// If a slice does not have the shape that `x` and `dy` give it.
pub fn linear_weight_gradient(
    cpu: Cpu,
    x: &Interleaved,
    dy: &Interleaved,
    d_weights: &mut [f32],
    d_bias: &mut [f32],
) {
    assert_eq!(x.columns(), dy.columns());
    assert_eq!(d_weights.len(), x.features() * dy.features());
    assert_eq!(d_bias.len(), dy.features());
    cpu.run(WeightGradient { x, dy, d_weights });
    cpu.run(BiasGradient { dy, d_bias });
}

/// What becomes of a product: features `first ..` of a column, one vector each.
trait End {
    fn take<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        column: usize,
        first: usize,
        values: [S::f32s; R],
    );

    /// Called when all features of a column were taken.
    #[inline(always)]
    fn column<S: Simd>(&mut self, _: S, _: usize) {}
}

/// A weight matrix times all columns.
struct Product<'a, E> {
    weights: &'a Packed,
    x: &'a Interleaved,
    end: E,
}

impl<E: End> WithSimd for Product<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (rows, depth, stride) = (self.weights.rows(), self.weights.depth(), self.x.stride());
        assert_eq!((self.x.features(), self.x.lanes()), (depth, S::F32_LANES));
        let x = self.x.as_slice();
        // A packed tile has the floats of a step side by side. Of x, the vectors of a tile are
        // columns, and a step goes on to the next feature.
        let a_steps = |rows| Steps {
            of_row: 1,
            of_step: rows,
        };
        let b_steps = Steps {
            of_row: stride,
            of_step: S::F32_LANES,
        };
        // Columns outside: a few of them stay in the first cache while all weights pass by.
        for_vectors!(S, self.x.columns(), |column, COLUMNS| {
            let b = &x[column * stride..][..COLUMNS * stride];
            let mut first = 0;
            while first < rows {
                let tile = height(rows - first);
                let a = self.weights.tile(first, tile);
                for_height!(tile, R => {
                    let sums = of_floats::<S, R, COLUMNS>(simd, depth, a, a_steps(R), b, b_steps);
                    for j in 0..COLUMNS {
                        // Sums are [feature][column]; an end takes the features of one column.
                        let mut values = [simd.splat_f32s(0.0); R];
                        for i in 0..R {
                            values[i] = sums[i][j];
                        }
                        self.end.take::<S, R>(simd, column + j, first, values);
                    }
                });
                first += tile;
            }
            for j in 0..COLUMNS {
                self.end.column(simd, column + j);
            }
        });
    }
}

/// Features `first .. first + R` of a column.
#[inline(always)]
fn part<S: Simd, const R: usize>(x: &Interleaved, column: usize, first: usize) -> &[S::f32s] {
    &vectors::<S>(x.column(column))[first..first + R]
}

#[inline(always)]
fn part_mut<S: Simd, const R: usize>(
    x: &mut Interleaved,
    column: usize,
    first: usize,
) -> &mut [S::f32s] {
    &mut vectors_mut::<S>(x.column_mut(column))[first..first + R]
}

struct Store<'a> {
    y: &'a mut Interleaved,
}

impl End for Store<'_> {
    #[inline(always)]
    fn take<S: Simd, const R: usize>(
        &mut self,
        _: S,
        column: usize,
        first: usize,
        values: [S::f32s; R],
    ) {
        part_mut::<S, R>(self.y, column, first).copy_from_slice(&values);
    }
}

struct Multiply<'a> {
    derivative: &'a Interleaved,
    y: &'a mut Interleaved,
}

impl End for Multiply<'_> {
    #[inline(always)]
    fn take<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        column: usize,
        first: usize,
        values: [S::f32s; R],
    ) {
        let derivative = part::<S, R>(self.derivative, column, first);
        let y = part_mut::<S, R>(self.y, column, first);
        for i in 0..R {
            y[i] = simd.mul_f32s(values[i], derivative[i]);
        }
    }
}

struct AddBias<'a> {
    bias: &'a [f32],
    y: &'a mut Interleaved,
}

impl End for AddBias<'_> {
    #[inline(always)]
    fn take<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        column: usize,
        first: usize,
        values: [S::f32s; R],
    ) {
        let bias = &self.bias[first..first + R];
        let y = part_mut::<S, R>(self.y, column, first);
        for i in 0..R {
            y[i] = simd.add_f32s(values[i], simd.splat_f32s(bias[i]));
        }
    }
}

struct AddBiasToStream<'a> {
    bias: &'a [f32],
    y: &'a mut Interleaved,
}

impl End for AddBiasToStream<'_> {
    #[inline(always)]
    fn take<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        column: usize,
        first: usize,
        values: [S::f32s; R],
    ) {
        let bias = &self.bias[first..first + R];
        let y = part_mut::<S, R>(self.y, column, first);
        for i in 0..R {
            let value = simd.add_f32s(values[i], simd.splat_f32s(bias[i]));
            y[i] = simd.add_f32s(y[i], value);
        }
    }
}

struct AddBiasAndGelu<'a> {
    bias: &'a [f32],
    y: &'a mut Interleaved,
    derivative: &'a mut Interleaved,
}

impl End for AddBiasAndGelu<'_> {
    #[inline(always)]
    fn take<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        column: usize,
        first: usize,
        values: [S::f32s; R],
    ) {
        // The sums rest where the derivative will be, until `column` passes over them: so GELU's
        // code is there once, not in every shape of tile, and the column is still in the first
        // cache.
        let mut end = AddBias {
            bias: self.bias,
            y: self.derivative,
        };
        end.take(simd, column, first, values);
    }

    #[inline(always)]
    fn column<S: Simd>(&mut self, simd: S, column: usize) {
        let y = vectors_mut::<S>(self.y.column_mut(column));
        let derivative = vectors_mut::<S>(self.derivative.column_mut(column));
        for (y, derivative) in y.iter_mut().zip(derivative) {
            (*y, *derivative) = gelu(simd, *derivative);
        }
    }
}

/// Bytes of `dy` that a pass over `x` keeps to, so that they stay in the second cache.
const STRIP_BYTES: usize = 64 * 1024;

/// `d_weights[k, n] += x[k] · dy[n]`, summed over columns and lanes.
struct WeightGradient<'a> {
    x: &'a Interleaved,
    dy: &'a Interleaved,
    d_weights: &'a mut [f32],
}

impl WithSimd for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, dy, d_weights } = self;
        let (inputs, outputs, columns) = (x.features(), dy.features(), x.columns());
        assert_eq!((x.lanes(), dy.lanes()), (S::F32_LANES, S::F32_LANES));
        // Each tile of x's features reads all of the strip of dy anew, so that is what has to stay
        // in the cache. It has a tile's worth of features at least, however many columns there are.
        let strip = (STRIP_BYTES / (columns * S::F32_LANES * 4)).max(ROWS);
        // Rows and vectors of a tile are features, a vector apart; the sum runs over columns.
        let steps = |of: &Interleaved| Steps {
            of_row: S::F32_LANES,
            of_step: of.stride(),
        };
        let mut strip_first = 0;
        while strip_first < outputs {
            let strip = strip.min(outputs - strip_first);
            let mut k = 0;
            while k < inputs {
                let tile = height(inputs - k);
                let a = &x.as_slice()[k * S::F32_LANES..];
                for_height!(tile, R => for_vectors!(S, strip, |n, N| {
                    let n = strip_first + n;
                    let b = &dy.as_slice()[n * S::F32_LANES..];
                    let sums = of_vectors::<S, R, N>(simd, columns, a, steps(x), b, steps(dy));
                    for (i, sums) in sums.iter().enumerate() {
                        // The lanes are other sequences, over which the gradient is a sum too. They
                        // are summed here, once a block, and not at each column.
                        let row = &mut d_weights[(k + i) * outputs + n..][..N];
                        for (to, &sum) in row.iter_mut().zip(sums) {
                            *to += simd.reduce_sum_f32s(sum);
                        }
                    }
                }));
                k += tile;
            }
            strip_first += strip;
        }
    }
}

/// `d_bias[n] += dy[n]`, summed over columns and lanes.
struct BiasGradient<'a> {
    dy: &'a Interleaved,
    d_bias: &'a mut [f32],
}

impl WithSimd for BiasGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        const AT_ONCE: usize = 8;
        let zero = simd.splat_f32s(0.0);
        for (part, to) in self.d_bias.chunks_mut(AT_ONCE).enumerate() {
            // A few features through all columns, so that their sums are put down once.
            let mut sums = [zero; AT_ONCE];
            for column in 0..self.dy.columns() {
                let values = vectors::<S>(self.dy.column(column));
                let values = &values[part * AT_ONCE..][..to.len()];
                // An array, whose length the compiler knows, so that the sums can stay in
                // registers; only the last part may be shorter.
                if let Ok(values) = <&[S::f32s; AT_ONCE]>::try_from(values) {
                    for i in 0..AT_ONCE {
                        sums[i] = simd.add_f32s(sums[i], values[i]);
                    }
                } else {
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum = simd.add_f32s(*sum, value);
                    }
                }
            }
            for (to, sum) in to.iter_mut().zip(sums) {
                *to += simd.reduce_sum_f32s(sum);
            }
        }
    }
}
