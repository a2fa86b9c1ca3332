//! The loss and gradient of a batch by bitcap-kernels: one operation on slices, without autodiff.

use bitcap_kernels::{Cpu, Gpt2};
use bitcap_model::{DeviceError, Model, PredictionTask};
use burn::tensor::{Device, Tensor};

use crate::order::Sequences;
use crate::state::{from_host, to_host};
use crate::step::{Loss, Step};

/// A GPT-2's step on the processor, one thread. Passes are its own, of what fits the cache:
/// `train.micro_batch` changes nothing.
pub(crate) struct KernelStep<'a> {
    task: &'a PredictionTask,
    cpu: Cpu,
    model: Gpt2,
    gradient: Vec<f32>,
    /// Inputs and targets of a batch that is not the whole dataset, `[n, S_pred]` row-major each.
    inputs: Vec<i32>,
    targets: Vec<i32>,
}

impl<'a> KernelStep<'a> {
    /// For models like `model`; None where the kernels know no such architecture, or it is not on
    /// flex.
    pub(crate) fn new(model: &Model, task: &'a PredictionTask) -> Option<Self> {
        if model.flat().device() != Device::flex() {
            return None;
        }
        let (sizes, offsets) = model.architecture().kernels()?;
        let (cpu, parameters) = (Cpu::detect(), offsets.len);
        let model = Gpt2::new(cpu, sizes, offsets);
        Some(Self {
            task,
            cpu,
            model: model.expect("the sizes of a model that there is"),
            gradient: vec![0.0; parameters],
            inputs: Vec::new(),
            targets: Vec::new(),
        })
    }
}

impl Step for KernelStep<'_> {
    fn loss_and_gradient(
        &mut self,
        weights: &Tensor<1>,
        batch: &Sequences,
    ) -> Result<(Loss, Tensor<1>), DeviceError> {
        let task = self.task;
        let (inputs, targets) = match batch {
            Sequences::All => (task.inputs(), task.targets()),
            Sequences::These(these) => {
                gather(task.inputs(), task.predicted(), these, &mut self.inputs);
                gather(task.targets(), task.predicted(), these, &mut self.targets);
                (&self.inputs[..], &self.targets[..])
            }
        };
        let flat = to_host(weights)?;
        // The gradient is of the mean over the batch, while the loss is told as a sum.
        let scale = (1.0 / targets.len() as f64) as f32;
        let gradient = &mut self.gradient;
        let nats = self
            .model
            .loss_and_gradient(&flat, inputs, targets, scale, gradient);
        let gradient = from_host(gradient, &weights.device());
        Ok((Loss::Known(nats), gradient))
    }

    fn kernels(&self) -> Option<String> {
        Some(format!("bitcap-kernels, f32, {} lanes", self.cpu.lanes()))
    }
}

/// The rows of `[N, width]` with these indices.
fn gather(all: &[i32], width: usize, rows: &[usize], into: &mut Vec<i32>) {
    into.clear();
    for row in rows {
        into.extend_from_slice(&all[row * width..][..width]);
    }
}
