//! Trainings that are broken off and go on: the same bytes as those of one that never stopped.

use std::ops::ControlFlow;

use bitcap_model::{PredictionTask, initial_weights, open};
use bitcap_plan::{Batch, OptimizerKind, ScheduleKind, TrainSettings};
use bitcap_plan::{DeviceSpec, Gpt2Shape, Initialization};
use bitcap_source::{SourceSettings, Split, UniformSettings, draw};
use bitcap_train::{Progress, StateError, TrainState, Trainer};
use proptest::prelude::*;

const SHAPE: Gpt2Shape = Gpt2Shape {
    vocabulary: 8,
    length: 4,
    layers: 1,
    width: 4,
    heads: 2,
    mlp_ratio: 4,
    tied_head: true,
    start_token: true,
};

const STEPS: u64 = 12;

fn task() -> PredictionTask {
    let source = SourceSettings::Uniform(UniformSettings {
        vocabulary: 8,
        length: 4,
        seed: 0,
    });
    PredictionTask::new(
        &SHAPE,
        &draw(&source, 0, 10, Split::Training).unwrap().tokens,
    )
}

fn settings(optimizer: OptimizerKind, batch: Batch) -> TrainSettings {
    TrainSettings {
        optimizer,
        batch,
        schedule: ScheduleKind::WarmupStableDecay,
        warmup_steps: 3,
        weight_decay: 0.01,
        clip_norm: Some(0.5),
        ..TrainSettings::adam(STEPS, 0.02)
    }
}

fn trainer<'a>(settings: &'a TrainSettings, task: &'a PredictionTask) -> Trainer<'a> {
    let weights = initial_weights(&SHAPE, Initialization::Gpt2, settings.seed);
    Trainer::new(
        &SHAPE,
        settings,
        task,
        weights,
        &open(DeviceSpec::FLEX).unwrap(),
    )
}

/// Trains through a stop after each of `stops`, each time in a new trainer from the bytes of the
/// last state; what was told, and the state at the end.
fn train(settings: &TrainSettings, stops: &[u64]) -> (Vec<Progress>, TrainState) {
    let task = task();
    let mut told = Vec::new();
    let mut current = trainer(settings, &task);
    for &stop in stops {
        let ended = current.run(2, |trainer, progress| {
            told.extend(progress);
            if trainer.step() == stop {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!(ended, Ok(ControlFlow::Break(())));
        let bytes = current.state().to_bytes("what the caller notes");
        let (state, notes) = TrainState::from_bytes(&bytes).unwrap();
        assert_eq!(notes, "what the caller notes");
        assert_eq!(state, current.state());
        current = trainer(settings, &task);
        current.resume(&state).unwrap();
    }
    let ended = current.run(2, |_, progress| {
        told.extend(progress);
        ControlFlow::Continue(())
    });
    assert_eq!(ended, Ok(ControlFlow::Continue(())));
    (told, current.state())
}

#[test]
fn a_training_that_went_on_is_one_that_never_stopped() {
    for optimizer in [
        OptimizerKind::Adam,
        OptimizerKind::Adamw,
        OptimizerKind::Muon,
    ] {
        for batch in [Batch::Full, Batch::Sequences(3)] {
            let settings = settings(optimizer, batch);
            let whole = train(&settings, &[]);
            assert_eq!(whole.1.step, STEPS);
            assert_eq!(whole.1.momentum.is_some(), optimizer == OptimizerKind::Muon);
            for stops in [&[1][..], &[11], &[4, 5, 8]] {
                assert_eq!(
                    train(&settings, stops),
                    whole,
                    "{optimizer:?} {batch:?} {stops:?}"
                );
            }
        }
    }
}

/// What makes the test above able to fail: moments that are lost change what comes after.
#[test]
fn every_part_of_the_state_matters() {
    let task = task();
    let settings = settings(OptimizerKind::Muon, Batch::Sequences(3));
    let (_, whole) = train(&settings, &[]);
    let mut half = trainer(&settings, &task);
    let _ = half.run(1, |trainer, _| match trainer.step() {
        6 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let state = half.state();
    let zeros = |all: &[f32]| vec![0.0; all.len()];
    let altered = [
        TrainState {
            step: 5,
            ..state.clone()
        },
        TrainState {
            first: zeros(&state.first),
            ..state.clone()
        },
        TrainState {
            second: zeros(&state.second),
            ..state.clone()
        },
        TrainState {
            momentum: state.momentum.as_deref().map(zeros),
            ..state.clone()
        },
    ];
    for altered in altered {
        let mut trainer = trainer(&settings, &task);
        trainer.resume(&altered).unwrap();
        let _ = trainer.run(1, |_, _| ControlFlow::Continue(()));
        assert_ne!(trainer.state().weights, whole.weights);
    }
}

#[test]
fn a_state_of_another_training_is_refused() {
    let task = task();
    let (adam, muon) = (
        settings(OptimizerKind::Adam, Batch::Full),
        settings(OptimizerKind::Muon, Batch::Full),
    );
    let of_muon = trainer(&muon, &task).state();
    let error = trainer(&adam, &task).resume(&of_muon).unwrap_err();
    assert!(matches!(
        error,
        StateError::Size {
            name: "adam.first",
            ..
        }
    ));
    let mut later = trainer(&adam, &task).state();
    later.step = STEPS + 1;
    let error = trainer(&adam, &task).resume(&later).unwrap_err();
    assert!(error.to_string().contains("ends at 12"), "{error}");
    let mut longer = trainer(&adam, &task).state();
    longer.weights.push(0.0);
    let error = trainer(&adam, &task).resume(&longer).unwrap_err();
    assert!(error.to_string().contains("`weights` has"), "{error}");
}

proptest! {
    /// Bytes cut short or altered anywhere are refused or read as some state: never a panic.
    #[test]
    fn damaged_bytes_do_not_panic(cut in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let task = task();
        let settings = settings(OptimizerKind::Muon, Batch::Full);
        let mut bytes = trainer(&settings, &task).state().to_bytes("{}");
        let at = cut.index(bytes.len());
        prop_assert!(TrainState::from_bytes(&bytes[..at]).is_err());
        bytes[at] ^= flip;
        let _ = TrainState::from_bytes(&bytes);
    }
}
