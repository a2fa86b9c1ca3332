//! The provenance of a dataset file, and how it is spelled in the header.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;

use super::error::Problem;
use crate::{SourceSettings, Stream};

/// The provenance of a dataset file. Everything but the hash and the version follows from the
/// settings the dataset was drawn with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasetInfo {
    /// [`super::FORMAT`].
    pub format: String,
    /// The source the sequences were drawn from.
    pub source: SourceSettings,
    /// Vocabulary V: tokens go from 0 to V - 1.
    pub vocabulary: u32,
    /// Length S: tokens a sequence.
    pub length: u32,
    /// N, the number of sequences.
    pub samples: u64,
    /// The seed the samples were drawn with.
    pub data_seed: u64,
    /// Which of that seed's streams.
    pub stream: Stream,
    /// BLAKE3 of the user's file that the sequences are from ([`crate::FileFacts`]); None where the
    /// source is not a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_blake3: Option<String>,
    /// Exact code length of the whole dataset, in bits, with the source's parameters unknown
    /// ([`SourceSettings::entropy_bits`]); None where the source is a file, whose entropy is not
    /// known.
    pub entropy_bits: Option<f64>,
    /// BLAKE3 of the tokens (`u16` little-endian, row-major), 64 hexadecimal digits.
    pub tokens_blake3: String,
    /// The version of bitcap that wrote the file.
    pub bitcap_version: String,
}

impl DatasetInfo {
    /// What follows from the settings. What follows from the tokens is yet to be known: the hash
    /// stands as 64 zeros, and the entropy is left open.
    pub(super) fn before_drawing(
        source: &SourceSettings,
        data_seed: u64,
        samples: u64,
        stream: Stream,
    ) -> Self {
        Self {
            format: super::FORMAT.into(),
            source: source.clone(),
            vocabulary: source.vocabulary(),
            length: source.length(),
            samples,
            data_seed,
            stream,
            source_blake3: None,
            entropy_bits: None,
            tokens_blake3: "0".repeat(64),
            bitcap_version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    /// The strings of `__metadata__`, in the order in which they are written.
    pub(super) fn to_strings(&self) -> Result<Vec<(&'static str, String)>, serde_json::Error> {
        let mut strings = vec![
            ("format", self.format.clone()),
            ("source", serde_json::to_string(&self.source)?),
            ("vocabulary", self.vocabulary.to_string()),
            ("length", self.length.to_string()),
            ("samples", self.samples.to_string()),
            ("data_seed", self.data_seed.to_string()),
            ("stream", self.stream.name().into()),
            ("entropy_bits", entropy_text(self.entropy_bits)),
            ("tokens_blake3", self.tokens_blake3.clone()),
            ("bitcap_version", self.bitcap_version.clone()),
        ];
        if let Some(hash) = &self.source_blake3 {
            strings.push(("source_blake3", hash.clone()));
        }
        Ok(strings)
    }

    /// Reads the strings of `__metadata__` and holds each against the others. Keys that this
    /// version does not know are passed over.
    pub(super) fn from_strings(strings: &HashMap<String, String>) -> Result<Self, Problem> {
        let get = |key| strings.get(key).ok_or(Problem::MissingMetadata(key));
        let format = get("format")?;
        if format != super::FORMAT {
            return Err(Problem::Format {
                found: format.clone(),
            });
        }

        let text = get("source")?;
        let wrong_source = |expected: String| Problem::Metadata {
            key: "source",
            found: text.clone(),
            expected,
        };
        let source: SourceSettings = serde_json::from_str(text)
            .map_err(|e| wrong_source(format!("a source this version knows, as JSON ({e})")))?;
        source
            .validate()
            .map_err(|e| wrong_source(format!("a valid source ({e})")))?;

        let samples = number("samples", get("samples")?)?;
        let data_seed = number("data_seed", get("data_seed")?)?;
        let name = get("stream")?;
        let stream = Stream::ALL
            .into_iter()
            .find(|stream| stream.name() == name)
            .ok_or_else(|| Problem::Metadata {
                key: "stream",
                found: name.clone(),
                expected: "`data` or `fresh`".into(),
            })?;

        let mut info = Self::before_drawing(&source, data_seed, samples, stream);
        same("vocabulary", get("vocabulary")?, info.vocabulary)?;
        same("length", get("length")?, info.length)?;
        let entropy = get("entropy_bits")?;
        if let SourceSettings::Uniform(uniform) = &source {
            // Known before any token is read.
            let right = uniform.entropy_bits(samples);
            same("entropy_bits", entropy, right)?;
        }
        info.entropy_bits = if source.entropy_is_known() {
            let bits = entropy.parse().ok();
            let wrong = || Problem::Metadata {
                key: "entropy_bits",
                found: entropy.clone(),
                expected: "a number".into(),
            };
            Some(bits.ok_or_else(wrong)?)
        } else {
            same("entropy_bits", entropy, UNKNOWN.to_owned())?;
            info.source_blake3 = Some(get("source_blake3")?.clone());
            None
        };
        info.tokens_blake3.clone_from(get("tokens_blake3")?);
        info.bitcap_version.clone_from(get("bitcap_version")?);
        Ok(info)
    }
}

/// What stands for the entropy where nobody knows it.
const UNKNOWN: &str = "unknown";

/// At most 24 characters: the shortest that reads back as the same number, in one form or the other.
pub(super) fn entropy_text(bits: Option<f64>) -> String {
    let Some(bits) = bits else {
        return UNKNOWN.into();
    };
    let text = bits.to_string();
    if text.len() > 24 {
        format!("{bits:e}")
    } else {
        text
    }
}

fn number(key: &'static str, text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::Metadata {
        key,
        found: text.into(),
        expected: "a whole number below 2^64".into(),
    })
}

/// An error unless `text` is the number that the source and the samples give.
fn same<T: FromStr + PartialEq + Display>(
    key: &'static str,
    text: &str,
    right: T,
) -> Result<(), Problem> {
    if text.parse::<T>().is_ok_and(|found| found == right) {
        return Ok(());
    }
    Err(Problem::Metadata {
        key,
        found: text.into(),
        expected: format!("{right}, by its source and samples"),
    })
}
