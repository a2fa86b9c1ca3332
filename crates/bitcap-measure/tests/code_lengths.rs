//! Log-probabilities in, bits out.

mod common;

use std::f64::consts::LN_2;

use bitcap_measure::{CodeLengthCounter, CodeLengths, MeasureError, Memorized, Prediction, Shape};
use common::{Predictor, all_sequences};
use proptest::prelude::*;

fn shape(samples: usize, length: usize, prediction: Prediction) -> Shape {
    Shape::new(samples, length, 4, prediction).unwrap()
}

#[test]
fn halves_are_bits() {
    let ln = |p: f64| p.ln();
    let rows = [ln(0.5), ln(0.25), ln(1.0), ln(0.125)];
    let shape = shape(2, 3, Prediction::AfterFirst);
    let code = CodeLengths::new(shape, &rows).unwrap();
    assert_eq!(code.bits(), [3.0, 3.0]);
    assert_eq!(code.total_bits(), 6.0);
    assert!((code.mean_nats_per_token() - 6.0 * LN_2 / 4.0).abs() < 1e-15);
    // Two predicted tokens of 2 bits each: 1 bit saved a sequence, and 3/2 of that by the paper's accounting.
    let total = Memorized::in_total(&code);
    assert_eq!((total.strict_bits, total.paper_bits), (2.0, 3.0));
    let each: Vec<_> = Memorized::per_sequence(&code)
        .map(|m| (m.strict_bits, m.paper_bits))
        .collect();
    assert_eq!(each, [(1.0, 1.5), (1.0, 1.5)]);
}

#[test]
fn with_a_start_token_both_accountings_agree() {
    let code = CodeLengths::new(shape(1, 2, Prediction::All), &[-0.25f32, -1.5]).unwrap();
    let total = Memorized::in_total(&code);
    assert_eq!(total.strict_bits, total.paper_bits);
    assert!((total.strict_bits - (4.0 - 1.75 / LN_2)).abs() < 1e-12);
}

#[test]
fn certainty_is_a_plain_zero() {
    let code = CodeLengths::new(shape(1, 2, Prediction::All), &[0.0f32, -0.0]).unwrap();
    assert!(code.total_bits().is_sign_positive());
    assert_eq!(code.total_bits(), 0.0);
}

/// A million sequences, the first so costly that a plain f64 sum would lose 1e-11 of the rest. The reference is an
/// exact sum in integers: every f32 here is a whole number of 2^-60.
#[test]
fn the_total_of_a_million_sequences_is_exact_to_1e_15() {
    let samples = 1_000_000;
    let mut rows = vec![-0.1f32; samples];
    rows[0] = -1e15;
    for (index, row) in rows.iter_mut().enumerate().skip(1) {
        *row *= 1.0 + (index % 97) as f32 / 64.0;
    }
    let exact: i128 = rows
        .iter()
        .map(|&row| (f64::from(-row) * 2f64.powi(60)) as i128)
        .sum();
    let exact = exact as f64 / 2f64.powi(60) / LN_2;
    let plain = rows.iter().map(|&row| f64::from(-row) / LN_2).sum::<f64>();
    assert!(
        (plain / exact - 1.0).abs() > 1e-12,
        "this case does not tell sums apart"
    );

    let code = CodeLengths::new(shape(samples, 1, Prediction::All), &rows).unwrap();
    assert!((code.total_bits() / exact - 1.0).abs() < 1e-15);
}

#[test]
fn what_is_not_a_log_probability_is_refused_by_place() {
    for (bad, found) in [
        (f32::NAN, "NaN"),
        (f32::NEG_INFINITY, "-inf"),
        (f32::INFINITY, "inf"),
        (0.5, "0.5"),
    ] {
        for (prediction, position) in [(Prediction::All, 1), (Prediction::AfterFirst, 2)] {
            let shape = shape(
                3,
                2 + usize::from(prediction == Prediction::AfterFirst),
                prediction,
            );
            let mut counter = CodeLengthCounter::new(shape);
            counter.add(&[-1.0f32, -2.0]).unwrap();
            let error = counter.add(&[-1.0, -2.0, -3.0, bad]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the log-probability of token {position} of sequence 2 is {found}; \
                     it must be finite and at most 0"
                )
            );
        }
    }
    // An f64 whose sum could overflow is as good as infinite.
    let error = CodeLengths::new(shape(1, 1, Prediction::All), &[-1e308]).unwrap_err();
    assert!(matches!(
        error,
        MeasureError::LogProbability {
            sequence: 0,
            position: 0,
            ..
        }
    ));
}

#[test]
fn sequences_must_be_whole_and_all_there() {
    let shape = shape(2, 3, Prediction::AfterFirst);
    let refused = |rows: &[f32]| CodeLengths::new(shape, rows).unwrap_err();
    assert_eq!(
        refused(&[-1.0; 3]),
        MeasureError::PartialRow {
            found: 3,
            predicted: 2
        }
    );
    assert_eq!(
        refused(&[-1.0; 2]),
        MeasureError::SequenceCount {
            found: 1,
            samples: 2
        }
    );
    assert_eq!(
        refused(&[-1.0; 6]),
        MeasureError::SequenceCount {
            found: 3,
            samples: 2
        }
    );
}

proptest! {
    #[test]
    fn chunks_make_no_difference(
        rows in proptest::collection::vec(-20.0..0.0f32, 3 * 20),
        cuts in proptest::collection::vec(0..=20usize, 0..5),
    ) {
        let shape = shape(20, 3, Prediction::All);
        let mut cuts = cuts;
        cuts.extend([0, 20]);
        cuts.sort_unstable();
        let mut counter = CodeLengthCounter::new(shape);
        for pair in cuts.windows(2) {
            counter.add(&rows[3 * pair[0]..3 * pair[1]]).unwrap();
        }
        prop_assert_eq!(counter.finish().unwrap(), CodeLengths::new(shape, &rows).unwrap());
    }

    /// Over all V^S sequences, each as likely in uniform data: nothing is gained on average, and 2^bits averages 1.
    #[test]
    fn nothing_is_gained_on_fresh_uniform_data(
        (vocabulary, length) in proptest::sample::select(vec![(2u32, 5usize), (3, 3), (4, 2), (8, 2)]),
        weights in proptest::collection::vec(0.001..1.0f64, 64),
        sharpness in 1..8i32,
    ) {
        let mut weights = weights.iter().cycle();
        let model = Predictor::new(vocabulary, length, |_| {
            (0..vocabulary).map(|_| weights.next().unwrap().powi(sharpness)).collect()
        });
        let every = all_sequences(vocabulary, length).concat();
        for prediction in [Prediction::All, Prediction::AfterFirst] {
            let shape = common::shape(&every, length, vocabulary, prediction);
            let code = model.code(&every, shape);
            let total = Memorized::in_total(&code);
            prop_assert!(total.strict_bits <= 1e-9 && total.paper_bits <= 1e-9);
            let mean: f64 = Memorized::per_sequence(&code).map(|m| m.strict_bits.exp2()).sum::<f64>()
                / shape.samples() as f64;
            prop_assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        }
    }

    #[test]
    fn the_sequences_sum_to_the_total(rows in proptest::collection::vec(-20.0..0.0f32, 4 * 50)) {
        for (length, prediction) in [(4, Prediction::All), (5, Prediction::AfterFirst)] {
            let code = CodeLengths::new(shape(50, length, prediction), &rows).unwrap();
            let total = Memorized::in_total(&code);
            let (strict, paper) = Memorized::per_sequence(&code)
                .fold((0.0, 0.0), |(a, b), m| (a + m.strict_bits, b + m.paper_bits));
            prop_assert!((strict - total.strict_bits).abs() < 1e-9);
            prop_assert!((paper - total.paper_bits).abs() < 1e-9);
        }
    }
}
