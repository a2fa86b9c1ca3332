//! Tensors that are no weights: masks and tables.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// A tensor that is made once and never trained, without autodiff.
pub(crate) struct Constant<const D: usize>(Tensor<D>);

impl<const D: usize> Constant<D> {
    /// In f64 on flex, so that a pass in f64 is one throughout; in f32 elsewhere, where not every
    /// device has more.
    pub(crate) fn new(values: Vec<f64>, dims: [usize; D], device: &Device) -> Self {
        let dtype = match *device == Device::flex() {
            true => DType::F64,
            false => DType::F32,
        };
        Self(Tensor::from_data(
            TensorData::new(values, dims),
            (device, dtype),
        ))
    }

    /// Its dimensions.
    pub(crate) fn dims(&self) -> [usize; D] {
        self.0.dims()
    }

    /// As a tensor that goes together with `other`: of its dtype, and on the autodiff device if that
    /// is.
    pub(crate) fn beside<const E: usize>(&self, other: &Tensor<E>) -> Tensor<D> {
        let constant = self.0.clone().cast(other.dtype());
        if other.is_autodiff() {
            Tensor::from_inner(constant)
        } else {
            constant
        }
    }
}
