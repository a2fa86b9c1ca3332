//! SOAP against its paper's algorithm in float64 (tests/reference/soap.py), and what must hold of it.

use bitcap_model::open;
use bitcap_plan::{DeviceSpec, Group, Init, Layout, OptimizerKind, Rule, Slot, TrainSettings};
use bitcap_train::Optimizer;
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    shapes: Vec<Vec<usize>>,
    weights: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    expected: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/soap.json")).unwrap()
}

fn settings(size: u64) -> TrainSettings {
    TrainSettings {
        optimizer: OptimizerKind::Soap,
        betas: [0.8, 0.99],
        weight_decay: 0.1,
        preconditioner_beta: Some(0.95),
        preconditioner_every: Some(5),
        preconditioner_size: Some(size),
        ..TrainSettings::adam(20, 0.03)
    }
}

/// The weights after the fixture's gradients.
fn trained(settings: &TrainSettings) -> Vec<f32> {
    let fixture = fixture();
    let device = open(DeviceSpec::FLEX).unwrap();
    let tensor = |values: &[f32]| {
        let data = TensorData::new(values.to_vec(), [values.len()]);
        Tensor::<1>::from_data(data, &device)
    };
    let shapes = fixture.shapes.iter().enumerate();
    let slots = shapes.map(|(i, dims)| {
        let (init, group) = (Init::Zeros, Group::Mlp);
        Slot::new(&i.to_string(), dims, init, Rule::Other, group)
    });
    let layout = Layout::new(slots.collect());
    let mut optimizer = Optimizer::new(settings, &layout, &device);
    let mut weights = tensor(&fixture.weights);
    for gradient in &fixture.gradients {
        let rate = settings.learning_rate;
        weights = optimizer.step(weights, tensor(gradient), rate).unwrap();
    }
    weights.try_into_vec_as::<f32>().unwrap()
}

fn largest_difference(found: &[f32], expected: impl Iterator<Item = f64>) -> f64 {
    let both = found.iter().zip(expected);
    both.map(|(&a, b)| (f64::from(a) - b).abs())
        .fold(0.0, f64::max)
}

/// 20 steps at a rate of 0.03 move each weight by up to 0.6; f32 keeps 1e-7 of weights about 1.
#[test]
fn twenty_steps_of_the_published_algorithm() {
    let expected = fixture().expected;
    let off = largest_difference(&trained(&settings(8)), expected.iter().copied());
    assert!(off < 1e-5, "{off:e}");
}

/// With no dimension small enough, and where bases are never renewed, it is another optimizer: the
/// test above can fail.
#[test]
fn preconditioners_and_their_renewal_matter() {
    let expected = fixture().expected;
    let never = TrainSettings {
        preconditioner_every: Some(1000),
        ..settings(8)
    };
    for other in [settings(1), never] {
        let off = largest_difference(&trained(&other), expected.iter().copied());
        assert!(off > 1e-2, "{off:e}");
    }
}

/// Without preconditioners it is AdamW, from the first step on.
#[test]
fn without_preconditioners_it_is_adamw() {
    let adamw = TrainSettings {
        optimizer: OptimizerKind::Adamw,
        ..settings(1)
    };
    assert_eq!(trained(&settings(1)), trained(&adamw));
}
