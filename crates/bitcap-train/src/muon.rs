//! Muon (Jordan et al. 2024): momentum, made orthogonal by a Newton-Schulz iteration.

use bitcap_plan::{Layout, Rule, TrainSettings};
use burn::tensor::{Device, Tensor};

/// The quintic's coefficients, from Jordan's reference code; torch.optim.Muon has the same.
const COEFFICIENTS: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);
const ITERATIONS: usize = 5;
/// Keeps the norm of an all-zero update away from 0, as in torch.optim.Muon.
const EPSILON: f64 = 1e-7;

/// Muon on the matrices of a layout, which are the flat vector's tail.
#[derive(Clone, Debug)]
pub(crate) struct Muon {
    layout: Layout,
    momentum_rate: f64,
    weight_decay: f64,
    /// The rate of AdamW, which does the rest, as a part of Muon's own.
    pub(crate) adam_part: f64,
    /// `[P_matrices]`.
    pub(crate) momentum: Tensor<1>,
}

impl Muon {
    pub(crate) fn new(settings: &TrainSettings, layout: Layout, device: &Device) -> Self {
        let adam_rate = settings
            .adam_learning_rate
            .unwrap_or(settings.learning_rate / 2.0);
        Self {
            momentum_rate: settings.momentum,
            weight_decay: settings.weight_decay,
            adam_part: adam_rate / settings.learning_rate,
            momentum: Tensor::zeros([layout.len() - layout.matrices_start()], device),
            layout,
        }
    }

    /// The matrices after one step; `[P_matrices]` all.
    pub(crate) fn step(
        &mut self,
        matrices: Tensor<1>,
        gradient: Tensor<1>,
        rate: f64,
    ) -> Tensor<1> {
        let mu = self.momentum_rate;
        let step = gradient.mul_scalar(1.0 - mu);
        self.momentum = self.momentum.clone().mul_scalar(mu) + step.clone();
        // Nesterov: one step further along the new momentum.
        let ahead = step + self.momentum.clone().mul_scalar(mu);
        matrices.mul_scalar(1.0 - rate * self.weight_decay)
            - orthogonal_updates(&self.layout, &ahead).mul_scalar(rate)
    }
}

/// The updates of every matrix of the layout for this momentum, to be multiplied by the rate.
///
/// `momentum`: `[P_matrices]`, the flat tail of the layout with Nesterov's look-ahead already in it.
/// Each matrix gets √max(1, out / in) · orthogonal(M): torch.optim.Muon's "original" adjustment, which
/// it writes for weights stored `[out, in]`.
fn orthogonal_updates(layout: &Layout, momentum: &Tensor<1>) -> Tensor<1> {
    let start = layout.matrices_start();
    let parts = layout
        .matrices()
        .map(|slot| {
            let range = slot.range();
            let (rows, columns) = (slot.dims[0], slot.dims[1]);
            let matrix = momentum
                .clone()
                .slice(range.start - start..range.end - start)
                .reshape([rows, columns]);
            let (inputs, outputs) = match slot.rule {
                Rule::TransposedMatrix => (columns, rows),
                Rule::Matrix | Rule::Other => (rows, columns),
            };
            let adjusted = (outputs as f64 / inputs as f64).max(1.0).sqrt();
            orthogonal(matrix).mul_scalar(adjusted).flatten(0, 1)
        })
        .collect();
    Tensor::cat(parts, 0)
}

/// The orthogonal matrix nearest to `x` in direction, roughly: singular values come to lie between
/// about 0.7 and 1.2.
fn orthogonal(x: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = x.dims();
    let tall = rows > columns;
    // The smaller Gram matrix: X Xᵀ of the wide form.
    let mut x = if tall { x.transpose() } else { x };
    // The Frobenius norm is no less than the largest singular value, and the iteration is made for
    // none above 1.
    let norm = x.clone().square().sum().sqrt().clamp_min(EPSILON);
    x = x / norm.unsqueeze::<2>();
    let (a, b, c) = COEFFICIENTS;
    for _ in 0..ITERATIONS {
        // Of each singular value s this makes a s + b s³ + c s⁵; singular vectors stay.
        let gram = x.clone().matmul(x.clone().transpose());
        let update = gram.clone().mul_scalar(b) + gram.clone().matmul(gram).mul_scalar(c);
        x = x.clone().mul_scalar(a) + update.matmul(x);
    }
    if tall { x.transpose() } else { x }
}
