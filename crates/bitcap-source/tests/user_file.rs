//! A user's own file as a source.

mod common;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use bitcap_source::file;
use bitcap_source::{
    Dataset, FileFormat, FileSettings, Marginal, Source, SourceSettings, Split, draw,
};
use common::*;

fn settings(path: &Path, format: FileFormat, length: u32) -> SourceSettings {
    SourceSettings::File(FileSettings {
        resolved: None,
        path: path.into(),
        format,
        vocabulary: (format != FileFormat::Bytes).then_some(1000),
        length,
        blake3: None,
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

    let data = source.draw(3, 3, Split::Training).unwrap();
    assert_eq!(rows(&data), [[97, 98], [99, 100], [101, 102]]);
    // Held out: from the end of the file, each read forwards.
    let fresh = source.draw(3, 2, Split::Fresh).unwrap();
    assert_eq!(rows(&fresh), [[103, 104], [101, 102]]);
    assert_eq!(
        [0, 1, 2, 3, 4, 9].map(|n| source.fresh_samples(n)),
        [0, 1, 2, 1, 0, 0]
    );
    let error = source.draw(3, 5, Split::Training).unwrap_err().to_string();
    assert_eq!(
        error,
        "`data.samples` is 5; it must be smaller: the file has 4 whole sequences of 2 tokens"
    );
    assert_eq!(source.draw(0, 4, Split::Training).unwrap().samples, 4);
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
        let data = source.draw(0, 8, Split::Training).unwrap();
        assert!(!settings.entropy_is_known());
        assert_eq!(settings.entropy(&data), None);
        assert_eq!(source.source_bits(&data), None);
        assert_eq!(source.log2_probability(data.sequence(0)), None);
        assert_eq!(Marginal::new(&settings).entropy(), None);
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
    let data = source.draw(0, 12, Split::Training).unwrap();
    let strings: HashSet<_> = data.sequences().collect();
    assert_eq!(strings.len(), 4);
    assert_eq!(
        source.draw(0, 13, Split::Training).unwrap_err().to_string(),
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
    let data = draw(&settings(&raw, FileFormat::U16, 3), 0, 2, Split::Training).unwrap();
    assert_eq!(data.tokens, tokens[..6]);

    // A dataset's sequences, joined and cut anew.
    let made = folder.path().join("made");
    let uniform = uniform(900, 6);
    let info = file::generate(&made, &uniform, 1, 5, Split::Training, &mut |_| ()).unwrap();
    let settings = settings(&made, FileFormat::Dataset, 4);
    let source = source(&settings);
    let facts = source.file().unwrap();
    assert_eq!((facts.sequences, facts.dropped_tokens), (7, 2));
    assert_eq!(facts.blake3, info.tokens_blake3);
    let data = source.draw(0, 7, Split::Training).unwrap();
    let all = draw(&uniform, 1, 5, Split::Training).unwrap().tokens;
    assert_eq!(data.tokens, all[..28]);
}

#[test]
fn dataset_files_carry_the_hash_of_the_users_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    fs::write(&text, b"to be or not to be").unwrap();
    let settings = settings(&text, FileFormat::Bytes, 3);
    let path = folder.path().join("data");
    let written = file::generate(&path, &settings, 0, 5, Split::Training, &mut |_| ()).unwrap();
    assert_eq!(written.entropy_bits, None);
    let hash = blake3::hash(b"to be or not to be").to_hex().to_string();
    assert_eq!(written.source_blake3.as_ref(), Some(&hash));
    let data = draw(&settings, 0, 5, Split::Training).unwrap();
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
        let error = Source::draw_parameters(settings).unwrap_err();
        // What is wrong is found before anything is read into memory, too.
        assert_eq!(settings.inspect_file().unwrap_err(), error);
        let error = error.to_string();
        error.replace(&path.display().to_string(), "FILE")
    };
    let missing = error(&settings(&path, FileFormat::Bytes, 4));
    assert!(missing.starts_with("`source.path` is `FILE`; it must be a file that can be read ("));
    let inner = error(&constant(settings(&path, FileFormat::Bytes, 4), 2));
    assert!(inner.starts_with("`source.of.path` is `FILE`"), "{inner}");
    fs::create_dir(&path).unwrap();
    assert_eq!(
        error(&settings(&path, FileFormat::Bytes, 4)),
        "`source.path` is `FILE`; it must be a file that can be read (not a regular file)"
    );
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"").unwrap();
    assert_eq!(
        error(&settings(&path, FileFormat::Bytes, 4)),
        "`source.path` is `FILE`, of 0 tokens; it must be a file of at least one sequence, 4 tokens"
    );
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
        dataset.contains("it must be a sound dataset file (not a safetensors"),
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

/// A change of one byte, in place and of the same length, is told by the hash and by nothing else.
#[test]
fn a_settled_hash_holds_the_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, b"to be or not to be").unwrap();
    for copies in [false, true] {
        let mut settings = settings(&path, FileFormat::Bytes, 3);
        if copies {
            settings = constant(settings, 2);
        }
        let absent = serde_json::to_string(&settings).unwrap();
        assert!(!absent.contains("blake3"), "{absent}");
        let facts = settings.inspect_file().unwrap().unwrap();
        assert_eq!(source(&settings).file(), Some(&facts));
        let hash = blake3::hash(b"to be or not to be").to_hex().to_string();
        assert_eq!(facts.blake3, hash);
        assert_eq!((facts.sequences, facts.dropped_tokens), (6, 0));

        settings.set_file_blake3(&facts.blake3);
        settings.validate().unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        assert!(text.contains(&format!(r#""blake3":"{hash}","#)), "{text}");
        assert_eq!(
            serde_json::from_str::<SourceSettings>(&text).unwrap(),
            settings
        );
        let data = draw(&settings, 0, 5, Split::Training).unwrap();

        fs::write(&path, b"to be or not to bE").unwrap();
        let other = blake3::hash(b"to be or not to bE").to_hex().to_string();
        let key = if copies {
            "source.of.blake3"
        } else {
            "source.blake3"
        };
        let right = format!(
            "`{key}` is {hash}; it must be {other}, the BLAKE3 of `{}`: the file was changed",
            path.display()
        );
        assert_eq!(settings.inspect_file().unwrap_err().to_string(), right);
        let error = Source::draw_parameters(&settings).unwrap_err();
        assert_eq!(error.to_string(), right);
        // Shorter than a sequence: changed all the same.
        fs::write(&path, b"to").unwrap();
        let error = Source::draw_parameters(&settings).unwrap_err().to_string();
        assert!(error.contains("the file was changed"), "{error}");
        fs::write(&path, b"to be or not to be").unwrap();
        assert_eq!(draw(&settings, 0, 5, Split::Training).unwrap(), data);
    }
    let mut settings = settings(&path, FileFormat::Bytes, 3);
    settings.set_file_blake3("ABCD");
    assert_eq!(
        settings.validate().unwrap_err().to_string(),
        "`source.blake3` is \"ABCD\"; it must be left out, or 64 lower-case hexadecimal digits"
    );
}

/// Of a dataset file the tokens are meant, whoever wrote it.
#[test]
fn the_hash_of_a_dataset_is_that_of_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let info = file::generate(&path, &uniform(900, 6), 1, 5, Split::Training, &mut |_| ()).unwrap();
    let mut settings = settings(&path, FileFormat::Dataset, 4);
    let facts = settings.inspect_file().unwrap().unwrap();
    assert_eq!((facts.sequences, &facts.blake3), (7, &info.tokens_blake3));
    settings.set_file_blake3(&facts.blake3);
    let data = draw(&settings, 0, 7, Split::Training).unwrap();
    let bytes = fs::read(&path).unwrap();
    let version = format!(r#"bitcap_version":"{}""#, env!("CARGO_PKG_VERSION"));
    let at = bytes
        .windows(version.len())
        .position(|window| window == version.as_bytes())
        .unwrap();
    let mut other = bytes.clone();
    other[at + version.len() - 2] = b'x';
    fs::write(&path, other).unwrap();
    assert_eq!(draw(&settings, 0, 7, Split::Training).unwrap(), data);
    file::generate(&path, &uniform(900, 6), 2, 5, Split::Training, &mut |_| ()).unwrap();
    let error = settings.inspect_file().unwrap_err().to_string();
    assert!(error.contains("the file was changed"), "{error}");
}

#[test]
fn paths_begin_where_they_are_resolved() {
    let base = Path::new("/experiments");
    for (path, right) in [
        ("text", "/experiments/text"),
        ("../data/text", "/experiments/../data/text"),
        ("/elsewhere/text", "/elsewhere/text"),
    ] {
        let written = settings(Path::new(path), FileFormat::Bytes, 4);
        for mut found in [written.clone(), constant(written, 2)] {
            let before = serde_json::to_value(&found).unwrap();
            found.resolve_paths(base);
            assert_eq!(found.file(), Some(Path::new(right)));
            // The path stays as it is written: it is what a cell is named by.
            let mut after = serde_json::to_value(&found).unwrap();
            for source in ["", "/of"] {
                if let Some(source) = after.pointer_mut(source) {
                    source.as_object_mut().unwrap().remove("resolved");
                }
            }
            assert_eq!(after, before);
        }
    }
    let mut other = uniform(2, 4);
    other.resolve_paths(base);
    other.set_file_blake3("");
    assert_eq!(other, uniform(2, 4));
    assert_eq!(other.inspect_file(), Ok(None));
}

/// A plan must not wait for a pipe or read a device to its end.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_without_being_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [&pipe, Path::new("/dev/zero")] {
        for format in [FileFormat::Bytes, FileFormat::U16, FileFormat::Dataset] {
            let error = settings(path, format, 4).inspect_file().unwrap_err();
            assert!(error.to_string().contains("regular file"), "{error}");
        }
    }
}

#[test]
fn plans_know_how_many_sequences_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, vec![7; 100_003]).unwrap();
    let one = settings(&path, FileFormat::Bytes, 10);
    let facts = one.inspect_file().unwrap().unwrap();
    assert_eq!((facts.sequences, facts.dropped_tokens), (10_000, 3));
    one.check_samples(&facts, 10_000).unwrap();
    let copies = constant(one.clone(), 3);
    copies.check_samples(&facts, 30_000).unwrap();
    for (settings, samples) in [(one, 10_001), (copies, 30_001)] {
        let error = settings.check_samples(&facts, samples).unwrap_err();
        assert_eq!(
            draw(&settings, 0, samples, Split::Training),
            Err(error.clone())
        );
        assert!(
            error.allowed.contains("10000 whole sequences of 10"),
            "{error}"
        );
    }
}

/// Files that are longer than what is read at a time, of any length.
#[test]
fn large_files_are_read_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    for bytes in [131_071_u32, 131_072, 131_073, 400_000] {
        let content: Vec<u8> = (0..bytes)
            .map(|at| (u64::from(at) * u64::from(at) / 7 % 3) as u8)
            .collect();
        fs::write(&path, &content).unwrap();
        let of_bytes = settings(&path, FileFormat::Bytes, 7);
        let facts = of_bytes.inspect_file().unwrap().unwrap();
        assert_eq!(facts.blake3, blake3::hash(&content).to_hex().to_string());
        let data = draw(&of_bytes, 0, facts.sequences, Split::Training).unwrap();
        let whole = content.chunks_exact(7).flatten();
        assert!(
            data.tokens.iter().eq(whole
                .map(|&byte| u16::from(byte))
                .collect::<Vec<_>>()
                .iter())
        );

        let of_tokens = settings(&path, FileFormat::U16, 7);
        if bytes % 2 == 1 {
            let error = draw(&of_tokens, 0, 1, Split::Training).unwrap_err();
            assert!(error.allowed.contains("whole tokens"), "{error}");
            continue;
        }
        let facts = of_tokens.inspect_file().unwrap().unwrap();
        let data = draw(&of_tokens, 0, facts.sequences, Split::Training).unwrap();
        let pairs = content
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        assert!(pairs.take(data.tokens.len()).eq(data.tokens));
    }
}
