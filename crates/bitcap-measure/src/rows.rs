//! Whole sequences out of row-major slices.

use std::slice::ChunksExact;

use bitcap_source::DataShape;

/// The rows of `tokens`, row-major [N, S].
///
/// # Panics
///
/// If there are none, they are not whole, or a token is not in the vocabulary.
pub(crate) fn sequences(tokens: &[u16], shape: DataShape) -> ChunksExact<'_, u16> {
    let vocabulary = shape.vocabulary;
    let inside = |token: &u16| u32::from(*token) < vocabulary;
    assert!(
        tokens.iter().all(inside),
        "tokens must be below the vocabulary, {vocabulary}"
    );
    rows(tokens, shape.length)
}

/// Rows of this length.
///
/// # Panics
///
/// If there are none, or they are not whole.
pub(crate) fn rows<T>(values: &[T], length: usize) -> ChunksExact<'_, T> {
    assert!(
        !values.is_empty() && values.len().is_multiple_of(length),
        "{} values do not make whole sequences of {length}",
        values.len()
    );
    values.chunks_exact(length)
}
