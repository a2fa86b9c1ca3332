//! Memorization of a finite source, by exact enumeration: what the definitions come to where everything can be
//! written out.
//!
//! A source T is drawn from a prior, then n samples X = (X_1, ..., X_n), independent given T, and the learner makes its
//! output T' of the samples alone. Every (T, X, T') is gone through, so each figure is exact up to f64 rounding.
//! Definitions: Morris et al. (arXiv 2505.24832), section 2.

mod case;
mod learner;

use serde::Serialize;

pub use case::{Toy, ToyError};

use bitcap_base::CompensatedSum;
use case::SourceValue;
use learner::Outputs;

/// Roundings of differences that are exactly 0 stay below this; figures are in bits of at most some dozens.
const ROUNDING: f64 = 1e-12;

/// What the learner memorizes of n samples, and how well it answers. Bits are of all n samples together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ToyRow {
    /// n, the samples that the learner sees.
    pub samples: u32,
    /// H(X): of the samples, the source unknown.
    pub entropy_bits: f64,
    /// H(X|T): the same with it known.
    pub source_bits: f64,
    /// Total memorization I(X;T').
    pub memorized_bits: f64,
    /// Rote: I(X;T'|T).
    pub unintended_bits: f64,
    /// Generalization: total less rote. Equal to I(T;T'), because T' is made of X alone.
    pub intended_bits: f64,
    /// How often the learner's answer is a new sample of the same source.
    ///
    /// The answer is the output itself where the learner's outputs are data values (a copy of one sample, the majority,
    /// a table of answers). Else it is the best that the output allows: the most probable next sample given it, of
    /// several the first in the order of the data.
    pub accuracy_on_data: f64,
    /// The same of a fair guess: 1 / the number of data values.
    pub accuracy_baseline: f64,
    /// The same of the best answer if the source is known.
    pub accuracy_best: f64,
    /// How often the learner's answer is a sample of another source, drawn anew from the prior.
    pub accuracy_on_source: f64,
}

impl Toy {
    /// Works out all figures, a row for each number of samples, in the order of the file.
    pub fn rows(&self) -> Vec<ToyRow> {
        self.samples
            .iter()
            .map(|&samples| self.row(samples))
            .collect()
    }

    fn row(&self, samples: u32) -> ToyRow {
        let sequences = sequences(self.data.len(), samples);
        let outputs = Outputs::of(self, samples, &sequences);
        // p(x | t) of samples that are independent given the source.
        let of_sources = |x: &Vec<usize>| {
            let of_source = |t: &SourceValue| x.iter().map(|&value| t.data[value]).product();
            self.source.iter().map(of_source).collect()
        };
        let given: Vec<Vec<f64>> = sequences.iter().map(of_sources).collect();
        let priors: Vec<f64> = self.source.iter().map(|t| t.prior).collect();
        // p(t, t') = sum over x of p(t) p(x|t) r(t'|x): the learner knows of the source what x
        // says.
        let mut joint = vec![vec![0.0; priors.len()]; outputs.values.len()];
        for (row, given) in outputs.rows.iter().zip(&given) {
            for &(output, said) in row {
                for ((sum, p), prior) in joint[output].iter_mut().zip(given).zip(&priors) {
                    *sum += prior * p * said;
                }
            }
        }
        let [entropy_bits, source_bits, memorized_bits, unintended_bits] =
            information(&priors, &given, &outputs, &joint);
        let answers = learner::answers(self, &outputs, &joint);
        ToyRow {
            samples,
            entropy_bits,
            source_bits,
            memorized_bits,
            unintended_bits,
            intended_bits: without_rounding(memorized_bits - unintended_bits),
            accuracy_on_data: learner::accuracy_on_data(self, &joint, &answers),
            accuracy_baseline: 1.0 / self.data.len() as f64,
            accuracy_best: learner::best_accuracy(self),
            accuracy_on_source: learner::accuracy_on_source(self, &joint, &answers),
        }
    }
}

/// All sequences of n of the values, the last sample changing first.
fn sequences(values: usize, samples: u32) -> Vec<Vec<usize>> {
    (0..samples).fold(vec![vec![]], |shorter, _| {
        let longer = |start: &Vec<usize>| {
            let start = start.clone();
            (0..values).map(move |value| [start.as_slice(), &[value]].concat())
        };
        shorter.iter().flat_map(longer).collect()
    })
}

/// H(X), H(X|T), I(X;T') and I(X;T'|T), term by term as they are defined: `given` is p(x|t), `[X][source]`, `joint`
/// p(t, t'), `[outputs][source]`.
fn information(
    priors: &[f64],
    given: &[Vec<f64>],
    outputs: &Outputs,
    joint: &[Vec<f64>],
) -> [f64; 4] {
    // p(t'), by summing the sources out.
    let said: Vec<f64> = joint.iter().map(|row| row.iter().sum()).collect();
    let [mut entropy, mut given_source, mut total, mut rote] = [CompensatedSum::default(); 4];
    for (row, given) in outputs.rows.iter().zip(given) {
        let p_x: f64 = priors.iter().zip(given).map(|(prior, p)| prior * p).sum();
        entropy.add(-weighted_log(p_x, p_x));
        for &(output, r) in row {
            // I(X;T') = sum p(x) r(t'|x) log2(r(t'|x) / p(t'))
            total.add(weighted_log(p_x * r, r / said[output]));
        }
        for (t, (&prior, &p)) in priors.iter().zip(given).enumerate() {
            given_source.add(-weighted_log(prior * p, p));
            for &(output, r) in row {
                // I(X;T'|T): the same given t, with p(t'|t) = p(t, t') / p(t).
                rote.add(weighted_log(prior * p * r, r * prior / joint[output][t]));
            }
        }
    }
    [entropy, given_source, total, rote].map(|sum| without_rounding(sum.value()))
}

/// weight log2(ratio), 0 where the weight is.
fn weighted_log(weight: f64, ratio: f64) -> f64 {
    if weight > 0.0 {
        weight * ratio.log2()
    } else {
        0.0
    }
}

fn without_rounding(bits: f64) -> f64 {
    if bits.abs() < ROUNDING { 0.0 } else { bits }
}
