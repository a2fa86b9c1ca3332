//! The random grammar: the bound of the entropy against the exact marginal, by all grammars.

mod common;

use bitcap_source::{Dataset, Split};
use common::*;

/// One level: which rule, symbol times r and its place, makes each string; None where none does.
type Owners = Vec<Option<usize>>;

/// All ways to give v r rules different strings of the v^c there are.
fn all_levels(strings: usize, rules: usize) -> Vec<Owners> {
    let mut all = vec![vec![None; strings]];
    for rule in 0..rules {
        let put = |owners: &Owners| -> Vec<Owners> {
            let free = (0..strings).filter(|&string| owners[string].is_none());
            free.map(|string| {
                let mut owners = owners.clone();
                owners[string] = Some(rule);
                owners
            })
            .collect()
        };
        all = all.iter().flat_map(put).collect();
    }
    all
}

/// p(X) of two symbols, two children and two levels, by all grammars there are: each gives X one
/// derivation at most, and the uses of its rules have the probability of an urn.
fn exact_probability(data: &Dataset, levels: &[Owners], r: usize, a: f64) -> f64 {
    let given = |grammar: [&Owners; 2]| -> f64 {
        let mut uses = [[0_u32; 4]; 2];
        let mut probability = 1.0;
        for sequence in data.sequences() {
            let mut symbols: Vec<usize> = sequence.iter().map(|&t| usize::from(t)).collect();
            for (level, owners) in grammar.iter().enumerate() {
                let mut above = Vec::new();
                for pair in symbols.chunks(2) {
                    let Some(rule) = owners[2 * pair[0] + pair[1]] else {
                        return 0.0;
                    };
                    let symbol = rule / r;
                    let of_symbol: u32 = uses[level][symbol * r..][..r].iter().sum();
                    let used = f64::from(uses[level][rule]);
                    probability *= (used + a) / (f64::from(of_symbol) + r as f64 * a);
                    uses[level][rule] += 1;
                    above.push(symbol);
                }
                symbols = above;
            }
            probability /= 2.0;
        }
        probability
    };
    let pairs = levels
        .iter()
        .flat_map(|low| levels.iter().map(move |high| [low, high]));
    pairs.map(given).sum::<f64>() / (levels.len() * levels.len()) as f64
}

#[test]
fn the_bound_is_never_below_the_exact_entropy() {
    for (rules, a) in [(1, 1.0), (2, 1.0), (2, 0.1), (2, 20.0)] {
        let levels = all_levels(4, 2 * rules as usize);
        let (mut total, mut finite, mut gaps) = (0.0, 0, 0.0);
        for seed in 0..4 {
            let settings = grammar(2, 2, 2, rules, a, seed);
            for number in 0..how_many(&settings, 2) {
                let data = numbered(&settings, 2, number);
                let exact = exact_probability(&data, &levels, rules as usize, a);
                total += exact;
                let bound = settings.entropy_bound(&data).unwrap();
                assert!(bound >= -exact.log2() - 1e-9, "{data:?} {exact} {bound}");
                assert_eq!(settings.entropy(&data), None);
                if bound.is_finite() {
                    finite += 1;
                    gaps += bound + exact.log2();
                }
            }
        }
        // The enumeration is one of all datasets, four times.
        close_to(total, 4.0, 1e-11);
        let gap = gaps / f64::from(finite);
        if rules == 1 {
            // A string is its symbol's name: there is no other derivation.
            assert!(gap.abs() < 1e-9, "{gap}");
        } else {
            // Every string is made by a rule, so that every sequence has a derivation.
            assert_eq!(finite, 4 * 256);
            assert!(gap < 4.0, "{gap}");
        }
    }
}

/// The mean of p(X | parameters) over parameters that are drawn is the enumerated marginal, so that
/// the prior is the one that the bound is made for: 5 standard errors.
#[test]
fn the_marginal_is_the_mean_over_drawn_parameters() {
    for (rules, a) in [(1, 1.0), (2, 0.5)] {
        let data = source(&grammar(2, 2, 2, rules, a, 3))
            .draw(1, 2, Split::Training)
            .unwrap();
        let given: Vec<f64> = (0..4000)
            .map(|seed| {
                let source = source(&grammar(2, 2, 2, rules, a, seed));
                (-source.source_bits(&data).unwrap()).exp2()
            })
            .collect();
        let (found, error) = mean(&given);
        let levels = all_levels(4, 2 * rules as usize);
        let right = exact_probability(&data, &levels, rules as usize, a);
        assert!(
            (found - right).abs() <= 5.0 * error,
            "{found} {error} {right}"
        );
    }
}

/// Much data: all rules have been used, and each costs the log2 of the strings it may make, each
/// probability half a logarithm; the bits of the source go on.
#[test]
fn the_bound_stays_near_the_bits_of_the_source() {
    let settings = grammar(8, 3, 2, 4, 1.0, 5);
    let source = source(&settings);
    let above = |samples| {
        let data = source.draw(2, samples, Split::Training).unwrap();
        settings.entropy_bound(&data).unwrap() - source.source_bits(&data).unwrap()
    };
    let (few, many) = (above(500), above(8000));
    // 16 times the data: 2 bits for each of 3 x 8 x 3 free probabilities.
    close_to(many - few, 144.0, 0.1);
}

/// Each rule's string stands in the data as often as its probability says; sequences are those of
/// depth L.
#[test]
fn sequences_are_derived_from_their_roots() {
    let settings = grammar(5, 3, 3, 2, 1.0, 1);
    assert_eq!((settings.vocabulary(), settings.length()), (5, 27));
    let source = source(&settings);
    let data = source.draw(1, 200, Split::Training).unwrap();
    assert!(
        data.sequences()
            .all(|row| source.log2_probability(row).unwrap().is_finite())
    );
    // 10 of the 125 strings of three tokens are made by a rule.
    let strings: std::collections::HashSet<_> = data.tokens.chunks(3).collect();
    assert_eq!(strings.len(), 10);
}
