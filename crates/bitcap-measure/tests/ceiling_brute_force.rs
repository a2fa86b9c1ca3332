//! Ceilings against all the predictors that there are, on cases small enough to try them.

mod common;

use bitcap_measure::{Ceiling, DataEntropy};
use common::{Predictor, all_sequences, counts_after, shape};
use proptest::prelude::*;

/// A vocabulary and a length with V^S <= 64, and a dataset of up to 12 sequences, duplicates likely.
fn tiny_dataset() -> impl Strategy<Value = (u32, usize, Vec<u16>)> {
    let sizes: Vec<(u32, usize)> = (2..=8)
        .flat_map(|v: u32| (1..=6).map(move |s| (v, s)))
        .filter(|&(v, s)| v.pow(s as u32) <= 64)
        .collect();
    (proptest::sample::select(sizes), 1..=12usize).prop_flat_map(|((v, s), n)| {
        let tokens = proptest::collection::vec(0..v as u16, n * s);
        (Just(v), Just(s), tokens)
    })
}

/// With a start token, and without one where that leaves something to predict.
fn start_tokens(length: usize) -> &'static [bool] {
    if length == 1 { &[true] } else { &[true, false] }
}

proptest! {
    #[test]
    fn the_empirical_predictor_attains_the_ceiling((v, s, tokens) in tiny_dataset()) {
        let best = Predictor::empirical(&tokens, s, v, 0.0);
        for &start_token in start_tokens(s) {
            let shape = shape(s, v, start_token);
            let ceiling = Ceiling::of(&tokens, shape);
            let code = best.code(&tokens, shape);
            prop_assert!((code.total_bits() - ceiling.code_length_bits).abs() < 1e-9);
            let bits = (tokens.len() as f64) * f64::from(v).log2();
            let memorized = DataEntropy::Uniform { bits }.memorized(&code).unwrap();
            prop_assert!((memorized.strict_bits - ceiling.ceiling_bits_strict).abs() < 1e-9);
            prop_assert!((memorized.paper_bits - ceiling.ceiling_bits_paper).abs() < 1e-9);
        }
    }

    /// Predictors far from the best and ones next to it: random weights added to the counts.
    #[test]
    fn no_predictor_passes_the_ceiling(
        (v, s, tokens) in tiny_dataset(),
        weights in proptest::collection::vec(0.001..1.0f64, 64 * 8),
        noise in prop_oneof![Just(1e-6), Just(1e-3), 0.01..1.0f64, Just(1e6)],
    ) {
        let mut weights = weights.iter().cycle();
        let predictor = Predictor::new(v, s, |prefix| {
            counts_after(prefix, &tokens, s, v).iter().map(|count| count + noise * weights.next().unwrap()).collect()
        });
        for &start_token in start_tokens(s) {
            let shape = shape(s, v, start_token);
            let ceiling = Ceiling::of(&tokens, shape);
            let code = predictor.code(&tokens, shape).total_bits();
            prop_assert!(code >= ceiling.code_length_bits - 1e-9, "{code} < {}", ceiling.code_length_bits);
        }
    }

    #[test]
    fn the_order_of_the_sequences_does_not_matter((v, s, tokens) in tiny_dataset(), turn in 0..12usize) {
        let mut sequences: Vec<&[u16]> = tokens.chunks_exact(s).collect();
        let turn = turn % sequences.len();
        sequences.rotate_left(turn);
        let turned = sequences.concat();
        for &start_token in start_tokens(s) {
            let shape = shape(s, v, start_token);
            prop_assert_eq!(Ceiling::of(&tokens, shape), Ceiling::of(&turned, shape));
        }
    }
}

/// Every dataset of up to 4 sequences of 2 bits, against every predictor whose probabilities are twelfths: among them
/// are all shares that 4 sequences can have, so the best of the grid is the best there is.
#[test]
fn the_ceiling_is_the_best_of_all_predictors() {
    let twelfths: Vec<f64> = (0..=12).map(|k| f64::from(k) / 12.0).collect();
    let mut grid = Vec::new();
    for &first in &twelfths {
        for &after_0 in &twelfths {
            for &after_1 in &twelfths {
                grid.push([first, after_0, after_1]);
            }
        }
    }
    let bits = |one: f64, token: u16| -if token == 1 { one } else { 1.0 - one }.log2();
    for samples in 1..=4 {
        for tokens in all_sequences(2, 2 * samples) {
            for start_token in [true, false] {
                let best = grid
                    .iter()
                    .map(|[first, after_0, after_1]| {
                        tokens
                            .chunks_exact(2)
                            .map(|pair| {
                                let second =
                                    bits(if pair[0] == 1 { *after_1 } else { *after_0 }, pair[1]);
                                if start_token {
                                    bits(*first, pair[0]) + second
                                } else {
                                    second
                                }
                            })
                            .sum::<f64>()
                    })
                    .fold(f64::INFINITY, f64::min);
                let ceiling = Ceiling::of(&tokens, shape(2, 2, start_token));
                assert!(
                    (ceiling.code_length_bits - best).abs() < 1e-12,
                    "{tokens:?} {start_token}: {} against {best}",
                    ceiling.code_length_bits
                );
            }
        }
    }
}
