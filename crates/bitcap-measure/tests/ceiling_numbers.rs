//! Ceilings whose value is known: from the paper's accounting, from closed forms, from our first runs.

mod common;

use std::collections::HashMap;

use bitcap_measure::Ceiling;
use common::{all_sequences, shape};
use proptest::prelude::*;

/// `samples` different sequences: the digits of 0, 1, 2 ... in base V, least significant first.
fn distinct(samples: usize, length: usize, vocabulary: usize) -> Vec<u16> {
    (0..samples)
        .flat_map(|i| {
            (0..length).map(move |place| {
                vocabulary
                    .checked_pow(place as u32)
                    .map_or(0, |unit| (i / unit % vocabulary) as u16)
            })
        })
        .collect()
}

fn ceiling(tokens: &[u16], length: usize, vocabulary: u32, start_token: bool) -> Ceiling {
    Ceiling::of(tokens, shape(length, vocabulary, start_token))
}

#[test]
fn the_paper_s_accounting_gives_more_the_shorter_the_sequences() {
    for (length, factor) in [(64, 64.0 / 63.0), (4, 4.0 / 3.0)] {
        let tokens = distinct(100, length, 2048);
        let without = ceiling(&tokens, length, 2048, false);
        let ratio: f64 = without.ceiling_bits_paper / without.ceiling_bits_strict;
        assert!((ratio - factor).abs() < 1e-12);
        let with = ceiling(&tokens, length, 2048, true);
        assert_eq!(with.ceiling_bits_paper, with.ceiling_bits_strict);
    }
}

#[test]
fn of_16_bits_6_can_be_reached_when_1024_strings_are_distinct() {
    let ceiling = ceiling(&distinct(1024, 16, 2), 16, 2, true);
    assert_eq!(ceiling.distinct, 1024);
    assert_eq!(ceiling.shape.predicted_bits(1), 16.0);
    assert_eq!(ceiling.code_length_bits, 10.0 * 1024.0);
    assert_eq!(ceiling.ceiling_bits_strict, 6.0 * 1024.0);
}

#[test]
fn distinct_sequences_without_a_start_token_cost_the_log_of_those_that_begin_alike() {
    // 1024 bitstrings, 512 begin with each bit: 9 bits each out of 15.
    let ceiling = ceiling(&distinct(1024, 16, 2), 16, 2, false);
    assert_eq!(ceiling.code_length_bits, 9.0 * 1024.0);
    assert_eq!(ceiling.ceiling_bits_strict, 6.0 * 1024.0);
    assert_eq!(ceiling.ceiling_bits_paper, 6.0 * 1024.0 * 16.0 / 15.0);
}

/// V = 64, S = 16, with a start token, distinct sequences: N (96 - log2 N), worked out apart. Our first runs had tables
/// of whole bits with the same figures: 3,895, 7,703, 15,322, 22,787 and 30,298.
#[test]
fn the_ceilings_of_the_first_runs() {
    for (samples, bits, table) in [
        (43, 3_894.670_615_547_81, 3_895.0),
        (86, 7_703.341_231_095_62, 7_703.0),
        (173, 15_321.809_316_618_8, 15_322.0),
        (259, 22_787.646_653_489_2, 22_787.0),
        (346, 30_297.618_633_237_7, 30_298.0),
    ] {
        let ceiling = ceiling(&distinct(samples, 16, 64), 16, 64, true);
        assert!((ceiling.ceiling_bits_strict - bits).abs() < 1e-8);
        assert!((ceiling.ceiling_bits_strict - table).abs() < 1.0);
    }
}

#[test]
fn what_occurs_once_or_always_costs_nothing() {
    let repeated = [5, 6, 7].repeat(9);
    for start_token in [true, false] {
        let ceiling = ceiling(&repeated, 3, 8, start_token);
        assert_eq!((ceiling.distinct, ceiling.code_length_bits), (1, 0.0));
        assert_eq!(ceiling.ceiling_bits_strict, ceiling.shape.predicted_bits(9));
    }
    // Without a start token, the first token tells these apart.
    let tokens = [0, 1, 1, 3, 2, 2];
    assert_eq!(ceiling(&tokens, 2, 4, false).code_length_bits, 0.0);
}

#[test]
fn nothing_can_be_memorized_where_every_sequence_is_as_frequent() {
    for (vocabulary, length) in [
        (2, 1),
        (2, 10),
        (3, 1),
        (3, 4),
        (5, 3),
        (7, 4),
        (10, 3),
        (1000, 1),
    ] {
        let every = all_sequences(vocabulary, length).concat();
        for copies in [1, 3, 7] {
            let ceiling = ceiling(&every.repeat(copies), length, vocabulary, true);
            assert_eq!(
                ceiling.ceiling_bits_strict, 0.0,
                "V={vocabulary} S={length} x{copies}"
            );
        }
    }
}

#[test]
fn the_least_that_can_be_memorized_is_not_rounded_away() {
    // Shares of 1/2 +- d with d = 1e-6: KL from uniform is 2 d^2 / ln 2 bits, to the order of d^4.
    let mut tokens = vec![0; 500_001];
    tokens.resize(1_000_000, 1);
    let ceiling = ceiling(&tokens, 1, 2, true);
    let expected = 1e6 * 2.0 * 1e-6f64.powi(2) / std::f64::consts::LN_2;
    assert!(
        (ceiling.ceiling_bits_strict / expected - 1.0).abs() < 1e-3,
        "{}",
        ceiling.ceiling_bits_strict
    );
}

#[test]
fn uniform_bits_are_exact_where_the_vocabulary_is_a_power_of_two() {
    for bits in 1..=16 {
        let shape = shape(100, 1 << bits, true);
        assert_eq!(shape.predicted_bits(1000), f64::from(bits) * 100_000.0);
    }
}

proptest! {
    /// Larger datasets against a count of whole sequences and of first tokens in hash tables.
    #[test]
    fn duplicates_and_shared_first_tokens_are_counted(
        tokens in proptest::collection::vec(0..3u16, 3 * 400),
    ) {
        let mut copies: HashMap<&[u16], f64> = HashMap::new();
        let mut begin: HashMap<u16, f64> = HashMap::new();
        for sequence in tokens.chunks_exact(3) {
            *copies.entry(sequence).or_default() += 1.0;
            *begin.entry(sequence[0]).or_default() += 1.0;
        }
        let bits = |group: &dyn Fn(&[u16]) -> f64| -> f64 {
            tokens.chunks_exact(3).map(|sequence| (group(sequence) / copies[sequence]).log2()).sum()
        };
        let all = ceiling(&tokens, 3, 3, true);
        prop_assert_eq!(all.distinct, copies.len());
        prop_assert!((all.code_length_bits - bits(&|_| 400.0)).abs() < 1e-9);
        let after_first = ceiling(&tokens, 3, 3, false);
        prop_assert!((after_first.code_length_bits - bits(&|sequence| begin[&sequence[0]])).abs() < 1e-9);
    }
}

#[test]
#[should_panic(expected = "5 values do not make whole sequences of 3")]
fn partial_sequences() {
    Ceiling::of(&[0, 1, 2, 3, 0], shape(3, 4, true));
}

#[test]
#[should_panic(expected = "tokens must be below the vocabulary, 4")]
fn tokens_out_of_range() {
    Ceiling::of(&[0, 1, 2, 3, 4, 0], shape(3, 4, true));
}
