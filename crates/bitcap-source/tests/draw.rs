//! What is drawn: held against an independent program, and by its properties.

use bitcap_base::stream;
use bitcap_source::{SourceSettings, Split, UniformSettings, draw};
use proptest::prelude::*;
use rand::Rng;
use serde::Deserialize;

fn uniform(vocabulary: u32, length: u32) -> SourceSettings {
    SourceSettings::Uniform(UniformSettings {
        vocabulary,
        length,
        seed: 0,
    })
}

/// A case of `reference/known_answers.py`.
#[derive(Deserialize)]
struct KnownAnswer {
    vocabulary: u32,
    length: u32,
    samples: u64,
    data_seed: u64,
    stream: Split,
    first_tokens: Vec<u16>,
    last_token: u16,
    tokens_blake3: String,
}

#[test]
fn draws_what_an_independent_program_draws() {
    let cases: Vec<KnownAnswer> =
        serde_json::from_str(include_str!("reference/known_answers.json")).unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let source = uniform(case.vocabulary, case.length);
        let dataset = draw(&source, case.data_seed, case.samples, case.stream).unwrap();
        assert_eq!(dataset.tokens[..8], case.first_tokens);
        assert_eq!(dataset.tokens.last(), Some(&case.last_token));
        assert_eq!(dataset.tokens_blake3(), case.tokens_blake3);
    }
}

#[test]
fn streams_differ_by_seed_and_by_purpose() {
    let first = |seed, purpose| stream(seed, purpose).next_u64();
    let words = [
        first(0, "data"),
        first(1, "data"),
        first(1 << 63, "data"),
        first(0, "fresh"),
        first(0, "weights"),
    ];
    for (i, a) in words.iter().enumerate() {
        assert!(!words[..i].contains(a));
    }
}

/// The bits of a dataset, most significant first.
fn bits(source: &SourceSettings, seed: u64, samples: u64) -> Vec<u16> {
    let width = source.vocabulary().trailing_zeros();
    let dataset = draw(source, seed, samples, Split::Training).unwrap();
    dataset
        .tokens
        .iter()
        .flat_map(|token| (0..width).rev().map(move |bit| token >> bit & 1))
        .collect()
}

proptest! {
    #[test]
    fn a_bitstring_is_the_same_whatever_it_is_read_by(
        seed: u64,
        units in 1_u32..6,
        width in 1_u32..=16,
        samples in 1_u64..40,
    ) {
        let by_bits = bits(&uniform(2, units * width), seed, samples);
        let by_tokens = bits(&uniform(1 << width, units), seed, samples);
        prop_assert_eq!(by_bits, by_tokens);
    }

    #[test]
    fn a_smaller_dataset_is_a_prefix_of_a_larger_one(
        seed: u64,
        vocabulary in 2_u32..=65_536,
        length in 1_u32..70,
        samples in 1_u64..50,
        more in 1_u64..50,
    ) {
        let source = uniform(vocabulary, length);
        let smaller = draw(&source, seed, samples, Split::Training).unwrap();
        let larger = draw(&source, seed, samples + more, Split::Training).unwrap();
        prop_assert!(larger.tokens.starts_with(&smaller.tokens));
        prop_assert!(larger.tokens.iter().all(|&token| u32::from(token) < vocabulary));
        prop_assert_eq!(larger.samples as u64, samples + more);
        prop_assert_eq!(larger.tokens.len(), larger.samples * larger.length);
    }
}

/// Pearson's chi-square of the tokens' counts, in standard deviations from its mean: with k degrees
/// of freedom chi-square has mean k and variance 2 k.
fn chi_square_deviation(tokens: &[u16], vocabulary: u32) -> f64 {
    let mut counts = vec![0_u32; vocabulary as usize];
    for &token in tokens {
        counts[usize::from(token)] += 1;
    }
    let mean = tokens.len() as f64 / f64::from(vocabulary);
    let square: f64 = counts
        .iter()
        .map(|&count| (f64::from(count) - mean).powi(2) / mean)
        .sum();
    let freedom = f64::from(vocabulary - 1);
    (square - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn every_token_is_equally_likely() {
    for vocabulary in [3, 10, 37, 1000, 2048, 50_257, 65_175, 65_536] {
        let source = uniform(vocabulary, 64);
        let samples = u64::from(vocabulary).max(1000);
        let dataset = draw(&source, 3, samples, Split::Training).unwrap();
        let deviation = chi_square_deviation(&dataset.tokens, vocabulary);
        assert!(deviation.abs() < 4.0, "V = {vocabulary}: {deviation}");
    }
}

#[test]
fn entropy_is_the_closed_form() {
    assert_eq!(
        uniform(2048, 64).expected_entropy_bits(1 << 22),
        704.0 * f64::from(1 << 22)
    );
    assert_eq!(
        uniform(65_536, 4096).expected_entropy_bits_per_sequence(),
        Some(65_536.0)
    );
    assert_eq!(
        uniform(2, 1).expected_entropy_bits_per_sequence(),
        Some(1.0)
    );
    // ln 1000 / ln 2, to 16 digits from a table.
    let right = 9.965_784_284_662_087 * 12.0 * 5.0;
    assert!((uniform(1000, 12).expected_entropy_bits(5) - right).abs() < 1e-12 * right);
}

#[test]
fn impossible_settings_are_named() {
    let error = |vocabulary, length, samples| {
        draw(&uniform(vocabulary, length), 0, samples, Split::Training)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(1, 8, 8),
        "`source.vocabulary` is 1; it must be from 2 to 65536"
    );
    assert_eq!(
        error(65_537, 8, 8),
        "`source.vocabulary` is 65537; it must be from 2 to 65536"
    );
    assert_eq!(
        error(2, 0, 8),
        "`source.length` is 0; it must be from 1 to 4096"
    );
    assert_eq!(
        error(2, 4097, 8),
        "`source.length` is 4097; it must be from 1 to 4096"
    );
    assert_eq!(
        error(2, 64, 0),
        "`data.samples` is 0; it must be from 1 to 72057594037927935 at this length"
    );
    // 2^63 bytes: more than an allocation can have. 2^62: more than any machine's memory.
    assert!(error(2, 64, 1 << 56).contains("it must be from 1 to 72057594037927935"));
    assert!(error(2, 64, 1 << 55).contains("4611686018427387904 bytes of tokens do not fit"));
}

#[test]
fn settings_are_strict_and_tagged_by_kind() {
    let parse = serde_json::from_str::<SourceSettings>;
    let text = r#"{"kind":"uniform","vocabulary":2048,"length":64,"seed":9}"#;
    let source = parse(text).unwrap();
    assert_eq!(serde_json::to_string(&source).unwrap(), text);
    for wrong in [
        r#"{"kind":"dice","vocabulary":2,"length":4,"seed":0}"#,
        r#"{"kind":"uniform","vocabulary":2,"length":4,"seed":0,"bias":1}"#,
        r#"{"kind":"uniform","vocabulary":2,"seed":0}"#,
        r#"{"kind":"uniform","vocabulary":-2,"length":4,"seed":0}"#,
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
