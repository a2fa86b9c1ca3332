//! All values that the samples can have, and how probable each is.

use super::ToyError;

/// Most (T, X) there may be: worked out in seconds, and some hundred megabytes for a learner that copies all.
const LIMIT: usize = 1 << 21;

/// Refuses what would take too long.
pub(super) fn check_size(
    samples: u32,
    source_values: usize,
    data_values: usize,
) -> Result<(), ToyError> {
    let terms = data_values
        .checked_pow(samples)
        .and_then(|sequences| sequences.checked_mul(source_values));
    match terms {
        Some(terms) if terms <= LIMIT => Ok(()),
        _ => Err(ToyError::TooLarge {
            samples,
            source_values,
            data_values,
            terms: terms.map_or_else(|| "more than 10^19".into(), |terms| terms.to_string()),
            limit: LIMIT,
        }),
    }
}

/// All sequences of n of the values, the last sample changing first.
pub(super) fn sequences(values: usize, samples: u32) -> Vec<Vec<usize>> {
    (0..samples).fold(vec![vec![]], |shorter, _| {
        let longer = shorter.iter().flat_map(|start| {
            (0..values).map(move |value| {
                let mut sequence = start.clone();
                sequence.push(value);
                sequence
            })
        });
        longer.collect()
    })
}

/// p(x | t) of samples that are independent given the source.
pub(super) fn probability(sequence: &[usize], given: &[f64]) -> f64 {
    sequence.iter().map(|&value| given[value]).product()
}
