//! Sparse parity: the exact marginal against the sum over all subsets.

mod common;

use bitcap_source::{Dataset, Split};
use common::*;

/// The parity of the inputs whose bits are set in `subset`.
fn parity(sequence: &[u16], subset: u32) -> u16 {
    let inputs = sequence[..sequence.len() - 1].iter().enumerate();
    inputs.fold(0, |sum, (i, &bit)| sum ^ (bit & (subset >> i & 1) as u16))
}

/// p(X) by all subsets of k inputs.
fn all_subsets(data: &Dataset, k: u32, flip: f64) -> f64 {
    let inputs = data.length as u32 - 1;
    let subsets = (0..1_u32 << inputs).filter(|subset| subset.count_ones() == k);
    let given: Vec<f64> = subsets
        .map(|subset| {
            let of = |sequence: &[u16]| match parity(sequence, subset) == sequence[inputs as usize]
            {
                true => 1.0 - flip,
                false => flip,
            };
            data.sequences().map(of).product()
        })
        .collect();
    let uniform = 0.5_f64.powi((data.samples * inputs as usize) as i32);
    uniform * given.iter().sum::<f64>() / given.len() as f64
}

#[test]
fn every_dataset_agrees_with_the_sum_over_all_subsets() {
    for (inputs, subset, samples) in [(1, 1, 3), (3, 1, 3), (3, 2, 3), (4, 3, 2), (3, 3, 2)] {
        for flip in [0.0, 0.01, 0.3, 0.5] {
            let settings = parity_of(inputs, subset, flip, 0);
            for number in 0..how_many(&settings, samples) {
                let data = numbered(&settings, samples, number);
                let right = all_subsets(&data, subset, flip);
                close_to(probability(&settings, &data), right, 1e-11);
            }
        }
    }
}

/// Around the 64 sequences that are counted at a time; subsets of few and of nearly all inputs.
#[test]
fn larger_data_agree_with_the_sum_over_all_subsets() {
    for samples in [1, 63, 64, 65, 128, 150] {
        for (subset, flip) in [(2, 0.0), (2, 0.2), (7, 0.1), (8, 0.0), (9, 0.2)] {
            let settings = parity_of(9, subset, flip, samples);
            let mut data = source(&settings).draw(1, samples, Split::Training).unwrap();
            for spoil in [false, true] {
                if spoil {
                    let last = data.tokens.len() - 1;
                    data.tokens[last] ^= 1;
                }
                let right = -all_subsets(&data, subset, flip).log2();
                close_to(settings.entropy(&data).unwrap(), right, 1e-11);
            }
        }
    }
}

/// Without flips the data name the subset soon; from then on it has cost the log2 of how many there
/// are.
#[test]
fn the_subset_costs_the_logarithm_of_their_number() {
    let settings = parity_of(40, 3, 0.0, 7);
    let source = source(&settings);
    let data = source.draw(0, 100, Split::Training).unwrap();
    assert_eq!(source.source_bits(&data), Some(4000.0));
    close(settings.entropy(&data).unwrap(), 4000.0 + 9880_f64.log2());
}

/// The parity of a subset of any size is linear data with one output: given the size, it is that
/// restricted to the subsets of this size.
#[test]
fn over_all_sizes_it_is_linear_data() {
    let linear = linear(5, 4, 1, 0.1, 0);
    for number in 0..how_many(&linear, 1) {
        let data = numbered(&linear, 1, number);
        let sizes = [(1, 4.0), (2, 6.0), (3, 4.0), (4, 1.0)];
        let sum: f64 = sizes
            .map(|(size, count)| count * probability(&parity_of(4, size, 0.1, 0), &data))
            .iter()
            .sum();
        // The empty subset's parity is 0.
        let empty = 0.5_f64.powi(4) * if data.tokens[4] == 0 { 0.9 } else { 0.1 };
        close(probability(&linear, &data), (sum + empty) / 16.0);
    }
}

/// 3,000 seeds: each of the 10 subsets comes 300 times, within 5 standard deviations of 16.4.
#[test]
fn all_subsets_are_equally_likely() {
    let mut counts = std::collections::HashMap::new();
    for seed in 0..3000 {
        let source = source(&parity_of(5, 2, 0.0, seed));
        // Which inputs change the parity.
        let of = |input| {
            let mut sequence = vec![0; 6];
            sequence[input] = 1;
            sequence[5] = 1;
            u32::from(source.log2_probability(&sequence) == Some(-5.0)) << input
        };
        let subset: u32 = (0..5).map(of).sum();
        assert_eq!(subset.count_ones(), 2);
        *counts.entry(subset).or_insert(0_u32) += 1;
    }
    assert_eq!(counts.len(), 10);
    assert!(counts.values().all(|c| c.abs_diff(300) < 82), "{counts:?}");
}
