//! Bits by position, against figures by hand.

use bitcap_measure::{CodeLengths, PositionBits};
use bitcap_source::DataShape;

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
