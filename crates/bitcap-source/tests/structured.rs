//! Structured sources as settings, in draws and in files.

mod common;

use std::fs;

use bitcap_source::file;
use bitcap_source::{SourceSettings, Split, draw};
use common::*;
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = usize> {
    0..all_kinds(0).len()
}

proptest! {
    #[test]
    fn a_smaller_dataset_is_a_prefix_of_a_larger_one(
        kind in kind(), seed: u64, data_seed: u64, samples in 1_u64..40, more in 1_u64..40,
    ) {
        let settings = all_kinds(seed).remove(kind);
        let smaller = draw(&settings, data_seed, samples, Split::Training).unwrap();
        let larger = draw(&settings, data_seed, samples + more, Split::Training).unwrap();
        prop_assert!(larger.tokens.starts_with(&smaller.tokens));
        prop_assert!(larger.tokens.iter().all(|&token| u32::from(token) < settings.vocabulary()));
    }

    #[test]
    fn files_hold_what_is_drawn_and_its_entropy(kind in kind(), seed in 0_u64..1 << 40, samples in 1_u64..60) {
        let settings = all_kinds(seed).remove(kind);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let written =
            file::generate(&path, &settings, seed, samples, Split::Training, &mut |_| ()).unwrap();
        let (data, info) = file::read(&path).unwrap();
        prop_assert_eq!(&data, &draw(&settings, seed, samples, Split::Training).unwrap());
        prop_assert_eq!(&info, &written);
        prop_assert_eq!(&file::inspect(&path, &mut |_| ()).unwrap(), &written);
        prop_assert_eq!(info.entropy_bits, settings.entropy(&data));
        prop_assert_eq!(info.entropy_bound_bits, settings.entropy_bound(&data));
        prop_assert_ne!(info.entropy_bits.is_some(), info.entropy_bound_bits.is_some());
        prop_assert_eq!(info.source, settings);
        prop_assert_eq!(info.source_blake3, None);
        let bytes = fs::read(&path).unwrap();
        let (mut streamed, mut last) = (Vec::new(), 0);
        let again = file::generate_to(
            &mut streamed, &written.source, seed, samples, Split::Training, &mut |done| last = done,
        );
        prop_assert_eq!(&again.unwrap(), &written);
        prop_assert_eq!(last, samples);
        prop_assert!(streamed == bytes);
        prop_assert_eq!(bytes.len() % 2, 0);
        let (size, _) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        prop_assert_eq!(size % 8, 0);
    }

    #[test]
    fn settings_are_written_as_they_are_read(kind in kind(), seed in 0_u64..1 << 63) {
        let settings = all_kinds(seed).remove(kind);
        let text = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(&serde_json::from_str::<SourceSettings>(&text).unwrap(), &settings);
        let start = format!(r#"{{"kind":"{}","#, settings.kind());
        prop_assert!(text.starts_with(&start));
        prop_assert_eq!(settings.seed(), seed);
    }
}

#[test]
fn parameters_follow_from_the_sources_seed_and_samples_from_the_datas() {
    for (kind, settings) in all_kinds(3).into_iter().enumerate() {
        let data = draw(&settings, 5, 200, Split::Training).unwrap();
        if data
            .sequences()
            .all(|sequence| sequence == data.sequence(0))
        {
            // A coin that always falls the same way.
            continue;
        }
        assert_eq!(data, draw(&settings, 5, 200, Split::Training).unwrap());
        assert_ne!(data, draw(&settings, 6, 200, Split::Training).unwrap());
        assert_ne!(data, draw(&settings, 5, 200, Split::Fresh).unwrap());
        let others = (0..20).filter(|&seed| {
            draw(&all_kinds(seed).remove(kind), 5, 200, Split::Training).unwrap() != data
        });
        assert_eq!(others.count() > 0, has_parameters(&settings));
    }
}

#[test]
fn what_the_header_claims_is_held_against_the_tokens() {
    let settings = toy(8, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let info = file::generate(&path, &settings, 1, 40, Split::Training, &mut |_| ()).unwrap();
    let sound = fs::read(&path).unwrap();
    let replaced = |old: &str, new: &str| {
        assert_eq!(old.len(), new.len());
        let mut bytes = sound.clone();
        let at = bytes
            .windows(old.len())
            .position(|w| w == old.as_bytes())
            .unwrap();
        bytes[at..][..old.len()].copy_from_slice(new.as_bytes());
        fs::write(&path, bytes).unwrap();
        let read = file::read(&path).unwrap_err().to_string();
        assert_eq!(
            file::inspect(&path, &mut |_| ()).unwrap_err().to_string(),
            read
        );
        read
    };
    let entropy = info.entropy_bits.unwrap().to_string();
    let claimed = entropy.replacen('1', "2", 1);
    let error = replaced(&entropy, &claimed);
    let right = format!(
        "`entropy_bits` in its header is `{claimed}`; it must be {entropy}, by its source and tokens"
    );
    assert!(error.ends_with(&right), "{error}");
    let not = "not what the source, data_seed and stream in its header give";
    // Another coin.
    assert!(replaced("[0.1,0.9]", "[0.1,0.8]").ends_with(not));
    // The other parameter is as good, but less likely beforehand.
    let error = replaced("[0.5,0.5]", "[0.4,0.6]");
    assert!(error.ends_with(", by its source and tokens"), "{error}");
    assert!(
        replaced("[0.1,0.9]", "[9.1,0.9]").contains("`source.probabilities` is a list with 9.1")
    );
    let text = replaced(&entropy, &"x".repeat(entropy.len()));
    assert!(text.ends_with("it must be a number, or unknown"), "{text}");
}

#[test]
fn impossible_settings_are_named() {
    let error = |settings: SourceSettings| {
        let error = draw(&settings, 0, 4, Split::Training).unwrap_err();
        assert_eq!(Err(error.clone()), settings.validate());
        error.to_string()
    };
    let cases = [
        (
            coin(0, &[1.0], &[0.5], 0),
            "`source.length` is 0; it must be from 1 to 4096",
        ),
        (
            coin(4, &[], &[], 0),
            "`source.prior` is a list of 0; it must be a list of 1 to 1024 numbers",
        ),
        (
            coin(4, &[0.5, 0.5], &[0.1], 0),
            "`source.probabilities` is a list of 1; it must be a list of 2, one for each number in source.prior",
        ),
        (
            coin(4, &[0.5, 0.4], &[0.1, 0.2], 0),
            "`source.prior` is a list whose sum is 0.9; it must be a list whose sum is 1",
        ),
        (
            coin(4, &[f64::NAN, 0.4], &[0.1, 0.2], 0),
            "`source.prior` is a list with NaN; it must be a list of numbers from 0 to 1",
        ),
        (
            coin(4, &[1.0], &[1.5], 0),
            "`source.probabilities` is a list with 1.5; it must be a list of numbers from 0 to 1",
        ),
        (
            unigram(1, 4, 1.0, 0),
            "`source.vocabulary` is 1; it must be from 2 to 65536",
        ),
        (
            unigram(4, 4, 0.0, 0),
            "`source.concentration` is 0; it must be from 0.001 to 1000",
        ),
        (
            unigram(4, 4, f64::NAN, 0),
            "`source.concentration` is NaN; it must be from 0.001 to 1000",
        ),
        (
            markov(4, 4, 0, 1.0, 0),
            "`source.order` is 0; it must be from 1 to 3",
        ),
        (
            markov(4, 4, 4, 1.0, 0),
            "`source.order` is 4; it must be from 1 to 3",
        ),
        (
            markov(256, 64, 3, 1.0, 0),
            "`source.order` is 3; it must be at most 2 with this vocabulary: the V^(k+1) numbers in its rows are limited to 16777216",
        ),
        (
            markov(65_536, 64, 63, 1.0, 0),
            "`source.order` is 63; it must be 0 with this vocabulary, that is a `unigram` source: the V^(k+1) numbers in its rows are limited to 16777216",
        ),
        (
            hidden_markov(1, 8, 2, 1.0, 1.0, 0),
            "`source.vocabulary` is 1; it must be from 2 to 65536",
        ),
        (
            hidden_markov(4, 0, 2, 1.0, 1.0, 0),
            "`source.length` is 0; it must be from 1 to 4096",
        ),
        (
            hidden_markov(4, 8, 1, 1.0, 1.0, 0),
            "`source.states` is 1; it must be from 2 to 256",
        ),
        (
            hidden_markov(4, 8, 257, 1.0, 1.0, 0),
            "`source.states` is 257; it must be from 2 to 256",
        ),
        (
            hidden_markov(4, 8, 2, 0.0, 1.0, 0),
            "`source.transition_concentration` is 0; it must be from 0.001 to 1000",
        ),
        (
            hidden_markov(4, 8, 2, 1.0, f64::INFINITY, 0),
            "`source.emission_concentration` is inf; it must be from 0.001 to 1000",
        ),
        (
            linear(8, 0, 1, 0.0, 0),
            "`source.inputs` is 0; it must be from 1 to 7",
        ),
        (
            linear(8, 6, 3, 0.0, 0),
            "`source.outputs` is 3; it must be from 1 to 2",
        ),
        (
            linear(8, 6, 2, 0.6, 0),
            "`source.flip` is 0.6; it must be from 0 to 0.5",
        ),
        (
            linear(64, 21, 1, 0.1, 0),
            "`source.inputs` is 21; it must be from 1 to 20 where source.flip is above 0: the exact marginal holds m 2^k counts, at most 2^24, with k at most 20",
        ),
        (
            linear(64, 20, 17, 0.1, 0),
            "`source.outputs` is 17; it must be from 1 to 16 where source.flip is above 0: the exact marginal holds m 2^k counts, at most 2^24, with k at most 20",
        ),
        (
            parity_of(0, 1, 0.0, 0),
            "`source.inputs` is 0; it must be from 1 to 4095",
        ),
        (
            parity_of(5, 6, 0.0, 0),
            "`source.subset` is 6; it must be from 1 to 5",
        ),
        (
            parity_of(4095, 2047, 0.0, 0),
            "`source.subset` is 2047; it must be smaller, or near source.inputs: 4095 inputs have more than 2^20 subsets of that size, and the exact marginal is a sum over all of them",
        ),
        (
            parity_of(5, 2, 0.51, 0),
            "`source.flip` is 0.51; it must be from 0 to 0.5",
        ),
        (
            addition(1, 4, 0),
            "`source.base` is 1; it must be from 2 to 65536",
        ),
        (
            addition(10, 1366, 0),
            "`source.digits` is 1366; it must be from 1 to 1365",
        ),
        (
            copying(2, 4, 0.0, 0),
            "`source.vocabulary` is 2; it must be from 3 to 65536",
        ),
        (
            copying(4, 2048, 0.0, 0),
            "`source.string_length` is 2048; it must be from 1 to 2047",
        ),
        (
            copying(4, 4, -0.1, 0),
            "`source.noise` is -0.1; it must be from 0 to 1",
        ),
        (
            facts([4, 1, 2, 1, 1, 2, 3], 0),
            "`source.names` is 4; it must be from 1 to 3",
        ),
        (
            facts([4, 32, 2, 1, 1, 2, 2], 0),
            "`source.name_length` is 32; it must be from 1 to 31: there must be less than 2^32 such strings",
        ),
        (
            facts([4, 2, 0, 1, 1, 2, 2], 0),
            "`source.attributes` is 0; it must be from 1 to 65534",
        ),
        (
            facts([4, 2, 2, 0, 1, 2, 2], 0),
            "`source.chunks` is 0; it must be from 1 to 4093",
        ),
        (
            facts([4, 2, 2, 1, 4094, 2, 2], 0),
            "`source.chunk_length` is 4094; it must be from 1 to 4093",
        ),
        (
            facts([4, 2, 2, 1, 1, 3, 2], 0),
            "`source.diversity` is 3; it must be from 1 to 2",
        ),
        (
            facts([4, 2, 2, 1, 1, 1, 1], 0),
            "`source.symbols` is 1; it must be from 2 to 65535",
        ),
        (
            facts([4_000_000, 31, 2, 1, 1, 1, 2], 0),
            "`source.names` is 4000000; it must be fewer: names x attributes x chunks are limited to 4194304",
        ),
        (
            facts([4, 2, 1000, 1, 16, 60_000, 2], 0),
            "`source.diversity` is 60000; it must be less: attributes x diversity is limited to 4194304",
        ),
        (
            grammar(65_536, 1, 2, 2, 1.0, 0),
            "`source.vocabulary` is 65536; it must be from 2 to 65535",
        ),
        (
            grammar(16, 1, 8, 2, 1.0, 0),
            "`source.children` is 8; it must be from 2 to 7: there must be less than 2^32 strings of so many symbols",
        ),
        (
            grammar(4, 13, 2, 2, 1.0, 0),
            "`source.depth` is 13; it must be from 1 to 12",
        ),
        (
            grammar(4, 3, 2, 5, 1.0, 0),
            "`source.rules` is 5; it must be from 1 to 4",
        ),
        (
            grammar(4, 3, 2, 4, 0.0, 0),
            "`source.concentration` is 0; it must be from 0.001 to 1000",
        ),
        (
            grammar(2048, 3, 2, 1000, 1.0, 0),
            "`source.rules` is 1000; it must be fewer: the rules of all levels are limited to 2^22",
        ),
    ];
    for (settings, right) in cases {
        assert_eq!(error(settings), right);
    }
    linear(64, 40, 20, 0.0, 0).validate().unwrap();
    markov(256, 64, 2, 1.0, 0).validate().unwrap();
    markov(4096, 64, 1, 1.0, 0).validate().unwrap();
    // 1,048,576 is 2^20: 64 over 4 is below it, 65 over 5 above; nearly all inputs are few left out.
    parity_of(64, 4, 0.1, 0).validate().unwrap();
    parity_of(4095, 4094, 0.1, 0).validate().unwrap();
    parity_of(65, 5, 0.1, 0).validate().unwrap_err();
}

#[test]
fn settings_are_strict() {
    for wrong in [
        r#"{"kind":"coin","length":4,"prior":[1.0],"seed":0}"#,
        r#"{"kind":"coin","length":4,"prior":[1.0],"probabilities":[1],"vocabulary":2,"seed":0}"#,
        r#"{"kind":"unigram","vocabulary":4,"length":4,"concentration":1,"order":0,"seed":0}"#,
        r#"{"kind":"linear","length":4,"inputs":2,"outputs":1,"noise":0.1,"seed":0}"#,
    ] {
        assert!(
            serde_json::from_str::<SourceSettings>(wrong).is_err(),
            "{wrong}"
        );
    }
    // Whole numbers are numbers, and the flip rate may be left out.
    let read = |text| serde_json::from_str::<SourceSettings>(text).unwrap();
    let text = r#"{"kind":"unigram","vocabulary":4,"length":4,"concentration":1,"seed":0}"#;
    assert_eq!(read(text), unigram(4, 4, 1.0, 0));
    let text = r#"{"kind":"linear","length":4,"inputs":2,"outputs":1,"seed":0}"#;
    assert_eq!(read(text), linear(4, 2, 1, 0.0, 0));
}

/// Tiny concentrations give probabilities below any f64; logarithms and draws must stand that.
#[test]
fn extreme_priors_are_drawn_and_scored() {
    for concentration in [0.001, 1000.0] {
        let settings = markov(50, 40, 1, concentration, 2);
        let source = source(&settings);
        let data = source.draw(1, 300, Split::Training).unwrap();
        assert!(source.source_bits(&data).unwrap().is_finite());
        assert!(settings.entropy(&data).unwrap().is_finite());
        let other = draw(&uniform(50, 40), 1, 1, Split::Training).unwrap();
        assert!(source.log2_probability(&other.tokens).unwrap().is_finite());
    }
    // log2 50 but for what a prior so narrow leaves.
    let even = unigram(50, 1, 1000.0, 0).expected_entropy_bits(1);
    close_to(even, 50_f64.log2(), 1e-3);
}

#[test]
fn only_uniform_data_do_without_a_start_token() {
    for settings in all_kinds(0) {
        assert_eq!(settings.needs_start_token(), settings.kind() != "uniform");
        assert_ne!(settings.entropy_is_known(), settings.entropy_is_bounded());
    }
}

/// A case of `reference/structured_answers.py`.
#[derive(serde::Deserialize)]
struct KnownAnswer {
    source: SourceSettings,
    data_seed: u64,
    samples: u64,
    first_tokens: Vec<u16>,
    tokens_blake3: String,
    source_bits: f64,
    /// One of these.
    entropy_bits: Option<f64>,
    entropy_bound_bits: Option<f64>,
}

#[test]
fn draws_and_scores_what_an_independent_program_does() {
    let cases: Vec<KnownAnswer> =
        serde_json::from_str(include_str!("reference/structured_answers.json")).unwrap();
    assert_eq!(cases.len(), 19);
    for case in cases {
        let source = source(&case.source);
        let data = source
            .draw(case.data_seed, case.samples, Split::Training)
            .unwrap();
        assert_eq!(data.tokens[..8], case.first_tokens, "{:?}", case.source);
        assert_eq!(data.tokens_blake3(), case.tokens_blake3);
        close(source.source_bits(&data).unwrap(), case.source_bits);
        let pairs = [
            (case.source.entropy(&data), case.entropy_bits),
            (case.source.entropy_bound(&data), case.entropy_bound_bits),
        ];
        for (found, right) in pairs {
            assert_eq!(found.is_some(), right.is_some());
            found.zip(right).into_iter().for_each(|(a, b)| close(a, b));
        }
    }
}
