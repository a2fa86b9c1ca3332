//! Layer norm over the features of a token.

use pulp::{Simd, WithSimd};

use crate::interleaved::Floats;
use crate::vector::{sum, vectors, vectors_mut};
use crate::{Cpu, Interleaved};

/// GPT-2's epsilon in every layer norm.
pub const LAYER_NORM_EPSILON: f32 = 1e-5;

/// What the backward pass of a layer norm needs of the forward pass.
#[derive(Clone, Default)]
pub struct Normalized {
    /// (x - mean) / √(variance + ε).
    pub(crate) values: Interleaved,
    /// 1 / √(variance + ε), `[columns, lanes]`.
    reciprocal_deviations: Floats,
}

impl Normalized {
    /// Room for so many columns of so many features.
    #[must_use]
    pub fn zeros(cpu: Cpu, features: usize, columns: usize) -> Self {
        Self {
            values: Interleaved::zeros(cpu, features, columns),
            reciprocal_deviations: Floats::zeros(columns * cpu.lanes()),
        }
    }

    pub(crate) fn set_columns(&mut self, columns: usize) {
        self.values.set_columns(columns);
    }
}

/// The gradients of a layer norm's gain and bias, still apart by lane.
#[derive(Clone, Default)]
pub struct NormGradient {
    /// `[features, lanes]` each.
    gain: Floats,
    bias: Floats,
    features: usize,
    lanes: usize,
}

impl NormGradient {
    /// A gradient of zero.
    #[must_use]
    pub fn zeros(cpu: Cpu, features: usize) -> Self {
        Self {
            gain: Floats::zeros(features * cpu.lanes()),
            bias: Floats::zeros(features * cpu.lanes()),
            features,
            lanes: cpu.lanes(),
        }
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        self.gain.all_mut().fill(0.0);
        self.bias.all_mut().fill(0.0);
    }

    /// Adds what was gathered to the gradients of gain and bias, `[features]` each.
    pub fn add_to(&self, gain: &mut [f32], bias: &mut [f32]) {
        for (from, to) in [(&self.gain, gain), (&self.bias, bias)] {
            let lanes = from.all()[..self.features * self.lanes].chunks_exact(self.lanes);
            for (to, lanes) in to.iter_mut().zip(lanes) {
                *to += lanes.iter().sum::<f32>();
            }
        }
    }
}

/// y = (x - mean) / √(variance + ε) ∘ gain + bias, over the features of each token.
///
/// # Panics
/// If the shapes do not agree.
pub fn layer_norm(
    cpu: Cpu,
    x: &Interleaved,
    gain: &[f32],
    bias: &[f32],
    normalized: &mut Normalized,
    y: &mut Interleaved,
) {
    assert_eq!((gain.len(), bias.len()), (x.features(), x.features()));
    cpu.run(Forward {
        x,
        gain,
        bias,
        normalized,
        y,
    });
}

/// Adds to `dx` the gradient of a layer norm's input, and to `gradient` those of gain and bias.
///
/// # Panics
/// If the shapes do not agree.
pub fn layer_norm_backward(
    cpu: Cpu,
    dy: &Interleaved,
    normalized: &Normalized,
    gain: &[f32],
    gradient: &mut NormGradient,
    dx: &mut Interleaved,
) {
    assert_eq!(
        (gain.len(), gradient.features),
        (dy.features(), dy.features())
    );
    cpu.run(Backward {
        dy,
        normalized,
        gain,
        gradient,
        dx,
    });
}

struct Forward<'a> {
    x: &'a Interleaved,
    gain: &'a [f32],
    bias: &'a [f32],
    normalized: &'a mut Normalized,
    y: &'a mut Interleaved,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            x,
            gain,
            bias,
            normalized,
            y,
        } = self;
        let features = x.features();
        let part = simd.splat_f32s(1.0 / features as f32);
        let epsilon = simd.splat_f32s(LAYER_NORM_EPSILON);
        let one = simd.splat_f32s(1.0);
        for column in 0..x.columns() {
            let x = vectors::<S>(x.column(column));
            let mean = simd.mul_f32s(sum(simd, x.len(), |i| x[i]), part);
            // Of x less its mean: the mean square less the mean's square cancels where the mean is
            // large.
            let variance = sum(simd, x.len(), |i| {
                let centered = simd.sub_f32s(x[i], mean);
                simd.mul_f32s(centered, centered)
            });
            let variance = simd.mul_add_e_f32s(variance, part, epsilon);
            let reciprocal = simd.div_f32s(one, simd.sqrt_f32s(variance));
            vectors_mut::<S>(normalized.reciprocal_deviations.all_mut())[column] = reciprocal;
            let normal = vectors_mut::<S>(normalized.values.column_mut(column));
            let y = vectors_mut::<S>(y.column_mut(column));
            for i in 0..features {
                let value = simd.mul_f32s(simd.sub_f32s(x[i], mean), reciprocal);
                // Beside the deviation all that the backward pass needs of x.
                normal[i] = value;
                y[i] =
                    simd.mul_add_e_f32s(value, simd.splat_f32s(gain[i]), simd.splat_f32s(bias[i]));
            }
        }
    }
}

struct Backward<'a> {
    dy: &'a Interleaved,
    normalized: &'a Normalized,
    gain: &'a [f32],
    gradient: &'a mut NormGradient,
    dx: &'a mut Interleaved,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            dy,
            normalized,
            gain,
            gradient,
            dx,
        } = self;
        let features = dy.features();
        let minus_part = simd.splat_f32s(-1.0 / features as f32);
        let d_gain = &mut vectors_mut::<S>(gradient.gain.all_mut())[..features];
        let d_bias = &mut vectors_mut::<S>(gradient.bias.all_mut())[..features];
        for column in 0..dy.columns() {
            let dy = &vectors::<S>(dy.column(column))[..features];
            let normal = &vectors::<S>(normalized.values.column(column))[..features];
            let dx = &mut vectors_mut::<S>(dx.column_mut(column))[..features];
            let zero = simd.splat_f32s(0.0);
            // With n the normalized values, d = dy ∘ gain and σ the deviation,
            // dx = (d - mean(d) - n mean(d ∘ n)) / σ. Each mean has two sums, so that an addition
            // does not wait for the one before.
            let (mut plain, mut along) = ([zero; 2], [zero; 2]);
            for i in 0..features {
                d_gain[i] = simd.mul_add_e_f32s(dy[i], normal[i], d_gain[i]);
                d_bias[i] = simd.add_f32s(d_bias[i], dy[i]);
                let d = simd.mul_f32s(dy[i], simd.splat_f32s(gain[i]));
                plain[i % 2] = simd.add_f32s(plain[i % 2], d);
                along[i % 2] = simd.mul_add_e_f32s(d, normal[i], along[i % 2]);
            }
            let plain = simd.mul_f32s(simd.add_f32s(plain[0], plain[1]), minus_part);
            let along = simd.mul_f32s(simd.add_f32s(along[0], along[1]), minus_part);
            let reciprocal = vectors::<S>(normalized.reciprocal_deviations.all())[column];
            for i in 0..features {
                // Rounded as it was in the sums: of one feature exactly nothing is left.
                let d = simd.mul_f32s(dy[i], simd.splat_f32s(gain[i]));
                let d = simd.add_f32s(d, plain);
                let d = simd.mul_add_e_f32s(normal[i], along, d);
                dx[i] = simd.mul_add_e_f32s(d, reciprocal, dx[i]);
            }
        }
    }
}
