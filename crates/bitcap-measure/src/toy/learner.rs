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
        let (outputs, values): (Vec<usize>, Vec<Option<usize>>) = match &toy.learner {
            Learner::All {} => {
                let outputs = 0..sequences.len();
                // One sample copied is a data value; several are not.
                // The sequences of one sample stand in the order of the values, so that their
                // numbers are equal.
                let value = |output| (samples == 1).then_some(output);
                (outputs.clone().collect(), outputs.map(value).collect())
            }
            Learner::Majority {} => {
                // Counts are whole numbers, whose ties are exact.
                let majority = |x: &Vec<usize>| first_highest(&counts(x, values), 0.0);
                let outputs = sequences.iter().map(majority).collect();
                (outputs, (0..values).map(Some).collect())
            }
            Learner::Count {} => {
                let mut numbers = HashMap::new();
                let number = |x: &Vec<usize>| {
                    // What occurs equally often is the same when sorted.
                    let mut sorted = x.clone();
                    sorted.sort_unstable();
                    let next = numbers.len();
                    *numbers.entry(sorted).or_insert(next)
                };
                let outputs = sequences.iter().map(number).collect();
                (outputs, vec![None; numbers.len()])
            }
            Learner::Table(table) => {
                let possible = |row: &Vec<f64>| {
                    let outputs = row.iter().copied().enumerate();
                    outputs.filter(|(_, p)| *p > 0.0).collect()
                };
                let value = |output| toy.data.iter().position(|value| value == output);
                return Self {
                    rows: table.table.iter().map(possible).collect(),
                    values: table.outputs.iter().map(value).collect(),
                };
            }
        };
        let certain = |output| vec![(output, 1.0)];
        let rows = outputs.into_iter().map(certain).collect();
        Self { rows, values }
    }
}

fn counts(x: &[usize], values: usize) -> Vec<f64> {
    let mut counts = vec![0.0; values];
    for &value in x {
        counts[value] += 1.0;
    }
    counts
}

/// The first of the values that are highest, or as near to that, relative.
fn first_highest(values: &[f64], tie: f64) -> usize {
    let highest = values.iter().copied().fold(0.0, f64::max);
    let is_highest = |value: &f64| *value >= highest * (1.0 - tie);
    values.iter().position(is_highest).unwrap_or_default()
}

/// The answer to each output: the output itself where every output is a data value, else the most probable next
/// sample given the output, of several the first in the order of the data. `joint` is p(t, t'), `[outputs][source]`.
pub(super) fn answers(toy: &Toy, outputs: &Outputs, joint: &[Vec<f64>]) -> Vec<usize> {
    // All or none: an output that is taken at its word beside one that is interpreted would not be
    // the same kind of answer.
    if let Some(values) = outputs.values.iter().copied().collect() {
        return values;
    }
    let answer = |row: &Vec<f64>| {
        let next = (0..toy.data.len()).map(|value| of_source(toy, row, value));
        first_highest(&next.collect::<Vec<f64>>(), TIE)
    };
    joint.iter().map(answer).collect()
}

/// The probability of a sample with this value and of a source by these weights.
fn of_source(toy: &Toy, weights: &[f64], value: usize) -> f64 {
    let pairs = weights.iter().zip(&toy.source);
    pairs.map(|(weight, t)| weight * t.data[value]).sum()
}

/// How often the answer is a new sample of the same source.
pub(super) fn accuracy_on_data(toy: &Toy, joint: &[Vec<f64>], answers: &[usize]) -> f64 {
    let pairs = joint.iter().zip(answers);
    let terms = pairs.flat_map(|(row, &answer)| {
        let sources = row.iter().zip(&toy.source);
        sources.map(move |(p, t)| p * t.data[answer])
    });
    terms.sum()
}

/// How often it is a sample of another source, drawn anew from the prior.
pub(super) fn accuracy_on_source(toy: &Toy, joint: &[Vec<f64>], answers: &[usize]) -> f64 {
    let priors: Vec<f64> = toy.source.iter().map(|t| t.prior).collect();
    let pairs = joint.iter().zip(answers);
    pairs
        .map(|(row, &answer)| row.iter().sum::<f64>() * of_source(toy, &priors, answer))
        .sum()
}

/// How often the best answer is right, of one who knows the source.
pub(super) fn best_accuracy(toy: &Toy) -> f64 {
    toy.source
        .iter()
        .map(|t| t.prior * t.data.iter().copied().fold(0.0, f64::max))
        .sum()
}
