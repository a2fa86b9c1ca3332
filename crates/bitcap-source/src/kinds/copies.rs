//! Copies: strings of another source, each repeated by a law, so that exposure varies.
//!
//! N counts sequences with their copies. Which place holds which string follows from the law and
//! the place alone, so that a coder knows it: every string is coded once, and entropies are those of
//! the strings. Strings that the other source happens to draw twice are two strings here, each coded
//! as that source codes it; they are as rare as it makes them.

mod law;

use std::ops::Deref;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kind::{Exposure, FileFacts, Kind, Parameters, Rows, Statistics};
use crate::{Dataset, Split};
use bitcap_base::{InvalidSetting, in_range};
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
        // Read as a map first: the settings of `of` cannot be read without a seed.
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

impl<S: Deref<Target = dyn Kind>> Kind for CopiesSettings<S> {
    fn validate(&self) -> Result<(), InvalidSetting> {
        // Only copies have an exposure; that of no samples can be asked for of settings not yet
        // validated.
        if self.of.exposure(0).is_some() {
            let allowed = "any other kind: copies of copies are copies";
            return Err(InvalidSetting::new("source.of.kind", "copies", allowed));
        }
        self.of.validate().map_err(of_strings)?;
        // Settings that were written out name the seed in both places: it may stand there, but not
        // as another.
        if self.of.seed() != self.seed {
            let allowed = "left out, or the same as source.seed";
            return Err(InvalidSetting::new(
                "source.of.seed",
                self.of.seed(),
                allowed,
            ));
        }
        let (constant, has) = match self.law {
            CopiesLaw::Constant => (true, "the law \"constant\" has count"),
            CopiesLaw::Zipf => (false, "the law \"zipf\" has exponent and distinct"),
        };
        let exponent = self.exponent.map(|exponent| exponent.to_string());
        // A number of the other law is refused and not passed over: who wrote it expects it to
        // count.
        for (key, needed, found) in [
            ("source.count", constant, self.count.map(|n| n.to_string())),
            ("source.exponent", !constant, exponent),
            (
                "source.distinct",
                !constant,
                self.distinct.map(|n| n.to_string()),
            ),
        ] {
            let (found, allowed) = match found {
                Some(found) if !needed => (found, "left out"),
                None if needed => ("missing".into(), "given"),
                _ => continue,
            };
            return Err(InvalidSetting::new(key, found, format!("{allowed}: {has}")));
        }
        match self.law() {
            Law::Constant { count } => in_range("source.count", count, 1, u64::MAX),
            Law::Zipf { exponent, distinct } => {
                in_range("source.exponent", exponent, 0.0, 10.0)?;
                in_range("source.distinct", distinct, 1, MAX_DISTINCT)
            }
        }
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.of.vocabulary(), self.of.length(), self.seed)
    }

    fn entropy_is_known(&self) -> bool {
        self.of.entropy_is_known()
    }

    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        self.of.expected_entropy_bits(self.strings(samples))
    }

    fn expected_entropy_bits_per_sequence(&self) -> Option<f64> {
        let string = self.of.expected_entropy_bits_per_sequence()?;
        self.count.map(|count| string / count as f64)
    }

    fn strings(&self, samples: u64) -> u64 {
        self.law().distinct(samples)
    }

    fn exposure(&self, samples: usize) -> Option<Exposure> {
        Some(self.law().exposure(samples))
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(Copies {
            law: self.law(),
            length: self.length(),
            of: self.of.parameters().map_err(of_strings)?,
        }))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(CopiesStatistics {
            strings: Strings::new(self.law(), self.length()),
            of: self.of.statistics()?,
            unequal: false,
        }))
    }
}

/// An error of the source of the strings, with its key as it stands in the settings of the copies.
pub(crate) fn of_strings(mut setting: InvalidSetting) -> InvalidSetting {
    if let Some(key) = setting.key.strip_prefix("source.") {
        setting.key = format!("source.of.{key}");
    }
    setting
}

/// The source of the strings with its parameters.
#[derive(Debug)]
struct Copies {
    law: Law,
    length: u32,
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
        // Which place holds which string follows from the law: a sequence that is not its string
        // could not have been drawn.
        let mut pairs = dataset.sequences().zip(&exposure.string);
        let equal = pairs.all(|(sequence, &string)| sequence == strings.sequence(string));
        Some(if equal { bits } else { f64::INFINITY })
    }

    /// Each string is drawn once, from its own source's stream.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut strings = Strings::new(self.law, self.length);
        let mut of = Arc::clone(&self.of).rows(data_seed, split);
        Box::new(move |row| {
            let (string, new) = strings.of_next_place();
            if new {
                of(string);
            }
            row.copy_from_slice(string);
        })
    }

    fn file(&self) -> Option<&FileFacts> {
        self.of.file()
    }
}

/// Those of the strings, each counted once.
struct CopiesStatistics {
    strings: Strings,
    of: Box<dyn Statistics>,
    /// Whether a copy is not equal to its string: the source cannot give that.
    unequal: bool,
}

impl Statistics for CopiesStatistics {
    fn observe(&mut self, sequence: &[u16]) {
        let (string, new) = self.strings.of_next_place();
        if new {
            string.copy_from_slice(sequence);
            self.of.observe(sequence);
        } else {
            self.unequal |= string != sequence;
        }
    }

    fn log2_marginal(&self, _: u64) -> f64 {
        if self.unequal {
            f64::NEG_INFINITY
        } else {
            self.of.log2_marginal(self.strings.count)
        }
    }
}

/// The strings of one place after another. Memory grows with them under Zipf's law, which brings them
/// back.
struct Strings {
    places: Places,
    length: usize,
    /// Row after row: all of them, or the last only where none before it comes back.
    tokens: Vec<u16>,
    all: bool,
    /// How many there have been.
    count: u64,
}

impl Strings {
    fn new(law: Law, length: u32) -> Self {
        Self {
            places: law.places(),
            length: length as usize,
            tokens: Vec::new(),
            all: matches!(law, Law::Zipf { .. }),
            count: 0,
        }
    }

    /// The string of the next place, and whether it is a new one, which is to be written there.
    fn of_next_place(&mut self) -> (&mut [u16], bool) {
        let string = (self.places)();
        // Strings are numbered as they first appear, so the next new one has the number of those
        // before.
        let new = string == self.count;
        if new {
            self.count += 1;
            let held = if self.all { self.count as usize } else { 1 };
            self.tokens.resize(held * self.length, 0);
        }
        let at = if self.all { string as usize } else { 0 };
        (&mut self.tokens[at * self.length..][..self.length], new)
    }
}
