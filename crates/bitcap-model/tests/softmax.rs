//! Probabilities and the gradient of their logarithms, against f64.

use bitcap_model::{Softmax, open};
use bitcap_plan::DeviceSpec;
use burn::tensor::{Int, Tensor, TensorData};
use proptest::prelude::*;

/// ln p(target) and the gradient of -ln p(target) in f64, each with every digit.
fn expected(logits: &[f32], target: usize) -> (f64, Vec<f64>) {
    let wide: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
    let greatest = wide.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let best = wide.iter().position(|&z| z == greatest).unwrap();
    let exponential: Vec<f64> = wide.iter().map(|z| (z - greatest).exp()).collect();
    let all_but = |out: usize| {
        let others = exponential.iter().enumerate().filter(|(i, _)| *i != out);
        others.map(|(_, e)| e).sum::<f64>()
    };
    let sum = all_but(best);
    let mut gradient: Vec<f64> = exponential.iter().map(|e| e / (1.0 + sum)).collect();
    gradient[target] = -all_but(target) / (1.0 + sum);
    (wide[target] - greatest - sum.ln_1p(), gradient)
}

fn check(logits: &[f32], target: usize, tolerance: f64) {
    let device = open(DeviceSpec::FLEX).unwrap();
    let all = TensorData::new(logits.to_vec(), [1, logits.len()]);
    let all: Tensor<2> = Tensor::from_data(all, &device);
    let targets = TensorData::new(vec![target as i32], [1, 1]);
    let targets: Tensor<2, Int> = Tensor::from_data(targets, &device);
    let softmax = Softmax::of(&all);
    let said = softmax.log_probabilities(all.gather(1, targets.clone()));
    let said = f64::from(said.into_scalar::<f32>());
    let gradient = softmax
        .gradient(targets, 1.0)
        .try_into_vec_as::<f32>()
        .unwrap();
    let (right, right_gradient) = expected(logits, target);
    let near = |said: f64, right: f64| (said - right).abs() <= tolerance * right.abs() + 1e-44;
    assert!(near(said, right), "ln p is {said}, not {right}");
    let both = gradient.iter().zip(&right_gradient);
    for (i, (&said, &right)) in both.enumerate() {
        let said = f64::from(said);
        assert!(near(said, right), "gradient {i} is {said}, not {right}");
    }
}

/// The one that is memorized: first in a row it was lost in an f32 sum, and last it was not.
#[test]
fn a_memorized_token_of_a_large_vocabulary_keeps_its_loss() {
    for place in [0, 1, 40_000, 65_535] {
        let mut logits = vec![-3.0; 65_536];
        logits[place] = 13.7;
        check(&logits, place, 1e-4);
        check(&logits, (place + 1) % 65_536, 1e-4);
        logits[place] = 37.0;
        check(&logits, place, 1e-4);
    }
}

proptest! {
    #[test]
    fn of_any_logits(
        logits in proptest::collection::vec(-60_f32..60.0, 2..300), target in any::<prop::sample::Index>(),
    ) {
        check(&logits, target.index(logits.len()), 2e-5);
    }

    /// Ties: the first of the best is the best, and each has its share.
    #[test]
    fn of_equal_logits(size in 2_usize..100, target in any::<prop::sample::Index>(), z in -9_f32..9.0) {
        check(&vec![z; size], target.index(size), 1e-6);
    }
}
