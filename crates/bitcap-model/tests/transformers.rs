//! The forward pass against transformers' models and torch.nn's (fixtures: tests/reference).

use std::path::PathBuf;

use bitcap_model::{Model, PredictionTask, Predictions, Weights, architecture, open};
use bitcap_plan::{DeviceSpec, Gpt2Settings, ModelSettings};
use bitcap_source::DataShape;
use burn::tensor::FloatDType;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

struct Fixture {
    settings: ModelSettings,
    data: DataShape,
    bytes: Vec<u8>,
}

impl Fixture {
    fn gpt2(case: &str) -> Self {
        let (start_token, tied_head) = (case != "a", case < "c");
        let (settings, vocabulary, length) = match case {
            "d" => (Gpt2Settings::new(2, 24, 3), 101, 17),
            _ => (Gpt2Settings::new(2, 16, 2), 32, 8),
        };
        let settings = Gpt2Settings {
            mlp_ratio: if case == "d" { 3 } else { 4 },
            tied_head,
            start_token,
            ..settings
        };
        Self {
            settings: ModelSettings::Gpt2(settings),
            data: DataShape {
                vocabulary,
                length,
                start_token,
            },
            bytes: bytes(&format!("gpt2_{case}")),
        }
    }

    /// One that says of what model it is.
    fn read(name: &str) -> Self {
        let bytes = bytes(name);
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let reference = &metadata.metadata().as_ref().unwrap()["reference"];
        let reference: Value = serde_json::from_str(reference).unwrap();
        let settings: ModelSettings = serde_json::from_value(reference["model"].clone()).unwrap();
        let size = |key| reference["data"][key].as_u64().unwrap();
        Self {
            data: DataShape {
                vocabulary: size("vocabulary") as u32,
                length: size("length") as usize,
                start_token: settings.start_token(),
            },
            settings,
            bytes,
        }
    }

    fn values<const N: usize, T>(&self, name: &str, dtype: Dtype, of: fn([u8; N]) -> T) -> Vec<T> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).unwrap();
        assert_eq!(view.dtype(), dtype);
        view.data()
            .as_chunks::<N>()
            .0
            .iter()
            .map(|bytes| of(*bytes))
            .collect()
    }

    fn f32(&self, name: &str) -> Vec<f32> {
        self.values(name, Dtype::F32, f32::from_le_bytes)
    }

    fn f64(&self, name: &str) -> Vec<f64> {
        self.values(name, Dtype::F64, f64::from_le_bytes)
    }

    fn tokens(&self) -> Vec<u16> {
        let tokens = self.values("tokens", Dtype::I32, i32::from_le_bytes);
        tokens
            .into_iter()
            .map(|token| token.try_into().unwrap())
            .collect()
    }

    fn model(&self, device: DeviceSpec) -> Model {
        let device = open(device).unwrap();
        let architecture = architecture(&self.settings, self.data, &device);
        let slots = architecture.layout().slots().iter();
        let weights = slots.flat_map(|slot| self.f32(&format!("weight.{}", slot.name)));
        let weights = weights.collect();
        Model::new(architecture, weights, &device)
    }
}

fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/fixtures/{name}.safetensors"));
    std::fs::read(path).unwrap()
}

/// All logits, computed in `dtype`.
fn logits(model: &Model, task: &PredictionTask, dtype: FloatDType) -> Vec<f64> {
    let architecture = model.architecture();
    let weights = Weights::new(architecture.layout(), model.flat(), dtype);
    let pass = task.pass(0..task.samples(), &model.flat().device());
    let hidden = architecture.hidden(&weights, pass.inputs).values;
    let logits = architecture.head(&weights, hidden);
    logits.try_into_vec_as::<f64>().unwrap()
}

fn agrees(device: DeviceSpec, fixture: &Fixture) {
    let model = fixture.model(device);
    let task = PredictionTask::new(&fixture.data, &fixture.tokens());
    let theirs = fixture.f32("logits");
    let single = logits(&model, &task, FloatDType::F32);
    assert_eq!(single.len(), theirs.len());
    for (ours, theirs) in single.iter().zip(&theirs) {
        let theirs = f64::from(*theirs);
        assert!(
            (ours - theirs).abs() < 1e-4 * theirs.abs().max(0.1),
            "{ours} {theirs}"
        );
    }

    let predictions = model.predictions(&task).unwrap();
    let ours = &predictions.log_probabilities;
    let expected = fixture.f64("logprobs");
    assert_eq!(ours.len(), expected.len());
    for (ours, theirs) in ours.iter().zip(&expected) {
        assert!((f64::from(*ours) - theirs).abs() < 1e-5 * theirs.abs().max(0.1));
    }
    let loss = -ours.iter().map(|&x| f64::from(x)).sum::<f64>() / expected.len() as f64;
    let theirs_f64 = fixture.f64("loss_f64")[0];
    assert!(
        (loss - theirs_f64).abs() < 1e-6 * theirs_f64,
        "{loss} {theirs_f64}"
    );

    // In f64 it is the f64 run of PyTorch, far closer than f32 could come. (ndarray has no f64.)
    if device == DeviceSpec::FLEX {
        let rows = fixture.data.rows();
        for (row, logits) in logits(&model, &task, FloatDType::F64)
            .chunks_exact(rows)
            .enumerate()
        {
            let sum: f64 = logits.iter().map(|z| z.exp()).sum();
            let target = usize::try_from(task.targets()[row]).unwrap();
            let ours = logits[target] - sum.ln();
            let theirs = expected[row];
            assert!(
                (ours - theirs).abs() < 1e-10 * theirs.abs(),
                "{ours} {theirs}"
            );
        }
    }
    greedy_and_step_by_step(fixture, &model, &predictions, &theirs);
}

/// Whether a token is the most probable one, by PyTorch's logits; and the same log-probabilities when
/// one token after another is asked for.
fn greedy_and_step_by_step(
    fixture: &Fixture,
    model: &Model,
    predictions: &Predictions,
    logits: &[f32],
) {
    let data = &fixture.data;
    let (tokens, entries) = (fixture.tokens(), data.rows());
    let sequences: Vec<&[u16]> = tokens.chunks_exact(data.length).collect();
    let first = data.length - data.predicted();
    for position in first..data.length {
        let known: Vec<u16> = sequences
            .iter()
            .flat_map(|row| row[..position].iter().copied())
            .collect();
        let next = model.next(&known, sequences.len(), position).unwrap();
        assert_eq!(next.len(), sequences.len() * entries);
        for (row, sequence) in sequences.iter().enumerate() {
            let at = row * data.predicted() + position - first;
            let token = usize::from(sequence[position]);
            let ours = next[row * entries + token];
            assert!((ours - predictions.log_probabilities[at]).abs() < 1e-5);
            let theirs = &logits[at * entries..][..entries];
            let best = theirs.iter().all(|&logit| logit <= theirs[token]);
            assert_eq!(predictions.right[at], best, "{position} of {row}");
        }
    }
}

fn agrees_everywhere(fixture: &Fixture) {
    agrees(DeviceSpec::FLEX, fixture);
    #[cfg(feature = "ndarray")]
    agrees("ndarray".parse().unwrap(), fixture);
}

#[test]
fn tied_without_start_token() {
    agrees_everywhere(&Fixture::gpt2("a"));
}

#[test]
fn tied_with_start_token() {
    agrees_everywhere(&Fixture::gpt2("b"));
}

#[test]
fn untied_with_start_token() {
    agrees_everywhere(&Fixture::gpt2("c"));
}

#[test]
fn larger_and_odd() {
    agrees_everywhere(&Fixture::gpt2("d"));
}

#[test]
fn llama() {
    for case in ["llama_a", "llama_b"] {
        agrees_everywhere(&Fixture::read(case));
    }
}

#[test]
fn mlp() {
    for case in ["mlp_a", "mlp_b"] {
        agrees_everywhere(&Fixture::read(case));
    }
}

/// With its load balancing loss, which no prediction has any part of.
#[test]
fn moe() {
    for (case, has_loss) in [("moe_a", false), ("moe_b", true)] {
        let fixture = Fixture::read(case);
        agrees_everywhere(&fixture);
        let model = fixture.model(DeviceSpec::FLEX);
        let architecture = model.architecture();
        let task = PredictionTask::new(&fixture.data, &fixture.tokens());
        let pass = task.pass(0..task.samples(), &model.flat().device());
        let weights = Weights::new(architecture.layout(), model.flat(), FloatDType::F64);
        let auxiliary = architecture.hidden(&weights, pass.inputs).auxiliary;
        let ours = auxiliary.map(|loss| loss.try_into_vec_as::<f64>().unwrap()[0]);
        // transformers sums it up in f32.
        let theirs = fixture.f64("auxiliary")[0];
        assert!(
            (ours.unwrap_or(0.0) - theirs).abs() <= 1e-6 * theirs,
            "{ours:?} {theirs}"
        );
        assert_eq!(ours.is_some(), has_loss);
    }
}

#[test]
fn lstm_and_gru() {
    for case in ["lstm_a", "lstm_b", "gru_a", "gru_b"] {
        agrees_everywhere(&Fixture::read(case));
    }
}

#[test]
fn mamba() {
    for case in ["mamba_a", "mamba_b"] {
        agrees_everywhere(&Fixture::read(case));
    }
}

/// Heads are no weights, and change what a model says, and so its hash.
#[test]
fn other_heads_are_another_model() {
    let mut fixture = Fixture::gpt2("b");
    let device = open(DeviceSpec::FLEX).unwrap();
    let model = fixture.model(DeviceSpec::FLEX);
    if let ModelSettings::Gpt2(settings) = &mut fixture.settings {
        settings.heads = Some(4);
    }
    let other = architecture(&fixture.settings, fixture.data, &device);
    let other = Model::of_flat(other, model.flat().clone());
    let task = PredictionTask::new(&fixture.data, &fixture.tokens());
    assert_ne!(
        model.predictions(&task).unwrap(),
        other.predictions(&task).unwrap()
    );
    assert_ne!(model.blake3().unwrap(), other.blake3().unwrap());
}
