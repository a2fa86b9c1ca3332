//! The loop: what it tells, that it repeats itself, what devices and passes may change, how it
//! fails.

use std::ops::ControlFlow;

use bitcap_model::{PredictionTask, initial_weights, open};
use bitcap_plan::{Batch, OptimizerKind, TrainSettings};
use bitcap_plan::{DeviceSpec, Gpt2Shape, Initialization};
use bitcap_source::{SourceSettings, Split, UniformSettings, draw};
use bitcap_train::{Progress, TrainError, Trainer};

const SHAPE: Gpt2Shape = Gpt2Shape {
    vocabulary: 16,
    length: 8,
    layers: 1,
    width: 8,
    heads: 2,
    mlp_ratio: 4,
    tied_head: true,
    start_token: true,
};

fn task() -> PredictionTask {
    let source = SourceSettings::Uniform(UniformSettings {
        vocabulary: 16,
        length: 8,
        seed: 0,
    });
    PredictionTask::new(
        &SHAPE,
        &draw(&source, 0, 24, Split::Training).unwrap().tokens,
    )
}

struct Ended {
    told: Vec<Progress>,
    weights: Vec<f32>,
    result: Result<ControlFlow<()>, TrainError>,
}

fn train(settings: &TrainSettings, device: DeviceSpec) -> Ended {
    let task = task();
    let weights = initial_weights(&SHAPE, Initialization::FanIn, settings.seed);
    let mut trainer = Trainer::new(&SHAPE, settings, &task, weights, &open(device).unwrap());
    let mut told = Vec::new();
    let result = trainer.run(10, |_, progress| {
        told.extend(progress);
        ControlFlow::Continue(())
    });
    Ended {
        told,
        weights: trainer.state().weights,
        result,
    }
}

fn settings(optimizer: OptimizerKind, batch: Batch) -> TrainSettings {
    TrainSettings {
        optimizer,
        batch,
        ..TrainSettings::adam(40, 0.02)
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    for batch in [Batch::Full, Batch::Sequences(7)] {
        let settings = settings(OptimizerKind::Muon, batch);
        let (first, second) = (
            train(&settings, DeviceSpec::FLEX),
            train(&settings, DeviceSpec::FLEX),
        );
        assert_eq!(first.told, second.told);
        assert_eq!(first.weights, second.weights);
        let other = train(
            &TrainSettings {
                seed: 1,
                ..settings
            },
            DeviceSpec::FLEX,
        );
        assert_ne!(first.weights, other.weights);
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn flex_and_ndarray_give_the_same_losses() {
    for optimizer in [OptimizerKind::Adam, OptimizerKind::Muon] {
        let settings = settings(optimizer, Batch::Sequences(7));
        let flex = train(&settings, DeviceSpec::FLEX).told;
        let ndarray = train(&settings, ndarray()).told;
        assert_eq!(flex.len(), ndarray.len());
        for (a, b) in flex.iter().zip(&ndarray) {
            assert!((a.loss - b.loss).abs() < 1e-4 * b.loss, "{a:?} {b:?}");
        }
    }
}

/// Passes only split the sums: losses differ by rounding.
#[test]
fn micro_batches_give_the_same_losses() {
    let whole = settings(OptimizerKind::Adam, Batch::Full);
    let expected = train(&whole, DeviceSpec::FLEX).told;
    for micro_batch in [1, 5, 24, 1000] {
        let split = TrainSettings {
            micro_batch: Some(micro_batch),
            ..whole.clone()
        };
        for (a, b) in train(&split, DeviceSpec::FLEX).told.iter().zip(&expected) {
            assert!(
                (a.loss - b.loss).abs() < 1e-4 * b.loss,
                "{micro_batch}: {a:?} {b:?}"
            );
        }
    }
}

#[test]
fn every_tenth_step_and_the_last_are_told() {
    let settings = TrainSettings {
        steps: 25,
        ..settings(OptimizerKind::Adamw, Batch::Sequences(6))
    };
    let Ended { told, result, .. } = train(&settings, DeviceSpec::FLEX);
    assert_eq!(result, Ok(ControlFlow::Continue(())));
    let steps: Vec<u64> = told.iter().map(|p| p.step).collect();
    assert_eq!(steps, [10, 20, 25]);
    for progress in &told {
        assert_eq!(progress.tokens, progress.step * 6 * 8);
    }
    assert!(told[2].loss < told[0].loss);
    assert!(
        told[2].loss < 16f64.ln(),
        "it learned something: {:?}",
        told[2]
    );
}

/// Weights blown up until nothing is finite: an error with the step, and no panic.
#[test]
fn a_loss_that_is_not_finite_ends_the_training() {
    for learning_rate in [1e30, 1e38] {
        let settings = TrainSettings {
            learning_rate,
            weight_decay: 1.0,
            ..settings(OptimizerKind::Adamw, Batch::Full)
        };
        let Ended { result, .. } = train(&settings, DeviceSpec::FLEX);
        let error = result.unwrap_err();
        assert!(
            matches!(error, TrainError::NotFinite { step: 1..=40, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("at step"), "{error}");
    }
}

/// What gets close to all bits of a dataset that is far below the capacity: training works.
#[test]
fn a_small_dataset_is_memorized() {
    let settings = TrainSettings {
        steps: 400,
        learning_rate: 0.02,
        ..settings(OptimizerKind::Adam, Batch::Full)
    };
    let Ended { told, .. } = train(&settings, DeviceSpec::FLEX);
    let loss = told.last().unwrap().loss;
    // 24 sequences told apart: log2 24 bits in 8 tokens is the least possible, 0.397 nats a token.
    let floor = 24f64.ln() / 8.0;
    assert!(
        loss > floor - 1e-6 && loss < floor + 0.1,
        "{loss} for a floor of {floor}"
    );
}

#[cfg(feature = "ndarray")]
fn ndarray() -> DeviceSpec {
    "ndarray".parse().unwrap()
}
