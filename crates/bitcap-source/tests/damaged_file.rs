//! Files that are missing, damaged, or something else: one clear error each, never a panic and
//! never a dataset that is not the one that was written.

use std::fs;
use std::path::Path;

use bitcap_source::file::{self, DatasetFileError, Problem};
use bitcap_source::{SourceSettings, Split, UniformSettings};
use proptest::prelude::*;

const SOURCE: SourceSettings = SourceSettings::Uniform(UniformSettings {
    vocabulary: 1000,
    length: 5,
    seed: 0,
});

/// The bytes of a small dataset: 6 sequences of 5 tokens.
fn sound() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    file::generate(&path, &SOURCE, 8, 6, Split::Training, &mut |_| ()).unwrap();
    fs::read(path).unwrap()
}

/// What is wrong with a file of these bytes. Both ways of reading must agree.
fn problem(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fs::write(&path, bytes).unwrap();
    let error = file::read(&path).unwrap_err().to_string();
    let inspected = file::inspect(&path, &mut |_| ()).unwrap_err().to_string();
    assert_eq!(error, inspected);
    let name = format!("{}: ", path.display());
    error.strip_prefix(&name).unwrap().to_owned()
}

/// The sound file with its header's text changed, its length set right.
fn with_header(change: impl Fn(&str) -> String) -> Vec<u8> {
    let bytes = sound();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let text = std::str::from_utf8(&bytes[8..start]).unwrap();
    let changed = change(text);
    assert_ne!(changed, text);
    let mut all = (changed.len() as u64).to_le_bytes().to_vec();
    all.extend(changed.as_bytes());
    all.extend(&bytes[start..]);
    all
}

/// The sound file with `old` in the header replaced by `new`.
fn replaced(old: &str, new: &str) -> Vec<u8> {
    with_header(|text| text.replacen(old, new, 1))
}

#[test]
fn a_missing_file_a_folder_and_an_empty_file_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    let error = file::read(&path).unwrap_err().to_string();
    assert!(error.contains("none: cannot open the dataset: "), "{error}");
    let error = file::read(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with(": not a regular file"), "{error}");
    assert!(problem(b"").contains("not a safetensors file: it has 0 bytes"));
}

#[test]
fn other_files_are_told() {
    assert!(problem(b"a,b,c\n1,2,3\n").contains("not a safetensors file: by its first 8 bytes"));
    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    assert!(problem(&huge).contains("its header would have 18446744073709551615 bytes"));
    let no_json = [&8_u64.to_le_bytes()[..], b"no json!"].concat();
    assert!(problem(&no_json).contains("not a safetensors file: its header is wrong: "));
    let weights = safetensors::serialize(
        [(
            "w",
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4])
                .unwrap(),
        )],
        None,
    )
    .unwrap();
    assert_eq!(
        problem(&weights),
        "not a dataset made by bitcap: its header has no `__metadata__`"
    );
}

#[test]
fn every_truncation_is_told() {
    let bytes = sound();
    for length in 0..bytes.len() {
        let problem = problem(&bytes[..length]);
        if length < 8 {
            assert!(problem.starts_with("not a safetensors file"), "{problem}");
        } else {
            let found = format!("the file is truncated: it has {length} bytes");
            assert!(problem.starts_with(&found), "{problem}");
        }
    }
    let longer = [&bytes[..], b"x"].concat();
    let right = format!(
        "the file has {} bytes and its header asks for {} only",
        longer.len(),
        bytes.len()
    );
    assert_eq!(problem(&longer), right);
}

/// Each bit of the file turned over, one at a time. What then still reads must have the same
/// tokens and the same provenance, but for the two things no check can know: the version that wrote
/// the file, and the seed of a source without parameters.
#[test]
fn every_altered_bit_is_told_or_does_not_matter() {
    let bytes = sound();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fs::write(&path, &bytes).unwrap();
    let (right, right_info) = file::read(&path).unwrap();
    let mut read = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            // Some file systems sync a file that is written over, which takes milliseconds each.
            fs::remove_file(&path).unwrap();
            fs::write(&path, &altered).unwrap();
            if let Ok((dataset, mut info)) = file::read(&path) {
                read += 1;
                assert_eq!(dataset, right, "byte {at}, bit {bit}");
                info.bitcap_version.clone_from(&right_info.bitcap_version);
                info.source = right_info.source.clone();
                assert_eq!(info, right_info, "byte {at}, bit {bit}");
            }
        }
    }
    assert!(read < 100, "{read} altered files pass");
}

#[test]
fn altered_tokens_are_told() {
    let mut bytes = sound();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    assert!(problem(&bytes).starts_with("the file was altered: the blake3 of its tokens is "));

    // The fourth token of the fifth sequence.
    let mut bytes = sound();
    let at = bytes.len() - 2 * 5 - 2 * 2;
    bytes[at..at + 2].copy_from_slice(&1000_u16.to_le_bytes());
    assert_eq!(
        problem(&bytes),
        "token 3 of sequence 4 (both counted from 0) is 1000; with vocabulary 1000 it must be \
         below that"
    );
}

#[test]
fn untrue_provenance_is_told() {
    let untrue = "its tokens are not what the source, data_seed and stream in its header give";
    assert_eq!(
        problem(&replaced(r#""data_seed":"8""#, r#""data_seed":"9""#)),
        untrue
    );
    assert_eq!(
        problem(&replaced(r#""stream":"data""#, r#""stream":"fresh""#)),
        untrue
    );
}

#[test]
fn another_version_is_told() {
    assert_eq!(
        problem(&replaced("bitcap-dataset/1", "bitcap-dataset/2")),
        "its format is `bitcap-dataset/2`; this version of bitcap reads `bitcap-dataset/1`"
    );
    let unknown = problem(&replaced(r#"kind\":\"uniform"#, r#"kind\":\"dice"#));
    assert!(unknown.contains("`source` in its header is"), "{unknown}");
    assert!(unknown.contains("unknown variant `dice`"), "{unknown}");
}

#[test]
fn missing_and_contradicting_metadata_are_told() {
    for key in [
        "format",
        "source",
        "vocabulary",
        "length",
        "samples",
        "data_seed",
        "stream",
        "entropy_bits",
        "tokens_blake3",
        "bitcap_version",
    ] {
        assert_eq!(
            problem(&replaced(&format!("\"{key}\":"), "\"other\":")),
            format!("not a dataset made by bitcap: its header has no `{key}`")
        );
    }
    assert_eq!(
        problem(&replaced(r#""vocabulary":"1000""#, r#""vocabulary":"999""#)),
        "`vocabulary` in its header is `999`; it must be 1000, by its source and samples"
    );
    assert!(problem(&replaced(r#""data_seed":"8""#, r#""data_seed":"-8""#)).contains("`-8`"));
    assert!(
        problem(&replaced(r#"length\":5"#, r#"length\":0"#))
            .contains("`source.length` is 0; it must be from 1 to 4096")
    );
    assert!(
        problem(&replaced(r#""samples":"6""#, r#""samples":"7""#)).starts_with(
            "its tensors are `tokens` U16 [6, 5]; there must be one, `tokens` U16 [7, 5]"
        )
    );
    // A claim of 2^63 sequences is refused before anything of that size is asked for.
    let huge = with_header(|text| {
        text.replace(r#""samples":"6""#, r#""samples":"9223372036854775808""#)
            .replace(
                &SOURCE.expected_entropy_bits(6).to_string(),
                &SOURCE.expected_entropy_bits(1 << 63).to_string(),
            )
    });
    assert!(problem(&huge).starts_with("`samples` in its header is `9223372036854775808`"));
}

#[test]
fn wrong_tensors_are_told() {
    assert_eq!(
        problem(&replaced("[6,5]", "[5,6]")),
        "its tensors are `tokens` U16 [5, 6]; there must be one, `tokens` U16 [6, 5]"
    );
    assert!(problem(&replaced("\"U16\"", "\"F16\"")).contains("`tokens` F16 [6, 5]"));
    assert!(problem(&replaced("\"tokens\":", "\"token\":")).contains("`token` U16 [6, 5]"));
    assert!(
        problem(&replaced("[6,5]", "[9223372036854775807,5]"))
            .starts_with("not a safetensors file: its header is wrong: ")
    );
    let more = r#""more":{"dtype":"U8","shape":[0],"data_offsets":[60,60]},"tokens":"#;
    assert!(problem(&replaced("\"tokens\":", more)).contains("`more` U8 [0]"));
}

#[test]
fn errors_name_the_file_and_keep_the_problem() {
    let error = file::read(Path::new("no/such/file")).unwrap_err();
    let DatasetFileError::File { path, problem } = error else {
        panic!("{error}");
    };
    assert_eq!(path, Path::new("no/such/file"));
    assert!(matches!(problem, Problem::Open(_)));
}

/// Every number of the header, and what may stand in its place: near the powers of two where sums and
/// products overflow, small, or any.
fn forged_number() -> impl Strategy<Value = (&'static str, String)> {
    let keys = [
        r#""samples":"6""#,
        r#""length":"5""#,
        r#""vocabulary":"1000""#,
        r#""data_seed":"8""#,
        r#"length\":5"#,
        r#"vocabulary\":1000"#,
        "[6,5]",
        "[0,60]",
    ];
    let near = |power: u32| (-1i128..=1).prop_map(move |off| (1i128 << power) + off);
    let number = prop_oneof![
        (0..66_u32).prop_flat_map(near),
        -9_i128..9,
        any::<u64>().prop_map(i128::from),
    ];
    (prop::sample::select(keys.to_vec()), number).prop_map(|(key, number)| {
        let digits = key.find(|c: char| c.is_ascii_digit()).unwrap();
        let end = key[digits..].find(|c: char| !c.is_ascii_digit());
        let end = end.map_or(key.len(), |end| digits + end);
        (key, format!("{}{number}{}", &key[..digits], &key[end..]))
    })
}

proptest! {
    /// Whatever sizes a header claims, in one place or in two, nothing is allocated by its word and
    /// nothing panics.
    #[test]
    fn forged_sizes_are_told((a, new_a) in forged_number(), (b, new_b) in forged_number()) {
        let bytes = with_header(|text| {
            let text = text.replacen(a, &new_a, 1).replacen(b, &new_b, 1);
            // So that it differs from the sound one for sure.
            format!("{text} ")
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        fs::write(&path, bytes).unwrap();
        if let Ok((dataset, _)) = file::read(&path) {
            prop_assert_eq!((dataset.samples, dataset.length), (6, 5));
            prop_assert_eq!(dataset.tokens.len(), 30);
        }
    }
}
