//! `train.rate_factors` are torch.optim's parameter groups: a tensor with a factor goes where the same
//! optimizer takes it at that many times the rate, and the others go where they went.

use bitcap_model::open;
use bitcap_plan::{DeviceSpec, Group, Init, Layout, OptimizerKind, Rule, Slot, TrainSettings};
use bitcap_train::Optimizer;
use burn::tensor::{Tensor, TensorData};

/// A table, a bias and a matrix; Muon takes the last only.
const TENSORS: [(&str, &[usize], Rule); 3] = [
    ("wte.weight", &[5, 3], Rule::Other),
    ("mlp.bias", &[4], Rule::Other),
    ("mlp.weight", &[3, 4], Rule::Matrix),
];
const PARAMETERS: usize = 15 + 4 + 12;
const STEPS: usize = 12;

fn slot((name, dims, rule): (&str, &[usize], Rule)) -> Slot {
    Slot::new(name, dims, Init::Zeros, rule, Group::Mlp)
}

/// Weights after some steps down the same gradients.
fn trained(optimizer: OptimizerKind, rate: f64, factors: &[(&str, f64)]) -> Vec<f32> {
    let device = open(DeviceSpec::FLEX).unwrap();
    let layout = Layout::new(TENSORS.map(slot).to_vec());
    let factors = factors
        .iter()
        .map(|&(part, factor)| (part.to_owned(), factor));
    let settings = TrainSettings {
        optimizer,
        weight_decay: 0.1,
        rate_factors: factors.collect(),
        ..TrainSettings::adam(STEPS as u64, rate)
    };
    let mut optimizer = Optimizer::new(&settings, &layout, &device);
    let vector = |value: &dyn Fn(usize) -> f64| {
        let values: Vec<f32> = (0..PARAMETERS).map(|i| value(i) as f32).collect();
        Tensor::<1>::from_data(TensorData::new(values, [PARAMETERS]), &device)
    };
    let mut weights = vector(&|i| (i as f64).cos());
    for step in 0..STEPS {
        let gradient = vector(&|i| ((step * PARAMETERS + i) as f64 * 0.7).sin() * (i + 1) as f64);
        weights = optimizer.step(weights, gradient, rate).unwrap();
    }
    weights.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn a_factor_is_a_rate_of_its_own() {
    for kind in [
        OptimizerKind::Adam,
        OptimizerKind::Adamw,
        OptimizerKind::Muon,
        OptimizerKind::Soap,
    ] {
        let found = trained(kind, 0.01, &[("wte", 4.0), ("mlp.w", 0.5)]);
        let at = |rate| trained(kind, rate, &[]);
        let expected = [&at(0.04)[..15], &at(0.01)[15..19], &at(0.005)[19..]].concat();
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            // Of weights about 1, which f32 keeps to 6e-8, in 12 steps.
            assert!(
                (found - expected).abs() < 3e-6,
                "{kind:?}, {i}: {found} {expected}"
            );
        }
        assert_ne!(found, at(0.01), "{kind:?}");
    }
}
