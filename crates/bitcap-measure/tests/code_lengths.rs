//! Log-probabilities in, bits out.

mod common;

use std::f64::consts::LN_2;

use bitcap_measure::{CodeLengths, DataEntropy, MeasureError, Memorized};
use common::{Predictor, all_sequences, shape};
use proptest::prelude::*;

/// Of uniform data.
fn in_total(code: &CodeLengths) -> Memorized {
    let shape = code.shape();
    let tokens = (code.samples() * shape.length) as f64;
    let bits = tokens * f64::from(shape.vocabulary).log2();
    DataEntropy::Uniform { bits }.memorized(code).unwrap()
}

#[test]
fn halves_are_bits() {
    let ln = |p: f64| p.ln();
    let rows = [ln(0.5), ln(0.25), ln(1.0), ln(0.125)];
    let code = CodeLengths::new(shape(3, 4, false), &rows).unwrap();
    assert_eq!(code.bits(), [3.0, 3.0]);
    assert_eq!(code.total_bits(), 6.0);
    assert!((code.mean_nats_per_token() - 6.0 * LN_2 / 4.0).abs() < 1e-15);
    // Two predicted tokens of 2 bits each: 1 bit saved a sequence, and 3/2 of that by the paper's accounting.
    let total = in_total(&code);
    assert_eq!((total.strict_bits, total.paper_bits), (2.0, 3.0));
    let each: Vec<_> = Memorized::per_sequence(&code)
        .map(|m| (m.strict_bits, m.paper_bits))
        .collect();
    assert_eq!(each, [(1.0, 1.5), (1.0, 1.5)]);
}

#[test]
fn with_a_start_token_both_accountings_agree() {
    let code = CodeLengths::new(shape(2, 4, true), &[-0.25f32, -1.5]).unwrap();
    let total = in_total(&code);
    assert_eq!(total.strict_bits, total.paper_bits);
    assert!((total.strict_bits - (4.0 - 1.75 / LN_2)).abs() < 1e-12);
}

#[test]
fn certainty_is_a_plain_zero() {
    let code = CodeLengths::new(shape(2, 4, true), &[0.0f32, -0.0]).unwrap();
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

    let code = CodeLengths::new(shape(1, 4, true), &rows).unwrap();
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
        for (start_token, length, position) in [(true, 2, 1), (false, 3, 2)] {
            let rows = [-1.0f32, -2.0, -1.0, -2.0, -3.0, bad];
            let error = CodeLengths::new(shape(length, 4, start_token), &rows).unwrap_err();
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
    let error = CodeLengths::new(shape(1, 4, true), &[-1e308]).unwrap_err();
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
#[should_panic(expected = "3 values do not make whole sequences of 2")]
fn partial_sequences() {
    drop(CodeLengths::new(shape(3, 4, false), &[-1.0f32; 3]));
}

proptest! {
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
        for start_token in [true, false] {
            let code = model.code(&every, shape(length, vocabulary, start_token));
            let total = in_total(&code);
            prop_assert!(total.strict_bits <= 1e-9 && total.paper_bits <= 1e-9);
            let mean: f64 = Memorized::per_sequence(&code).map(|m| m.strict_bits.exp2()).sum::<f64>()
                / code.samples() as f64;
            prop_assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        }
    }

    #[test]
    fn the_sequences_sum_to_the_total(rows in proptest::collection::vec(-20.0..0.0f32, 4 * 50)) {
        for (length, start_token) in [(4, true), (5, false)] {
            let code = CodeLengths::new(shape(length, 4, start_token), &rows).unwrap();
            let total = in_total(&code);
            let (strict, paper) = Memorized::per_sequence(&code)
                .fold((0.0, 0.0), |(a, b), m| (a + m.strict_bits, b + m.paper_bits));
            prop_assert!((strict - total.strict_bits).abs() < 1e-9);
            prop_assert!((paper - total.paper_bits).abs() < 1e-9);
        }
    }
}
