//! Bits by position: where in the sequences a model saves.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use crate::{MeasureError, Shape};
use bitcap_base::CompensatedSum;

/// What the tokens at one position cost on average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
    /// From the natural-log probabilities of all predicted tokens, row-major [N, S_pred]: a row a position.
    ///
    /// # Errors
    ///
    /// There are too many or too few, or one is not finite or above 0.
    pub fn of<F: Copy + Into<f64>>(
        log_probabilities: &[F],
        shape: Shape,
    ) -> Result<Vec<Self>, MeasureError> {
        let predicted = shape.predicted();
        if log_probabilities.len() != shape.predicted_tokens() {
            return Err(MeasureError::Predictions {
                found: log_probabilities.len(),
                samples: shape.samples(),
                predicted,
            });
        }
        let first = shape.length() - predicted;
        (0..predicted)
            .map(|column| {
                let bits = (log_probabilities.chunks_exact(predicted).enumerate())
                    .map(|(sequence, row)| {
                        let found: f64 = row[column].into();
                        if (f64::from(f32::MIN)..=0.0).contains(&found) {
                            Ok(-found / LN_2)
                        } else {
                            Err(MeasureError::LogProbability {
                                sequence,
                                position: first + column,
                                found,
                            })
                        }
                    })
                    .collect::<Result<Vec<f64>, _>>()?;
                let (mean, deviation) = mean_and_deviation(&bits);
                Ok(Self {
                    position: first + column,
                    code_bits_mean: mean,
                    code_bits_sd: deviation,
                    saved_bits_mean: f64::from(shape.vocabulary()).log2() - mean,
                })
            })
            .collect()
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, Option<f64>) {
    let sum = |terms: &mut dyn Iterator<Item = f64>| terms.collect::<CompensatedSum>().value();
    let mean = sum(&mut values.iter().copied()) / values.len() as f64;
    let squares = sum(&mut values.iter().map(|value| (value - mean).powi(2)));
    let deviation = (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt());
    (mean, deviation)
}

#[cfg(test)]
mod tests {
    use super::PositionBits;
    use crate::{CodeLengths, MeasureError, Prediction, Shape};

    #[test]
    fn means_and_deviations_by_position() {
        let shape = Shape::new(4, 3, 16, Prediction::AfterFirst).unwrap();
        // Bits 1, 2, 3, 4 at position 1: mean 2.5, deviation sqrt(5 / 3). Always 4 at position 2.
        let bits = [1.0, 4.0, 2.0, 4.0, 3.0, 4.0, 4.0, 4.0];
        let log_probabilities = bits.map(|bits: f64| -bits * std::f64::consts::LN_2);
        let found = PositionBits::of(&log_probabilities, shape).unwrap();
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
        let shape = Shape::new(1, 2, 2, Prediction::All).unwrap();
        let found = PositionBits::of(&[-1.0f32, 0.0], shape).unwrap();
        assert_eq!(found[0].position, 0);
        assert!(found.iter().all(|position| position.code_bits_sd.is_none()));
    }

    #[test]
    fn refuses_what_is_no_log_probability() {
        let shape = Shape::new(2, 2, 2, Prediction::AfterFirst).unwrap();
        for wrong in [f64::NAN, 0.1, f64::NEG_INFINITY] {
            let error = PositionBits::of(&[-1.0, wrong], shape).unwrap_err();
            assert!(
                matches!(
                    error,
                    MeasureError::LogProbability {
                        sequence: 1,
                        position: 1,
                        ..
                    }
                ),
                "{error}"
            );
        }
        assert!(PositionBits::of(&[-1.0f32; 3], shape).is_err());
    }
}
