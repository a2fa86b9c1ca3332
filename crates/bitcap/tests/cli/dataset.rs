//! `generate` and `inspect`.

use std::fs;

use serde_json::Value;

use crate::{Place, TINY, assert_says, assert_untouched, refused, stdout};

fn generate(place: &Place, file: &str, more: &[&str]) {
    let shape = ["generate", file, "-v", "4", "-s", "3", "-n", "20"];
    place.bitcap(&[&shape[..], more].concat()).success();
}

#[test]
fn a_dataset_is_drawn_and_shown() {
    let place = Place::new(TINY);
    let made = stdout(
        &place
            .bitcap(&[
                "generate",
                "d.safetensors",
                "-v",
                "4",
                "-s",
                "3",
                "-n",
                "20",
                "--seed",
                "7",
            ])
            .success(),
    );
    assert_says(
        &made,
        &[
            "20 sequences of 3 tokens out of 4",
            "7 (data stream)",
            "120 bits",
            "blake3",
        ],
    );
    let shown = stdout(&place.bitcap(&["inspect", "d.safetensors"]).success());
    assert!(shown.starts_with(&made), "{shown}");
    assert_says(&shown, &["every token checked"]);

    let json = stdout(
        &place
            .bitcap(&["inspect", "d.safetensors", "--json"])
            .success(),
    );
    let info: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(info["entropy_bits"].as_f64(), Some(20.0 * 3.0 * 2.0));
    assert_eq!(
        (&info["samples"], &info["data_seed"]),
        (&20.into(), &7.into())
    );
    assert_says(&made, &[info["tokens_blake3"].as_str().unwrap()]);
    assert_eq!(place.names("."), ["d.safetensors", "e.toml"]);
}

#[test]
fn one_sequence_of_one_token_is_said_as_one() {
    let place = Place::new(TINY);
    let one = ["generate", "d.safetensors", "-v", "4", "-s", "1", "-n", "1"];
    let made = stdout(&place.bitcap(&one).success());
    assert_says(&made, &["1 sequence of 1 token out of 4"]);
}

#[test]
fn the_same_seed_gives_the_same_file_and_another_or_fresh_data_another() {
    let place = Place::new(TINY);
    for (file, more) in [
        ("a", &[][..]),
        ("b", &["--seed", "0"]),
        ("c", &["--seed", "1"]),
        ("d", &["--fresh"]),
    ] {
        generate(&place, file, more);
    }
    assert_eq!(place.read("a"), place.read("b"));
    let tokens = |file: &str| place.read(file).split_off(place.read(file).len() - 120);
    assert_ne!(tokens("a"), tokens("c"));
    assert_ne!(tokens("a"), tokens("d"));
    assert_says(
        &stdout(&place.bitcap(&["inspect", "d"]).success()),
        &["(fresh stream)"],
    );
}

#[test]
fn impossible_datasets_are_refused_and_what_was_there_stands() {
    let place = Place::new(TINY);
    generate(&place, "d.safetensors", &[]);
    fs::create_dir(place.path("folder")).unwrap();
    let files = place.files(".");
    let cases: [(&str, [&str; 3], &[&str]); 7] = [
        (
            "d.safetensors",
            ["1", "3", "20"],
            &["vocabulary", "is 1", "2 to 65536"],
        ),
        (
            "d.safetensors",
            ["65537", "3", "20"],
            &["vocabulary", "65537", "2 to 65536"],
        ),
        (
            "d.safetensors",
            ["4", "0", "20"],
            &["length", "is 0", "1 to 4096"],
        ),
        (
            "d.safetensors",
            ["4", "4097", "20"],
            &["length", "4097", "1 to 4096"],
        ),
        (
            "d.safetensors",
            ["4", "3", "0"],
            &["samples", "is 0", "from 1 to"],
        ),
        (
            "folder",
            ["4", "3", "20"],
            &["folder", "not a regular file"],
        ),
        (
            "nowhere/d",
            ["4", "3", "20"],
            &["nowhere/d", "cannot write", "No such file"],
        ),
    ];
    for (file, [v, s, n], words) in cases {
        refused(
            place.bitcap(&["generate", file, "-v", v, "-s", s, "-n", n]),
            words,
        );
    }
    for number in ["x", "-1", "4.5", "18446744073709551616"] {
        let run = place.bitcap(&[
            "generate",
            "d.safetensors",
            "-v",
            "4",
            "-s",
            "3",
            "-n",
            number,
        ]);
        assert_says(&crate::stderr(&run.failure().code(2)), &["error: ", number]);
    }
    assert_untouched(&place, ".", &files);
    assert!(place.names("folder").is_empty());
}

#[test]
fn damaged_datasets_are_refused() {
    let place = Place::new(TINY);
    generate(&place, "whole", &[]);
    let whole = place.read("whole");
    let size = whole.len();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let low = size - 2; // Low byte of the last token.
    let cases: [(Vec<u8>, &[&str]); 7] = [
        (whole[..size - 1].to_vec(), &["truncated"]),
        (whole[..20].to_vec(), &["truncated"]),
        (Vec::new(), &["not a safetensors file", "0 bytes"]),
        ([&whole[..], b"x"].concat(), &["bytes"]),
        (with(low, whole[low] ^ 1), &["altered", "blake3"]),
        (
            with(size - 1, 1),
            &["token 2 of sequence 19", "vocabulary 4"],
        ),
        (
            b"some text that is no dataset".to_vec(),
            &["not a safetensors file"],
        ),
    ];
    for (bytes, words) in cases {
        fs::write(place.path("damaged"), &bytes).unwrap();
        for json in [&[][..], &["--json"]] {
            let run = place.bitcap(&[&["inspect", "damaged"], json].concat());
            refused(run, &[&["damaged"], words].concat());
        }
        assert_eq!(place.read("damaged"), bytes);
    }
    refused(
        place.bitcap(&["inspect", "nowhere"]),
        &["nowhere", "cannot open", "No such file"],
    );
    refused(place.bitcap(&["inspect", "."]), &["not a regular file"]);
}
