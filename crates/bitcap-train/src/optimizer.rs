//! From a gradient to new weights, all on flat vectors.

use bitcap_model::DeviceError;
use bitcap_plan::{Layout, OptimizerKind, TrainSettings};
use burn::tensor::{Device, Tensor};

use crate::muon::Muon;
use crate::soap::Soap;
use crate::state::{TrainState, from_host, to_host};

/// Names in checkpoints.
const FIRST: &str = "adam.first";
const SECOND: &str = "adam.second";
const MOMENTUM: &str = "muon.momentum";
const PRECONDITIONERS: &str = "soap.preconditioners";
const BASES: &str = "soap.bases";

/// An optimizer and its state. Formulas are those of torch.optim's Adam, AdamW and Muon, and of SOAP's
/// paper; weight decay falls on every tensor, biases and gains too, as there.
#[derive(Clone, Debug)]
pub struct Optimizer {
    kind: OptimizerKind,
    betas: [f64; 2],
    epsilon: f64,
    weight_decay: f64,
    layout: Layout,
    /// Where Adam's part of the vector ends and Muon's begins: P where there is no Muon.
    split: usize,
    /// Steps made.
    steps: u64,
    /// Moving mean of the gradient, `[split]`; in SOAP's bases where it has them.
    first: Tensor<1>,
    /// Moving mean of its square, `[split]`.
    second: Tensor<1>,
    muon: Option<Muon>,
    soap: Option<Soap>,
}

impl Optimizer {
    /// An optimizer in its first state, on `device`.
    #[must_use]
    pub fn new(settings: &TrainSettings, layout: &Layout, device: &Device) -> Self {
        let kind = settings.optimizer;
        let muon =
            (kind == OptimizerKind::Muon).then(|| Muon::new(settings, layout.clone(), device));
        let split = if muon.is_some() {
            layout.matrices_start()
        } else {
            layout.len()
        };
        Self {
            kind,
            betas: settings.betas,
            epsilon: settings.epsilon,
            weight_decay: settings.weight_decay,
            layout: layout.clone(),
            split,
            steps: 0,
            first: Tensor::zeros([split], device),
            second: Tensor::zeros([split], device),
            muon,
            soap: match kind {
                OptimizerKind::Soap => Soap::new(settings, layout, device),
                _ => None,
            },
        }
    }

    /// Its part of a state with those weights.
    pub(crate) fn state(&self, weights: &Tensor<1>) -> Result<TrainState, DeviceError> {
        let mut kept = vec![(FIRST, self.first.clone()), (SECOND, self.second.clone())];
        if let Some(muon) = &self.muon {
            kept.push((MOMENTUM, muon.momentum.clone()));
        }
        if let Some(soap) = &self.soap {
            kept.push((PRECONDITIONERS, soap.preconditioners()));
            kept.push((BASES, soap.bases()));
        }
        let kept = kept
            .into_iter()
            .map(|(name, all)| Ok((name.to_owned(), to_host(&all)?)));
        Ok(TrainState {
            step: self.steps,
            weights: to_host(weights)?,
            optimizer: kept.collect::<Result<_, DeviceError>>()?,
        })
    }

    /// Goes on from a state, which is one of its own by [`TrainState::check`].
    pub(crate) fn resume(&mut self, state: &TrainState) {
        let device = self.first.device();
        let kept = |name| from_host(&state.optimizer[name], &device);
        self.steps = state.step;
        (self.first, self.second) = (kept(FIRST), kept(SECOND));
        if let Some(muon) = &mut self.muon {
            muon.momentum = kept(MOMENTUM);
        }
        if let Some(soap) = &mut self.soap {
            soap.resume(&kept(PRECONDITIONERS), &kept(BASES));
        }
    }

    /// The weights after one step down `gradient` at `rate`; both `[P]`.
    ///
    /// # Errors
    /// If the device fails where SOAP reads from it.
    pub fn step(
        &mut self,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        rate: f64,
    ) -> Result<Tensor<1>, DeviceError> {
        self.steps += 1;
        // Muon, and SOAP below, are taken out while Adam's part borrows the optimizer, and put back
        // after it.
        if let Some(mut muon) = self.muon.take() {
            let (split, end) = (self.split, self.layout.len());
            let matrices = muon.step(
                weights.clone().slice(split..end),
                gradient.clone().slice(split..end),
                rate,
            );
            let others = self.adam(
                weights.slice(0..split),
                gradient.slice(0..split),
                rate * muon.adam_part,
            );
            self.muon = Some(muon);
            return Ok(Tensor::cat(vec![others, matrices], 0));
        }
        let Some(mut soap) = self.soap.take() else {
            return Ok(self.adam(weights, gradient, rate));
        };
        // The first gradient only makes the bases; Adam counts its updates from the second on.
        if self.steps == 1 {
            soap.begin(&gradient)?;
            self.soap = Some(soap);
            return Ok(weights);
        }
        let number = self.steps - 1;
        // Adam's moments live in the bases, the weights do not: the update is rotated back first.
        let update = self.adam_update(soap.rotate(&gradient), rate, number);
        let weights =
            weights.mul_scalar(1.0 - rate * self.weight_decay) - soap.rotate_back(&update);
        // After the update: what a gradient is turned by does not depend on it.
        soap.observe(&gradient);
        if number.is_multiple_of(soap.every) {
            // Out by the old bases and in by the new ones. There is no such way for a mean of
            // squares, which stays.
            let first = soap.rotate_back(&self.first);
            soap.renew()?;
            self.first = soap.rotate(&first);
        }
        self.soap = Some(soap);
        Ok(weights)
    }

    fn adam(&mut self, weights: Tensor<1>, gradient: Tensor<1>, rate: f64) -> Tensor<1> {
        let decay = self.weight_decay;
        // Adam's decay is part of the gradient, so that its moments see it. What stands beside Muon
        // or for SOAP without bases is AdamW, whose decay is apart.
        let (weights, gradient) = match (decay > 0.0, self.kind) {
            (false, _) => (weights, gradient),
            (true, OptimizerKind::Adam) => {
                let pull = weights.clone().mul_scalar(decay);
                (weights, gradient + pull)
            }
            (true, _) => (weights.mul_scalar(1.0 - rate * decay), gradient),
        };
        weights - self.adam_update(gradient, rate, self.steps)
    }

    /// What Adam takes off the weights in its update number `update`, the first being 1.
    fn adam_update(&mut self, gradient: Tensor<1>, rate: f64, update: u64) -> Tensor<1> {
        let [beta1, beta2] = self.betas;
        let first = self.first.clone().mul_scalar(beta1) + gradient.clone().mul_scalar(1.0 - beta1);
        let second =
            self.second.clone().mul_scalar(beta2) + gradient.square().mul_scalar(1.0 - beta2);
        // powf on a count in f64: exact to well below f32 for any number of steps.
        let correction1 = 1.0 - beta1.powf(update as f64);
        let correction2 = 1.0 - beta2.powf(update as f64);
        let root = second
            .clone()
            .sqrt()
            .div_scalar(correction2.sqrt())
            .add_scalar(self.epsilon);
        let update = (first.clone() / root).mul_scalar(rate / correction1);
        self.first = first;
        self.second = second;
        update
    }
}
