//! From a gradient to new weights, all on flat vectors.

use bitcap_model::DeviceError;
use bitcap_plan::{Layout, OptimizerKind, TrainSettings};
use burn::tensor::{Device, Tensor};

use crate::muon::orthogonal_updates;
use crate::state::{StateError, TrainState, from_host, to_host};

/// An optimizer and its state. Formulas are those of torch.optim's Adam, AdamW and Muon; weight
/// decay falls on every tensor, biases and gains too, as there.
#[derive(Clone, Debug)]
pub struct Optimizer {
    kind: OptimizerKind,
    betas: [f64; 2],
    epsilon: f64,
    momentum_rate: f64,
    weight_decay: f64,
    /// Muon's AdamW rate as a part of Muon's own.
    adam_part: f64,
    layout: Layout,
    /// Where Adam's part of the vector ends and Muon's begins: P where there is no Muon.
    split: usize,
    /// Steps made.
    steps: u64,
    /// Moving mean of the gradient, `[split]`.
    first: Tensor<1>,
    /// Moving mean of its square, `[split]`.
    second: Tensor<1>,
    /// Muon's momentum, `[P - split]`.
    momentum: Option<Tensor<1>>,
}

impl Optimizer {
    /// An optimizer in its first state, on `device`.
    #[must_use]
    pub fn new(settings: &TrainSettings, layout: &Layout, device: &Device) -> Self {
        let muon = settings.optimizer == OptimizerKind::Muon;
        let split = if muon {
            layout.matrices_start()
        } else {
            layout.len()
        };
        let adam_rate = settings
            .adam_learning_rate
            .unwrap_or(settings.learning_rate / 2.0);
        Self {
            kind: settings.optimizer,
            betas: settings.betas,
            epsilon: settings.epsilon,
            momentum_rate: settings.momentum,
            weight_decay: settings.weight_decay,
            adam_part: if muon {
                adam_rate / settings.learning_rate
            } else {
                1.0
            },
            layout: layout.clone(),
            split,
            steps: 0,
            first: Tensor::zeros([split], device),
            second: Tensor::zeros([split], device),
            momentum: muon.then(|| Tensor::zeros([layout.len() - split], device)),
        }
    }

    /// Its part of a state with those weights.
    pub(crate) fn state(&self, weights: &Tensor<1>) -> Result<TrainState, DeviceError> {
        Ok(TrainState {
            step: self.steps,
            weights: to_host(weights)?,
            first: to_host(&self.first)?,
            second: to_host(&self.second)?,
            momentum: self.momentum.as_ref().map(to_host).transpose()?,
        })
    }

    /// Takes up the moments of a state.
    pub(crate) fn resume(&mut self, state: &TrainState) -> Result<(), StateError> {
        let momentum = self
            .momentum
            .as_ref()
            .map(|_| self.layout.len() - self.split);
        state.check(self.layout.len(), self.split, momentum)?;
        let device = self.first.device();
        self.steps = state.step;
        self.first = from_host(&state.first, &device);
        self.second = from_host(&state.second, &device);
        self.momentum = state.momentum.as_ref().map(|all| from_host(all, &device));
        Ok(())
    }

    /// The weights after one step down `gradient` at `rate`; both `[P]`.
    #[must_use]
    pub fn step(&mut self, weights: Tensor<1>, gradient: Tensor<1>, rate: f64) -> Tensor<1> {
        self.steps += 1;
        let Some(momentum) = self.momentum.take() else {
            return self.adam(weights, gradient, rate);
        };
        let (split, end) = (self.split, self.layout.len());
        let matrices = weights.clone().slice(split..end);
        let matrix_gradient = gradient.clone().slice(split..end);
        let mu = self.momentum_rate;
        let step = matrix_gradient.mul_scalar(1.0 - mu);
        let momentum = momentum.mul_scalar(mu) + step.clone();
        // Nesterov: one step further along the new momentum.
        let ahead = step + momentum.clone().mul_scalar(mu);
        let matrices = matrices.mul_scalar(1.0 - rate * self.weight_decay)
            - orthogonal_updates(&self.layout, &ahead).mul_scalar(rate);
        self.momentum = Some(momentum);
        let others = self.adam(
            weights.slice(0..split),
            gradient.slice(0..split),
            rate * self.adam_part,
        );
        Tensor::cat(vec![others, matrices], 0)
    }

    fn adam(&mut self, weights: Tensor<1>, gradient: Tensor<1>, rate: f64) -> Tensor<1> {
        let [beta1, beta2] = self.betas;
        let decay = self.weight_decay;
        let (weights, gradient) = match (decay > 0.0, self.kind) {
            (false, _) => (weights, gradient),
            (true, OptimizerKind::Adam) => {
                let pull = weights.clone().mul_scalar(decay);
                (weights, gradient + pull)
            }
            (true, _) => (weights.mul_scalar(1.0 - rate * decay), gradient),
        };
        let first = self.first.clone().mul_scalar(beta1) + gradient.clone().mul_scalar(1.0 - beta1);
        let second =
            self.second.clone().mul_scalar(beta2) + gradient.square().mul_scalar(1.0 - beta2);
        // powf on a step count in f64: exact to well below f32 for any number of steps.
        let correction1 = 1.0 - beta1.powf(self.steps as f64);
        let correction2 = 1.0 - beta2.powf(self.steps as f64);
        let root = second
            .clone()
            .sqrt()
            .div_scalar(correction2.sqrt())
            .add_scalar(self.epsilon);
        let update = (first.clone() / root).mul_scalar(rate / correction1);
        self.first = first;
        self.second = second;
        weights - update
    }
}
