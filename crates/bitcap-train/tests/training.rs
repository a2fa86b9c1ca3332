//! The loop: what it tells, that it repeats itself, what devices and passes may change, how it
//! fails.

mod common;

use std::sync::Arc;

use bitcap_model::{Architecture, DeviceError, Hidden, Model, Weights, initial_weights, open};
use bitcap_plan::{
    Batch, DeviceSpec, Group, Init, Initialization, Kernels, Layout, OptimizerKind, Precision,
    Rule, ScheduleKind, Slot, TrainSettings,
};
use bitcap_source::DataShape;
use bitcap_train::{ComposedStep, Loss, Optimizer, Progress, Sequences, Step, TrainError, Trainer};
use burn::tensor::{Int, Tensor, TensorData};
use serde_json::Value;

const DATA: DataShape = DataShape {
    vocabulary: 16,
    length: 8,
    start_token: true,
};

fn model(seed: u64, device: DeviceSpec) -> Model {
    common::model(DATA, 8, Initialization::FanIn, seed, device)
}

struct Ended {
    told: Vec<Progress>,
    weights: Vec<f32>,
}

fn to_the_end(trainer: &mut Trainer<'_>, every: u64) -> Result<Vec<Progress>, TrainError> {
    let mut told = Vec::new();
    while !trainer.is_done() {
        told.extend(trainer.advance(every)?);
    }
    Ok(told)
}

fn train(settings: &TrainSettings, device: DeviceSpec) -> Ended {
    let task = common::task(&DATA, 24);
    let mut trainer = Trainer::new(
        &model(settings.seed, device),
        settings,
        &task,
        Kernels::Auto,
    );
    Ended {
        told: to_the_end(&mut trainer, 10).unwrap(),
        weights: trainer.state().unwrap().weights,
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
    let Ended { told, .. } = train(&settings, DeviceSpec::FLEX);
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

/// Steps of the polish see the whole dataset, and none makes the loss higher.
#[test]
fn a_polish_goes_on_where_the_optimizer_ends() {
    for optimizer in [
        OptimizerKind::Adam,
        OptimizerKind::Muon,
        OptimizerKind::Soap,
    ] {
        let without = settings(optimizer, Batch::Sequences(6));
        let with = TrainSettings {
            polish_steps: 25,
            polish_memory: Some(10),
            ..without.clone()
        };
        let (alone, Ended { told, weights }) = (
            train(&without, DeviceSpec::FLEX),
            train(&with, DeviceSpec::FLEX),
        );
        let steps: Vec<u64> = told.iter().map(|p| p.step).collect();
        assert_eq!(steps, [10, 20, 30, 40, 50, 60, 65]);
        // The same as without it up to there, but that the last step of all tells of the whole dataset.
        assert_eq!(told[..3], alone.told[..3]);
        for progress in &told[4..] {
            let sequences = 40 * 6 + (progress.step - 40) * 24;
            assert_eq!(progress.tokens, sequences * 8);
        }
        let losses: Vec<f64> = std::iter::once(&alone.told[3])
            .chain(&told[4..])
            .map(|progress| progress.loss)
            .collect();
        assert!(losses.windows(2).all(|two| two[1] < two[0]), "{losses:?}");
        assert!(losses[3] < 0.9 * losses[0], "{losses:?}");
        assert_ne!(weights, alone.weights);
    }
}

/// A polish that finds no way down ends the training, which is then done.
#[test]
fn a_polish_that_has_converged_ends_before_its_last_step() {
    let settings = TrainSettings {
        polish_steps: 100_000,
        polish_memory: Some(10),
        ..settings(OptimizerKind::Soap, Batch::Full)
    };
    // One sequence, of which all is memorized until no f32 is left below the loss.
    let task = common::task(&DATA, 1);
    let model = model(0, DeviceSpec::FLEX);
    let mut trainer = Trainer::new(&model, &settings, &task, Kernels::Auto);
    let told = to_the_end(&mut trainer, 1000).unwrap();
    assert!(trainer.step() < 10_000, "{}", trainer.step());
    let last = told.last().unwrap();
    assert_eq!(last.step, trainer.step());
    assert!(last.loss < 1e-6, "{}", last.loss);
    assert_eq!(last.tokens, trainer.tokens());
}

/// Kernels and Burn's operations polish alike.
#[test]
fn composed_steps_polish_as_kernels_do() {
    let settings = TrainSettings {
        polish_steps: 8,
        polish_memory: Some(10),
        ..settings(OptimizerKind::Adam, Batch::Sequences(6))
    };
    let task = common::task(&DATA, 24);
    let model = model(0, DeviceSpec::FLEX);
    let [a, b] = [Kernels::Auto, Kernels::Off].map(|kernels| {
        let mut trainer = Trainer::new(&model, &settings, &task, kernels);
        to_the_end(&mut trainer, 1).unwrap()
    });
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert!((a.loss - b.loss).abs() < 1e-3 * b.loss, "{a:?} {b:?}");
    }
}

/// Weights blown up until nothing is finite: an error with the step, and no panic. It is the same
/// however seldom the device is asked.
#[test]
fn a_loss_that_is_not_finite_ends_the_training() {
    for learning_rate in [1e30, 1e38] {
        let settings = TrainSettings {
            learning_rate,
            weight_decay: 1.0,
            ..settings(OptimizerKind::Adamw, Batch::Full)
        };
        let task = common::task(&DATA, 24);
        let model = model(0, DeviceSpec::FLEX);
        let errors = [1, 7, 1000].map(|every| {
            let mut trainer = Trainer::new(&model, &settings, &task, Kernels::Auto);
            to_the_end(&mut trainer, every).unwrap_err()
        });
        let TrainError::NotFinite { what, step, .. } = &errors[0] else {
            panic!("{}", errors[0])
        };
        let shown = errors[0].to_string();
        assert!(shown.contains(&format!("the {what} is")), "{shown}");
        assert!(shown.contains(&format!("at step {step}")), "{shown}");
        // A step later at most: the loss that is read then is of before the update.
        for error in &errors {
            assert!(
                matches!(error, TrainError::NotFinite { step: found, .. } if found.abs_diff(*step) <= 1),
                "{errors:?}"
            );
        }
    }
}

/// Between two readings of the device a training can be broken without knowing it: no state is made
/// of it.
#[test]
fn no_state_is_made_of_what_is_not_finite() {
    let settings = TrainSettings {
        learning_rate: 1e38,
        ..settings(OptimizerKind::Adam, Batch::Full)
    };
    let task = common::task(&DATA, 24);
    let mut trainer = Trainer::new(&model(0, DeviceSpec::FLEX), &settings, &task, Kernels::Auto);
    assert!(trainer.state().is_ok());
    // The update is not finite, the gradient before it was.
    assert_eq!(trainer.advance(1000), Ok(None));
    let error = trainer.state().unwrap_err();
    assert!(
        matches!(
            &error,
            TrainError::NotFinite {
                what, step: 1,.. } if what == "weights"
        ),
        "{error}"
    );
    assert_eq!(trainer.advance(1000), Ok(None));
    let error = trainer.state().unwrap_err();
    assert!(
        matches!(
            &error,
            TrainError::NotFinite {
                what, step: 2,.. } if what == "gradient's norm"
        ),
        "{error}"
    );
}

/// However many passes, the loss is the f64 sum of what the model says of each token: passes of one
/// sequence would lose a digit for every ten of them were they added up in f32.
#[test]
fn the_loss_of_many_passes_is_exact() {
    let data = DataShape {
        vocabulary: 2,
        length: 3,
        start_token: true,
    };
    let model = common::model(data, 2, Initialization::FanIn, 0, DeviceSpec::FLEX);
    let task = common::task(&data, 20_000);
    let said = model.predictions(&task).unwrap().log_probabilities;
    let exact = -said.iter().map(|&x| f64::from(x)).sum::<f64>() / said.len() as f64;
    let in_f32 = -f64::from(said.iter().sum::<f32>()) / said.len() as f64;
    assert!(
        (in_f32 / exact - 1.0).abs() > 1e-6,
        "what must not be: {in_f32} {exact}"
    );
    for micro_batch in [Some(1), Some(7), None] {
        let settings = TrainSettings {
            micro_batch,
            ..TrainSettings::adam(1, 0.01)
        };
        let (loss, _) = Trainer::new(&model, &settings, &task, Kernels::Off)
            .gradient()
            .unwrap();
        // The logits of a pass of one sequence and of many differ by an f32's rounding, 6e-8; the
        // sum adds nothing to that.
        assert!(
            (loss / exact - 1.0).abs() < 6e-8,
            "{micro_batch:?}: {loss} {exact}"
        );
    }
    // The kernels round otherwise than the model's own passes, and no more.
    let settings = TrainSettings::adam(1, 0.01);
    let mut by_kernels = Trainer::new(&model, &settings, &task, Kernels::Auto);
    assert!(by_kernels.kernels().is_some());
    let (loss, _) = by_kernels.gradient().unwrap();
    assert!((loss / exact - 1.0).abs() < 6e-8, "{loss} {exact}");
}

/// Half the squared distance of the weights to 1 as a loss.
struct Parabola;

impl Step for Parabola {
    fn loss_and_gradient(
        &mut self,
        weights: &Tensor<1>,
        batch: &Sequences,
    ) -> Result<(Loss, Tensor<1>), DeviceError> {
        assert_eq!(*batch, Sequences::All);
        let off = weights.clone().sub_scalar(1.0);
        let loss = off.clone().square().sum().mul_scalar(0.5);
        Ok((Loss::Known(loss.try_into_scalar::<f64>()?), off))
    }
}

#[test]
fn another_step_stands_in() {
    let settings = TrainSettings {
        schedule: ScheduleKind::Constant,
        ..TrainSettings::adam(200, 0.05)
    };
    let task = common::task(&DATA, 24);
    let model = model(0, DeviceSpec::FLEX);
    let mut trainer = Trainer::with_step(&model, &settings, &task, Box::new(Parabola));
    while trainer.step() < 199 {
        trainer.advance(1).unwrap();
    }
    let weights = trainer.state().unwrap().weights;
    assert!(
        weights.iter().all(|&w| (w - 1.0).abs() < 0.05),
        "{weights:?}"
    );
    let told = trainer.gradient().unwrap().0;
    assert!(told < 1e-3, "{told}");
}

/// A device without memory for passes of more than `fits` sequences.
struct Scarce<'a> {
    step: ComposedStep<'a>,
    pass: usize,
    fits: usize,
}

impl Step for Scarce<'_> {
    fn loss_and_gradient(
        &mut self,
        weights: &Tensor<1>,
        batch: &Sequences,
    ) -> Result<(Loss, Tensor<1>), DeviceError> {
        if self.pass > self.fits {
            let what = "out of memory".into();
            return Err(DeviceError::Failed { what });
        }
        self.step.loss_and_gradient(weights, batch)
    }

    fn halve_passes(&mut self) -> bool {
        self.pass = self.pass.div_ceil(2);
        self.step.halve_passes()
    }
}

/// With enough of it for batches.
struct ScarceOfAll<'a>(Scarce<'a>);

impl Step for ScarceOfAll<'_> {
    fn loss_and_gradient(
        &mut self,
        weights: &Tensor<1>,
        batch: &Sequences,
    ) -> Result<(Loss, Tensor<1>), DeviceError> {
        match batch {
            Sequences::All => self.0.loss_and_gradient(weights, batch),
            Sequences::These(_) => self.0.step.loss_and_gradient(weights, batch),
        }
    }

    fn halve_passes(&mut self) -> bool {
        self.0.halve_passes()
    }
}

#[test]
fn passes_are_halved_until_the_memory_suffices() {
    let task = common::task(&DATA, 24);
    let model = model(0, DeviceSpec::FLEX);
    let settings = |micro_batch| TrainSettings {
        micro_batch,
        ..TrainSettings::adam(2, 0.05)
    };
    let whole = settings(None);
    let scarce = |fits| {
        let step = ComposedStep::new(&model, &task, None, Precision::F32);
        let pass = task.samples();
        let step = Scarce { step, pass, fits };
        Trainer::with_step(&model, &whole, &task, Box::new(step))
    };
    // Passes of 24, 12, 6: the gradient is that of passes of 6, to the bit.
    let mut trainer = scarce(7);
    assert!(trainer.fit_memory().unwrap());
    let of_6 = settings(Some(6));
    let mut by_hand = Trainer::new(&model, &of_6, &task, Kernels::Off);
    assert!(!by_hand.fit_memory().unwrap());
    assert_eq!(trainer.gradient().unwrap(), by_hand.gradient().unwrap());
    // A polish needs passes over all of it, whatever a batch needs.
    let polished = TrainSettings {
        batch: Batch::Sequences(3),
        polish_steps: 1,
        ..whole.clone()
    };
    let unpolished = TrainSettings {
        polish_steps: 0,
        ..polished.clone()
    };
    for (settings, halved) in [(&polished, true), (&unpolished, false)] {
        let step = ComposedStep::new(&model, &task, None, Precision::F32);
        let step = ScarceOfAll(Scarce {
            step,
            pass: 24,
            fits: 7,
        });
        let mut trainer = Trainer::with_step(&model, settings, &task, Box::new(step));
        assert_eq!(trainer.fit_memory().unwrap(), halved);
    }
    // Passes of one sequence are the last resort.
    assert!(scarce(1).fit_memory().unwrap());
    let error = scarce(0).fit_memory().unwrap_err().to_string();
    assert!(error.contains("out of memory"), "{error}");
}

/// Logits that are weights, the same at each place, and an auxiliary loss that is another weight.
struct Unigram {
    data: DataShape,
    layout: Layout,
}

impl Architecture for Unigram {
    fn data(&self) -> &DataShape {
        &self.data
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn widest_activation(&self) -> usize {
        self.data.rows()
    }

    fn hidden(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Hidden {
        let [n, s] = tokens.dims();
        let logits = weights.tensor::<1>(self.layout.find("logits").unwrap());
        Hidden {
            values: logits.unsqueeze::<2>().expand([n * s, self.data.rows()]),
            auxiliary: Some(weights.tensor(self.layout.find("auxiliary").unwrap())),
        }
    }

    fn head(&self, _: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        hidden
    }

    fn config(&self) -> Value {
        Value::Null
    }

    fn identity(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// However the batch is split, the auxiliary loss counts once beside the mean of the predictions'.
#[test]
fn an_auxiliary_loss_is_trained_too() {
    let slot = |name, size| Slot::new(name, &[size], Init::Zeros, Rule::Other, Group::Head);
    let device = open(DeviceSpec::FLEX).unwrap();
    let unigram = Unigram {
        data: DATA,
        layout: Layout::new(vec![slot("logits", DATA.rows()), slot("auxiliary", 1)]),
    };
    let weights = initial_weights(&unigram.layout, 0);
    let model = Model::new(Arc::new(unigram), weights, &device);
    let task = common::task(&DATA, 24);
    for micro_batch in [None, Some(7), Some(1)] {
        let settings = TrainSettings {
            micro_batch,
            ..TrainSettings::adam(1, 0.01)
        };
        let (loss, gradient) = Trainer::new(&model, &settings, &task, Kernels::Auto)
            .gradient()
            .unwrap();
        assert!((loss - 17f64.ln()).abs() < 1e-6, "{loss}");
        let (auxiliary, of_logits) = gradient.split_last().unwrap();
        assert!((auxiliary - 1.0).abs() < 1e-6, "{auxiliary}");
        for (token, gradient) in of_logits.iter().enumerate() {
            let count = task
                .targets()
                .iter()
                .filter(|&&t| t == token as i32)
                .count();
            let expected = 1.0 / 17.0 - count as f32 / task.targets().len() as f32;
            assert!(
                (gradient - expected).abs() < 1e-6,
                "{token}: {gradient} {expected}"
            );
        }
    }
}

/// torch.optim.Muon adjusts its rate by outputs over inputs; a matrix stored the other way round is
/// the same map, and its steps are the same.
#[test]
fn muon_knows_a_matrix_that_is_stored_the_other_way_round() {
    let device = open(DeviceSpec::FLEX).unwrap();
    let step = |dims: [usize; 2], rule, gradient: Vec<f32>| {
        let slot = Slot::new("matrix", &dims, Init::Zeros, rule, Group::Mlp);
        let settings = settings(OptimizerKind::Muon, Batch::Full);
        let mut optimizer = Optimizer::new(&settings, &Layout::new(vec![slot]), &device);
        let gradient = Tensor::from_data(TensorData::new(gradient, [10]), &device);
        let moved = optimizer.step(Tensor::zeros([10], &device), gradient, 0.1);
        moved.unwrap().try_into_vec_as::<f32>().unwrap()
    };
    let gradient: Vec<f32> = (0..10).map(|i| (i as f32 * 1.7).sin()).collect();
    let (inputs, outputs) = (2, 5);
    let transposed = (0..10).map(|i| gradient[i % inputs * outputs + i / inputs]);
    let transposed = step(
        [outputs, inputs],
        Rule::TransposedMatrix,
        transposed.collect(),
    );
    let moved = step([inputs, outputs], Rule::Matrix, gradient);
    for (i, there) in transposed.iter().enumerate() {
        let here = moved[i % inputs * outputs + i / inputs];
        assert!((here - there).abs() < 1e-6, "{here} {there}");
    }
    let length = moved.iter().map(|x| x * x).sum::<f32>().sqrt();
    // Two singular values, each of 0.7 to 1.2, times √(5/2) and the rate.
    assert!((0.15..0.27).contains(&length), "{length}");
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
