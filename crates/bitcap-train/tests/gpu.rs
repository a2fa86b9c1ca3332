//! The step on a GPU against flex, here on the software adapter `wgpu:cpu`: right, not fast.
#![cfg(feature = "wgpu")]

mod common;

use bitcap_model::{Model, PredictionTask};
use bitcap_plan::{
    Batch, DeviceSpec, Initialization, Kernels, OptimizerKind, Precision, TrainSettings,
};
use bitcap_source::DataShape;
use bitcap_train::Trainer;

fn gpu() -> DeviceSpec {
    "wgpu:cpu".parse().unwrap()
}

fn model(data: DataShape, device: DeviceSpec) -> Model {
    common::model(data, 16, Initialization::FanIn, 3, device)
}

fn gradient(
    data: DataShape,
    device: DeviceSpec,
    settings: &TrainSettings,
    task: &PredictionTask,
) -> (f64, Vec<f32>) {
    let model = model(data, device);
    let mut trainer = Trainer::new(&model, settings, task, Kernels::Auto);
    trainer.gradient().unwrap()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let norm = |all: &mut dyn Iterator<Item = f64>| all.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(a - b)))
        / norm(&mut b.iter().map(|&b| f64::from(b)))
}

/// Vocabularies that fill the rows of a GPU and those that do not, batches that are all and that are
/// not, logits in one chunk and in several.
#[test]
fn the_gradient_is_that_of_flex() {
    let cases = [
        (2, 6, true, 40, None),
        (3, 5, false, 40, Some(7)),
        (64, 8, false, 50, None),
        (64, 8, true, 50, Some(16)),
        // 32 MiB of logits are 2,016 rows of 4,160; there are 5,000.
        (4096, 4, true, 1250, None),
    ];
    for (vocabulary, length, start_token, samples, batch) in cases {
        let data = DataShape {
            vocabulary,
            length,
            start_token,
        };
        let task = common::task(&data, samples);
        let settings = TrainSettings {
            batch: batch.map_or(Batch::Full, Batch::Sequences),
            ..TrainSettings::adam(2, 1e-3)
        };
        let (loss, here) = gradient(data, gpu(), &settings, &task);
        let (expected, flex) = gradient(data, DeviceSpec::FLEX, &settings, &task);
        assert!(
            (loss - expected).abs() < 1e-5 * expected,
            "V={vocabulary}: {loss} {expected}"
        );
        let apart = distance(&here, &flex);
        assert!(apart < 1e-5, "V={vocabulary}: {apart}");
    }
}

/// What a model says of data, with every digit that 32 bits give.
#[test]
fn predictions_are_those_of_flex() {
    for (vocabulary, length, start_token) in [(2, 6, true), (64, 8, true), (4096, 4, false)] {
        let data = DataShape {
            vocabulary,
            length,
            start_token,
        };
        let task = common::task(&data, 900);
        let here = model(data, gpu()).predictions(&task).unwrap();
        let flex = model(data, DeviceSpec::FLEX).predictions(&task).unwrap();
        for (a, b) in here.log_probabilities.iter().zip(&flex.log_probabilities) {
            assert!(
                (a - b).abs() < 1e-5 * b.abs().max(1.0),
                "V={vocabulary}: {a} {b}"
            );
        }
        // All logits at the first place are alike but for rounding, so that the best may be another.
        let apart = here.right.iter().zip(&flex.right).filter(|(a, b)| a != b);
        assert!(apart.count() * 1000 <= here.right.len());
        let next = |device| model(data, device).next(&[1, 0], 1, 2).unwrap();
        let (next, expected) = (next(gpu()), next(DeviceSpec::FLEX));
        assert_eq!(next.len(), data.rows());
        let whole: f64 = next.iter().map(|&x| f64::from(x).exp()).sum();
        assert!((whole - 1.0).abs() < 1e-5, "{whole}");
        for (a, b) in next.iter().zip(&expected) {
            assert!(
                (a - b).abs() < 1e-5 * b.abs().max(1.0),
                "V={vocabulary}: {a} {b}"
            );
        }
    }
}

/// Two ways on the processor, by kernels and composed, say what rounding does to a training (SOAP's bases turn
/// where their directions weigh nearly the same): so much for so much that they are apart in a gradient. A GPU
/// is apart in that by something else, and in the training in proportion.
#[test]
fn every_optimizer_trains_alike() {
    let data = DataShape {
        vocabulary: 16,
        length: 8,
        start_token: true,
    };
    let task = common::task(&data, 24);
    let kinds = [
        OptimizerKind::Adam,
        OptimizerKind::Adamw,
        OptimizerKind::Muon,
        OptimizerKind::Soap,
    ];
    for optimizer in kinds {
        let settings = TrainSettings {
            optimizer,
            clip_norm: Some(0.5),
            ..TrainSettings::adam(12, 3e-3)
        };
        let losses = |device, kernels| {
            let model = model(data, device);
            let mut trainer = Trainer::new(&model, &settings, &task, kernels);
            let told = std::iter::from_fn(|| {
                (!trainer.is_done()).then(|| trainer.advance(1).unwrap().unwrap().loss)
            });
            told.collect::<Vec<f64>>()
        };
        let here = losses(gpu(), Kernels::Auto);
        let flex = [Kernels::Auto, Kernels::Off].map(|ways| losses(DeviceSpec::FLEX, ways));
        let apart = |a: &[f64], b: &[f64]| {
            let apart = a.iter().zip(b).map(|(a, b)| (a / b - 1.0).abs());
            apart.fold(0.0, f64::max)
        };
        let (rounding, apart) = (apart(&flex[0], &flex[1]), apart(&here, &flex[1]));
        let gradients = |device, kernels| {
            let model = model(data, device);
            let mut trainer = Trainer::new(&model, &settings, &task, kernels);
            trainer.gradient().unwrap().1
        };
        let composed = gradients(DeviceSpec::FLEX, Kernels::Off);
        let of_gpu = distance(&gradients(gpu(), Kernels::Auto), &composed);
        let of_kernels = distance(&gradients(DeviceSpec::FLEX, Kernels::Auto), &composed);
        println!(
            "{optimizer:?}: {apart:.1e}, on the processor {rounding:.1e}; gradients {of_gpu:.1e}, {of_kernels:.1e}"
        );
        assert!(rounding < 1e-3, "{optimizer:?}: {rounding}");
        assert!(of_gpu < 1e-5, "{optimizer:?}: {of_gpu}");
        let expected = rounding * (of_gpu / of_kernels).max(1.0);
        assert!(apart < 1e-5 + 4.0 * expected, "{optimizer:?}: {apart}");
    }
}

/// The same bits, run after run: no sum whose order is up to chance.
#[test]
fn a_gradient_is_the_same_every_time() {
    let data = DataShape {
        vocabulary: 16,
        length: 8,
        start_token: true,
    };
    let task = common::task(&data, 200);
    let settings = TrainSettings::adam(2, 1e-3);
    let first = gradient(data, gpu(), &settings, &task);
    for _ in 0..3 {
        assert_eq!(gradient(data, gpu(), &settings, &task), first);
    }
}

/// The precision's rounding shows, and is no more than that.
#[test]
fn bf16_rounds_the_factors_of_products() {
    let data = DataShape {
        vocabulary: 16,
        length: 8,
        start_token: true,
    };
    let task = common::task(&data, 64);
    let f32 = TrainSettings::adam(2, 1e-3);
    let bf16 = TrainSettings {
        precision: Precision::Bf16,
        ..f32.clone()
    };
    let (_, exact) = gradient(data, DeviceSpec::FLEX, &f32, &task);
    let (_, rounded) = gradient(data, DeviceSpec::FLEX, &bf16, &task);
    let apart = distance(&rounded, &exact);
    assert!((1e-4..3e-2).contains(&apart), "{apart}");
}
