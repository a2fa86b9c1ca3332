//! The tensors of a model, cut from its flat vector.

use std::cell::RefCell;
use std::ops::Range;

use bitcap_plan::{Layout, SlotId};
use burn::tensor::{FloatDType, Gradients, Int, Tensor};

use crate::row_sums::RowSums;

/// Every tensor of a layout, each a tensor of its own, by its id.
pub struct Weights {
    /// In the layout's order: what lies in the flat vector, and its dimensions. Without them the
    /// leaves are all of rank 1; a tensor takes its shape where it is used.
    leaves: Vec<(Tensor<1>, Vec<usize>)>,
    /// What matrices are rounded to as they are multiplied, where that is not what they are.
    products: Option<FloatDType>,
    /// Where gradients are wanted.
    lookups: Option<Lookups>,
}

/// Rows that were looked up. Autodiff knows each only as a leaf: what their gradient means for the
/// table is summed here.
struct Lookups {
    sums: RowSums,
    rows: RefCell<Vec<(SlotId, Tensor<2>)>>,
}

impl Weights {
    /// Cuts `flat`, `[P]` in the order of the layout, into tensors of `dtype` on the same device.
    #[must_use]
    pub fn new(layout: &Layout, flat: &Tensor<1>, dtype: FloatDType) -> Self {
        Self {
            leaves: cut(layout, |range| flat.clone().slice(range).cast(dtype)),
            products: None,
            lookups: None,
        }
    }

    /// The same in f32 on the autodiff device, with gradients required of every tensor. `products`:
    /// what matrices are rounded to as they are multiplied, where that is not f32. `sums`: of the
    /// tokens that will be looked up.
    #[must_use]
    pub fn with_gradients(
        layout: &Layout,
        flat: &Tensor<1>,
        products: Option<FloatDType>,
        sums: RowSums,
    ) -> Self {
        let leaf = |range| Tensor::from_inner(flat.clone().slice([range])).require_grad();
        Self {
            leaves: cut(layout, leaf),
            products,
            lookups: Some(Lookups {
                sums,
                rows: RefCell::default(),
            }),
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

    /// The rows of a table, one a token: `[tokens, d]`.
    #[must_use]
    pub fn rows(&self, table: SlotId, tokens: Tensor<1, Int>) -> Tensor<2> {
        let Some(lookups) = &self.lookups else {
            return self.tensor::<2>(table).select(0, tokens);
        };
        // Looked up outside of autodiff and a leaf again, so that its gradient is that of the rows
        // and `RowSums` can take it to the table.
        let rows = self.tensor::<2>(table).inner().select(0, tokens.inner());
        let rows = Tensor::from_inner(rows).require_grad();
        lookups.rows.borrow_mut().push((table, rows.clone()));
        rows
    }

    /// The product of two matrices, or of stacks of them, in the precision of the training.
    #[must_use]
    pub fn product<const D: usize>(&self, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        match self.products {
            None => a.matmul(b),
            Some(dtype) => a.cast(dtype).matmul(b.cast(dtype)).cast(FloatDType::F32),
        }
    }

    /// `x` by a matrix that is stored `[out, in]`: `[rows, in]` to `[rows, out]`.
    #[must_use]
    pub fn linear(&self, x: Tensor<2>, matrix: SlotId) -> Tensor<2> {
        self.product(x, self.tensor::<2>(matrix).transpose())
    }

    /// The gradient of every weight, before any backward pass.
    #[must_use]
    pub fn gradient(&self) -> GradientSum<'_> {
        GradientSum {
            weights: self,
            parts: vec![None; self.leaves.len()],
        }
    }
}

/// The sum of what several backward passes find, tensor by tensor.
pub struct GradientSum<'a> {
    weights: &'a Weights,
    /// In the layout's order; None where no pass has come to a tensor.
    parts: Vec<Option<Tensor<1>>>,
}

impl GradientSum<'_> {
    /// Adds what a pass found.
    pub fn add(&mut self, mut found: Gradients) {
        let Weights {
            leaves, lookups, ..
        } = self.weights;
        for ((leaf, _), part) in leaves.iter().zip(&mut self.parts) {
            if let Some(gradient) = leaf.grad_remove(&mut found) {
                add(part, gradient);
            }
        }
        let Some(Lookups { sums, rows }) = lookups else {
            return;
        };
        // The table of a tied head is a leaf, too, and may have a gradient of its own.
        for (table, rows) in rows.borrow().iter() {
            if let Some(gradient) = rows.grad_remove(&mut found) {
                let gradient = sums.of(gradient).flatten(0, 1);
                add(&mut self.parts[table.index()], gradient);
            }
        }
    }

    /// One flat vector `[P]` in the layout's order, off the autodiff device. A tensor that no pass came to
    /// has a gradient of zero.
    #[must_use]
    pub fn whole(self) -> Tensor<1> {
        let parts = self.parts.into_iter().zip(&self.weights.leaves);
        let parts = parts
            .map(|(part, (leaf, _))| part.unwrap_or_else(|| leaf.clone().inner().zeros_like()));
        Tensor::cat(parts.collect(), 0)
    }
}

fn add(sum: &mut Option<Tensor<1>>, gradient: Tensor<1>) {
    *sum = Some(match sum.take() {
        None => gradient,
        Some(sum) => sum + gradient,
    });
}

fn cut(layout: &Layout, part: impl Fn(Range<usize>) -> Tensor<1>) -> Vec<(Tensor<1>, Vec<usize>)> {
    let slots = layout.slots().iter();
    slots
        .map(|slot| (part(slot.range()), slot.dims.clone()))
        .collect()
}
