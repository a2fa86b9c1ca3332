//! The step by bitcap-kernels against the one composed of Burn's operations: loss, gradient, and a
//! whole training.

mod common;

use bitcap_base::stream;
use bitcap_model::{Model, PredictionTask, architecture, initial_weights, open};
use bitcap_plan::{
    Batch, DeviceSpec, Gpt2Settings, Initialization, Kernels, ModelSettings, TrainSettings,
};
use bitcap_source::DataShape;
use bitcap_train::Trainer;
use proptest::prelude::*;
use rand::RngExt;

fn norm(xs: impl Iterator<Item = f64>) -> f64 {
    xs.map(|x| x * x).sum::<f64>().sqrt()
}

/// Loss and gradient of the first step.
fn first_step(
    model: &Model,
    settings: &TrainSettings,
    task: &PredictionTask,
    kernels: Kernels,
) -> (f64, Vec<f32>) {
    let mut trainer = Trainer::new(model, settings, task, kernels);
    assert_eq!(trainer.kernels().is_some(), kernels == Kernels::Auto);
    trainer.gradient().unwrap()
}

/// How far `a` is from `b`, of the norm of `b`.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let apart = norm(a.iter().zip(b).map(|(a, b)| f64::from(a - b)));
    apart / norm(b.iter().copied().map(f64::from))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn both_steps_agree(
        vocabulary in 2_u32..90, length in 2_usize..24, layers in 1_u32..3, head_width in 2_u32..7,
        heads in 1_u32..5, mlp_ratio in 1_u32..5, tied_head: bool, start_token: bool,
        samples in 1_u64..40, batch in prop::option::of(1_u64..40), seed: u64,
    ) {
        let data = DataShape { vocabulary, length, start_token };
        let model = ModelSettings::Gpt2(Gpt2Settings {
            mlp_ratio,
            tied_head,
            start_token,
            initialization: Initialization::FanIn,
            ..Gpt2Settings::new(layers, head_width * heads, heads)
        });
        let device = open(DeviceSpec::FLEX).unwrap();
        let architecture = architecture(&model, data, &device);
        let mut random = stream(seed, "test");
        // Away from the symmetric beginning, where the biases are zero and the norms' weights one.
        let mut weights = initial_weights(architecture.layout(), seed);
        for weight in &mut weights {
            *weight += 0.1 * (random.random::<f32>() - 0.5);
        }
        let task = common::task(&data, samples);
        let settings = TrainSettings {
            batch: batch.map_or(Batch::Full, Batch::Sequences),
            ..TrainSettings::adam(3, 1e-3)
        };
        let composed_step = |weights| {
            let model = Model::new(architecture.clone(), weights, &device);
            first_step(&model, &settings, &task, Kernels::Off)
        };
        let (composed_loss, composed) = composed_step(weights.clone());
        // Where the function is steep, as layer norms of few features are, two ways of rounding are
        // further apart: 32 times what a change of every weight by its last bit does, as in the
        // kernels' own tests, which have an f64 reference. (A layer norm of two features is a step.)
        let change = |_| {
            let mut moved = weights.clone();
            for weight in &mut moved {
                let up: bool = random.random();
                *weight = if up { weight.next_up() } else { weight.next_down() };
            }
            distance(&composed_step(moved).1, &composed)
        };
        let tolerance = (32.0 * (0..3).map(change).fold(0.0, f64::max))
            .max(if head_width * heads == 2 { 1e-4 } else { 2e-5 });
        let model = Model::new(architecture.clone(), weights, &device);
        let (loss, gradient) = first_step(&model, &settings, &task, Kernels::Auto);
        prop_assert!((loss - composed_loss).abs() < 1e-5 * composed_loss, "{loss} {composed_loss}");
        let apart = distance(&gradient, &composed);
        prop_assert!(apart < tolerance, "{apart:e}, more than {tolerance:e}");
    }
}

/// Rounding grows in a training; what is memorized in the end is the same to well below what seeds
/// change.
#[test]
fn both_memorize_a_small_dataset() {
    let data = DataShape {
        vocabulary: 16,
        length: 8,
        start_token: true,
    };
    let model = common::model(data, 16, Initialization::FanIn, 0, DeviceSpec::FLEX);
    let task = common::task(&data, 16);
    let settings = TrainSettings::adam(300, 0.02);
    let [by_kernels, composed] = [Kernels::Auto, Kernels::Off].map(|kernels| {
        let mut trainer = Trainer::new(&model, &settings, &task, kernels);
        let mut last = None;
        while !trainer.is_done() {
            last = trainer.advance(300).unwrap().or(last);
        }
        last.unwrap().loss
    });
    // ln 16 = 2.77 at the beginning; which of the 16 sequences comes is ln 16 / 8 = 0.347, and is
    // known of none.
    assert!((0.34..0.36).contains(&composed), "{composed}");
    assert!(
        (by_kernels - composed).abs() < 1e-3,
        "{by_kernels} {composed}"
    );
}
