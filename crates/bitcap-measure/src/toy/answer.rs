//! What the learner answers when it is asked for a sample, and how often it is right.

use super::Toy;
use super::learner::Outputs;

/// Values whose joint probability is this near the highest, relative, are tied: exact ties come out of the sums with
/// roundings of about 1e-16.
const TIE: f64 = 1e-12;

/// The answer to each output: the output itself where every output is a data value, else the most probable next
/// sample given the output, of several the first in the order of the data. `joint` is p(t, t'), `[outputs][source]`.
pub(super) fn answers(toy: &Toy, outputs: &Outputs, joint: &[Vec<f64>]) -> Vec<usize> {
    if let Some(values) = outputs.values.iter().copied().collect() {
        return values;
    }
    joint
        .iter()
        .map(|row| {
            let next: Vec<f64> = (0..toy.data().len())
                .map(|value| {
                    row.iter()
                        .zip(toy.source())
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
                .zip(toy.source())
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
            let drawn: f64 = toy.source().iter().map(|t| t.prior * t.data[answer]).sum();
            said * drawn
        })
        .sum()
}

/// How often the best answer is right, of one who knows the source.
pub(super) fn best_accuracy(toy: &Toy) -> f64 {
    toy.source()
        .iter()
        .map(|t| t.prior * t.data.iter().copied().fold(0.0, f64::max))
        .sum()
}
