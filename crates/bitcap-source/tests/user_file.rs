//! A user's own file as a source.

mod common;

use std::fs;
use std::path::Path;

use bitcap_source::file;
use bitcap_source::{
    Dataset, FileFormat, FileSettings, Marginal, Source, SourceSettings, Stream, draw,
};
use common::*;

fn settings(path: &Path, format: FileFormat, length: u32) -> SourceSettings {
    SourceSettings::File(FileSettings {
        path: path.into(),
        format,
        vocabulary: (format != FileFormat::Bytes).then_some(1000),
        length,
        seed: 0,
    })
}

fn rows(data: &Dataset) -> Vec<Vec<u16>> {
    data.sequences().map(<[u16]>::to_vec).collect()
}

#[test]
fn bytes_are_cut_into_sequences_and_the_tail_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, b"abcdefgh\xff").unwrap();
    let settings = settings(&path, FileFormat::Bytes, 2);
    let source = source(&settings);
    let facts = source.file().unwrap();
    assert_eq!((facts.sequences, facts.dropped_tokens), (4, 1));
    assert_eq!(
        facts.blake3,
        blake3::hash(b"abcdefgh\xff").to_hex().to_string()
    );
    assert_eq!((settings.vocabulary(), settings.length()), (256, 2));

    let data = source.draw(3, 3, Stream::Training).unwrap();
    assert_eq!(rows(&data), [[97, 98], [99, 100], [101, 102]]);
    // Held out: from the end of the file, each read forwards.
    let fresh = source.draw(3, 2, Stream::Fresh).unwrap();
    assert_eq!(rows(&fresh), [[103, 104], [101, 102]]);
    assert_eq!(
        [0, 1, 2, 3, 4, 9].map(|n| source.fresh_samples(n)),
        [0, 1, 2, 1, 0, 0]
    );
    let error = source.draw(3, 5, Stream::Training).unwrap_err().to_string();
    assert_eq!(
        error,
        "`data.samples` is 5; it must be smaller: the file has 4 whole sequences of 2 tokens"
    );
    assert_eq!(source.draw(0, 4, Stream::Training).unwrap().samples, 4);
}

#[test]
fn no_entropy_is_invented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, vec![7; 64]).unwrap();
    for settings in [
        settings(&path, FileFormat::Bytes, 4),
        constant(settings(&path, FileFormat::Bytes, 4), 2),
    ] {
        let source = source(&settings);
        let data = source.draw(0, 8, Stream::Training).unwrap();
        assert!(!settings.entropy_is_known());
        assert_eq!(settings.entropy_bits(&data), None);
        assert_eq!(source.source_bits(&data), None);
        assert_eq!(source.log2_probability(data.sequence(0)), None);
        assert_eq!(source.intended_limit_bits(&data), None);
        assert_eq!(Marginal::new(&settings).entropy_bits(), None);
        assert!(source.file().is_some());
    }
}

#[test]
fn copies_of_a_file_take_its_strings_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, b"abcdefgh").unwrap();
    let settings = constant(settings(&path, FileFormat::Bytes, 2), 3);
    let source = source(&settings);
    let data = source.draw(0, 12, Stream::Training).unwrap();
    assert_eq!(data.distinct(), 4);
    assert_eq!(
        source
            .draw(0, 13, Stream::Training)
            .unwrap_err()
            .to_string(),
        "`data.samples` is 13 (copies of 5 strings); it must be smaller: the file has 4 whole \
         sequences of 2 tokens"
    );
    // 6 sequences are 2 strings, which leaves 2 for as many; 7 are 3, which leaves one.
    assert_eq!([6, 7, 9, 10].map(|n| source.fresh_samples(n)), [6, 3, 3, 0]);
}

#[test]
fn token_files_and_datasets_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    let tokens = [1_u16, 999, 256, 3, 4, 5, 6];
    let bytes: Vec<u8> = tokens.iter().flat_map(|t| t.to_le_bytes()).collect();
    fs::write(&raw, &bytes).unwrap();
    let data = draw(&settings(&raw, FileFormat::U16, 3), 0, 2, Stream::Training).unwrap();
    assert_eq!(data.tokens, tokens[..6]);

    // A dataset's sequences, joined and cut anew.
    let made = folder.path().join("made");
    let uniform = uniform(900, 6);
    let info = file::generate(&made, &uniform, 1, 5, Stream::Training, &mut |_| ()).unwrap();
    let settings = settings(&made, FileFormat::Dataset, 4);
    let source = source(&settings);
    let facts = source.file().unwrap();
    assert_eq!((facts.sequences, facts.dropped_tokens), (7, 2));
    assert_eq!(facts.blake3, info.tokens_blake3);
    let data = source.draw(0, 7, Stream::Training).unwrap();
    let all = draw(&uniform, 1, 5, Stream::Training).unwrap().tokens;
    assert_eq!(data.tokens, all[..28]);
}

#[test]
fn dataset_files_carry_the_hash_of_the_users_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    fs::write(&text, b"to be or not to be").unwrap();
    let settings = settings(&text, FileFormat::Bytes, 3);
    let path = folder.path().join("data");
    let written = file::generate(&path, &settings, 0, 5, Stream::Training, &mut |_| ()).unwrap();
    assert_eq!(written.entropy_bits, None);
    let hash = blake3::hash(b"to be or not to be").to_hex().to_string();
    assert_eq!(written.source_blake3.as_ref(), Some(&hash));
    let data = draw(&settings, 0, 5, Stream::Training).unwrap();
    // The user's file need not be at hand.
    fs::remove_file(&text).unwrap();
    let (read, info) = file::read(&path).unwrap();
    assert_eq!((&read, &info), (&data, &written));
    assert_eq!(file::inspect(&path, &mut |_| ()).unwrap(), written);
    assert_eq!(
        serde_json::to_value(&info).unwrap()["entropy_bits"],
        serde_json::Value::Null
    );

    let sound = fs::read(&path).unwrap();
    let mut altered = sound.clone();
    *altered.last_mut().unwrap() = 0;
    let last = altered.len() - 2;
    altered[last] ^= 1;
    fs::write(&path, &altered).unwrap();
    assert!(
        file::read(&path)
            .unwrap_err()
            .to_string()
            .contains("the file was altered")
    );
    // A claimed entropy of what nobody knows.
    let at = sound.windows(7).position(|w| w == b"unknown").unwrap();
    altered.clone_from(&sound);
    altered[at..at + 7].copy_from_slice(b"12.3456");
    fs::write(&path, &altered).unwrap();
    let error = file::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("`entropy_bits` in its header is `12.3456`; it must be unknown"),
        "{error}"
    );
}

#[test]
fn bad_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let error = |settings: &SourceSettings| {
        let error = Source::draw_parameters(settings).unwrap_err().to_string();
        error.replace(&path.display().to_string(), "FILE")
    };
    let missing = error(&settings(&path, FileFormat::Bytes, 4));
    assert!(missing.starts_with("`source.path` is `FILE`; it must be a file that can be read ("));
    let inner = error(&constant(settings(&path, FileFormat::Bytes, 4), 2));
    assert!(inner.starts_with("`source.of.path` is `FILE`"), "{inner}");
    fs::create_dir(&path).unwrap();
    assert_eq!(
        error(&settings(&path, FileFormat::Bytes, 4)),
        "`source.path` is `FILE`; it must be a regular file"
    );
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"abc").unwrap();
    assert_eq!(
        error(&settings(&path, FileFormat::Bytes, 4)),
        "`source.path` is `FILE`, of 3 tokens; it must be a file of at least one sequence, 4 tokens"
    );
    assert_eq!(
        error(&settings(&path, FileFormat::U16, 1)),
        "`source.path` is `FILE`, of 3 bytes; it must be a file of whole tokens, two bytes each"
    );
    let dataset = error(&settings(&path, FileFormat::Dataset, 1));
    assert!(
        dataset.contains("it must be a sound dataset file (FILE: not a safetensors"),
        "{dataset}"
    );
    fs::write(&path, b"\xe8\x03").unwrap();
    assert_eq!(
        error(&settings(&path, FileFormat::U16, 1)),
        "`source.vocabulary` is 1000; it must be above 1000, the largest token of `FILE`"
    );
    let read = |text: &str| {
        let text = format!(r#"{{"kind":"file","length":4,"seed":0,{text}}}"#);
        serde_json::from_str::<SourceSettings>(&text)
            .unwrap()
            .validate()
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        read(r#""path":"","format":"bytes""#),
        "`source.path` is empty; it must be the path of a file"
    );
    assert_eq!(
        read(r#""path":"a","format":"u16""#),
        "`source.vocabulary` is missing; it must be given, from 2 to 65536, unless source.format \
         is \"bytes\""
    );
    assert_eq!(
        read(r#""path":"a","format":"bytes","vocabulary":128"#),
        "`source.vocabulary` is 128; it must be left out, or 256: the tokens of `bytes` are bytes"
    );
}
