//! The tensors of a model, cut from its flat vector.

use bitcap_plan::{Layout, SlotId};
use burn::tensor::{FloatDType, Gradients, Tensor};

/// Every tensor of a layout, each a tensor of its own, by its id.
pub struct Weights {
    /// In the layout's order: what lies in the flat vector, and its dimensions. Without them the
    /// leaves are all of rank 1; a tensor takes its shape where it is used.
    leaves: Vec<(Tensor<1>, Vec<usize>)>,
}

impl Weights {
    /// Cuts `flat`, `[P]` in the order of the layout, into tensors of `dtype` on the same device.
    #[must_use]
    pub fn new(layout: &Layout, flat: &Tensor<1>, dtype: FloatDType) -> Self {
        Self::cut(layout, |range| flat.clone().slice(range).cast(dtype))
    }

    /// The same on the autodiff device, with gradients required of every tensor.
    #[must_use]
    pub fn with_gradients(layout: &Layout, flat: &Tensor<1>, dtype: FloatDType) -> Self {
        Self::cut(layout, |range| {
            let part = flat.clone().slice(range).cast(dtype);
            Tensor::from_inner(part).require_grad()
        })
    }

    fn cut(layout: &Layout, part: impl Fn(std::ops::Range<usize>) -> Tensor<1>) -> Self {
        let slots = layout.slots().iter();
        Self {
            leaves: slots
                .map(|slot| (part(slot.range()), slot.dims.clone()))
                .collect(),
        }
    }

    /// The tensor of a slot.
    ///
    /// # Panics
    /// If it is not of rank `D`.
    #[must_use]
    pub fn tensor<const D: usize>(&self, slot: SlotId) -> Tensor<D> {
        let (leaf, dims) = &self.leaves[slot.index()];
        let dims: [usize; D] = dims[..].try_into().expect("the rank of the slot");
        leaf.clone().reshape(dims)
    }

    /// The gradient of every weight, one flat f32 vector `[P]` in the layout's order, off the
    /// autodiff device. A tensor that the loss does not depend on has a gradient of zero.
    #[must_use]
    pub fn gradient(&self, mut gradients: Gradients) -> Tensor<1> {
        let parts = self.leaves.iter().map(|(leaf, _)| {
            leaf.grad_remove(&mut gradients)
                .unwrap_or_else(|| leaf.clone().inner().zeros_like())
                .cast(FloatDType::F32)
        });
        Tensor::cat(parts.collect(), 0)
    }
}
