//! Adam and AdamW over flat vectors, in one pass.

use pulp::{Simd, WithSimd};

use crate::Cpu;
use crate::vector::{vectors, vectors_mut};

/// One step's settings of Adam, as torch.optim names them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate of this step.
    pub rate: f64,
    /// Decay of the moving means of gradient and square.
    pub betas: [f64; 2],
    /// Added to the root of the square's mean.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Whether the decay is apart from the gradient (AdamW) or added to it (Adam).
    pub decoupled: bool,
    /// What the gradient is multiplied with first, as clipping does; 1 for none.
    pub gradient_scale: f64,
    /// The step, the first being 1: the moving means are corrected for having begun at 0.
    pub step: u64,
}

impl Adam {
    /// Makes the step: moves `weights` down `gradient`, and the moving means along.
    ///
    /// # Panics
    /// If the slices differ in length, or the step is 0.
    pub fn apply(
        self,
        cpu: Cpu,
        weights: &mut [f32],
        gradient: &[f32],
        first: &mut [f32],
        second: &mut [f32],
    ) {
        assert!(self.step > 0, "the first step is 1");
        let len = weights.len();
        assert_eq!([gradient.len(), first.len(), second.len()], [len; 3]);
        cpu.run(Apply {
            adam: self,
            weights,
            gradient,
            first,
            second,
        });
    }
}

struct Apply<'a> {
    adam: Adam,
    weights: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            adam,
            weights,
            gradient,
            first,
            second,
        } = self;
        // Weights, gradient, first and second moment of a vector, after the step.
        let step = Step::new(simd, adam);
        let whole = weights.len() / S::F32_LANES * S::F32_LANES;
        {
            let weights = vectors_mut::<S>(weights);
            let (first, second) = (vectors_mut::<S>(first), vectors_mut::<S>(second));
            let parts = weights
                .iter_mut()
                .zip(vectors::<S>(gradient))
                .zip(first)
                .zip(second);
            for (((weight, &gradient), first), second) in parts {
                (*weight, *first, *second) = step.of(simd, *weight, gradient, *first, *second);
            }
        }
        if whole == weights.len() {
            return;
        }
        // What fills no whole vector goes through one filled up with zeros: a weight's rounding
        // does not depend on where it lies.
        let rest = |x: &[f32]| {
            let mut vector = simd.splat_f32s(0.0);
            floats_mut(&mut vector)[..x.len() - whole].copy_from_slice(&x[whole..]);
            vector
        };
        let (mut weight, mut first_moment, mut second_moment) = step.of(
            simd,
            rest(weights),
            rest(gradient),
            rest(first),
            rest(second),
        );
        for (to, from) in [
            (weights, &mut weight),
            (first, &mut first_moment),
            (second, &mut second_moment),
        ] {
            let to = &mut to[whole..];
            to.copy_from_slice(&floats_mut(from)[..to.len()]);
        }
    }
}

/// The floats of a vector.
fn floats_mut<V: pulp::bytemuck::Pod>(vector: &mut V) -> &mut [f32] {
    pulp::bytemuck::cast_slice_mut(std::slice::from_mut(vector))
}

/// A step's numbers as vectors.
struct Step<S: Simd> {
    gradient_scale: S::f32s,
    /// What the weight adds to the gradient.
    pull: S::f32s,
    /// What is left of the weight before the update.
    keep: S::f32s,
    betas: [S::f32s; 2],
    others: [S::f32s; 2],
    second_root: S::f32s,
    epsilon: S::f32s,
    minus_rate: S::f32s,
}

impl<S: Simd> Step<S> {
    #[inline(always)]
    fn new(simd: S, adam: Adam) -> Self {
        let splat = |x: f64| simd.splat_f32s(x as f32);
        // In f64: at the first steps 1 - β^t is small, and f32 would have lost most of its digits.
        let corrections = adam.betas.map(|beta| 1.0 - beta.powf(adam.step as f64));
        let (pull, keep) = if adam.decoupled {
            (0.0, 1.0 - adam.rate * adam.weight_decay)
        } else {
            (adam.weight_decay, 1.0)
        };
        Self {
            gradient_scale: splat(adam.gradient_scale),
            pull: splat(pull),
            keep: splat(keep),
            betas: adam.betas.map(splat),
            others: adam.betas.map(|beta| splat(1.0 - beta)),
            second_root: splat(1.0 / corrections[1].sqrt()),
            epsilon: splat(adam.epsilon),
            minus_rate: splat(-adam.rate / corrections[0]),
        }
    }

    #[inline(always)]
    fn of(
        &self,
        simd: S,
        weight: S::f32s,
        gradient: S::f32s,
        first: S::f32s,
        second: S::f32s,
    ) -> (S::f32s, S::f32s, S::f32s) {
        let gradient = simd.mul_f32s(gradient, self.gradient_scale);
        let gradient = simd.mul_add_e_f32s(weight, self.pull, gradient);
        let weight = simd.mul_f32s(weight, self.keep);
        let first = simd.mul_f32s(first, self.betas[0]);
        let first = simd.mul_add_e_f32s(gradient, self.others[0], first);
        let second = simd.mul_f32s(second, self.betas[1]);
        let square = simd.mul_f32s(gradient, gradient);
        let second = simd.mul_add_e_f32s(square, self.others[1], second);
        let root = simd.mul_add_e_f32s(simd.sqrt_f32s(second), self.second_root, self.epsilon);
        let update = simd.div_f32s(first, root);
        let weight = simd.mul_add_e_f32s(update, self.minus_rate, weight);
        (weight, first, second)
    }
}
