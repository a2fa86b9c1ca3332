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

/// Of the median of Adam's mean of squares: smaller ones count as this in [`Optimizer::scale`]. In row 1x32
/// of Table 1 only one parameter in a hundred has less than an eighth of the median, so that it falls on those
/// that hardly have a gradient.
const LEAST_SECOND: f32 = 0.01;

/// A symmetric positive matrix `[P, P]`: the identity, or a number a parameter in SOAP's bases.
#[derive(Clone, Debug)]
pub(crate) struct Scale(Option<(Tensor<1>, Option<Soap>)>);

impl Scale {
    pub(crate) const IDENTITY: Self = Self(None);

    /// So much each parameter, `[P]`.
    #[cfg(test)]
    pub(crate) fn of_each(scale: Tensor<1>) -> Self {
        Self(Some((scale, None)))
    }

    /// Its product with a vector `[P]`.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn apply(&self, vector: &[f64]) -> Result<Vec<f64>, DeviceError> {
        let Some((scale, soap)) = &self.0 else {
            return Ok(vector.to_vec());
        };
        // To length 1, of which an f32 holds every part that matters, and back.
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        let unit: Vec<f32> = vector.iter().map(|x| (x / norm) as f32).collect();
        let mut unit = from_host(&unit, &scale.device());
        if let Some(soap) = soap {
            unit = soap.rotate(&unit);
        }
        unit = unit * scale.clone();
        if let Some(soap) = soap {
            unit = soap.rotate_back(&unit);
        }
        let scaled = to_host(&unit)?.into_iter();
        Ok(scaled.map(|x| f64::from(x) * norm).collect())
    }
}

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
    /// Of the learning rate, `[P]`; none where all are 1.
    factors: Option<Tensor<1>>,
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
            factors: rate_factors(settings, layout, device),
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
            ..TrainState::default()
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

    /// How large its updates are by direction, as it stands: 1 / √v, Adam's mean of squares being v, in
    /// SOAP's bases where there are some. All alike for Muon, which keeps no v of matrices.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn scale(&self) -> Result<Scale, DeviceError> {
        if self.muon.is_some() {
            return Ok(Scale::IDENTITY);
        }
        let second = to_host(&self.second)?;
        let mut sorted = second.clone();
        sorted.sort_by(f32::total_cmp);
        let median = sorted[sorted.len() / 2];
        if median < f32::MIN_POSITIVE {
            return Ok(Scale::IDENTITY);
        }
        // By the median, so that no f32 overflows. What never has a gradient, such as the bias of keys,
        // which the softmax cancels, would get steps without end from the rounding in it.
        let scale = |v: f32| (v / median).max(LEAST_SECOND).sqrt().recip();
        let scale: Vec<f32> = second.into_iter().map(scale).collect();
        let device = self.second.device();
        Ok(Scale(Some((from_host(&scale, &device), self.soap.clone()))))
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
        let Some(factors) = self.factors.clone() else {
            return self.step_at_one_rate(weights, gradient, rate);
        };
        // Updates and decoupled decay are proportional to the rate.
        let moved = self.step_at_one_rate(weights.clone(), gradient, rate)? - weights.clone();
        Ok(weights + moved * factors)
    }

    fn step_at_one_rate(
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

/// [`TrainSettings::rate_factors`] for each parameter, `[P]`.
fn rate_factors(settings: &TrainSettings, layout: &Layout, device: &Device) -> Option<Tensor<1>> {
    if settings.rate_factors.is_empty() {
        return None;
    }
    let mut factors = Vec::with_capacity(layout.len());
    for slot in layout.slots() {
        let factor = settings.rate_factor_of(&slot.name) as f32;
        factors.resize(slot.range().end, factor);
    }
    Some(from_host(&factors, device))
}

#[cfg(test)]
mod tests {
    use bitcap_model::open;
    use bitcap_plan::{DeviceSpec, Group, Init, Rule, Slot};
    use nalgebra::{DMatrix, DVector};

    use super::*;

    const ROWS: usize = 3;
    const COLUMNS: usize = 2;

    /// A vector of 2 and a matrix `[3, 2]` after some steps.
    fn trained(optimizer: OptimizerKind, steps: usize) -> (Optimizer, TrainState) {
        let device = open(DeviceSpec::FLEX).unwrap();
        let slot =
            |name, dims: &[usize], rule| Slot::new(name, dims, Init::Zeros, rule, Group::Mlp);
        let layout = Layout::new(vec![
            slot("vector", &[2], Rule::Other),
            slot("matrix", &[ROWS, COLUMNS], Rule::Matrix),
        ]);
        let settings = TrainSettings {
            optimizer,
            ..TrainSettings::adam(steps as u64, 0.01)
        };
        let mut optimizer = Optimizer::new(&settings, &layout, &device);
        let mut weights = Tensor::zeros([8], &device);
        for step in 0..steps {
            // The first has no gradient, like the bias of keys.
            let gradient = |i: usize| match i {
                0 => 0.0,
                _ => ((step * 8 + i) as f32 * 0.7).sin() * (i + 1) as f32,
            };
            let gradient: Vec<f32> = (0..8).map(gradient).collect();
            let gradient = from_host(&gradient, &device);
            weights = optimizer.step(weights, gradient, 0.01).unwrap();
        }
        let state = optimizer.state(&weights).unwrap();
        (optimizer, state)
    }

    /// The scale as a matrix, a column a unit vector.
    fn matrix(scale: &Scale) -> DMatrix<f64> {
        let column = |i| {
            let unit: Vec<f64> = (0..8).map(|j| f64::from(u8::from(i == j))).collect();
            DVector::from_vec(scale.apply(&unit).unwrap())
        };
        DMatrix::from_columns(&(0..8).map(column).collect::<Vec<_>>())
    }

    /// Q diag(1 / √v) Qᵀ by the state alone: v as a part of its median, and the first of it raised.
    #[test]
    fn the_scale_is_that_of_the_updates() {
        for kind in [OptimizerKind::Adam, OptimizerKind::Soap] {
            let (optimizer, state) = trained(kind, 4);
            let second: Vec<f64> = state.optimizer[SECOND].iter().map(|&v| v.into()).collect();
            let mut sorted = second.clone();
            sorted.sort_by(f64::total_cmp);
            let roots = second
                .iter()
                .map(|v| (v / sorted[4]).max(0.01).sqrt().recip());
            let roots = DMatrix::from_diagonal(&DVector::from_iterator(8, roots));
            assert_eq!(second[0], 0.0);
            let expected = match kind {
                OptimizerKind::Adam => roots,
                _ => {
                    let bases: Vec<f64> =
                        state.optimizer[BASES].iter().map(|&q| q.into()).collect();
                    let (left, right) = bases.split_at(ROWS * ROWS);
                    let left = DMatrix::from_row_slice(ROWS, ROWS, left);
                    let right = DMatrix::from_row_slice(COLUMNS, COLUMNS, right);
                    // On a matrix with its rows one after another; the vector stays.
                    let mut turn = DMatrix::identity(8, 8);
                    turn.view_mut((2, 2), (6, 6))
                        .copy_from(&left.kronecker(&right));
                    &turn * roots * turn.transpose()
                }
            };
            let found = matrix(&optimizer.scale().unwrap());
            let off = (&found - &expected).norm() / expected.norm();
            assert!(off < 1e-5, "{kind:?}: {off:e}");
            // It is not the identity, and SOAP's is not diagonal.
            assert!((&found - DMatrix::identity(8, 8)).norm() > 0.1);
            let diagonal = DMatrix::from_diagonal(&found.diagonal());
            assert_eq!((found - diagonal).norm() > 0.1, kind == OptimizerKind::Soap);
        }
    }

    /// Muon has none of matrices; SOAP's first step only makes its bases.
    #[test]
    fn without_a_scale_all_are_alike() {
        for (kind, steps) in [(OptimizerKind::Muon, 4), (OptimizerKind::Soap, 1)] {
            let found = matrix(&trained(kind, steps).0.scale().unwrap());
            assert_eq!(found, DMatrix::identity(8, 8), "{kind:?}");
        }
    }
}
