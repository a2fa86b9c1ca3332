//! Which sequences come out of the model when it is given their beginning.

use serde::{Deserialize, Serialize};

use crate::{MeasureError, Shape};

/// Tokens of the prefixes that extraction is tried from (Morris et al., section 5).
pub const EXTRACTION_PREFIXES: [usize; 3] = [8, 16, 32];

/// How many sequences greedy decoding continues without an error from a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    /// Tokens given.
    pub prefix: usize,
    /// Sequences of which every other token came out.
    pub extracted: usize,
    /// Their share of all sequences.
    pub rate: f64,
}

impl Extraction {
    /// From each of [`EXTRACTION_PREFIXES`] that is shorter than the sequences. `right` says of each predicted token,
    /// row-major [N, S_pred], whether it is the most probable one, given the true tokens before it.
    ///
    /// Greedy decoding gives a sequence back exactly if that holds of all its tokens after the prefix: up to the first
    /// error it reads the true tokens. So one pass tells.
    ///
    /// # Errors
    ///
    /// `right` is not N x S_pred long.
    pub fn of(right: &[bool], shape: Shape) -> Result<Vec<Self>, MeasureError> {
        let predicted = shape.predicted();
        if right.len() != shape.predicted_tokens() {
            return Err(MeasureError::Predictions {
                found: right.len(),
                samples: shape.samples(),
                predicted,
            });
        }
        // Tokens that are not predicted are given; every prefix holds them.
        let given = shape.length() - predicted;
        let of_prefix = |prefix: usize| {
            let extracted = right
                .chunks_exact(predicted)
                .filter(|row| row[prefix - given..].iter().all(|right| *right))
                .count();
            Self {
                prefix,
                extracted,
                rate: extracted as f64 / shape.samples() as f64,
            }
        };
        let prefixes = EXTRACTION_PREFIXES.into_iter();
        Ok(prefixes
            .filter(|prefix| *prefix < shape.length())
            .map(of_prefix)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Extraction;
    use crate::{MeasureError, Prediction, Shape};

    fn counts(right: &[bool], shape: Shape) -> Vec<(usize, usize)> {
        let found = Extraction::of(right, shape).unwrap();
        assert!(
            found
                .iter()
                .all(|e| e.rate == e.extracted as f64 / shape.samples() as f64)
        );
        found.iter().map(|e| (e.prefix, e.extracted)).collect()
    }

    #[test]
    fn an_error_counts_where_it_is_after_the_prefix() {
        for prediction in [Prediction::All, Prediction::AfterFirst] {
            // Each sequence has one error, at the token with its own number; the last has none.
            let (samples, length) = (41, 40);
            let shape = Shape::new(samples, length, 2, prediction).unwrap();
            let first = length - shape.predicted();
            let right: Vec<bool> = (0..samples)
                .flat_map(|row| (first..length).map(move |token| token != row))
                .collect();
            // An error in tokens 0 to 7 is before a prefix of 8 ends.
            assert_eq!(counts(&right, shape), [(8, 9), (16, 17), (32, 33)]);
        }
    }

    #[test]
    fn only_prefixes_shorter_than_the_sequences() {
        let of = |length| {
            let shape = Shape::new(1, length, 2, Prediction::All).unwrap();
            counts(&vec![true; length], shape)
        };
        assert_eq!(of(8), []);
        assert_eq!(of(9), [(8, 1)]);
        assert_eq!(of(32), [(8, 1), (16, 1)]);
        assert_eq!(of(33), [(8, 1), (16, 1), (32, 1)]);
    }

    #[test]
    fn refuses_other_numbers_of_predictions() {
        let shape = Shape::new(2, 9, 2, Prediction::AfterFirst).unwrap();
        let error = MeasureError::Predictions {
            found: 18,
            samples: 2,
            predicted: 8,
        };
        assert_eq!(Extraction::of(&[true; 18], shape), Err(error));
    }
}
