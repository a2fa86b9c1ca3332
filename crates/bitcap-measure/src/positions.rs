//! Bits by position: where in the sequences a model saves.

use std::f64::consts::LN_2;

use bitcap_source::DataShape;

use crate::rows::rows;
use bitcap_base::CompensatedSum;

/// What the tokens at one position cost on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PositionBits {
    /// Place in the sequence, from 0; without a start token the first is 1.
    pub position: usize,
    /// Mean code length of a token there, in bits.
    pub code_bits_mean: f64,
    /// Deviation of that over sequences (divided by N - 1). None of one sequence.
    pub code_bits_sd: Option<f64>,
    /// log2 V less the mean: of uniform data, what was memorized of a token there. The deviation is the same.
    pub saved_bits_mean: f64,
}

impl PositionBits {
    /// From natural-log probabilities that [`CodeLengths::new`](crate::CodeLengths::new) accepted, of all predicted
    /// tokens, row-major [N, S_pred]: a row a position.
    ///
    /// # Panics
    ///
    /// If there are none, or they do not make whole sequences.
    pub fn of<F: Copy + Into<f64>>(log_probabilities: &[F], shape: DataShape) -> Vec<Self> {
        let rows = rows(log_probabilities, shape.predicted());
        let of_column = |column: usize| {
            let bits = rows.clone().map(|row| -row[column].into() / LN_2);
            let (code_bits_mean, code_bits_sd) = mean_and_deviation(bits);
            Self {
                position: shape.given() + column,
                code_bits_mean,
                code_bits_sd,
                saved_bits_mean: f64::from(shape.vocabulary).log2() - code_bits_mean,
            }
        };
        (0..shape.predicted()).map(of_column).collect()
    }
}

fn mean_and_deviation(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, Option<f64>) {
    let count = values.len();
    // In two passes: the mean of squares less the square of the mean cancels where all tokens cost
    // nearly the same.
    let mean = CompensatedSum::from_iter(values.clone()).value() / count as f64;
    let squares = CompensatedSum::from_iter(values.map(|value| (value - mean).powi(2))).value();
    let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
    (mean, deviation)
}
