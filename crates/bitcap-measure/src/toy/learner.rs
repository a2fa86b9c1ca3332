//! The learner as a table of output numbers, and what it answers when it is asked for a sample.

use std::collections::HashMap;

use super::case::{Learner, Toy};

/// Values whose joint probability is this near the highest, relative, are tied: exact ties come out of the sums with
/// roundings of about 1e-16.
const TIE: f64 = 1e-12;

/// What the learner says of every possible X, and what its outputs answer.
pub(super) struct Outputs {
    /// For each X, in the order of `sequences`: the outputs and their probabilities, none 0.
    pub(super) rows: Vec<Vec<(usize, f64)>>,
    /// For each output, the number of the data value that it is, if it is one.
    pub(super) values: Vec<Option<usize>>,
}

impl Outputs {
    /// Of the learner given `sequences`, all X of n samples in order.
    pub(super) fn of(toy: &Toy, samples: u32, sequences: &[Vec<usize>]) -> Self {
        let values = toy.data.len();
        match &toy.learner {
            Learner::All {} => Self {
                rows: (0..sequences.len())
                    .map(|output| vec![(output, 1.0)])
                    .collect(),
                // One sample copied is a data value; several are not.
                values: (0..sequences.len())
                    .map(|output| (samples == 1).then_some(output))
                    .collect(),
            },
            Learner::Majority {} => Self {
                rows: sequences
                    .iter()
                    .map(|x| vec![(majority(&counts(x, values)), 1.0)])
                    .collect(),
                values: (0..values).map(Some).collect(),
            },
            Learner::Count {} => Self::of_counts(sequences, values),
            Learner::Table(table) => Self {
                rows: table
                    .table
                    .iter()
                    .map(|row| {
                        let possible = row.iter().copied().enumerate();
                        possible
                            .filter(|&(_, probability)| probability > 0.0)
                            .collect()
                    })
                    .collect(),
                values: table
                    .outputs
                    .iter()
                    .map(|output| toy.data.iter().position(|value| value == output))
                    .collect(),
            },
        }
    }

    fn of_counts(sequences: &[Vec<usize>], values: usize) -> Self {
        let mut numbers = HashMap::new();
        let rows = sequences
            .iter()
            .map(|x| {
                let next = numbers.len();
                let output = *numbers.entry(counts(x, values)).or_insert(next);
                vec![(output, 1.0)]
            })
            .collect();
        Self {
            rows,
            values: vec![None; numbers.len()],
        }
    }
}

fn counts(x: &[usize], values: usize) -> Vec<u32> {
    let mut counts = vec![0; values];
    for &value in x {
        counts[value] += 1;
    }
    counts
}

fn majority(counts: &[u32]) -> usize {
    let most = counts.iter().copied().max().unwrap_or(0);
    counts
        .iter()
        .position(|&count| count == most)
        .unwrap_or_default()
}

/// The answer to each output: the output itself where every output is a data value, else the most probable next
/// sample given the output, of several the first in the order of the data. `joint` is p(t, t'), `[outputs][source]`.
pub(super) fn answers(toy: &Toy, outputs: &Outputs, joint: &[Vec<f64>]) -> Vec<usize> {
    if let Some(values) = outputs.values.iter().copied().collect() {
        return values;
    }
    joint
        .iter()
        .map(|row| {
            let next: Vec<f64> = (0..toy.data.len())
                .map(|value| {
                    row.iter()
                        .zip(&toy.source)
                        .map(|(p, t)| p * t.data[value])
                        .sum()
                })
                .collect();
            let highest = next.iter().copied().fold(0.0, f64::max);
            next.iter()
                .position(|&p| p >= highest * (1.0 - TIE))
                .unwrap_or_default()
        })
        .collect()
}

/// How often the answer is a new sample of the same source.
pub(super) fn accuracy_on_data(toy: &Toy, joint: &[Vec<f64>], answers: &[usize]) -> f64 {
    joint
        .iter()
        .zip(answers)
        .flat_map(|(row, &answer)| {
            row.iter()
                .zip(&toy.source)
                .map(move |(p, t)| p * t.data[answer])
        })
        .sum()
}

/// How often it is a sample of another source, drawn anew from the prior.
pub(super) fn accuracy_on_source(toy: &Toy, joint: &[Vec<f64>], answers: &[usize]) -> f64 {
    joint
        .iter()
        .zip(answers)
        .map(|(row, &answer)| {
            let said: f64 = row.iter().sum();
            let drawn: f64 = toy.source.iter().map(|t| t.prior * t.data[answer]).sum();
            said * drawn
        })
        .sum()
}

/// How often the best answer is right, of one who knows the source.
pub(super) fn best_accuracy(toy: &Toy) -> f64 {
    toy.source
        .iter()
        .map(|t| t.prior * t.data.iter().copied().fold(0.0, f64::max))
        .sum()
}
