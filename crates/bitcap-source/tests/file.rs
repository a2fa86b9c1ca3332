//! Dataset files: what is written is read, here and by the `safetensors` crate.

use std::fs;
use std::path::Path;

use bitcap_source::file::{self, DatasetInfo};
use bitcap_source::{SourceSettings, Split, UniformSettings, draw};
use proptest::prelude::*;
use safetensors::SafeTensors;

fn uniform(vocabulary: u32, length: u32) -> SourceSettings {
    SourceSettings::Uniform(UniformSettings {
        vocabulary,
        length,
        seed: 4,
    })
}

fn generate(path: &Path, source: &SourceSettings, seed: u64, samples: u64) -> DatasetInfo {
    file::generate(path, source, seed, samples, Split::Training, &mut |_| ()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn what_is_written_is_read(
        vocabulary in prop_oneof![2_u32..=65_536, (1_u32..=16).prop_map(|width| 1 << width)],
        length in prop_oneof![1_u32..100, 4000_u32..=4096],
        samples in 1_u64..100,
        seed: u64,
        fresh: bool,
    ) {
        let which = if fresh { Split::Fresh } else { Split::Training };
        let source = uniform(vocabulary, length);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.safetensors");
        let written =
            file::generate(&path, &source, seed, samples, which, &mut |_| ()).unwrap();
        let (dataset, info) = file::read(&path).unwrap();
        prop_assert_eq!(&dataset, &draw(&source, seed, samples, which).unwrap());
        prop_assert_eq!(&info, &written);
        prop_assert_eq!(&file::inspect(&path, &mut |_| ()).unwrap(), &written);
        prop_assert_eq!(&info.tokens_blake3, &dataset.tokens_blake3());
        prop_assert_eq!(info.entropy_bits, Some(source.expected_entropy_bits(samples)));
        prop_assert_eq!(info.entropy_bits, source.entropy(&dataset));
        prop_assert_eq!((info.data_seed, info.samples, info.stream), (seed, samples, which));
    }
}

#[test]
fn the_safetensors_crate_reads_our_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.safetensors");
    let info = generate(&path, &uniform(1000, 6), 11, 7);
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.names(), ["tokens"]);
    let tensor = tensors.tensor("tokens").unwrap();
    assert_eq!(tensor.dtype(), safetensors::Dtype::U16);
    assert_eq!(tensor.shape(), [7, 6]);
    let tokens: Vec<u16> = tensor
        .data()
        .chunks_exact(2)
        .map(|b| u16::from_le_bytes([b[0], b[1]]))
        .collect();
    let drawn = draw(&uniform(1000, 6), 11, 7, Split::Training).unwrap();
    assert_eq!(tokens, drawn.tokens);

    let (size, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(size % 8, 0);
    let strings = header.metadata().as_ref().unwrap();
    let right = [
        ("format", "bitcap-dataset/1"),
        (
            "source",
            r#"{"kind":"uniform","vocabulary":1000,"length":6,"seed":4}"#,
        ),
        ("vocabulary", "1000"),
        ("length", "6"),
        ("samples", "7"),
        ("data_seed", "11"),
        ("stream", "data"),
        ("entropy_bits", &info.entropy_bits.unwrap().to_string()),
        ("tokens_blake3", &drawn.tokens_blake3()),
        ("bitcap_version", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(strings.len(), right.len());
    for (key, text) in right {
        assert_eq!(strings[key], text, "{key}");
    }
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| {
        let path = folder.path().join(name);
        generate(&path, &uniform(256, 33), 5, 4000);
        fs::read(path).unwrap()
    });
    assert!(a == b);
}

#[test]
fn progress_counts_sequences_to_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let check = |calls: &[u64]| {
        assert!(calls.is_sorted_by(|a, b| a < b));
        assert!(calls.len() > 2);
        assert_eq!(calls.last(), Some(&5000));
    };
    let mut calls = Vec::new();
    let note = &mut |done| calls.push(done);
    file::generate(&path, &uniform(2, 64), 0, 5000, Split::Fresh, note).unwrap();
    check(&calls);
    calls.clear();
    file::inspect(&path, &mut |done| calls.push(done)).unwrap();
    check(&calls);
}

#[test]
fn information_is_serialized_for_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let info = generate(&folder.path().join("data"), &uniform(2, 16), 0, 1024);
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!(json["format"], "bitcap-dataset/1");
    assert_eq!(json["source"]["kind"], "uniform");
    assert_eq!(json["entropy_bits"], 16_384.0);
    assert_eq!(json["stream"], "data");
}

#[cfg(unix)]
#[test]
fn a_dataset_is_as_readable_as_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        let path = folder.path().join(name);
        fs::metadata(path).unwrap().permissions().mode()
    };
    generate(&folder.path().join("data"), &uniform(2, 16), 0, 4);
    fs::write(folder.path().join("other"), "").unwrap();
    assert_eq!(mode("data"), mode("other"));
}
