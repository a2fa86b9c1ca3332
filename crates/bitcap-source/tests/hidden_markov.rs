//! Hidden Markov data: the bound of the entropy against the exact marginal, by enumeration.

mod common;

use bitcap_source::{Dataset, Split};
use common::*;

/// Polya's urn: the probability that symbols come in an order with these counts, from first
/// principles.
fn urn(counts: &[u64], a: f64) -> f64 {
    let (mut probability, mut drawn) = (1.0, 0.0);
    for &count in counts {
        for before in 0..count {
            probability *= (before as f64 + a) / (drawn + counts.len() as f64 * a);
            drawn += 1.0;
        }
    }
    probability
}

/// p(X) by all chains of hidden states there are: given one, the counts' marginal is known.
fn exact_probability(data: &Dataset, states: usize, [a, b]: [f64; 2]) -> f64 {
    let (symbols, tokens) = (data.vocabulary as usize, data.tokens.len());
    let chains = (states as u64).pow(tokens as u32);
    let of = |mut number: u64| -> f64 {
        let mut transitions = vec![vec![0; states]; states];
        let mut emissions = vec![vec![0; symbols]; states];
        let mut probability = 1.0;
        for sequence in data.sequences() {
            let mut before = None;
            for &token in sequence {
                let state = (number % states as u64) as usize;
                number /= states as u64;
                match before {
                    None => probability /= states as f64,
                    Some(before) => {
                        let row: &mut Vec<u64> = &mut transitions[before];
                        row[state] += 1;
                    }
                }
                emissions[state][usize::from(token)] += 1;
                before = Some(state);
            }
        }
        let urns = |rows: &[Vec<u64>], a| -> f64 { rows.iter().map(|row| urn(row, a)).product() };
        probability * urns(&transitions, a) * urns(&emissions, b)
    };
    (0..chains).map(of).sum()
}

#[test]
fn the_exact_marginal_of_these_tests_sums_to_one() {
    let settings = hidden_markov(2, 3, 2, 0.5, 0.7, 0);
    let all = 0..how_many(&settings, 2);
    let of = |number| exact_probability(&numbered(&settings, 2, number), 2, [0.5, 0.7]);
    close(all.map(of).sum(), 1.0);
}

/// Every dataset there is of a few shapes and sources.
#[test]
fn the_bound_is_never_below_the_exact_entropy() {
    let mut gaps = Vec::new();
    for (vocabulary, length, states, samples) in [(2, 3, 2, 2), (3, 2, 2, 2), (2, 5, 3, 1)] {
        for [a, b] in [[0.05, 0.1], [1.0, 1.0], [30.0, 0.5]] {
            for seed in 0..3 {
                let settings = hidden_markov(vocabulary, length, states, a, b, seed);
                for number in 0..how_many(&settings, samples) {
                    let data = numbered(&settings, samples, number);
                    let exact = -exact_probability(&data, states as usize, [a, b]).log2();
                    let bound = settings.entropy_bound(&data).unwrap();
                    assert!(bound >= exact - 1e-9, "{settings:?} {exact} {bound}");
                    assert_eq!(settings.entropy(&data), None);
                    gaps.push(bound - exact);
                }
            }
        }
    }
    // It says something: half of the bounds are within 3 bits, log2 K! of which are the states' names.
    gaps.sort_by(f64::total_cmp);
    let median = gaps[gaps.len() / 2];
    assert!(median < 3.0, "{median}");
}

/// The mean of p(X | parameters) over parameters that are drawn is the enumerated marginal, so that
/// the prior is the one that the bound is made for: 5 standard errors.
#[test]
fn the_marginal_is_the_mean_over_drawn_parameters() {
    let settings = hidden_markov(2, 4, 2, 0.5, 2.0, 3);
    let data = source(&settings).draw(1, 2, Split::Training).unwrap();
    let given: Vec<f64> = (0..4000)
        .map(|seed| {
            let source = source(&hidden_markov(2, 4, 2, 0.5, 2.0, seed));
            (-source.source_bits(&data).unwrap()).exp2()
        })
        .collect();
    let (found, error) = mean(&given);
    let right = exact_probability(&data, 2, [0.5, 2.0]);
    assert!(
        (found - right).abs() <= 5.0 * error,
        "{found} {error} {right}"
    );
}

/// Where every token tells its state, nothing is hidden: but for the names of the states the data are
/// Markov data, whose exact entropy is known.
#[test]
fn the_bound_is_the_entropy_where_nothing_is_hidden() {
    // As good as certain emissions: seeds whose two states give different tokens.
    let mut checked = 0;
    for seed in 0..40 {
        let settings = hidden_markov(2, 30, 2, 1.0, 0.001, seed);
        let data = source(&settings).draw(seed, 40, Split::Training).unwrap();
        let both = data
            .sequences()
            .filter(|s| s.contains(&0) && s.contains(&1));
        if both.count() < 30 {
            continue;
        }
        checked += 1;
        let bound = settings.entropy_bound(&data).unwrap();
        // First tokens uniform, as first states are.
        let chain = markov(2, 30, 1, 1.0, 0).entropy(&data).unwrap();
        // Each state has one of the two tokens: which one is 1 bit, that it has one next to nothing.
        close_to(bound, chain + 2.0, 1e-4);
    }
    assert!(checked > 3, "{checked}");
}

/// Much data: the bound stays near the bits of the source, about (log2 n)/2 for each of the
/// K (K - 1) + K (V - 1) parameters above them.
#[test]
fn the_bound_grows_by_half_a_logarithm_a_parameter() {
    let settings = hidden_markov(8, 32, 3, 1.0, 0.5, 5);
    let source = source(&settings);
    let above = |samples| {
        let data = source.draw(2, samples, Split::Training).unwrap();
        settings.entropy_bound(&data).unwrap() - source.source_bits(&data).unwrap()
    };
    let (few, many) = (above(100), above(1600));
    // 16 times the data: 2 bits for each of 27.
    assert!(few > 0.0, "{few}");
    close_to(many - few, 54.0, 0.15);
}

/// Sequences that only a transition far below the smallest f64 can give have a probability still.
#[test]
fn what_is_next_to_impossible_has_its_bits() {
    for seed in 0..10 {
        let settings = hidden_markov(20, 40, 5, 0.001, 0.001, seed);
        let source = source(&settings);
        let foreign = numbered(&settings, 1, 0x1234_5678_9abc_def0);
        let log2 = source.log2_probability(&foreign.tokens).unwrap();
        assert!(log2.is_finite() && log2 < -1000.0, "{log2}");
        let bound = settings.entropy_bound(&foreign).unwrap();
        assert!(bound.is_finite() && bound > 0.0);
    }
}
