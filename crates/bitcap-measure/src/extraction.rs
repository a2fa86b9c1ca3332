//! Which sequences come out of the model when it is given their beginning.

use bitcap_source::DataShape;
use serde::{Deserialize, Serialize};

use crate::rows::predictions;

/// Tokens of the prefixes that extraction is tried from (Morris et al., section 5).
const EXTRACTION_PREFIXES: [usize; 3] = [8, 16, 32];

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
    /// From each of the prefixes of 8, 16 and 32 tokens that is shorter than the sequences. `right` says of each
    /// predicted token, row-major [N, S_pred], whether it is the most probable one, given the true tokens before it.
    ///
    /// Greedy decoding gives a sequence back exactly if that holds of all its tokens after the prefix: up to the first
    /// error it reads the true tokens. So one pass tells.
    ///
    /// # Panics
    ///
    /// If there are no predictions, or they do not make whole sequences.
    pub fn of(right: &[bool], shape: DataShape) -> Vec<Self> {
        let rows = predictions(right, shape);
        let of_prefix = |prefix: usize| {
            // Tokens that are not predicted are given; every prefix holds them.
            let rest = prefix - shape.given();
            let all_right = |row: &&[bool]| row[rest..].iter().all(|right| *right);
            let extracted = rows.clone().filter(all_right).count();
            Self {
                prefix,
                extracted,
                rate: extracted as f64 / rows.len() as f64,
            }
        };
        let prefixes = EXTRACTION_PREFIXES.into_iter();
        prefixes
            .filter(|prefix| *prefix < shape.length)
            .map(of_prefix)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use bitcap_source::DataShape;

    use super::Extraction;

    fn shape(length: usize, start_token: bool) -> DataShape {
        DataShape {
            vocabulary: 2,
            length,
            start_token,
        }
    }

    fn counts(right: &[bool], shape: DataShape) -> Vec<(usize, usize)> {
        let found = Extraction::of(right, shape);
        let samples = right.len() / shape.predicted();
        let share = |e: &Extraction| e.extracted as f64 / samples as f64;
        assert!(found.iter().all(|e| e.rate == share(e)));
        found.iter().map(|e| (e.prefix, e.extracted)).collect()
    }

    #[test]
    fn an_error_counts_where_it_is_after_the_prefix() {
        for start_token in [true, false] {
            // Each sequence has one error, at the token with its own number; the last has none.
            let (samples, length) = (41, 40);
            let shape = shape(length, start_token);
            let right: Vec<bool> = (0..samples)
                .flat_map(|row| (shape.given()..length).map(move |token| token != row))
                .collect();
            // An error in tokens 0 to 7 is before a prefix of 8 ends.
            assert_eq!(counts(&right, shape), [(8, 9), (16, 17), (32, 33)]);
        }
    }

    #[test]
    fn only_prefixes_shorter_than_the_sequences() {
        let of = |length| counts(&vec![true; length], shape(length, true));
        assert_eq!(of(8), []);
        assert_eq!(of(9), [(8, 1)]);
        assert_eq!(of(32), [(8, 1), (16, 1)]);
        assert_eq!(of(33), [(8, 1), (16, 1), (32, 1)]);
    }

    #[test]
    #[should_panic(expected = "17 values do not make whole sequences of 8")]
    fn partial_sequences() {
        Extraction::of(&[true; 17], shape(9, false));
    }
}
