//! Which sequences come out of their prefixes.

use bitcap_measure::Extraction;
use bitcap_source::DataShape;

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
