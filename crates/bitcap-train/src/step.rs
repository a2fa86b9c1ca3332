//! The loss and gradient of a batch: the seam at which one way to work them out stands in for another.

use std::ops::Range;
use std::sync::Arc;

use bitcap_model::{
    Architecture, DeviceError, Model, Pass, PredictionTask, Softmax, Weights, passes,
};
use burn::tensor::{FloatDType, Tensor};

use crate::order::Sequences;

/// Works out loss and gradient of batches of one dataset.
pub trait Step {
    /// The loss of a batch at `weights` (`[P]`, without autodiff), and the gradient of its mean over
    /// the predicted tokens, `[P]` on the same device.
    ///
    /// # Errors
    /// If the device fails. What it has not come to yet may fail later, where it is read.
    fn loss_and_gradient(
        &mut self,
        weights: &Tensor<1>,
        batch: &Sequences,
    ) -> Result<(Loss, Tensor<1>), DeviceError>;

    /// What computes, where it is not Burn's operations on the device.
    fn kernels(&self) -> Option<String> {
        None
    }
}

/// The summed cross-entropy of a batch, in nats.
pub enum Loss {
    /// Worked out.
    Known(f64),
    /// That of each token, pass by pass, still on the device: to wait for it in every step would
    /// cost more than many a step. An f32 sum would not do: in 10^8 tokens it is off by 10^5 bits.
    OnDevice(Vec<Tensor<1>>),
}

impl Loss {
    /// Waits for the device where need be, and sums in f64.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read(self) -> Result<f64, DeviceError> {
        match self {
            Self::Known(nats) => Ok(nats),
            Self::OnDevice(passes) => passes.into_iter().try_fold(0.0, |sum, pass| {
                let tokens = pass.try_into_vec_as::<f32>()?;
                Ok(sum + tokens.into_iter().map(f64::from).sum::<f64>())
            }),
        }
    }
}

/// Forward and backward pass by Burn's operations: any architecture on any device.
pub struct ComposedStep<'a> {
    architecture: Arc<dyn Architecture>,
    task: &'a PredictionTask,
    /// Sequences in one pass at most.
    largest: usize,
    /// The dataset on the device pass by pass, for batches that are all of it; each placed there once.
    passes: Vec<Pass>,
    /// The dataset on the device as a whole, for batches that are selected from it.
    whole: Option<Pass>,
}

impl<'a> ComposedStep<'a> {
    /// For models like `model`, in passes of at most `micro_batch` sequences, or of what suits its
    /// device.
    #[must_use]
    pub fn new(model: &Model, task: &'a PredictionTask, micro_batch: Option<u64>) -> Self {
        let set = micro_batch.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        Self {
            architecture: model.architecture().clone(),
            task,
            largest: set.unwrap_or_else(|| model.largest_pass()),
            passes: Vec::new(),
            whole: None,
        }
    }

    /// Pass number `index` of a batch.
    fn pass(
        &mut self,
        batch: &Sequences,
        index: usize,
        range: Range<usize>,
        at: &Tensor<1>,
    ) -> Pass {
        let (task, device) = (self.task, at.device());
        match batch {
            Sequences::All => {
                if index == self.passes.len() {
                    self.passes.push(task.pass(range, &device));
                }
                self.passes[index].clone()
            }
            Sequences::These(these) => {
                let all = || task.pass(0..task.samples(), &device);
                self.whole.get_or_insert_with(all).select(&these[range])
            }
        }
    }

    /// The loss of each token, `[rows]`, and the gradient `[P]` of `weight` times their sum.
    fn of_pass(&self, pass: Pass, flat: &Tensor<1>, weight: f64) -> (Tensor<1>, Tensor<1>) {
        let architecture = &*self.architecture;
        let weights = Weights::with_gradients(architecture.layout(), flat, FloatDType::F32);
        let hidden = architecture.hidden(&weights, Tensor::from_inner(pass.inputs));
        let logits = architecture.head(&weights, hidden.values);
        let [rows, _] = logits.dims();
        let inner = logits.clone().inner();
        let softmax = Softmax::of(&inner);
        let of_targets = softmax.log_probabilities(inner.gather(1, pass.targets.clone()));
        // From one softmax in closed form: over a log-softmax under autodiff it saves half a dozen
        // passes over the largest tensor of the step.
        let gradient = softmax.gradient(pass.targets, weight);
        // The sum of logits × (a constant) has that constant as its gradient: backward from here
        // is backward from the loss.
        let mut surrogate = (logits * Tensor::from_inner(gradient)).sum();
        if let Some(auxiliary) = hidden.auxiliary {
            // A mean over the rows of this pass, which are only some of the batch.
            surrogate = surrogate + auxiliary.mul_scalar(weight * rows as f64);
        }
        (
            -of_targets.flatten(0, 1),
            weights.gradient(surrogate.backward()),
        )
    }
}

impl Step for ComposedStep<'_> {
    fn loss_and_gradient(
        &mut self,
        weights: &Tensor<1>,
        batch: &Sequences,
    ) -> Result<(Loss, Tensor<1>), DeviceError> {
        let sequences = match batch {
            Sequences::All => self.task.samples(),
            Sequences::These(these) => these.len(),
        };
        let weight = 1.0 / (sequences * self.task.predicted()) as f64;
        let (mut losses, mut sum) = (Vec::new(), None);
        for (index, range) in passes(sequences, self.largest).enumerate() {
            let pass = self.pass(batch, index, range, weights);
            let (loss, gradient) = self.of_pass(pass, weights, weight);
            losses.push(loss);
            sum = Some(match sum {
                None => gradient,
                Some(sum) => sum + gradient,
            });
        }
        let gradient = sum.expect("a batch has a sequence, and so a pass");
        Ok((Loss::OnDevice(losses), gradient))
    }
}
