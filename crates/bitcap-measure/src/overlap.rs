//! Fresh sequences that are not so fresh.

use crate::MeasureError;

/// How many of the fresh sequences occur in the training data. Both are row-major [_, `length`]; a fresh sequence that
/// is there twice counts twice.
///
/// Independent draws do meet where V^S is not large beside N, and a model that memorized one gains on it.
///
/// # Errors
///
/// `length` is 0, or the tokens do not make whole sequences.
pub fn count_in_training(
    training: &[u16],
    fresh: &[u16],
    length: usize,
) -> Result<usize, MeasureError> {
    if length == 0 {
        return Err(MeasureError::EmptySequences);
    }
    for tokens in [training, fresh] {
        if !tokens.len().is_multiple_of(length) {
            return Err(MeasureError::PartialSequence {
                found: tokens.len(),
                length,
            });
        }
    }
    let mut known: Vec<&[u16]> = training.chunks_exact(length).collect();
    known.sort_unstable();
    let occurs = |sequence: &&[u16]| known.binary_search(sequence).is_ok();
    Ok(fresh.chunks_exact(length).filter(occurs).count())
}

#[cfg(test)]
mod tests {
    use super::count_in_training;
    use crate::MeasureError;

    #[test]
    fn counts_every_fresh_sequence_that_was_trained_on() {
        let training = [0, 1, 2, 3, 2, 3, 0, 0];
        let fresh = [2, 3, 1, 0, 2, 3, 3, 2, 0, 1];
        assert_eq!(count_in_training(&training, &fresh, 2), Ok(3));
        assert_eq!(count_in_training(&training, &[], 2), Ok(0));
        // One token apart, or across the border of two sequences, is another sequence.
        assert_eq!(count_in_training(&training, &[1, 2, 3, 0], 2), Ok(0));
    }

    #[test]
    fn refuses_partial_sequences() {
        let partial = Err(MeasureError::PartialSequence {
            found: 3,
            length: 2,
        });
        assert_eq!(count_in_training(&[0, 1], &[0, 1, 2], 2), partial);
        assert_eq!(count_in_training(&[0, 1, 2], &[0, 1], 2), partial);
        assert_eq!(
            count_in_training(&[], &[], 0),
            Err(MeasureError::EmptySequences)
        );
    }
}
