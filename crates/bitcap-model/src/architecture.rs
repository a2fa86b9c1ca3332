//! What a model computes, whatever its weights.

use bitcap_kernels::{Offsets, Sizes};
use bitcap_plan::Layout;
use bitcap_source::DataShape;
use burn::tensor::{Int, Tensor};
use serde_json::Value;

use crate::weights::Weights;

/// A model less its weights, made once a training: which slot each tensor is in, masks and tables
/// are worked out then, not in every pass.
///
/// Positions must not see those after them.
pub trait Architecture: Send + Sync {
    /// What it is made for.
    fn data(&self) -> &DataShape;

    /// Its weights.
    fn layout(&self) -> &Layout;

    /// Numbers a predicted token in the widest activation before the head.
    fn widest_activation(&self) -> usize;

    /// All of the forward pass but its head.
    ///
    /// `tokens`: `[n, S_pred]`, S_pred being [`DataShape::predicted`]: the tokens before each
    /// predicted one.
    fn hidden(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Hidden;

    /// The logits of some rows of what [`Self::hidden`] made: `[rows, d]` to `[rows, V']`, V' being
    /// [`DataShape::rows`]. They may be followed by columns that only fill up the rows for a GPU, whose
    /// tokens have no probability.
    fn head(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2>;

    /// What bitcap-kernels must know of it to work out its loss and gradient, where they can.
    fn kernels(&self) -> Option<(Sizes, Offsets)> {
        None
    }

    /// config.json of a model folder.
    fn config(&self) -> Value;

    /// What the model is beside its weights, for the hash of a model: heads and the like are no
    /// weights, and change what it says all the same.
    fn identity(&self) -> Vec<u8> {
        serde_json::to_vec(&self.config()).expect("a JSON value serializes")
    }
}

/// What goes into a head.
pub struct Hidden {
    /// `[n · S_pred, d]`, the rows of a sequence one after another.
    pub values: Tensor<2>,
    /// A loss of its own that training adds to that of the predictions, `[1]`, a mean over the
    /// predicted tokens of the pass in nats; None where the architecture has none. What is trained is its
    /// mean over the passes of a batch, weighted by their tokens: one that is no mean of what each token
    /// adds depends on how a batch is cut into passes.
    pub auxiliary: Option<Tensor<1>>,
}
