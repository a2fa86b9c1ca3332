//! The loss and gradient of a batch: the seam at which one way to work them out stands in for another.

use std::ops::Range;
use std::sync::Arc;

use bitcap_model::{
    Architecture, DeviceError, Model, Pass, PredictionTask, RowSums, Softmax, Weights, chunks,
    passes,
};
use bitcap_plan::Precision;
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

    /// Takes passes of half as many sequences from now on, with the same sums but for an auxiliary loss that
    /// depends on passes ([`Hidden::auxiliary`](bitcap_model::Hidden::auxiliary)); false where it does not,
    /// or has passes of a single one.
    fn halve_passes(&mut self) -> bool {
        false
    }
}

/// The summed cross-entropy of a batch, in nats.
pub enum Loss {
    /// Worked out.
    Known(f64),
    /// That of each token, piece by piece, still on the device: to wait for it in every step would
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
            Self::OnDevice(pieces) => pieces.into_iter().try_fold(0.0, |sum, piece| {
                let tokens = piece.try_into_vec_as::<f32>()?;
                Ok(sum + tokens.into_iter().map(f64::from).sum::<f64>())
            }),
        }
    }
}

/// Forward and backward pass by Burn's operations: any architecture on any device.
pub struct ComposedStep<'a> {
    architecture: Arc<dyn Architecture>,
    task: &'a PredictionTask,
    /// What matrices are rounded to as they are multiplied, where that is not f32.
    products: Option<FloatDType>,
    /// Sequences in one pass at most.
    largest: usize,
    /// The dataset on the device pass by pass, for batches that are all of it; each placed there once.
    passes: Vec<TrainingPass>,
    /// The dataset on the device as a whole, for batches that are selected from it.
    whole: Option<Pass>,
}

/// Sequences on a device, and how the gradient of their tokens is summed.
#[derive(Clone)]
struct TrainingPass {
    data: Pass,
    sums: RowSums,
}

impl<'a> ComposedStep<'a> {
    /// For models like `model`, in passes of at most `micro_batch` sequences, or of what suits its
    /// device.
    #[must_use]
    pub fn new(
        model: &Model,
        task: &'a PredictionTask,
        micro_batch: Option<u64>,
        precision: Precision,
    ) -> Self {
        let set = micro_batch.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        Self {
            architecture: model.architecture().clone(),
            task,
            products: match precision {
                // TF32 is what such a device makes of products of 32-bit floats by itself.
                Precision::F32 | Precision::Tf32 => None,
                Precision::Bf16 => Some(FloatDType::BF16),
            },
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
    ) -> TrainingPass {
        let (task, device) = (self.task, at.device());
        let rows = self.architecture.data().rows();
        match batch {
            Sequences::All => {
                // The same passes in every step and in order: the first step places each, the
                // others find them.
                if index == self.passes.len() {
                    self.passes.push(TrainingPass {
                        sums: RowSums::new(task.inputs_of(range.clone()), rows, &device),
                        data: task.pass(range, &device),
                    });
                }
                self.passes[index].clone()
            }
            Sequences::These(these) => {
                // The tokens are on the device already and are selected there. Which places have
                // the same token differs from batch to batch, and is sorted on the host.
                let these = &these[range];
                let inputs = these.iter().map(|&i| task.inputs_of(i..i + 1));
                let sums = RowSums::new(&inputs.collect::<Vec<_>>().concat(), rows, &device);
                let all = || task.pass(0..task.samples(), &device);
                let data = self.whole.get_or_insert_with(all).select(these);
                TrainingPass { data, sums }
            }
        }
    }

    /// The loss of each token, `[rows]` in pieces, and the gradient `[P]` of `weight` times their sum.
    fn of_pass(
        &self,
        pass: TrainingPass,
        flat: &Tensor<1>,
        weight: f64,
    ) -> (Vec<Tensor<1>>, Tensor<1>) {
        let architecture = &*self.architecture;
        let TrainingPass { data, sums } = pass;
        let weights = Weights::with_gradients(architecture.layout(), flat, self.products, sums);
        let hidden = architecture.hidden(&weights, Tensor::from_inner(data.inputs));
        // The graph is cut here: each chunk has a head of its own above it, whose logits are gone
        // before the next, and leaves the gradient of its hidden states.
        let values = hidden.values.clone().inner();
        let [rows, _] = values.dims();
        let (mut losses, mut of_values) = (Vec::new(), Vec::new());
        let mut gradient = weights.gradient();
        for chunk in chunks(rows, architecture.data(), &flat.device()) {
            let values = Tensor::from_inner(values.clone().slice(chunk.clone())).require_grad();
            let targets = data.targets.clone().slice(chunk);
            let logits = architecture.head(&weights, values.clone());
            let inner = logits.clone().inner();
            let softmax = Softmax::of(&inner);
            let of_targets = softmax.log_probabilities(inner.gather(1, targets.clone()));
            losses.push(-of_targets.flatten(0, 1));
            // From one softmax in closed form: over a log-softmax under autodiff it saves half a dozen
            // passes over the largest tensor of the step.
            let of_logits = softmax.gradient(targets, weight);
            let mut found = times(logits, of_logits).backward();
            let of_chunk = values.grad_remove(&mut found);
            of_values.push(of_chunk.expect("the logits are made of these"));
            gradient.add(found);
        }
        // And from the hidden states to the beginning, once for all chunks.
        let surrogate = times(hidden.values, Tensor::cat(of_values, 0));
        gradient.add(match hidden.auxiliary {
            None => surrogate.backward(),
            // A mean over the rows of this pass, which are only some of the batch.
            Some(auxiliary) => {
                let weighted = auxiliary.mul_scalar(weight * rows as f64);
                (surrogate.sum() + weighted).backward()
            }
        });
        (losses, gradient.whole())
    }
}

/// values × (a constant), the sum of which has that constant as its gradient: backward from here is backward
/// from the loss that the constant is the gradient of. Burn begins with a one for each number, which is
/// what the gradient of the sum would be.
fn times(values: Tensor<2>, gradient: Tensor<2>) -> Tensor<2> {
    values * Tensor::from_inner(gradient)
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
        // Of the whole batch, not of a pass, so that the passes' gradients only have to be added.
        let weight = 1.0 / (sequences * self.task.predicted()) as f64;
        let (mut losses, mut sum) = (Vec::new(), None);
        for (index, range) in passes(sequences, self.largest).enumerate() {
            let pass = self.pass(batch, index, range, weights);
            let (loss, gradient) = self.of_pass(pass, weights, weight);
            losses.extend(loss);
            sum = Some(match sum {
                None => gradient,
                Some(sum) => sum + gradient,
            });
        }
        let gradient = sum.expect("a batch has a sequence, and so a pass");
        Ok((Loss::OnDevice(losses), gradient))
    }

    fn halve_passes(&mut self) -> bool {
        // A half of more than there are would be the same passes again.
        let largest = self.largest.min(self.task.samples());
        if largest == 1 {
            return false;
        }
        self.largest = largest.div_ceil(2);
        self.passes.clear();
        true
    }
}
