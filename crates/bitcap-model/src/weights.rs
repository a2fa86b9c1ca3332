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

    /// The gradient of every weight, one flat vector `[P]` in the layout's order, off the autodiff
    /// device: the sum of what several backward passes found. A tensor that none of them came to has a
    /// gradient of zero.
    #[must_use]
    pub fn gradient(&self, mut all: Vec<Gradients>) -> Tensor<1> {
        let mut take = |leaf: &Tensor<1>| {
            let found = all.iter_mut().filter_map(|one| leaf.grad_remove(one));
            found.reduce(|a, b| a + b)
        };
        let mut parts: Vec<Option<Tensor<1>>> =
            self.leaves.iter().map(|(leaf, _)| take(leaf)).collect();
        if let Some(lookups) = &self.lookups {
            // The table of a tied head is a leaf, too, and its own gradient is already among the
            // parts.
            for (table, rows) in lookups.rows.borrow().iter() {
                let found = all.iter_mut().filter_map(|one| rows.grad_remove(one));
                if let Some(gradient) = found.reduce(|a, b| a + b) {
                    let sums = lookups.sums.of(gradient).flatten(0, 1);
                    let part = &mut parts[table.index()];
                    *part = Some(match part.take() {
                        None => sums,
                        Some(other) => other + sums,
                    });
                }
            }
        }
        let parts = parts.into_iter().zip(&self.leaves);
        let parts = parts
            .map(|(part, (leaf, _))| part.unwrap_or_else(|| leaf.clone().inner().zeros_like()));
        Tensor::cat(parts.collect(), 0)
    }
}

fn cut(layout: &Layout, part: impl Fn(Range<usize>) -> Tensor<1>) -> Vec<(Tensor<1>, Vec<usize>)> {
    let slots = layout.slots().iter();
    slots
        .map(|slot| (part(slot.range()), slot.dims.clone()))
        .collect()
}
