//! The learner as a table of output numbers.

use std::collections::HashMap;

use super::{Learner, Toy};

/// What the learner says of every possible X, and what its outputs answer.
pub(super) struct Outputs {
    /// For each X, in the order of [`super::enumerate::sequences`]: the outputs and their probabilities, none 0.
    pub(super) rows: Vec<Vec<(usize, f64)>>,
    /// For each output, the number of the data value that it is, if it is one.
    pub(super) values: Vec<Option<usize>>,
}

impl Outputs {
    /// Of the learner given `sequences`, all X of n samples in order.
    pub(super) fn of(toy: &Toy, samples: u32, sequences: &[Vec<usize>]) -> Self {
        let values = toy.data().len();
        match toy.learner() {
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
                    .map(|output| toy.data().iter().position(|value| value == output))
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
