//! Bits by position: where in the sequences a model saves.

use std::f64::consts::LN_2;

use bitcap_source::DataShape;

use crate::rows::predictions;
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
        let rows = predictions(log_probabilities, shape);
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
    let mean = CompensatedSum::from_iter(values.clone()).value() / count as f64;
    let squares = CompensatedSum::from_iter(values.map(|value| (value - mean).powi(2))).value();
    let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
    (mean, deviation)
}

#[cfg(test)]
mod tests {
    use bitcap_source::DataShape;

    use super::PositionBits;
    use crate::CodeLengths;

    #[test]
    fn means_and_deviations_by_position() {
        let shape = DataShape {
            vocabulary: 16,
            length: 3,
            start_token: false,
        };
        // Bits 1, 2, 3, 4 at position 1: mean 2.5, deviation sqrt(5 / 3). Always 4 at position 2.
        let bits = [1.0, 4.0, 2.0, 4.0, 3.0, 4.0, 4.0, 4.0];
        let log_probabilities = bits.map(|bits: f64| -bits * std::f64::consts::LN_2);
        let found = PositionBits::of(&log_probabilities, shape);
        assert_eq!(found.len(), 2);
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12);
        assert_eq!((found[0].position, found[1].position), (1, 2));
        near(found[0].code_bits_mean, 2.5);
        near(found[0].code_bits_sd.unwrap(), (5.0f64 / 3.0).sqrt());
        near(found[0].saved_bits_mean, 1.5);
        near(found[1].code_bits_mean, 4.0);
        near(found[1].code_bits_sd.unwrap(), 0.0);
        near(found[1].saved_bits_mean, 0.0);
        // Together they are the code length.
        let code = CodeLengths::new(shape, &log_probabilities).unwrap();
        let sum: f64 = found.iter().map(|position| position.code_bits_mean).sum();
        near(4.0 * sum, code.total_bits());
    }

    #[test]
    fn one_sequence_has_no_deviation() {
        let shape = DataShape {
            vocabulary: 2,
            length: 2,
            start_token: true,
        };
        let found = PositionBits::of(&[-1.0f32, 0.0], shape);
        assert_eq!(found[0].position, 0);
        assert!(found.iter().all(|position| position.code_bits_sd.is_none()));
    }
}
