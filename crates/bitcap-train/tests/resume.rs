//! Trainings that are broken off and go on: the same bytes as those of one that never stopped.

mod common;

use bitcap_model::{Model, PredictionTask, architecture, initial_weights, open};
use bitcap_plan::{
    Batch, DeviceSpec, GruSettings, Initialization, Kernels, LlamaSettings, LstmSettings,
    MambaSettings, MlpSettings, ModelSettings, MoeSettings, OptimizerKind, ScheduleKind,
    TrainSettings,
};
use bitcap_source::DataShape;
use bitcap_train::{Progress, StateError, TrainState, Trainer};
use proptest::prelude::*;

const DATA: DataShape = DataShape {
    vocabulary: 8,
    length: 4,
    start_token: true,
};

fn model() -> Model {
    common::model(DATA, 4, Initialization::Gpt2, 0, DeviceSpec::FLEX)
}

/// One of every other kind.
fn other_kinds() -> Vec<Model> {
    let llama = LlamaSettings {
        start_token: true,
        ..LlamaSettings::new(1, 4, 2)
    };
    let lstm = LstmSettings {
        start_token: true,
        ..LstmSettings::new(1, 4)
    };
    let gru = GruSettings {
        start_token: true,
        ..GruSettings::new(1, 4)
    };
    let mlp = MlpSettings {
        start_token: true,
        ..MlpSettings::new(1, 4)
    };
    let mamba = MambaSettings {
        start_token: true,
        ..MambaSettings::new(1, 4)
    };
    let moe = MoeSettings {
        experts: 3,
        start_token: true,
        ..MoeSettings::new(1, 4, 2)
    };
    let device = open(DeviceSpec::FLEX).unwrap();
    let model = |settings: &ModelSettings| {
        let architecture = architecture(settings, DATA, &device);
        let weights = initial_weights(architecture.layout(), 0);
        Model::new(architecture, weights, &device)
    };
    let all = [
        ModelSettings::Llama(llama),
        ModelSettings::Lstm(lstm),
        ModelSettings::Gru(gru),
        ModelSettings::Mlp(mlp),
        ModelSettings::Mamba(mamba),
        ModelSettings::Moe(moe),
    ];
    all.iter().map(model).collect()
}

fn task() -> PredictionTask {
    common::task(&DATA, 10)
}

const STEPS: u64 = 12;

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

/// All but two steps by L-BFGS, which forgets pairs on the way.
fn polished(optimizer: OptimizerKind) -> TrainSettings {
    TrainSettings {
        steps: 2,
        polish_steps: STEPS - 2,
        polish_memory: Some(2),
        warmup_steps: 0,
        ..settings(optimizer, Batch::Sequences(3))
    }
}

fn trainer<'a>(settings: &'a TrainSettings, task: &'a PredictionTask) -> Trainer<'a> {
    of(&model(), settings, task)
}

fn of<'a>(model: &Model, settings: &'a TrainSettings, task: &'a PredictionTask) -> Trainer<'a> {
    Trainer::new(model, settings, task, Kernels::Auto)
}

fn advance_to(trainer: &mut Trainer<'_>, step: u64) -> Vec<Progress> {
    let mut told = Vec::new();
    while trainer.step() < step {
        told.extend(trainer.advance(2).unwrap());
    }
    told
}

/// Trains through a stop after each of `stops`, each time in a new trainer from the bytes of the
/// last state; what was told, and the state at the end.
fn train(settings: &TrainSettings, stops: &[u64]) -> (Vec<Progress>, TrainState) {
    train_one(&model(), settings, stops)
}

fn train_one(
    model: &Model,
    settings: &TrainSettings,
    stops: &[u64],
) -> (Vec<Progress>, TrainState) {
    let task = task();
    let mut current = of(model, settings, &task);
    let mut told = Vec::new();
    for &stop in stops {
        told.extend(advance_to(&mut current, stop));
        let bytes = current.state().unwrap().to_bytes("what the caller notes");
        let (state, notes) = TrainState::from_bytes(&bytes).unwrap();
        assert_eq!(notes, "what the caller notes");
        assert_eq!(state, current.state().unwrap());
        current = of(model, settings, &task);
        current.resume(&state).unwrap();
    }
    told.extend(advance_to(&mut current, STEPS));
    assert!(current.is_done());
    (told, current.state().unwrap())
}

#[test]
fn a_training_that_went_on_is_one_that_never_stopped() {
    for optimizer in [
        OptimizerKind::Adam,
        OptimizerKind::Adamw,
        OptimizerKind::Muon,
        OptimizerKind::Soap,
    ] {
        for batch in [Batch::Full, Batch::Sequences(3)] {
            let settings = settings(optimizer, batch);
            let whole = train(&settings, &[]);
            assert_eq!(whole.1.step, STEPS);
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

#[test]
fn so_is_one_with_a_polish() {
    for optimizer in [
        OptimizerKind::Adam,
        OptimizerKind::Muon,
        OptimizerKind::Soap,
    ] {
        let settings = polished(optimizer);
        let whole = train(&settings, &[]);
        assert_eq!(whole.1.step, STEPS);
        for stops in [&[1][..], &[2], &[3], &[4, 5, 7, 9, 11]] {
            assert_eq!(train(&settings, stops), whole, "{optimizer:?} {stops:?}");
        }
    }
}

#[test]
fn so_is_one_of_every_other_kind() {
    for model in other_kinds() {
        for optimizer in [OptimizerKind::Muon, OptimizerKind::Soap] {
            let settings = settings(optimizer, Batch::Sequences(3));
            let whole = train_one(&model, &settings, &[]);
            assert_eq!(train_one(&model, &settings, &[4, 5]), whole);
        }
    }
}

/// What makes the tests above able to fail: moments that are lost change what comes after.
#[test]
fn every_part_of_the_state_matters() {
    let task = task();
    for optimizer in [OptimizerKind::Muon, OptimizerKind::Soap] {
        every_part_matters_of(optimizer, &task);
    }
}

fn every_part_matters_of(optimizer: OptimizerKind, task: &PredictionTask) {
    let settings = settings(optimizer, Batch::Sequences(3));
    let (_, whole) = train(&settings, &[]);
    let mut half = trainer(&settings, task);
    advance_to(&mut half, 6);
    let state = half.state().unwrap();
    let mut altered = vec![TrainState {
        step: state.step - 1,
        ..state.clone()
    }];
    for name in state.optimizer.keys() {
        let mut without = state.clone();
        without.optimizer.get_mut(name).unwrap().fill(0.0);
        altered.push(without);
    }
    for altered in altered {
        let mut trainer = trainer(&settings, task);
        trainer.resume(&altered).unwrap();
        advance_to(&mut trainer, STEPS);
        assert_ne!(trainer.state().unwrap().weights, whole.weights);
    }
}

/// Of a polish, pairs, gradient and where its search stands.
#[test]
fn every_part_of_a_polish_matters() {
    let task = task();
    let settings = polished(OptimizerKind::Soap);
    let (_, whole) = train(&settings, &[]);
    let mut half = trainer(&settings, &task);
    advance_to(&mut half, 10);
    let state = half.state().unwrap();
    let parameters = state.weights.len();
    assert_eq!(state.optimizer["lbfgs.moved"].len(), 2 * parameters);
    let parts = ["lbfgs.moved", "lbfgs.turned", "lbfgs.gradient"];
    let altered = parts.map(|name| {
        let mut altered = state.clone();
        altered.optimizer.get_mut(name).unwrap().fill(1e-3);
        altered
    });
    let end = |state: &TrainState| {
        let mut trainer = trainer(&settings, &task);
        trainer.resume(state).unwrap();
        advance_to(&mut trainer, STEPS);
        trainer.state().unwrap().weights
    };
    assert_eq!(end(&state), whole.weights);
    for (altered, name) in altered.iter().zip(parts) {
        assert!(end(altered) != whole.weights, "{name}");
    }
    let mut shorter = state.clone();
    *shorter.numbers.get_mut("lbfgs.length").unwrap() *= 0.5;
    assert!(end(&shorter) != whole.weights);

    let refused = |change: &dyn Fn(&mut TrainState)| {
        let mut altered = state.clone();
        change(&mut altered);
        let mut trainer = trainer(&settings, &task);
        let error = trainer.resume(&altered).unwrap_err();
        // Nothing of it was taken over.
        assert_eq!(trainer.step(), 0);
        error.to_string()
    };
    let error = refused(&|state| {
        state.numbers.remove("lbfgs.loss");
    });
    assert!(error.contains("no number `lbfgs.loss`"), "{error}");
    let error = refused(&|state| {
        state.optimizer.remove("lbfgs.gradient");
    });
    let expected = format!("`lbfgs.gradient` has 0 numbers; this training has {parameters}");
    assert_eq!(error, expected);
    let error = refused(&|state| {
        let moved = state.optimizer.get_mut("lbfgs.moved").unwrap();
        moved.resize(3 * parameters, 0.0);
    });
    assert!(error.contains("`lbfgs.moved` has"), "{error}");
    // Steps of the optimizer have nothing of a polish.
    let error = refused(&|state| state.step = 1);
    assert!(error.contains("lbfgs."), "{error}");
}

#[test]
fn a_state_of_another_training_is_refused() {
    let task = task();
    let (adam, muon) = (
        settings(OptimizerKind::Adam, Batch::Full),
        settings(OptimizerKind::Muon, Batch::Full),
    );
    let of_muon = trainer(&muon, &task).state().unwrap();
    let error = trainer(&adam, &task).resume(&of_muon).unwrap_err();
    assert!(
        matches!(&error, StateError::Size { name, .. } if name == "adam.first"),
        "{error}"
    );
    let mut later = trainer(&adam, &task).state().unwrap();
    later.step = STEPS + 1;
    let error = trainer(&adam, &task).resume(&later).unwrap_err();
    assert!(error.to_string().contains("ends at 12"), "{error}");
    let mut longer = trainer(&adam, &task).state().unwrap();
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
        let mut bytes = trainer(&settings, &task).state().unwrap().to_bytes("{}");
        let at = cut.index(bytes.len());
        prop_assert!(TrainState::from_bytes(&bytes[..at]).is_err());
        bytes[at] ^= flip;
        let _ = TrainState::from_bytes(&bytes);
    }
}
