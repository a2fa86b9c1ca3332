//! Which experts a token is routed to, with which weights, and how evenly that uses them.

use burn::tensor::{Bool, Device, Int, Tensor};

use crate::functions::softmax;

/// Routing of each token to some of several experts (Mixtral, Jiang et al. 2024, section 2.1).
pub(crate) struct Routing {
    experts: usize,
    /// Experts a token.
    chosen: usize,
    /// `[1, experts, experts]`: whether the second comes before the first.
    before: Tensor<3, Bool>,
}

/// The routing of some tokens.
pub(crate) struct Routed {
    /// The weight of each expert, `[tokens, experts]`: 0 of those that are not chosen, the others add up to 1.
    pub(crate) weights: Tensor<2>,
    /// The mean of the router's probabilities over the tokens, `[1, experts]`.
    probability: Tensor<2>,
    /// The share of the tokens that each expert is chosen for, `[1, experts]`, without a gradient; these add
    /// up to the experts a token.
    load: Tensor<2>,
}

impl Routing {
    /// On `device`, without autodiff.
    pub(crate) fn new(experts: u32, chosen: u32, device: &Device) -> Self {
        let experts = experts as usize;
        // Burn's upper mask holds what is not in the upper triangle: columns before their row.
        let before = Tensor::<2, Bool>::triu_mask([experts, experts], 0, device);
        Self {
            experts,
            chosen: chosen as usize,
            before: before.reshape([1, experts, experts]),
        }
    }

    /// By the logits of a router, `[tokens, experts]`: softmax over all experts, of which the most probable are
    /// chosen, and weighted by their probabilities over the sum of these.
    pub(crate) fn of(&self, logits: Tensor<2>) -> Routed {
        let probabilities = softmax(logits);
        let chosen = self.most_probable(probabilities.clone().inner());
        let load = chosen.clone().float().cast(probabilities.dtype());
        let load = load.mean_dim(0);
        let (others, load) = match probabilities.is_autodiff() {
            true => (
                Tensor::from_inner(chosen.bool_not()),
                Tensor::from_inner(load),
            ),
            false => (chosen.bool_not(), load),
        };
        let kept = probabilities.clone().mask_fill(others, 0.0);
        Routed {
            weights: kept.clone() / kept.sum_dim(1),
            probability: probabilities.mean_dim(0),
            load,
        }
    }

    /// Whether an expert is among the most probable, `[tokens, experts]`. Of equal ones the first goes before:
    /// Burn's own sorting leaves open which, and so might differ from device to device.
    fn most_probable(&self, probabilities: Tensor<2>) -> Tensor<2, Bool> {
        let [tokens, experts] = probabilities.dims();
        let all = [tokens, experts, experts];
        let own = probabilities
            .clone()
            .reshape([tokens, experts, 1])
            .expand(all);
        let other = probabilities.reshape([tokens, 1, experts]).expand(all);
        let more = other.clone().greater(own.clone());
        let ahead = more.bool_or(other.equal(own).bool_and(self.before.clone().expand(all)));
        let ahead: Tensor<3, Int> = ahead.int().sum_dim(2);
        ahead
            .lower_scalar(self.chosen as i64)
            .reshape([tokens, experts])
    }

    /// The load balancing loss of all layers together, `[1]`: E Σ load · probability over E experts, both means
    /// over tokens and layers (Switch Transformer, Fedus et al. 2021, equations 4 to 6; transformers'
    /// `load_balancing_loss_func`). Least, the number of experts a token, where all are used alike.
    ///
    /// Products of two means over the tokens: over the parts of a batch it is not the mean of theirs.
    pub(crate) fn balancing_loss(&self, layers: &[Routed]) -> Tensor<1> {
        let mean = |part: fn(&Routed) -> &Tensor<2>| {
            let parts = layers.iter().map(|layer| part(layer).clone());
            Tensor::cat(parts.collect(), 0).mean_dim(0)
        };
        let products = mean(|layer| &layer.load) * mean(|layer| &layer.probability);
        products.sum().mul_scalar(self.experts as f64)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    fn weights(logits: Vec<f32>, chosen: u32) -> Vec<f64> {
        let device = Device::flex();
        let experts = logits.len();
        let logits = Tensor::from_data(TensorData::new(logits, [1, experts]), &device);
        let routing = Routing::new(experts as u32, chosen, &device);
        let routed = routing.of(logits).weights;
        routed.try_into_vec_as::<f64>().unwrap()
    }

    #[test]
    fn of_equal_experts_the_first_are_chosen() {
        assert_eq!(weights(vec![0.5; 5], 2), [0.5, 0.5, 0.0, 0.0, 0.0]);
        assert_eq!(
            weights(vec![0.0, 1.0, -1.0, 1.0, 1.0], 1),
            [0.0, 1.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(weights(vec![0.0, 2.0, 0.0, 0.0], 2)[2..], [0.0, 0.0]);
        assert!(weights(vec![0.0, 2.0, 0.0, 0.0], 2)[0] > 0.1);
    }

    #[test]
    fn all_experts_may_be_chosen() {
        let all = weights(vec![0.0, 3_f32.ln()], 2);
        assert!((all[0] - 0.25).abs() < 1e-6 && (all[1] - 0.75).abs() < 1e-6);
    }
}
