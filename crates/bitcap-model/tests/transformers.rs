//! The forward pass against transformers' GPT2LMHeadModel (fixtures: tests/reference).

use std::path::PathBuf;

use bitcap_model::{Gpt2, PredictionTask, Predictions, log_probabilities, open, predictions};
use bitcap_plan::{DeviceSpec, Gpt2Shape, Layout};
use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;

struct Fixture {
    shape: Gpt2Shape,
    bytes: Vec<u8>,
}

impl Fixture {
    fn read(case: &str, tied_head: bool, start_token: bool) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/fixtures/gpt2_{case}.safetensors"));
        let shape = Gpt2Shape {
            vocabulary: 32,
            length: 8,
            layers: 2,
            width: 16,
            heads: 2,
            mlp_ratio: 4,
            tied_head,
            start_token,
        };
        Self {
            shape,
            bytes: std::fs::read(path).unwrap(),
        }
    }

    fn f32(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).unwrap();
        assert_eq!(view.dtype(), safetensors::Dtype::F32);
        view.data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect()
    }

    fn f64(&self, name: &str) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).unwrap();
        assert_eq!(view.dtype(), safetensors::Dtype::F64);
        view.data()
            .as_chunks::<8>()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b))
            .collect()
    }

    fn tokens(&self) -> Vec<u16> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let (values, _) = file.tensor("tokens").unwrap().data().as_chunks::<4>();
        values
            .iter()
            .map(|b| u16::try_from(i32::from_le_bytes(*b)).unwrap())
            .collect()
    }

    fn weights(&self) -> Vec<f32> {
        let layout = Layout::gpt2(&self.shape);
        layout
            .slots()
            .iter()
            .flat_map(|s| self.f32(&format!("weight.{}", s.name)))
            .collect()
    }
}

fn agrees(device: DeviceSpec, case: &str, tied_head: bool, start_token: bool) {
    let fixture = Fixture::read(case, tied_head, start_token);
    let weights = fixture.weights();
    let parameters = weights.len();
    assert_eq!(parameters as u64, fixture.shape.parameters());
    let device = open(device).unwrap();
    let weights = Tensor::<1>::from_data(TensorData::new(weights, [parameters]), &device);
    let task = PredictionTask::new(&fixture.shape, &fixture.tokens());

    let all: Vec<usize> = (0..task.samples()).collect();
    let (inputs, _) = task.batch(&all, &device);
    let logits = Gpt2::new(&fixture.shape, &weights).logits(inputs);
    let logits = logits.into_data_as::<f32>().try_into_vec::<f32>().unwrap();
    let expected = fixture.f32("logits");
    assert_eq!(logits.len(), expected.len());
    for (ours, theirs) in logits.iter().zip(&expected) {
        assert!(
            (ours - theirs).abs() < 1e-4 * theirs.abs().max(0.1),
            "{ours} {theirs}"
        );
    }

    let log_probabilities = log_probabilities(&fixture.shape, &weights, &task, |_| {});
    let predictions = predictions(&fixture.shape, &weights, &task, |_| {});
    assert_eq!(predictions.log_probabilities, log_probabilities);
    greedy_and_step_by_step(&fixture, &weights, &predictions, &fixture.f32("logits"));
    let expected = fixture.f64("logprobs");
    assert_eq!(log_probabilities.len(), expected.len());
    for (ours, theirs) in log_probabilities.iter().zip(&expected) {
        assert!((f64::from(*ours) - theirs).abs() < 1e-5 * theirs.abs().max(0.1));
    }
    let mean = |xs: &mut dyn Iterator<Item = f64>| -xs.sum::<f64>() / expected.len() as f64;
    let loss = mean(&mut log_probabilities.iter().map(|&x| f64::from(x)));
    let theirs = fixture.f64("loss_f64")[0];
    assert!((loss - theirs).abs() < 1e-6 * theirs, "{loss} {theirs}");
}

/// Whether a token is the most probable one, by PyTorch's logits; and the same log-probabilities when
/// one token after another is asked for.
fn greedy_and_step_by_step(
    fixture: &Fixture,
    weights: &Tensor<1>,
    predictions: &Predictions,
    logits: &[f32],
) {
    let shape = &fixture.shape;
    let (tokens, entries) = (fixture.tokens(), shape.embedding_rows());
    let sequences: Vec<&[u16]> = tokens.chunks_exact(shape.length).collect();
    let first = shape.length - shape.predicted();
    let model = Gpt2::new(shape, weights);
    for position in first..shape.length {
        let known: Vec<u16> = sequences
            .iter()
            .flat_map(|row| row[..position].iter().copied())
            .collect();
        let next = model.next_log_probabilities(&known, sequences.len(), position);
        assert_eq!(next.len(), sequences.len() * entries);
        for (row, sequence) in sequences.iter().enumerate() {
            let at = row * shape.predicted() + position - first;
            let token = usize::from(sequence[position]);
            let ours = next[row * entries + token];
            assert!((ours - predictions.log_probabilities[at]).abs() < 1e-5);
            let theirs = &logits[at * entries..][..entries];
            let best = theirs.iter().all(|&logit| logit <= theirs[token]);
            assert_eq!(predictions.right[at], best, "{position} of {row}");
        }
    }
}

#[test]
fn tied_without_start_token() {
    agrees(DeviceSpec::FLEX, "a", true, false);
    #[cfg(feature = "ndarray")]
    agrees(ndarray(), "a", true, false);
}

#[test]
fn tied_with_start_token() {
    agrees(DeviceSpec::FLEX, "b", true, true);
    #[cfg(feature = "ndarray")]
    agrees(ndarray(), "b", true, true);
}

#[test]
fn untied_with_start_token() {
    agrees(DeviceSpec::FLEX, "c", false, true);
    #[cfg(feature = "ndarray")]
    agrees(ndarray(), "c", false, true);
}

#[cfg(feature = "ndarray")]
fn ndarray() -> DeviceSpec {
    "ndarray".parse().unwrap()
}
