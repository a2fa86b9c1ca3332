//! One step on several threads.

use crate::gpt2::{Offsets, Sizes, SizesError};
use crate::{Cpu, Gpt2};

/// A GPT-2 for each of several threads, which share a step's sequences.
///
/// The gradients are summed in the threads' order, so that results are the same bytes each time
/// for the same number of threads.
pub struct Threads {
    length: usize,
    lanes: usize,
    first: Gpt2,
    /// The other threads' models and gradients.
    others: Vec<(Gpt2, Vec<f32>)>,
}

impl Threads {
    /// Room for so many threads; 0 counts as 1.
    ///
    /// # Errors
    /// As [`Gpt2::new`].
    pub fn new(
        cpu: Cpu,
        sizes: Sizes,
        offsets: &Offsets,
        threads: usize,
    ) -> Result<Self, SizesError> {
        let others = (1..threads).map(|_| {
            let model = Gpt2::new(cpu, sizes, offsets.clone())?;
            Ok((model, vec![0.0; offsets.len]))
        });
        Ok(Self {
            length: sizes.length,
            lanes: cpu.lanes(),
            first: Gpt2::new(cpu, sizes, offsets.clone())?,
            others: others.collect::<Result<_, _>>()?,
        })
    }

    /// As [`Gpt2::loss_and_gradient`], but that a thread is started for each but the first.
    ///
    /// # Panics
    /// As there.
    pub fn loss_and_gradient(
        &mut self,
        weights: &[f32],
        inputs: &[i32],
        targets: &[i32],
        scale: f32,
        gradient: &mut [f32],
    ) -> f64 {
        assert_eq!(inputs.len(), targets.len());
        let threads = self.others.len() + 1;
        // Whole groups of lanes to each, so that only the last has lanes to spare.
        let group = self.length * self.lanes;
        let groups = inputs.len().div_ceil(group);
        let part = |i: usize| {
            let at = |i: usize| (i * groups / threads * group).min(inputs.len());
            at(i)..at(i + 1)
        };
        let loss = std::thread::scope(|scope| {
            let mut running = Vec::with_capacity(threads - 1);
            for (i, (model, gradient)) in self.others.iter_mut().enumerate() {
                let (inputs, targets) = (&inputs[part(i + 1)], &targets[part(i + 1)]);
                running.push(scope.spawn(move || {
                    model.loss_and_gradient(weights, inputs, targets, scale, gradient)
                }));
            }
            let (inputs, targets) = (&inputs[part(0)], &targets[part(0)]);
            let mut loss = self
                .first
                .loss_and_gradient(weights, inputs, targets, scale, gradient);
            for thread in running {
                match thread.join() {
                    Ok(part) => loss += part,
                    // With its own message, as on one thread.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            loss
        });
        for (_, part) in &self.others {
            for (to, from) in gradient.iter_mut().zip(part) {
                *to += from;
            }
        }
        loss
    }
}
