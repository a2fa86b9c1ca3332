//! Exact code lengths against enumerating the parameters, by ways of our own.

mod common;

use bitcap_source::{Dataset, SourceSettings};
use common::*;

/// For every dataset of `samples` sequences, p(X) must be what `right` says.
fn for_every_dataset(settings: &SourceSettings, samples: usize, right: impl Fn(&Dataset) -> f64) {
    for number in 0..how_many(settings, samples) {
        let data = numbered(settings, samples, number);
        close_to(probability(settings, &data), right(&data), 1e-11);
    }
}

#[test]
fn coins_agree_with_the_sum_over_the_prior() {
    let prior = [0.2, 0.3, 0.5];
    let probabilities = [0.0, 1.0, 0.3];
    for_every_dataset(&coin(3, &prior, &probabilities, 0), 2, |data| {
        let given = |p: f64| -> f64 {
            let of = |&bit: &u16| if bit == 1 { p } else { 1.0 - p };
            data.tokens.iter().map(of).product()
        };
        prior
            .iter()
            .zip(probabilities)
            .map(|(w, p)| w * given(p))
            .sum()
    });
}

/// facts: H(X) = 1 bit, H(X|T) = 0.469 bits, so that a sample says 0.531 bits of the source.
#[test]
fn the_toy_coin_has_its_bits() {
    let settings = toy(1, 5);
    let data = |bit| dataset(&settings, &[vec![bit]]);
    close(settings.entropy(&data(0)).unwrap(), 1.0);
    close(settings.entropy(&data(1)).unwrap(), 1.0);
    close_to(settings.expected_entropy_bits(1), 0.469, 1e-3);
    let source = source(&settings);
    let bits = [0, 1].map(|bit| source.source_bits(&data(bit)).unwrap());
    let expected: f64 = bits.iter().map(|&b| b * (-b).exp2()).sum();
    close(expected, settings.expected_entropy_bits(1));
    let limits = [0, 1].map(|bit| limit_bits(&settings, &source, &data(bit)));
    let expected: f64 = bits.iter().zip(limits).map(|(b, l)| l * (-b).exp2()).sum();
    close_to(expected, 0.531, 1e-3);
}

/// The Polya urn, log2: token after token, each with probability (c + a) / (n + V a) in its context.
fn urn_log2(data: &Dataset, order: usize, a: f64) -> f64 {
    let symbols = data.vocabulary as usize;
    let mut urns = std::collections::HashMap::<Vec<u16>, Vec<f64>>::new();
    let mut log2 = 0.0;
    for sequence in data.sequences() {
        for (at, &token) in sequence.iter().enumerate() {
            if at < order {
                log2 -= (symbols as f64).log2();
                continue;
            }
            let context = sequence[at - order..at].to_vec();
            let urn = urns.entry(context).or_insert_with(|| vec![a; symbols]);
            log2 += (urn[usize::from(token)] / urn.iter().sum::<f64>()).log2();
            urn[usize::from(token)] += 1.0;
        }
    }
    log2
}

#[test]
fn unigram_and_markov_agree_with_polyas_urn() {
    for a in [0.01, 0.5, 1.0, 30.0] {
        for_every_dataset(&unigram(3, 3, a, 0), 2, |data| urn_log2(data, 0, a).exp2());
        for_every_dataset(&markov(2, 4, 1, a, 0), 3, |data| {
            urn_log2(data, 1, a).exp2()
        });
        for_every_dataset(&markov(3, 3, 2, a, 0), 2, |data| {
            urn_log2(data, 2, a).exp2()
        });
    }
    // Long enough for every branch of the rising factorial.
    let settings = markov(5, 400, 1, 0.3, 1);
    let data = source(&settings)
        .draw(2, 3, bitcap_source::Split::Training)
        .unwrap();
    let right = -urn_log2(&data, 1, 0.3);
    close(settings.entropy(&data).unwrap(), right);
}

/// Two symbols: the integral of t^ones (1 - t)^zeros over the Beta(a, a) prior, by Simpson's rule.
#[test]
fn unigram_agrees_with_the_integral_over_the_prior() {
    for (a, normal) in [(1.0, 1.0), (2.0, 6.0), (3.0, 30.0)] {
        let settings = unigram(2, 5, a, 0);
        for_every_dataset(&settings, 1, |data| {
            let ones = data.tokens.iter().filter(|&&t| t == 1).count() as i32;
            let zeros = 5 - ones;
            let density = |t: f64| {
                normal * (t * (1.0 - t)).powf(a - 1.0) * t.powi(ones) * (1.0 - t).powi(zeros)
            };
            let parts = 4000;
            let sum: f64 = (0..=parts)
                .map(|i| {
                    let weight = match i {
                        0 => 1.0,
                        _ if i == parts => 1.0,
                        _ => f64::from(2 + 2 * (i % 2)),
                    };
                    weight * density(f64::from(i) / f64::from(parts))
                })
                .sum();
            sum / f64::from(3 * parts)
        });
    }
}

/// p(X) by all 2^(k m) maps.
fn all_maps(data: &Dataset, inputs: usize, outputs: usize, flip: f64) -> f64 {
    let maps = 1_u64 << (inputs * outputs);
    let given = |map: u64| -> f64 {
        let mut probability = 1.0;
        for sequence in data.sequences() {
            probability *= 0.5_f64.powi((data.length - outputs) as i32);
            for output in 0..outputs {
                let row = map >> (output * inputs);
                let right =
                    (0..inputs).fold(0, |sum, i| sum ^ (row >> i & u64::from(sequence[i])) & 1);
                let found = u64::from(sequence[data.length - outputs + output]);
                probability *= if right == found { 1.0 - flip } else { flip };
            }
        }
        probability
    };
    (0..maps).map(given).sum::<f64>() / maps as f64
}

#[test]
fn linear_agrees_with_the_sum_over_all_maps() {
    for (length, inputs, outputs, samples) in
        [(3, 1, 1, 3), (5, 2, 2, 3), (4, 3, 1, 3), (4, 1, 3, 3)]
    {
        for flip in [0.0, 0.001, 0.2, 0.5] {
            let settings = linear(length, inputs, outputs, flip, 0);
            for_every_dataset(&settings, samples, |data| {
                all_maps(data, inputs as usize, outputs as usize, flip)
            });
        }
    }
}

/// Larger, drawn and then spoiled: 5 inputs, 2 outputs, 1024 maps.
#[test]
fn larger_linear_data_agree_with_the_sum_over_all_maps() {
    for (flip, samples) in [(0.0, 4), (0.0, 40), (0.1, 12)] {
        for seed in 0..10 {
            let settings = linear(9, 5, 2, flip, seed);
            let mut data = source(&settings)
                .draw(seed, samples, bitcap_source::Split::Training)
                .unwrap();
            for spoil in [false, true] {
                if spoil {
                    let last = data.tokens.len() - 1;
                    data.tokens[last] ^= 1;
                }
                let right = all_maps(&data, 5, 2, flip);
                close_to(probability(&settings, &data), right, 1e-10);
            }
        }
    }
}

/// The rank over GF(2) of rows of bits, by plain elimination.
fn rank(mut rows: Vec<Vec<u16>>) -> usize {
    let mut rank = 0;
    for column in 0..rows[0].len() {
        let Some(pivot) = (rank..rows.len()).find(|&r| rows[r][column] == 1) else {
            continue;
        };
        rows.swap(rank, pivot);
        let pivot = rows[rank].clone();
        for row in &mut rows[rank + 1..] {
            if row[column] == 1 {
                row.iter_mut().zip(&pivot).for_each(|(a, b)| *a ^= b);
            }
        }
        rank += 1;
    }
    rank
}

/// Inputs and outputs beyond 64 bits.
#[test]
fn wide_linear_data_cost_their_rank() {
    let settings = linear(300, 130, 70, 0.0, 3);
    let source = source(&settings);
    let mut either = [false; 2];
    for samples in [2_usize, 60, 129, 131, 200] {
        let data = source
            .draw(1, samples as u64, bitcap_source::Split::Training)
            .unwrap();
        let mut inputs: Vec<Vec<u16>> = data.sequences().map(|s| s[..130].to_vec()).collect();
        let found = rank(inputs.clone());
        let right = (samples * 230 + 70 * found) as f64;
        assert_eq!(settings.entropy(&data), Some(right));
        assert_eq!(source.source_bits(&data), Some((samples * 230) as f64));
        // A wrong output contradicts the others where its input is a sum of theirs.
        let mut spoiled = data.clone();
        let last = spoiled.tokens.len() - 1;
        spoiled.tokens[last] ^= 1;
        inputs.pop();
        let impossible = rank(inputs) == found;
        either[usize::from(impossible)] = true;
        let right = if impossible { f64::INFINITY } else { right };
        assert_eq!(settings.entropy(&spoiled), Some(right));
        assert_eq!(source.source_bits(&spoiled), Some(f64::INFINITY));
    }
    assert_eq!(either, [true; 2]);
}

#[test]
fn the_probabilities_of_all_datasets_sum_to_one() {
    for settings in exact_kinds(1) {
        // Copies: what follows the first of each string is given.
        let samples = if settings.kind() == "copies" { 1 } else { 2 };
        let all = how_many(&settings, samples);
        let sum: f64 = (0..all)
            .map(|number| probability(&settings, &numbered(&settings, samples, number)))
            .sum();
        close_to(sum, 1.0, 1e-11);
    }
}

#[test]
fn the_probabilities_of_all_sequences_given_the_source_sum_to_one() {
    for settings in all_kinds(1) {
        let source = source(&settings);
        let all = how_many(&settings, 1);
        let sum: f64 = (0..all)
            .map(|number| {
                let sequence = numbered(&settings, 1, number).tokens;
                source.log2_probability(&sequence).unwrap().exp2()
            })
            .sum();
        close_to(sum, 1.0, 1e-11);
    }
}
