//! Exact probabilities against draws: of sequences given the parameters, and of parameters.

mod common;

use bitcap_source::{Dataset, Marginal, Split, draw};
use common::*;
use proptest::prelude::*;

/// Sequences must be drawn as often as their probability says: Pearson's chi-square over all there
/// are, with those expected less than 5 times together.
#[test]
fn sequences_are_drawn_as_often_as_they_are_likely() {
    for seed in 0..4 {
        for settings in all_kinds(seed) {
            if settings.kind() == "copies" {
                continue;
            }
            let source = source(&settings);
            let samples = 20_000;
            let data = source.draw(seed + 100, samples, Split::Training).unwrap();
            let mut counts = std::collections::HashMap::new();
            for sequence in data.sequences() {
                *counts.entry(sequence.to_vec()).or_insert(0.0) += 1.0;
            }
            let (mut square, mut bins) = (0.0, 0.0);
            let (mut rare, mut rare_expected) = (0.0, 0.0);
            for number in 0..how_many(&settings, 1) {
                let sequence = numbered(&settings, 1, number).tokens;
                let log2 = source.log2_probability(&sequence).unwrap();
                let expected = samples as f64 * log2.exp2();
                let found: f64 = counts.remove(&sequence).unwrap_or(0.0);
                if expected == 0.0 {
                    assert_eq!(found, 0.0);
                } else if expected < 5.0 {
                    rare += found;
                    rare_expected += expected;
                } else {
                    square += (found - expected).powi(2) / expected;
                    bins += 1.0;
                }
            }
            assert!(counts.is_empty());
            let deviations = (square - (bins - 1.0)) / (2.0 * f64::max(bins - 1.0, 1.0)).sqrt();
            assert!(deviations < 5.0, "{settings:?}: {deviations}");
            assert!((rare - rare_expected).abs() <= 6.0 * (rare_expected + 1.0).sqrt());
        }
    }
}

/// p(X) is the mean of p(X | parameters) over parameters drawn from the prior, and this is the one
/// that they are drawn from: 4,000 seeds, for one dataset each, 5 standard errors.
#[test]
fn code_lengths_are_means_over_drawn_parameters() {
    let kinds = exact_kinds(0).len();
    for kind in 0..kinds {
        let settings = exact_kinds(7).remove(kind);
        let data = draw(&settings, 1, 3, Split::Training).unwrap();
        let given: Vec<f64> = (0..4000)
            .map(|seed| {
                let source = source(&exact_kinds(seed).remove(kind));
                (-source.source_bits(&data).unwrap()).exp2()
            })
            .collect();
        let (found, error) = mean(&given);
        let right = probability(&settings, &data);
        assert!(
            (found - right).abs() <= 5.0 * error + 1e-12 * right,
            "{settings:?}"
        );
    }
}

/// The mean of what datasets say of their source is their mutual information, never below 0; and
/// the mean of source_bits is what plans are made by.
#[test]
fn means_over_sources_and_data_are_those_expected() {
    let kinds = exact_kinds(0).len();
    for kind in 0..kinds {
        let samples = 6;
        let (mut limits, mut bits) = (Vec::new(), Vec::new());
        for seed in 0..1500 {
            let settings = exact_kinds(seed).remove(kind);
            let source = source(&settings);
            let data = source
                .draw(seed + 10_000, samples, Split::Training)
                .unwrap();
            limits.push(limit_bits(&settings, &source, &data));
            bits.push(source.source_bits(&data).unwrap());
        }
        let settings = exact_kinds(0).remove(kind);
        let (limit, error) = mean(&limits);
        assert!(limit >= -4.0 * error - 1e-12, "{settings:?}: {limit}");
        if has_parameters(&settings) {
            assert!(limit > 0.05, "{settings:?}: {limit}");
        } else {
            assert_eq!(limit, 0.0);
        }
        let (found, error) = mean(&bits);
        let right = settings.expected_entropy_bits(samples);
        assert!(
            (found - right).abs() <= 5.0 * error + 1e-9,
            "{settings:?}: {found} {right}"
        );
    }
}

/// Much data: each of the V - 1 free parameters costs about half of log2 of the tokens n. By the
/// normal approximation (Clarke and Barron 1990) the mutual information in nats is
/// (V - 1)/2 ln(n / (2 pi e)) + E[ln det I]/2 + h, with the Fisher information's determinant 1 over
/// the product of the probabilities and h the entropy of the prior.
#[test]
fn parameters_cost_half_a_logarithm_each() {
    let (mut limits, samples) = (Vec::new(), 2000);
    for seed in 0..40 {
        let settings = unigram(16, 50, 1.0, seed);
        let source = source(&settings);
        let data = source.draw(seed, samples, Split::Training).unwrap();
        limits.push(limit_bits(&settings, &source, &data));
    }
    let (found, _) = mean(&limits);
    // The uniform prior over 16 probabilities: h = -ln 15!, E[-ln p] = psi(16) - psi(1) for each.
    let tokens = f64::from(50 * 2000);
    let entropy: f64 = -(1..16).map(|i| f64::from(i).ln()).sum::<f64>();
    let minus_log: f64 = (1..16).map(|i| 1.0 / f64::from(i)).sum();
    let each = (tokens / (2.0 * std::f64::consts::PI * std::f64::consts::E)).ln();
    let nats = 7.5 * each + 8.0 * minus_log + entropy;
    close_to(found, nats * std::f64::consts::LOG2_E, 0.02);
}

fn kind() -> impl Strategy<Value = usize> {
    0..all_kinds(0).len()
}

fn exact_kind() -> impl Strategy<Value = usize> {
    0..exact_kinds(0).len()
}

proptest! {
    /// The chain rule: what was observed has the probability of all that may follow it together.
    #[test]
    fn what_may_follow_has_the_probability_of_what_was(kind in exact_kind(), seed: u64, samples in 1_u64..8) {
        let settings = exact_kinds(seed >> 1).remove(kind);
        let data = draw(&settings, seed, samples, Split::Training).unwrap();
        let log2_with = |next: &[u16]| {
            let mut marginal = Marginal::new(&settings);
            let sequences = data.sequences().chain((!next.is_empty()).then_some(next));
            sequences.for_each(|sequence| marginal.observe(sequence));
            marginal.log2_probability().unwrap()
        };
        let before = log2_with(&[]);
        let followed: f64 = (0..how_many(&settings, 1))
            .map(|number| (log2_with(&numbered(&settings, 1, number).tokens) - before).exp2())
            .sum();
        prop_assert!((followed - 1.0).abs() < 1e-9, "{settings:?}: {followed}");
    }

    #[test]
    fn order_does_not_matter_but_to_copies(kind in kind(), seed: u64, samples in 1_u64..20) {
        let settings = all_kinds(seed).remove(kind);
        let data = draw(&settings, seed, samples, Split::Fresh).unwrap();
        let mut turned: Vec<Vec<u16>> = data.sequences().map(<[u16]>::to_vec).collect();
        turned.reverse();
        let turned = dataset(&settings, &turned);
        if settings.kind() != "copies" {
            prop_assert_eq!(settings.entropy(&data), settings.entropy(&turned));
        }
        let bits = |data| settings.entropy(data).or(settings.entropy_bound(data)).unwrap();
        prop_assert!((bits(&data) - bits(&turned)).abs() <= 1e-9 || settings.kind() == "copies");
        prop_assert!(bits(&data) >= 0.0);
    }

    #[test]
    fn foreign_data_have_a_probability_or_none(
        kind in kind(),
        tokens in prop::collection::vec(0_u16..4, 0..9),
    ) {
        let settings = all_kinds(3).remove(kind);
        let source = source(&settings);
        let log2 = source.log2_probability(&tokens).unwrap();
        prop_assert!(log2 <= 0.0);
        let inside = tokens.iter().all(|&t| u32::from(t) < settings.vocabulary());
        if tokens.len() != settings.length() as usize || !inside {
            prop_assert_eq!(log2, f64::NEG_INFINITY);
            let mut marginal = Marginal::new(&settings);
            marginal.observe(&tokens);
            let entropy = marginal.entropy().or(marginal.entropy_bound());
            prop_assert_eq!(entropy, Some(f64::INFINITY));
        } else {
            let one = Dataset {
                samples: 1,
                length: tokens.len(),
                vocabulary: settings.vocabulary(),
                tokens,
            };
            prop_assert_eq!(source.source_bits(&one), Some(-log2));
        }
    }
}
