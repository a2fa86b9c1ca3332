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

/// Several ways on the processor, by kernels and composed of passes of other sizes, say what rounding does to a
/// training (SOAP's bases turn where their directions weigh nearly the same); a GPU rounds in a way of its own.
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
        let losses = |device, kernels, micro_batch| {
            let model = model(data, device);
            let settings = TrainSettings {
                micro_batch,
                ..settings.clone()
            };
            let mut trainer = Trainer::new(&model, &settings, &task, kernels);
            let told = std::iter::from_fn(|| {
                (!trainer.is_done()).then(|| trainer.advance(1).unwrap().unwrap().loss)
            });
            told.collect::<Vec<f64>>()
        };
        let expected = losses(DeviceSpec::FLEX, Kernels::Off, None);
        let apart = |found: Vec<f64>| {
            let apart = found
                .iter()
                .zip(&expected)
                .map(|(a, b)| (a / b - 1.0).abs());
            apart.fold(0.0, f64::max)
        };
        let ways = [
            (Kernels::Auto, None),
            (Kernels::Off, Some(5)),
            (Kernels::Off, Some(7)),
            (Kernels::Off, Some(11)),
        ];
        let ways = ways.map(|(kernels, size)| apart(losses(DeviceSpec::FLEX, kernels, size)));
        let here = apart(losses(gpu(), Kernels::Auto, None));
        println!("{optimizer:?}: {here:.1e}, on the processor {ways:?}");
        let rounding = ways.into_iter().fold(0.0, f64::max);
        // Far more would be no rounding.
        assert!(rounding < 1e-2, "{optimizer:?}: {rounding}");
        assert!(here < 1e-5 + 4.0 * rounding, "{optimizer:?}: {here}");
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
