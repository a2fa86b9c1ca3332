//! The provenance of a dataset file, and how it is spelled in the header.

use serde::Serialize;
use serde_json::json;

use super::error::Problem;
use super::tokens::{FORMAT, TENSOR, TokenFile, number};
use crate::{SourceSettings, Split};

/// The provenance of a dataset file. Everything but the hash and the version follows from the
/// settings the dataset was drawn with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasetInfo {
    /// [`FORMAT`].
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
    pub stream: Split,
    /// BLAKE3 of the user's file that the sequences are from ([`crate::FileFacts`]); None where the
    /// source is not a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_blake3: Option<String>,
    /// Exact code length of the whole dataset, in bits, with the source's parameters unknown
    /// ([`SourceSettings::entropy`]); None where it is not known.
    pub entropy_bits: Option<f64>,
    /// An upper bound of it ([`SourceSettings::entropy_bound`]), where it is not known and there is
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy_bound_bits: Option<f64>,
    /// BLAKE3 of the tokens (`u16` little-endian, row-major), 64 hexadecimal digits.
    pub tokens_blake3: String,
    /// The version of bitcap that wrote the file.
    pub bitcap_version: String,
}

impl DatasetInfo {
    /// What follows from the settings. What follows from the tokens is yet to be known: the hash
    /// stands as 64 zeros, the entropy is left open, and a bound of it, where there will be one, is 0.
    pub(super) fn before_drawing(
        source: &SourceSettings,
        data_seed: u64,
        samples: u64,
        split: Split,
    ) -> Self {
        Self {
            format: FORMAT.into(),
            source: source.clone(),
            vocabulary: source.vocabulary(),
            length: source.length(),
            samples,
            data_seed,
            stream: split,
            source_blake3: None,
            entropy_bits: None,
            entropy_bound_bits: source.entropy_is_bounded().then_some(0.0),
            tokens_blake3: "0".repeat(64),
            bitcap_version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    /// The whole header of the file, with its length. After the JSON come spaces, which are allowed
    /// there: as many as have the tensor begin at a multiple of 8, as the format recommends, and have
    /// the size depend on neither the hash nor the entropy, so that the header can be written first
    /// and written again once they are known.
    pub(super) fn header(&self) -> Result<Vec<u8>, serde_json::Error> {
        let entropy = entropy_text(self.entropy_bits);
        // The longest text of an entropy has 24 characters; a shorter one leaves its rest to
        // spaces. The hash has 64 characters always, the zeros before it is known too.
        let mut padding = 24_usize.saturating_sub(entropy.len());
        let mut strings = json!({
            "format": self.format,
            "source": serde_json::to_string(&self.source)?,
            "vocabulary": self.vocabulary.to_string(),
            "length": self.length.to_string(),
            "samples": self.samples.to_string(),
            "data_seed": self.data_seed.to_string(),
            "stream": self.stream.name(),
            "entropy_bits": entropy,
            "tokens_blake3": self.tokens_blake3,
            "bitcap_version": self.bitcap_version,
        });
        if self.entropy_bound_bits.is_some() {
            let bound = entropy_text(self.entropy_bound_bits);
            padding += 24_usize.saturating_sub(bound.len());
            strings["entropy_bound_bits"] = bound.into();
        }
        if let Some(hash) = &self.source_blake3 {
            strings["source_blake3"] = hash.as_str().into();
        }
        let tensor = json!({
            "dtype": "U16",
            "shape": [self.samples, self.length],
            "data_offsets": [0, self.samples * u64::from(self.length) * 2],
        });
        let mut text = json!({ "__metadata__": strings, TENSOR: tensor }).to_string();
        let length = (text.len() + padding).next_multiple_of(8);
        text.extend(std::iter::repeat_n(' ', length - text.len()));
        Ok([&(length as u64).to_le_bytes(), text.as_bytes()].concat())
    }

    /// Reads what the file says of the source, and holds it against what it says of the tokens. Keys
    /// that this version does not know are passed over.
    pub(super) fn of(file: &TokenFile) -> Result<Self, Problem> {
        let text = file.string("source")?;
        let wrong_source = |expected: String| Problem::metadata("source", text, expected);
        // The source first: all that follows is held against it.
        let source: SourceSettings = serde_json::from_str(text)
            .map_err(|e| wrong_source(format!("a source this version knows, as JSON ({e})")))?;
        source
            .validate()
            .map_err(|e| wrong_source(format!("a valid source ({e})")))?;

        let data_seed = number("data_seed", file.string("data_seed")?, 0, u64::MAX)?;
        let name = file.string("stream")?;
        let mut splits = [Split::Training, Split::Fresh].into_iter();
        let split = splits.find(|split| split.name() == name);
        let split = split.ok_or_else(|| Problem::metadata("stream", name, "`data` or `fresh`"))?;

        // Built as for a new dataset: what follows from the source is never taken from the file.
        let mut info = Self::before_drawing(&source, data_seed, file.samples, split);
        let by_source = |key: &str, right: u32| {
            let found = file.string(key)?;
            if found == right.to_string() {
                return Ok(());
            }
            let expected = format!("{right}, by its source and samples");
            Err(Problem::metadata(key, found, expected))
        };
        // They stand in the file for readers that know no sources, and the tokens are read by them;
        // here they are held against the source.
        by_source("vocabulary", info.vocabulary)?;
        by_source("length", info.length)?;
        // Any number will do here: whether it is the right one is told when the tokens are read.
        let entropy = file.string("entropy_bits")?;
        let bits = entropy.parse().ok();
        if bits.is_none() && entropy != UNKNOWN {
            let expected = "a number, or unknown";
            return Err(Problem::metadata("entropy_bits", entropy, expected));
        }
        info.entropy_bits = bits;
        if source.entropy_is_bounded() {
            let key = "entropy_bound_bits";
            let bound = file.string(key)?;
            let bits = bound.parse().ok();
            info.entropy_bound_bits =
                Some(bits.ok_or_else(|| Problem::metadata(key, bound, "a number"))?);
        }
        if source.file().is_some() {
            info.source_blake3 = Some(file.string("source_blake3")?.into());
        }
        info.tokens_blake3.clone_from(&file.blake3);
        info.bitcap_version = file.string("bitcap_version")?.into();
        Ok(info)
    }
}

/// What stands for the entropy where nobody knows it.
const UNKNOWN: &str = "unknown";

/// At most 24 characters: the shortest that reads back as the same number, in one form or the other.
pub(super) fn entropy_text(bits: Option<f64>) -> String {
    match bits.map(|bits| (bits, bits.to_string())) {
        None => UNKNOWN.into(),
        Some((bits, text)) if text.len() > 24 => format!("{bits:e}"),
        Some((_, text)) => text,
    }
}
