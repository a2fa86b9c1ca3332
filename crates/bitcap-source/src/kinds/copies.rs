//! Copies: strings of another source, each repeated by a law, so that exposure varies.
//!
//! N counts sequences with their copies. Which place holds which string follows from the law and
//! the place alone, so that a coder knows it: every string is coded once, and entropies are those of
//! the strings. Strings that the other source happens to draw twice are two strings here, each coded
//! as that source codes it; they are as rare as it makes them.

mod law;

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kind::{AnyKind, Common, Exposure, FileFacts, Kind, Parameters, Rows, Statistics};
use crate::range::{in_range, invalid};
use crate::{Dataset, Split};
use bitcap_base::InvalidSetting;
pub use law::CopiesLaw;
use law::{Law, Places};

/// Most different strings of the Zipf law: they are all held in memory, as they come back.
const MAX_DISTINCT: u64 = 1 << 24;

/// Settings of copies of another source's strings.
///
/// The seed is that of the other source, whose own is left out where settings are written by hand.
/// The other source is of any kind but copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", bound(deserialize = "S: DeserializeOwned"))]
#[schemars(!try_from, deny_unknown_fields)]
pub struct CopiesSettings<S> {
    /// The source of the sequences that are repeated, with its own keys, of any kind but `copies`.
    /// Its seed is `source.seed`.
    pub of: Box<S>,
    /// How the number of copies is distributed.
    pub law: CopiesLaw,
    /// Copies of each sequence, at least 1. Required for `"constant"`, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Exponent of Zipf's law, 0 to 10. Required for `"zipf"`, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exponent: Option<f64>,
    /// Number of different sequences in a large enough dataset, 1 to 2^24. Required for `"zipf"`,
    /// and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// Seed that the parameters of the other source are drawn with.
    pub seed: u64,
}

/// As settings are written: `of` need not have a seed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    of: Map<String, Value>,
    law: CopiesLaw,
    count: Option<u64>,
    exponent: Option<f64>,
    distinct: Option<u64>,
    seed: u64,
}

impl<S: DeserializeOwned> TryFrom<Written> for CopiesSettings<S> {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut of = written.of;
        of.entry("seed").or_insert(written.seed.into());
        let of = serde_json::from_value(Value::Object(of)).map_err(|e| format!("of: {e}"))?;
        Ok(Self {
            of: Box::new(of),
            law: written.law,
            count: written.count,
            exponent: written.exponent,
            distinct: written.distinct,
            seed: written.seed,
        })
    }
}

impl<S> CopiesSettings<S> {
    /// The law of valid settings.
    fn law(&self) -> Law {
        match self.law {
            CopiesLaw::Constant => Law::Constant {
                count: self.count.unwrap_or(1),
            },
            CopiesLaw::Zipf => Law::Zipf {
                exponent: self.exponent.unwrap_or(0.0),
                distinct: self.distinct.unwrap_or(1),
            },
        }
    }
}

impl<S: AnyKind> Kind for CopiesSettings<S> {
    fn validate(&self) -> Result<(), InvalidSetting> {
        let of = self.of.as_kind();
        if of.is_copies() {
            let allowed = "any other kind: copies of copies are copies";
            return Err(invalid("source.of.kind", "copies", allowed));
        }
        of.validate().map_err(inner)?;
        if of.common().seed != self.seed {
            let allowed = "left out, or the same as source.seed";
            return Err(invalid("source.of.seed", of.common().seed, allowed));
        }
        let constant = self.law == CopiesLaw::Constant;
        let has = if constant {
            "the law \"constant\" has count"
        } else {
            "the law \"zipf\" has exponent and distinct"
        };
        let exponent = self.exponent.map(|exponent| exponent.to_string());
        for (key, needed, found) in [
            ("source.count", constant, self.count.map(|n| n.to_string())),
            ("source.exponent", !constant, exponent),
            (
                "source.distinct",
                !constant,
                self.distinct.map(|n| n.to_string()),
            ),
        ] {
            match found {
                Some(found) if !needed => {
                    return Err(invalid(key, found, format!("left out: {has}")));
                }
                None if needed => {
                    return Err(invalid(key, "missing", format!("given: {has}")));
                }
                _ => {}
            }
        }
        in_range("source.count", self.count.unwrap_or(1), 1, u64::MAX)?;
        in_range("source.exponent", self.exponent.unwrap_or(0.0), 0.0, 10.0)?;
        in_range(
            "source.distinct",
            self.distinct.unwrap_or(1),
            1,
            MAX_DISTINCT,
        )
    }

    fn common(&self) -> Common {
        Common {
            seed: self.seed,
            ..self.of.as_kind().common()
        }
    }

    fn entropy_is_known(&self) -> bool {
        self.of.as_kind().entropy_is_known()
    }

    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        self.of
            .as_kind()
            .expected_entropy_bits(self.strings(samples))
    }

    fn expected_entropy_bits_per_sequence(&self) -> Option<f64> {
        let string = self.of.as_kind().expected_entropy_bits_per_sequence()?;
        self.count.map(|count| string / count as f64)
    }

    fn marginal(&self) -> Option<Box<dyn Statistics>> {
        let law = self.law();
        let of = self.of.as_kind().marginal()?;
        Some(Box::new(CopiesStatistics {
            places: law.places(),
            strings: Strings::new(law, self.common().length as usize),
            of,
            unequal: false,
        }))
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(Copies {
            law: self.law(),
            length: self.common().length as usize,
            of: self.of.as_kind().parameters().map_err(inner)?,
        }))
    }

    fn file(&self) -> Option<&Path> {
        self.of.as_kind().file()
    }

    fn is_copies(&self) -> bool {
        true
    }

    fn strings(&self, samples: u64) -> u64 {
        self.law().distinct(samples)
    }

    fn exposure(&self, samples: usize) -> Option<Exposure> {
        Some(self.law().exposure(samples))
    }

    fn resolve_paths(&mut self, base: &Path) {
        self.of.as_kind_mut().resolve_paths(base);
    }

    fn inspect_file(&self) -> Result<Option<FileFacts>, InvalidSetting> {
        self.of.as_kind().inspect_file().map_err(inner)
    }

    fn file_blake3(&self) -> Option<&str> {
        self.of.as_kind().file_blake3()
    }

    fn set_file_blake3(&mut self, blake3: &str) {
        self.of.as_kind_mut().set_file_blake3(blake3);
    }
}

/// An error of the source of the strings, with its key as it stands in the settings of the copies.
fn inner(mut setting: InvalidSetting) -> InvalidSetting {
    if let Some(key) = setting.key.strip_prefix("source.") {
        setting.key = format!("source.of.{key}");
    }
    setting
}

/// The source of the strings with its parameters.
#[derive(Debug)]
struct Copies {
    law: Law,
    length: usize,
    of: Arc<dyn Parameters>,
}

impl Parameters for Copies {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        self.of.log2_probability(sequence)
    }

    fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        let exposure = self.law.exposure(dataset.samples);
        let strings = dataset.select(&exposure.first);
        let bits = self.of.source_bits(&strings)?;
        let mut pairs = dataset.sequences().zip(&exposure.string);
        let equal = pairs.all(|(sequence, &string)| sequence == strings.sequence(string));
        Some(if equal { bits } else { f64::INFINITY })
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Box<dyn Rows> {
        Box::new(CopiesRows {
            places: self.law.places(),
            strings: Strings::new(self.law, self.length),
            of: Arc::clone(&self.of).rows(data_seed, split),
        })
    }

    fn file(&self) -> Option<&FileFacts> {
        self.of.file()
    }
}

/// Draws each string once, from its own source's stream.
#[derive(Debug)]
struct CopiesRows {
    places: Places,
    strings: Strings,
    of: Box<dyn Rows>,
}

impl Rows for CopiesRows {
    fn next(&mut self, row: &mut [u16]) {
        let string = self.places.next();
        if string == self.strings.count {
            self.of.next(self.strings.add());
        }
        row.copy_from_slice(self.strings.string(string));
    }
}

/// The marginal of copies: that of the strings, each counted once. Memory grows with them under
/// Zipf's law, which brings them back.
#[derive(Debug)]
struct CopiesStatistics {
    places: Places,
    strings: Strings,
    of: Box<dyn Statistics>,
    /// A copy that is not equal to its string: the source cannot give that.
    unequal: bool,
}

impl Statistics for CopiesStatistics {
    fn observe(&mut self, sequence: &[u16]) {
        let string = self.places.next();
        if string == self.strings.count {
            self.strings.add().copy_from_slice(sequence);
            self.of.observe(sequence);
        } else {
            self.unequal |= self.strings.string(string) != sequence;
        }
    }

    fn log2_marginal(&self) -> f64 {
        if self.unequal {
            f64::NEG_INFINITY
        } else {
            self.of.log2_marginal()
        }
    }
}

/// The strings so far.
#[derive(Debug)]
struct Strings {
    /// Row after row: all of them, or the last only where none before it comes back.
    tokens: Vec<u16>,
    all: bool,
    /// How many there have been.
    count: u64,
    length: usize,
}

impl Strings {
    fn new(law: Law, length: usize) -> Self {
        Self {
            tokens: Vec::new(),
            all: matches!(law, Law::Zipf { .. }),
            count: 0,
            length,
        }
    }

    /// A place for the next string.
    fn add(&mut self) -> &mut [u16] {
        if !self.all {
            self.tokens.clear();
        }
        let start = self.tokens.len();
        self.tokens.resize(start + self.length, 0);
        self.count += 1;
        &mut self.tokens[start..]
    }

    /// String `string`, one of those that are held.
    fn string(&self, string: u64) -> &[u16] {
        let at = if self.all { string as usize } else { 0 };
        &self.tokens[at * self.length..][..self.length]
    }
}
