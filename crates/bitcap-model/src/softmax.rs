//! The softmax of logits, exact where one token has all but all of the probability.

use burn::tensor::{IndexingUpdateOp, Int, Tensor};

/// The softmax of logits `[rows, V']`, off the autodiff device.
///
/// A model that has memorized a token gives it a logit far above all others. What its loss is then,
/// -log p = log1p(sum of exp(z - max z) over the others), is lost when the terms of the others are
/// added to its own, which is 1: at V = 65,536 with a logit 16.7 above the rest each is too small to
/// change a 32-bit 1, and 3.7e-3 nats become 0. So the greatest is never in the sum.
pub struct Softmax {
    /// max z, `[rows, 1]`.
    greatest: Tensor<2>,
    /// Where the first of the greatest is, `[rows, 1]`.
    best: Tensor<2, Int>,
    /// exp(z - max z), 0 for the best: `[rows, V']`.
    others: Tensor<2>,
    /// Their sum, `[rows, 1]`.
    sum: Tensor<2>,
}

impl Softmax {
    /// Of `logits` `[rows, V']`.
    #[must_use]
    pub fn of(logits: &Tensor<2>) -> Self {
        let greatest = logits.clone().max_dim(1);
        let best = logits.clone().argmax(1);
        let exponentials = (logits.clone() - greatest.clone()).exp();
        // exp(0) is 1, so that 0 is left exactly.
        let minus_one = Tensor::full(best.dims(), -1.0, &logits.device());
        let others = exponentials.scatter(1, best.clone(), minus_one, IndexingUpdateOp::Add);
        let sum = others.clone().sum_dim(1);
        Self {
            greatest,
            best,
            others,
            sum,
        }
    }

    /// The most probable token of each row, of several the first: `[rows, 1]`.
    #[must_use]
    pub fn best(&self) -> Tensor<2, Int> {
        self.best.clone()
    }

    /// ln p of `logits` `[rows, n]`, which are some or all of those that this was made of.
    #[must_use]
    pub fn log_probabilities(&self, logits: Tensor<2>) -> Tensor<2> {
        // In this order: z - max z is exact where z is near it, and that is where the rest counts.
        logits - self.greatest.clone() - self.sum.clone().log1p()
    }

    /// (p - onehot(targets)) · weight, `[rows, V']`: what weight × the sum of -ln p(target) over the
    /// rows has as its gradient with respect to the logits. `targets`: `[rows, 1]`.
    #[must_use]
    pub fn gradient(self, targets: Tensor<2, Int>, weight: f64) -> Tensor<2> {
        let whole = self.sum.clone().add_scalar(1.0);
        // p - 1 of a target that is the best is -sum / whole, with every digit.
        let hit = self.best.clone().equal(targets.clone());
        let one = self.sum.ones_like();
        let of_best = (one.mask_where(hit.clone(), -self.sum) / whole.clone()).mul_scalar(weight);
        // Of p - 1 the -1, where the target is not the best; where it is, `of_best` has it.
        let of_target =
            (Tensor::full(targets.dims(), -weight, &whole.device())).mask_fill(hit, 0.0);
        let factor = whole.recip().mul_scalar(weight);
        (self.others * factor)
            .scatter(1, self.best, of_best, IndexingUpdateOp::Add)
            .scatter(1, targets, of_target, IndexingUpdateOp::Add)
    }
}
