//! The training loop: one model on one dataset.

use std::sync::Arc;

use bitcap_model::{Architecture, DeviceError, Model, PredictionTask};
use bitcap_plan::{Kernels, Precision, TrainSettings};
use burn::tensor::{DType, Tensor};

use crate::Optimizer;
use crate::kernel_step::KernelStep;
use crate::lbfgs::Lbfgs;
use crate::order::{Order, Sequences};
use crate::schedule::rate_factor;
use crate::state::{StateError, TrainState, from_host, to_host};
use crate::step::{ComposedStep, Step};

/// torch.nn.utils.clip_grad_norm_ adds this to the norm it divides by.
const CLIP_EPSILON: f64 = 1e-6;

/// Steps after which the norms of gradients are read from the device, if nothing is told before.
const MOST_UNREAD: usize = 100;

/// Why training ended before its last step.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// Loss, gradient or weights are no longer numbers.
    #[error(
        "the {what} is {value} at step {step} (learning rate {rate:.3e}); try a lower train.learning_rate, more train.warmup_steps or a train.clip_norm"
    )]
    NotFinite {
        /// "loss", "gradient's norm", or a part of the state.
        what: String,
        /// The value met.
        value: f64,
        /// The step, the first being 1. It may have been found out some steps later, when the device
        /// was read.
        step: u64,
        /// The learning rate of that step.
        rate: f64,
    },
    /// The device failed. The training may go on from its last checkpoint.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// What training tells of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps made.
    pub step: u64,
    /// Tokens predicted so far, over all steps.
    pub tokens: u64,
    /// Mean cross-entropy in nats a predicted token: of this step's batch before its update, or of
    /// the whole dataset where `step` is the last or one of the polish.
    pub loss: f64,
    /// Learning rate of the step; a step of the polish has none.
    pub rate: Option<f64>,
}

/// One model in training.
pub struct Trainer<'a> {
    architecture: Arc<dyn Architecture>,
    settings: &'a TrainSettings,
    task: &'a PredictionTask,
    order: Order,
    engine: Box<dyn Step + 'a>,
    optimizer: Optimizer,
    /// From the first step after the optimizer's last on.
    polish: Option<Lbfgs>,
    /// `[P]`, on the device.
    weights: Tensor<1>,
    /// Steps made.
    step: u64,
    /// Norms of the last steps' gradients, each `[1]` and still on the device.
    norms: Vec<Tensor<1>>,
}

impl<'a> Trainer<'a> {
    /// A training of `model` as it is, at step 0; by kernels where they are wanted and can.
    #[must_use]
    pub fn new(
        model: &Model,
        settings: &'a TrainSettings,
        task: &'a PredictionTask,
        kernels: Kernels,
    ) -> Self {
        let by_kernels = match kernels {
            Kernels::Auto if settings.precision == Precision::F32 => KernelStep::new(model, task),
            Kernels::Auto | Kernels::Off => None,
        };
        let step: Box<dyn Step + 'a> = match by_kernels {
            Some(step) => Box::new(step),
            None => {
                let (passes, precision) = (settings.micro_batch, settings.precision);
                Box::new(ComposedStep::new(model, task, passes, precision))
            }
        };
        Self::with_step(model, settings, task, step)
    }

    /// The same by another step, which must be of the same model and dataset.
    #[must_use]
    pub fn with_step(
        model: &Model,
        settings: &'a TrainSettings,
        task: &'a PredictionTask,
        step: Box<dyn Step + 'a>,
    ) -> Self {
        let architecture = model.architecture().clone();
        let weights = model.flat().clone();
        Self {
            optimizer: Optimizer::new(settings, architecture.layout(), &weights.device()),
            architecture,
            settings,
            task,
            order: Order::new(settings.seed, task.samples(), settings.batch),
            engine: step,
            polish: None,
            weights,
            step: 0,
            norms: Vec::new(),
        }
    }

    /// What computes, where it is not Burn's operations on the device.
    #[must_use]
    pub fn kernels(&self) -> Option<String> {
        self.engine.kernels()
    }

    /// Steps made.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Whether the last step is made, or the polish finds no way down any more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.step >= self.settings.all_steps()
            || self.polish.as_ref().is_some_and(Lbfgs::has_converged)
    }

    /// Tokens predicted so far.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let by_optimizer = self.step.min(self.settings.steps) * self.order.batch() as u64;
        let by_polish = self.step.saturating_sub(self.settings.steps) * self.task.samples() as u64;
        (by_optimizer + by_polish) * self.task.predicted() as u64
    }

    /// The model as it is now.
    #[must_use]
    pub fn model(&self) -> Model {
        Model::of_flat(self.architecture.clone(), self.weights.clone())
    }

    /// Makes a step. After every `every`-th and after the last there is something to tell.
    ///
    /// The device is waited for where something is told, and every hundredth step otherwise.
    ///
    /// # Errors
    /// If the device fails; or if loss or gradient is not finite, found out when the device is waited
    /// for. There is nothing to go on from then.
    pub fn advance(&mut self, every: u64) -> Result<Option<Progress>, TrainError> {
        if self.step >= self.settings.steps {
            return self.advance_polish(every);
        }
        let rate = self.rate(self.step);
        let batch = self.order.step(self.step);
        let (loss, gradient) = self.engine.loss_and_gradient(&self.weights, &batch)?;
        // Of every step, though read only now and then: it shows the step whose gradient broke,
        // which the loss of a later one does not.
        let norm = gradient.clone().square().sum().sqrt();
        let gradient = match self.settings.clip_norm {
            None => gradient,
            Some(limit) => clipped(gradient, &norm, limit),
        };
        self.norms.push(norm);
        let weights = self.weights.clone();
        self.weights = self.optimizer.step(weights, gradient, rate)?;
        self.step += 1;
        let told = self.is_done() || self.step.is_multiple_of(every);
        // Before the loss is read, so that the first step that went wrong is the one that is named.
        if told || self.norms.len() == MOST_UNREAD {
            self.check_norms()?;
            self.norms.clear();
        }
        if !told {
            return Ok(None);
        }
        // A batch's loss is of the weights before its update; the last figure is of the model that
        // is left.
        let loss = if self.is_done() {
            self.dataset_loss()?
        } else {
            loss.read()? / (self.order.batch() * self.task.predicted()) as f64
        };
        Ok(Some(self.progress(loss, Some(rate))?))
    }

    /// Tries a point of the polish. The first step looks at where the optimizer has come to, and moves
    /// nothing.
    fn advance_polish(&mut self, every: u64) -> Result<Option<Progress>, TrainError> {
        match self.polish.take() {
            None => {
                // Of the optimizer's last steps.
                self.check_norms()?;
                self.norms.clear();
                let (loss, gradient) = self.whole_gradient(&self.weights.clone())?;
                let loss = self.finite("loss", loss, self.step)?;
                let norm = gradient.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
                self.finite("gradient's norm", norm.sqrt(), self.step)?;
                let (point, scale) = (to_host(&self.weights)?, self.optimizer.scale()?);
                let memory = self.polish_memory();
                self.polish = Some(Lbfgs::begin(memory, scale, point, loss, gradient)?);
            }
            Some(mut polish) => {
                let trial = polish.trial()?;
                let device = self.weights.device();
                let (loss, gradient) = self.whole_gradient(&from_host(&trial, &device))?;
                polish.judge(trial, loss, gradient)?;
                self.weights = from_host(polish.point(), &device);
                self.polish = Some(polish);
            }
        }
        self.step += 1;
        let loss = if self.is_done() {
            self.dataset_loss()?
        } else if self.step.is_multiple_of(every) {
            self.polish.as_ref().map_or(f64::NAN, Lbfgs::loss)
        } else {
            return Ok(None);
        };
        Ok(Some(self.progress(loss, None)?))
    }

    /// Mean loss over the whole dataset, in nats a predicted token, and its gradient `[P]`.
    fn whole_gradient(&mut self, weights: &Tensor<1>) -> Result<(f64, Vec<f32>), DeviceError> {
        let (loss, gradient) = self.engine.loss_and_gradient(weights, &Sequences::All)?;
        let tokens = (self.task.samples() * self.task.predicted()) as f64;
        Ok((loss.read()? / tokens, to_host(&gradient)?))
    }

    fn polish_memory(&self) -> usize {
        let pairs = self.settings.polish_memory;
        pairs.map_or(0, |pairs| usize::try_from(pairs).unwrap_or(usize::MAX))
    }

    fn progress(&self, loss: f64, rate: Option<f64>) -> Result<Progress, TrainError> {
        Ok(Progress {
            step: self.step,
            tokens: self.tokens(),
            loss: self.finite("loss", loss, self.step)?,
            rate,
        })
    }

    /// The training as it stands, on the host; all of it is finite.
    ///
    /// # Errors
    /// If the device fails, or something is not finite.
    pub fn state(&self) -> Result<TrainState, TrainError> {
        // Before the state, which may be broken by an earlier step than this one.
        self.check_norms()?;
        let mut state = self.optimizer.state(&self.weights)?;
        state.step = self.step;
        if let Some(polish) = &self.polish {
            polish.save(&mut state);
        }
        for (name, values) in state.tensors() {
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                self.finite(name, value.into(), self.step)?;
            }
        }
        Ok(state)
    }

    /// Goes on from where [`Self::state`] was asked for.
    ///
    /// # Errors
    /// If the state is one of another model or optimizer, or beyond the last step.
    pub fn resume(&mut self, state: &TrainState) -> Result<(), StateError> {
        let all_steps = self.settings.all_steps();
        if state.step > all_steps {
            let step = state.step;
            let what = format!("it is at step {step}, and this training ends at {all_steps}");
            return Err(StateError::Content(what));
        }
        // All of it is checked before any is taken over.
        let now = self.optimizer.state(&self.weights);
        let in_polish = state.step > self.settings.steps;
        let own: &[&str] = if in_polish { &Lbfgs::VECTORS } else { &[] };
        // A device that fails gives no vectors, and so none of the right length.
        state.check(&now.unwrap_or_default(), own)?;
        let mut optimizer = self.optimizer.clone();
        optimizer.resume(state);
        self.polish = match in_polish {
            false => None,
            true => {
                let scale = optimizer.scale();
                let scale = scale.map_err(|error| StateError::Content(error.to_string()))?;
                Some(Lbfgs::resume(state, self.polish_memory(), scale)?)
            }
        };
        self.optimizer = optimizer;
        self.weights = from_host(&state.weights, &self.weights.device());
        self.step = state.step;
        self.norms.clear();
        Ok(())
    }

    /// The loss of the next step's batch at the weights as they are now, in nats a predicted token,
    /// and the gradient `[P]` of that.
    ///
    /// # Errors
    /// If the device fails.
    pub fn gradient(&mut self) -> Result<(f64, Vec<f32>), DeviceError> {
        let batch = self.order.step(self.step);
        let (loss, gradient) = self.engine.loss_and_gradient(&self.weights, &batch)?;
        let tokens = (self.order.batch() * self.task.predicted()) as f64;
        Ok((loss.read()? / tokens, to_host(&gradient)?))
    }

    /// Finds passes that the device has memory for: works out the gradient of a step, and where the device
    /// fails at it, does so in passes of half the size, down to single sequences. False where they are as
    /// they were.
    ///
    /// # Errors
    /// If the device fails however small they are.
    pub fn fit_memory(&mut self) -> Result<bool, DeviceError> {
        let mut halved = false;
        loop {
            // It reads loss and gradient back, so that a memory that does not suffice is found out
            // here.
            let mut tried = self.gradient().map(drop);
            // A batch may be selected and of one pass where the dataset, which a polish needs as a
            // whole, takes several; either may be what has the larger passes.
            if tried.is_ok() && self.settings.polish_steps > 0 {
                tried = self.whole_gradient(&self.weights.clone()).map(drop);
            }
            match tried {
                Ok(()) => return Ok(halved),
                Err(error) if !self.engine.halve_passes() => return Err(error),
                Err(_) => halved = true,
            }
        }
    }

    /// Learning rate of the step after so many.
    fn rate(&self, step: u64) -> f64 {
        self.settings.learning_rate * rate_factor(self.settings, step)
    }

    /// Fails at the first step whose gradient was not finite, of those not looked at yet.
    fn check_norms(&self) -> Result<(), TrainError> {
        if self.norms.is_empty() {
            return Ok(());
        }
        let norms = to_host(&Tensor::cat(self.norms.clone(), 0))?;
        let first = self.step - norms.len() as u64 + 1;
        for (step, norm) in (first..).zip(norms) {
            self.finite("gradient's norm", norm.into(), step)?;
        }
        Ok(())
    }

    fn finite(&self, what: &str, value: f64, step: u64) -> Result<f64, TrainError> {
        if value.is_finite() {
            return Ok(value);
        }
        Err(TrainError::NotFinite {
            what: what.into(),
            value,
            step,
            rate: self.rate(step.saturating_sub(1)),
        })
    }

    /// Mean cross-entropy over the whole dataset, nats a predicted token.
    fn dataset_loss(&self) -> Result<f64, DeviceError> {
        let all = self.model().predictions(self.task)?.log_probabilities;
        Ok(-all.iter().map(|&x| f64::from(x)).sum::<f64>() / all.len() as f64)
    }
}

/// `gradient` scaled down to a norm of `limit` where its `norm`, `[1]`, is larger; worked out where it
/// is, so that nobody waits for the device.
fn clipped(gradient: Tensor<1>, norm: &Tensor<1>, limit: f64) -> Tensor<1> {
    let device = norm.device();
    let wide = if device.supports_dtype(DType::F64) {
        DType::F64
    } else {
        DType::F32
    };
    // In f32 the epsilon would be lost in a norm of 32 or more.
    let norm = norm.clone().cast(wide);
    let within = norm.clone().lower_equal_elem(limit);
    let factor = Tensor::full([1], limit, (&device, wide)) / norm.add_scalar(CLIP_EPSILON);
    gradient * factor.mask_fill(within, 1.0).cast(DType::F32)
}
