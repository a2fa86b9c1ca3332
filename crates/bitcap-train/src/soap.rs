//! SOAP (Vyas et al. 2024, arXiv 2409.11321, algorithm 3): Adam in the eigenbasis of Shampoo's
//! preconditioners.
//!
//! A matrix W `[r, c]` with gradient G has L, the moving mean of G Gᵀ, and R, that of Gᵀ G. Adam works
//! on Q_Lᵀ G Q_R, the columns of Q_L and Q_R being the eigenvectors of L and R, and its update goes
//! back by the same rotation. What Adam keeps of the gradient turns with the bases when they are
//! renewed, by one power iteration and a QR decomposition; what it keeps of its square stays.
//!
//! As in the authors' code a dimension that is too large has no basis, and the first step makes the
//! first bases and moves nothing: in its own bases a gradient is diagonal, and Adam would make whole
//! updates of the rounding beside that.

use std::ops::Range;

use bitcap_model::DeviceError;
use bitcap_plan::{Layout, TrainSettings};
use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::{DMatrix, SymmetricEigen};

/// SOAP's rotations, without the Adam that works in them.
#[derive(Clone, Debug)]
pub(crate) struct Soap {
    beta: f64,
    /// Steps after which the bases are renewed.
    pub(crate) every: u64,
    matrices: Vec<Matrix>,
    /// Length of the flat vector.
    len: usize,
}

#[derive(Clone, Debug)]
struct Matrix {
    range: Range<usize>,
    rows: usize,
    columns: usize,
    left: Option<Side>,
    right: Option<Side>,
}

/// One dimension of a matrix.
#[derive(Clone, Debug)]
struct Side {
    /// L or R, `[n, n]`.
    preconditioner: Tensor<2>,
    /// Q, `[n, n]`, a vector a column; zeros before the first step.
    basis: Tensor<2>,
}

impl Side {
    fn new(size: usize, device: &Device) -> Self {
        Self {
            preconditioner: Tensor::zeros([size, size], device),
            basis: Tensor::zeros([size, size], device),
        }
    }

    /// Adds to the moving mean.
    fn observe(&mut self, square: Tensor<2>, beta: f64) {
        let before = self.preconditioner.clone().mul_scalar(beta);
        self.preconditioner = before + square.mul_scalar(1.0 - beta);
    }

    /// On the host in f64: these are small, and a GPU has no decompositions.
    fn on_host(&self, tensor: Tensor<2>) -> Result<DMatrix<f64>, DeviceError> {
        let [rows, columns] = tensor.dims();
        let values = tensor.try_into_vec_as::<f32>()?;
        let values = values.into_iter().map(f64::from);
        Ok(DMatrix::from_row_iterator(rows, columns, values))
    }

    fn set_basis(&mut self, basis: &DMatrix<f64>) {
        let (rows, columns) = basis.shape();
        // nalgebra has columns one after another.
        let values: Vec<f32> = basis.transpose().iter().map(|&x| x as f32).collect();
        let device = self.basis.device();
        self.basis = Tensor::from_data(TensorData::new(values, [rows, columns]), &device);
    }

    /// The eigenvectors, the largest eigenvalue first.
    fn begin(&mut self) -> Result<(), DeviceError> {
        let eigen = SymmetricEigen::new(self.on_host(self.preconditioner.clone())?);
        // Power iterations turn the first columns towards the largest eigenvalues. Begun in that
        // order columns keep their places, and with them the mean squares that Adam has of each.
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        self.set_basis(&eigen.eigenvectors.select_columns(&order));
        Ok(())
    }

    /// One power iteration from the basis as it is, made orthogonal.
    fn renew(&mut self) -> Result<(), DeviceError> {
        let preconditioner = self.on_host(self.preconditioner.clone())?;
        let product = preconditioner * self.on_host(self.basis.clone())?;
        // A column may come out with the other sign: the gradient's mean is turned along, and a
        // mean of squares has none.
        self.set_basis(&product.qr().q());
        Ok(())
    }
}

impl Soap {
    /// None where no dimension is small enough for a preconditioner: then SOAP is AdamW.
    pub(crate) fn new(settings: &TrainSettings, layout: &Layout, device: &Device) -> Option<Self> {
        let largest = settings.preconditioner_size.unwrap_or(256);
        let side = |size: usize| (size as u64 <= largest).then(|| Side::new(size, device));
        let matrices = layout.slots().iter().filter(|slot| slot.dims.len() == 2);
        let matrices = matrices.map(|slot| {
            let (rows, columns) = (slot.dims[0], slot.dims[1]);
            Matrix {
                range: slot.range(),
                rows,
                columns,
                left: side(rows),
                right: side(columns),
            }
        });
        let soap = Self {
            beta: settings.preconditioner_beta.unwrap_or(0.95),
            every: settings.preconditioner_every.unwrap_or(5),
            matrices: matrices.collect(),
            len: layout.len(),
        };
        let any = soap.sides().next().is_some();
        any.then_some(soap)
    }

    /// The first preconditioners and bases, out of the first gradient `[P]`.
    pub(crate) fn begin(&mut self, gradient: &Tensor<1>) -> Result<(), DeviceError> {
        self.observe(gradient);
        self.sides_mut().try_for_each(Side::begin)
    }

    /// Adds a gradient `[P]` to the preconditioners.
    pub(crate) fn observe(&mut self, gradient: &Tensor<1>) {
        for matrix in &mut self.matrices {
            let whole = matrix.of(gradient);
            if let Some(left) = &mut matrix.left {
                left.observe(whole.clone().matmul(whole.clone().transpose()), self.beta);
            }
            if let Some(right) = &mut matrix.right {
                right.observe(whole.clone().transpose().matmul(whole), self.beta);
            }
        }
    }

    /// Turns the bases towards the eigenvectors of the preconditioners as they are now.
    pub(crate) fn renew(&mut self) -> Result<(), DeviceError> {
        self.sides_mut().try_for_each(Side::renew)
    }

    /// A flat vector `[P]` in the bases: Q_Lᵀ G Q_R of every matrix, all else as it is.
    pub(crate) fn rotate(&self, flat: &Tensor<1>) -> Tensor<1> {
        self.each(flat, |matrix, mut values| {
            if let Some(left) = &matrix.left {
                values = left.basis.clone().transpose().matmul(values);
            }
            if let Some(right) = &matrix.right {
                values = values.matmul(right.basis.clone());
            }
            values
        })
    }

    /// Undoes [`Self::rotate`].
    pub(crate) fn rotate_back(&self, flat: &Tensor<1>) -> Tensor<1> {
        self.each(flat, |matrix, mut values| {
            if let Some(left) = &matrix.left {
                values = left.basis.clone().matmul(values);
            }
            if let Some(right) = &matrix.right {
                values = values.matmul(right.basis.clone().transpose());
            }
            values
        })
    }

    fn each(
        &self,
        flat: &Tensor<1>,
        change: impl Fn(&Matrix, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<1> {
        // Matrices stand in the order of the layout; what is between two of them has no bases and
        // passes as it is.
        let (mut parts, mut at) = (Vec::new(), 0);
        for matrix in &self.matrices {
            if at < matrix.range.start {
                parts.push(flat.clone().slice(at..matrix.range.start));
            }
            parts.push(change(matrix, matrix.of(flat)).flatten(0, 1));
            at = matrix.range.end;
        }
        if at < self.len {
            parts.push(flat.clone().slice(at..self.len));
        }
        Tensor::cat(parts, 0)
    }

    fn sides(&self) -> impl Iterator<Item = &Side> {
        let matrices = self.matrices.iter();
        matrices.flat_map(|matrix| matrix.left.iter().chain(&matrix.right))
    }

    fn sides_mut(&mut self) -> impl Iterator<Item = &mut Side> {
        let matrices = self.matrices.iter_mut();
        matrices.flat_map(|matrix| matrix.left.iter_mut().chain(&mut matrix.right))
    }

    /// All L and R, one after another.
    pub(crate) fn preconditioners(&self) -> Tensor<1> {
        self.flat(|side| side.preconditioner.clone())
    }

    /// All Q, in the same order.
    pub(crate) fn bases(&self) -> Tensor<1> {
        self.flat(|side| side.basis.clone())
    }

    fn flat(&self, part: impl Fn(&Side) -> Tensor<2>) -> Tensor<1> {
        let sides = self.sides().map(|side| part(side).flatten::<1>(0, 1));
        Tensor::cat(sides.collect(), 0)
    }

    /// Goes on from what [`Self::preconditioners`] and [`Self::bases`] were.
    pub(crate) fn resume(&mut self, preconditioners: &Tensor<1>, bases: &Tensor<1>) {
        // In the order in which `flat` put them down.
        let mut at = 0;
        for side in self.sides_mut() {
            let dims = side.basis.dims();
            let range = at..at + dims[0] * dims[1];
            at = range.end;
            side.preconditioner = preconditioners.clone().slice(range.clone()).reshape(dims);
            side.basis = bases.clone().slice(range).reshape(dims);
        }
    }
}

impl Matrix {
    fn of(&self, flat: &Tensor<1>) -> Tensor<2> {
        flat.clone()
            .slice(self.range.clone())
            .reshape([self.rows, self.columns])
    }
}
