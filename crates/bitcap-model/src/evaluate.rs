//! From tokens to what a model is asked to predict, and the log-probabilities it gives.

use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::Gpt2;
use bitcap_plan::Gpt2Shape;

/// A dataset as inputs and targets: at each predicted position the token before it and itself.
///
/// With a start token the inputs are [start, x_1 .. x_{S-1}] and the targets x_1 .. x_S; without,
/// x_1 .. x_{S-1} and x_2 .. x_S.
#[derive(Clone, Debug)]
pub struct PredictionTask {
    inputs: Vec<i32>,
    targets: Vec<i32>,
    samples: usize,
    predicted: usize,
}

impl PredictionTask {
    /// `tokens`: `[N, S]` row-major, each below V.
    ///
    /// # Panics
    /// If `tokens` is not a whole number of sequences, or nothing is predicted (S = 1 without a
    /// start token).
    #[must_use]
    pub fn new(shape: &Gpt2Shape, tokens: &[u16]) -> Self {
        assert!(
            tokens.len().is_multiple_of(shape.length),
            "tokens are whole sequences"
        );
        assert!(
            shape.predicted() > 0,
            "a sequence of one token needs a start token"
        );
        let mut inputs = Vec::with_capacity(tokens.len());
        let mut targets = Vec::with_capacity(tokens.len());
        for sequence in tokens.chunks_exact(shape.length) {
            let before = &sequence[..shape.length - 1];
            if shape.start_token {
                inputs.push(shape.vocabulary as i32);
                targets.extend(sequence.iter().map(|&t| i32::from(t)));
            } else {
                targets.extend(sequence[1..].iter().map(|&t| i32::from(t)));
            }
            inputs.extend(before.iter().map(|&t| i32::from(t)));
        }
        Self {
            inputs,
            targets,
            samples: tokens.len() / shape.length,
            predicted: shape.predicted(),
        }
    }

    /// Number of sequences N.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Tokens predicted in each sequence, S_pred.
    #[must_use]
    pub fn predicted(&self) -> usize {
        self.predicted
    }

    /// The sequences of these indices: inputs `[n, S_pred]` and targets `[n · S_pred, 1]`.
    #[must_use]
    pub fn batch(&self, sequences: &[usize], device: &Device) -> (Tensor<2, Int>, Tensor<2, Int>) {
        let gather = |from: &[i32]| {
            let mut values = Vec::with_capacity(sequences.len() * self.predicted);
            for &i in sequences {
                values.extend_from_slice(&from[i * self.predicted..(i + 1) * self.predicted]);
            }
            values
        };
        let rows = sequences.len() * self.predicted;
        let inputs = TensorData::new(gather(&self.inputs), [sequences.len(), self.predicted]);
        let targets = TensorData::new(gather(&self.targets), [rows, 1]);
        (
            Tensor::from_data(inputs, device),
            Tensor::from_data(targets, device),
        )
    }
}

/// Bytes of the widest activation that a pass should keep to: it then stays in the cache of one
/// core. Measured on flex, one thread: V=2048, S=64, d=32 trains at 54,800 tokens a second in
/// passes of this size (4 sequences) and at 26,600 with 512 sequences at once; V=64, S=16, d=16 at
/// 425,000 with 64 sequences, half this size, and at 375,000 with 346 (dev/LOG.md).
const PASS_BYTES: usize = 512 * 1024;

/// Rows under which matrix products lose more than the cache gains.
const PASS_ROWS: usize = 256;

/// How many of `samples` sequences to take in each forward pass of a model of this shape: a
/// near-equal split into passes of at most `largest` sequences, or, where that is not given, of
/// as many as keep the activations in the cache of one core.
#[must_use]
pub fn passes_of(shape: &Gpt2Shape, samples: usize, largest: Option<u64>) -> Vec<usize> {
    let largest = match largest {
        Some(n) => usize::try_from(n).unwrap_or(usize::MAX),
        None => {
            let s = shape.predicted();
            let widest = shape
                .embedding_rows()
                .max(shape.mlp_ratio * shape.width)
                .max(shape.heads * s);
            (PASS_BYTES / (4 * s * widest)).max(PASS_ROWS.div_ceil(s))
        }
    };
    let passes = samples.div_ceil(largest.max(1));
    (0..passes)
        .map(|i| (i + 1) * samples / passes - i * samples / passes)
        .collect()
}

/// What a model says of every predicted token, row-major `[N, S_pred]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Natural-log probability of the token, by f32 logits.
    pub log_probabilities: Vec<f32>,
    /// Whether it is the most probable one (of several the first).
    pub right: Vec<bool>,
}

/// Natural-log probability of every predicted token, `[N · S_pred]` row-major, by f32 logits.
///
/// `done` is told the number of sequences behind it after each pass.
#[must_use]
pub fn log_probabilities(
    shape: &Gpt2Shape,
    weights: &Tensor<1>,
    task: &PredictionTask,
    done: impl FnMut(usize),
) -> Vec<f32> {
    let mut all = Vec::with_capacity(task.samples * task.predicted);
    forward(shape, weights, task, done, |of_all, targets| {
        all.extend(chosen(of_all, targets));
    });
    all
}

/// The same log-probabilities, and whether each token is the most probable one, by one forward
/// pass.
#[must_use]
pub fn predictions(
    shape: &Gpt2Shape,
    weights: &Tensor<1>,
    task: &PredictionTask,
    done: impl FnMut(usize),
) -> Predictions {
    let mut all = Predictions {
        log_probabilities: Vec::with_capacity(task.samples * task.predicted),
        right: Vec::with_capacity(task.samples * task.predicted),
    };
    forward(shape, weights, task, done, |of_all, targets| {
        let best = of_all.clone().argmax(1).into_data_as::<i32>();
        let best = best.try_into_vec::<i32>().expect("asked for i32");
        let from = all.right.len();
        let same = best.iter().zip(&task.targets[from..]);
        all.right.extend(same.map(|(best, target)| best == target));
        all.log_probabilities.extend(chosen(of_all, targets));
    });
    all
}

/// Runs over all sequences; `take` gets the log-probabilities of every token, `[n · S_pred, V']`, and
/// the targets, `[n · S_pred, 1]`.
fn forward(
    shape: &Gpt2Shape,
    weights: &Tensor<1>,
    task: &PredictionTask,
    mut done: impl FnMut(usize),
    mut take: impl FnMut(Tensor<2>, Tensor<2, Int>),
) {
    let device = weights.device();
    let model = Gpt2::new(shape, weights);
    let mut start = 0;
    for size in passes_of(shape, task.samples, None) {
        let sequences: Vec<usize> = (start..start + size).collect();
        let (inputs, targets) = task.batch(&sequences, &device);
        take(activation::log_softmax(model.logits(inputs), 1), targets);
        start += size;
        done(start);
    }
}

fn chosen(log_probabilities: Tensor<2>, targets: Tensor<2, Int>) -> Vec<f32> {
    to_host(log_probabilities.gather(1, targets))
}

fn to_host(values: Tensor<2>) -> Vec<f32> {
    let values = values.into_data_as::<f32>();
    values.try_into_vec::<f32>().expect("asked for f32")
}

impl Gpt2 {
    /// Natural-log probabilities of all tokens at one place of each sequence, `[n, V']` row-major.
    ///
    /// `known`: `[n, position]` row-major, the tokens before it, each below V. The pass is that of
    /// whole sequences, what is not known yet being token 0: positions do not see those after them,
    /// and the same question has the same answer to the last bit, whoever asks.
    ///
    /// # Panics
    /// If `known` is not n rows of `position` tokens, or the token at `position` is not predicted.
    #[must_use]
    pub fn next_log_probabilities(&self, known: &[u16], n: usize, position: usize) -> Vec<f32> {
        let shape = self.shape();
        assert_eq!(known.len(), n * position, "whole beginnings");
        let start = usize::from(shape.start_token);
        assert!(
            position < shape.length && position + start > 0,
            "a token that is predicted"
        );
        let predicted = shape.predicted();
        let mut inputs = vec![0i32; n * predicted];
        for (row, input) in inputs.chunks_exact_mut(predicted).enumerate() {
            if shape.start_token {
                input[0] = shape.vocabulary as i32;
            }
            let known = &known[row * position..][..position];
            for (input, &token) in input[start..].iter_mut().zip(known) {
                *input = i32::from(token);
            }
        }
        let inputs = Tensor::from_data(TensorData::new(inputs, [n, predicted]), &self.device());
        let logits = self.logits_at(inputs, position + start - 1);
        to_host(activation::log_softmax(logits, 1))
    }
}
