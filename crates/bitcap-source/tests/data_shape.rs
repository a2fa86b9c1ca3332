//! What a model must know of its data.

use bitcap_source::DataShape;

fn shape(vocabulary: u32, length: usize, start_token: bool) -> DataShape {
    DataShape {
        vocabulary,
        length,
        start_token,
    }
}

#[test]
fn a_start_token_is_a_row_more_and_a_token_more_to_predict() {
    let (with, without) = (shape(2048, 64, true), shape(2048, 64, false));
    assert_eq!((with.rows(), with.given(), with.predicted()), (2049, 0, 64));
    assert_eq!(
        (without.rows(), without.given(), without.predicted()),
        (2048, 1, 63)
    );
    assert_eq!(with.predicted_bits(10), 10.0 * 64.0 * 11.0);
    assert_eq!(without.predicted_bits(10), 10.0 * 63.0 * 11.0);
    assert_eq!(
        without.to_string(),
        "sequences of 64 tokens out of 2048, without a start token"
    );
}

#[test]
fn impossible_shapes_are_named() {
    let error = |shape: DataShape| shape.validate().unwrap_err().to_string();
    for found in [0, 1, 65_537] {
        assert_eq!(
            error(shape(found, 4, true)),
            format!("`vocabulary` is {found}; it must be from 2 to 65536")
        );
    }
    for found in [0, 4097] {
        assert_eq!(
            error(shape(2, found, false)),
            format!("`length` is {found}; it must be from 1 to 4096")
        );
    }
    assert_eq!(
        error(shape(2, 1, false)),
        "`length` is 1; it must be at least 2 without a start token: the first token is not predicted"
    );
    for possible in [
        shape(2, 1, true),
        shape(2, 2, false),
        shape(65_536, 4096, true),
    ] {
        assert_eq!(possible.validate(), Ok(()));
    }
}
