//! The training loop: one model on one dataset.

use std::ops::ControlFlow;

use bitcap_model::{Gpt2, PredictionTask, log_probabilities, passes_of};
use bitcap_plan::{Gpt2Shape, Layout};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::Optimizer;
use crate::cross_entropy::cross_entropy;
use crate::order::Order;
use crate::schedule::rate_factor;
use crate::state::{StateError, TrainState, from_host};
use bitcap_plan::TrainSettings;

/// torch.nn.utils.clip_grad_norm_ adds this to the norm it divides by.
const CLIP_EPSILON: f64 = 1e-6;

/// Why training ended before its last step.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TrainError {
    /// Loss or gradient is no longer a number.
    #[error(
        "the {what} is {value} at step {step} (learning rate {rate:.3e}); try a lower train.learning_rate, more train.warmup_steps or a train.clip_norm"
    )]
    NotFinite {
        /// "loss" or "gradient's norm".
        what: &'static str,
        /// The value met.
        value: f64,
        /// The step, the first being 1.
        step: u64,
        /// The learning rate of that step.
        rate: f64,
    },
}

/// What training tells of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps made.
    pub step: u64,
    /// Tokens predicted so far, over all steps.
    pub tokens: u64,
    /// Mean cross-entropy in nats a predicted token: of this step's batch before its update, or of
    /// the whole dataset where `step` is the last.
    pub loss: f64,
    /// Learning rate of the step.
    pub rate: f64,
}

/// One model in training.
pub struct Trainer<'a> {
    shape: Gpt2Shape,
    settings: &'a TrainSettings,
    task: &'a PredictionTask,
    order: Order,
    device: Device,
    optimizer: Optimizer,
    weights: Tensor<1>,
    step: u64,
    /// Where each step sees the whole dataset: its passes, placed on the device once.
    resident: Option<Vec<Pass>>,
}

/// Inputs `[n, S_pred]` and targets `[n · S_pred, 1]` of one forward and backward pass.
#[derive(Clone)]
struct Pass {
    inputs: Tensor<2, Int>,
    targets: Tensor<2, Int>,
}

impl<'a> Trainer<'a> {
    /// A model at step 0.
    ///
    /// `weights`: `[P]` in the order of [`Layout::gpt2`]; `device` without autodiff.
    #[must_use]
    pub fn new(
        shape: &Gpt2Shape,
        settings: &'a TrainSettings,
        task: &'a PredictionTask,
        weights: Vec<f32>,
        device: &Device,
    ) -> Self {
        let order = Order::new(settings.seed, task.samples(), settings.batch);
        let parameters = weights.len();
        let mut trainer = Self {
            shape: *shape,
            settings,
            task,
            device: device.clone(),
            optimizer: Optimizer::new(settings, &Layout::gpt2(shape), device),
            weights: Tensor::from_data(TensorData::new(weights, [parameters]), device),
            step: 0,
            resident: None,
            order,
        };
        if trainer.order.is_full() {
            trainer.resident = Some(trainer.passes());
        }
        trainer
    }

    /// Trains to the last step, unless `after_step` breaks off before; whether it did is returned.
    ///
    /// `after_step` is called after each step that is not the last, with the training as it stands
    /// and, every `every`-th step, with what there is to tell; and once at the end, with the loss on
    /// the whole dataset, when nothing is left to break off.
    ///
    /// # Errors
    /// If a gradient or a reported loss is not finite.
    pub fn run(
        &mut self,
        every: u64,
        mut after_step: impl FnMut(&Self, Option<Progress>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, TrainError> {
        while self.step < self.settings.steps {
            let rate = self.rate(self.step);
            let loss = self.advance()?;
            if self.step == self.settings.steps {
                break;
            }
            let mut told = None;
            if self.step.is_multiple_of(every) {
                let loss = f64::from(loss.into_scalar::<f32>()) / self.tokens_a_step() as f64;
                told = Some(self.progress(finite("loss", loss, self.step, rate)?, rate));
            }
            if after_step(self, told).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let rate = self.rate(self.step - 1);
        let loss = self.dataset_loss();
        let last = self.progress(finite("loss", loss, self.step, rate)?, rate);
        let _ = after_step(self, Some(last));
        Ok(ControlFlow::Continue(()))
    }

    /// The training as it stands, on the host.
    #[must_use]
    pub fn state(&self) -> TrainState {
        self.optimizer.state(&self.weights)
    }

    /// Takes up a training where [`Self::state`] was asked for.
    ///
    /// # Errors
    /// If the state is one of another model or optimizer, or beyond the last step.
    pub fn resume(&mut self, state: &TrainState) -> Result<(), StateError> {
        if state.step > self.settings.steps {
            let (step, steps) = (state.step, self.settings.steps);
            let what = format!("it is at step {step}, and this training ends at {steps}");
            return Err(StateError::Content(what));
        }
        self.optimizer.resume(state)?;
        self.weights = from_host(&state.weights, &self.device);
        self.step = state.step;
        Ok(())
    }

    /// Steps made.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Learning rate of the step after so many.
    fn rate(&self, step: u64) -> f64 {
        self.settings.learning_rate * rate_factor(self.settings, step)
    }

    /// Makes one step; returns the summed loss of its batch in nats, `[1]`, still on the device.
    ///
    /// # Errors
    /// If the gradient is not finite; the weights are then those before the step.
    pub fn advance(&mut self) -> Result<Tensor<1>, TrainError> {
        let rate = self.rate(self.step);
        let (loss, gradient) = self.loss_and_gradient();
        let norm = gradient.clone().square().sum().sqrt();
        let norm = f64::from(norm.into_scalar::<f32>());
        finite("gradient's norm", norm, self.step + 1, rate)?;
        let gradient = match self.settings.clip_norm {
            Some(limit) if norm > limit => gradient.mul_scalar(limit / (norm + CLIP_EPSILON)),
            _ => gradient,
        };
        let weights = self.weights.clone();
        self.weights = self.optimizer.step(weights, gradient, rate);
        self.step += 1;
        Ok(loss)
    }

    /// The summed loss `[1]` of the next step's batch, and the gradient `[P]` of its mean.
    fn loss_and_gradient(&mut self) -> (Tensor<1>, Tensor<1>) {
        let passes = match &self.resident {
            Some(passes) => passes.clone(),
            None => self.passes(),
        };
        let weight = 1.0 / self.tokens_a_step() as f64;
        passes
            .into_iter()
            .map(|pass| self.pass_gradient(pass, weight))
            .reduce(|(loss, gradient), (more_loss, more)| (loss + more_loss, gradient + more))
            .expect("a batch has a sequence, and so a pass")
    }

    fn pass_gradient(&self, pass: Pass, weight: f64) -> (Tensor<1>, Tensor<1>) {
        let model = Gpt2::for_training(&self.shape, &self.weights);
        let logits = model.logits(Tensor::from_inner(pass.inputs));
        let loss = cross_entropy(&logits.clone().inner(), pass.targets, weight);
        // The sum of logits × (a constant) has that constant as its gradient: backward from here
        // is backward from the loss.
        let surrogate = (logits * Tensor::from_inner(loss.gradient)).sum();
        (loss.sum, model.gradient(surrogate.backward()))
    }

    fn passes(&mut self) -> Vec<Pass> {
        let sequences = self.order.step(self.step);
        let sizes = passes_of(&self.shape, sequences.len(), self.settings.micro_batch);
        let mut rest = &sequences[..];
        sizes
            .into_iter()
            .map(|size| {
                let (these, others) = rest.split_at(size);
                rest = others;
                let (inputs, targets) = self.task.batch(these, &self.device);
                Pass { inputs, targets }
            })
            .collect()
    }

    fn progress(&self, loss: f64, rate: f64) -> Progress {
        Progress {
            step: self.step,
            tokens: self.step * self.tokens_a_step(),
            loss,
            rate,
        }
    }

    /// Tokens predicted in each step.
    fn tokens_a_step(&self) -> u64 {
        (self.order.batch() * self.task.predicted()) as u64
    }

    /// Mean cross-entropy over the whole dataset, nats a predicted token.
    fn dataset_loss(&self) -> f64 {
        let all = log_probabilities(&self.shape, &self.weights, self.task, |_| {});
        -all.iter().map(|&x| f64::from(x)).sum::<f64>() / all.len() as f64
    }

    /// The weights as they are now, `[P]`, on the device.
    #[must_use]
    pub fn weights(&self) -> &Tensor<1> {
        &self.weights
    }

    /// The gradient `[P]` of the mean loss at the weights as they are now, and that loss in nats.
    #[must_use]
    pub fn gradient(&mut self) -> (f64, Tensor<1>) {
        let tokens = self.tokens_a_step() as f64;
        let (loss, gradient) = self.loss_and_gradient();
        (f64::from(loss.into_scalar::<f32>()) / tokens, gradient)
    }
}

fn finite(what: &'static str, value: f64, step: u64, rate: f64) -> Result<f64, TrainError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(TrainError::NotFinite {
            what,
            value,
            step,
            rate,
        })
    }
}
