//! Copies: strings of another source, each repeated by a law, so that exposure varies.
//!
//! N counts sequences with their copies. Which place holds which string follows from the law and
//! the place alone, so that a coder knows it: every string is coded once, and entropies are those of
//! the strings. Strings that the other source happens to draw twice are two strings here, each coded
//! as that source codes it; they are as rare as it makes them.

mod drawer;
mod law;
mod marginal;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use drawer::CopiesDrawer;
pub use law::CopiesLaw;
use law::Law;
pub(crate) use marginal::CopiesMarginal;

use crate::SourceSettings;
use crate::settings::{number_in_range, whole_in_range};
use bitcap_base::InvalidSetting;

/// Most different strings of the Zipf law: they are all held in memory, as they come back.
const MAX_DISTINCT: u64 = 1 << 24;

/// Settings of copies of another source's strings.
///
/// The seed is that of the other source, whose own is left out where settings are written by hand.
/// The other source is of any kind but copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct CopiesSettings {
    /// The source of the strings; its seed is the same as `seed`.
    pub of: Box<SourceSettings>,
    /// The law that says how often each string stands in the dataset.
    pub law: CopiesLaw,
    /// How often each string stands there, at least 1: for the constant law only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The exponent, 0 to 10: for Zipf's law only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exponent: Option<f64>,
    /// How many different strings there are in a large enough dataset, 1 to 2^24: for Zipf's law
    /// only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// Seed of the parameters of the source of the strings.
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

impl TryFrom<Written> for CopiesSettings {
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

/// Which string each sequence of a dataset is, and how often each string stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// For each of the N sequences the number of its string; strings are numbered from 0 in the
    /// order in which they first appear.
    pub string: Vec<usize>,
    /// For each string how many of the N sequences are copies of it.
    pub count: Vec<usize>,
}

impl CopiesSettings {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        let wrong = |key: &str, found: String, allowed: &str| InvalidSetting {
            key: key.into(),
            found,
            allowed: allowed.into(),
        };
        if matches!(*self.of, SourceSettings::Copies(_)) {
            let allowed = "any other kind: copies of copies are copies";
            return Err(wrong("source.of.kind", "copies".into(), allowed));
        }
        self.of.validate().map_err(inner)?;
        if self.of.seed() != self.seed {
            let allowed = "left out, or the same as source.seed";
            return Err(wrong("source.of.seed", self.of.seed().to_string(), allowed));
        }
        let given = [
            ("source.count", self.count.map(|n| n.to_string())),
            ("source.exponent", self.exponent.map(|n| n.to_string())),
            ("source.distinct", self.distinct.map(|n| n.to_string())),
        ];
        for (key, found) in given {
            let constant = self.law == CopiesLaw::Constant;
            let needed = constant == (key == "source.count");
            let (name, have) = if constant {
                ("constant", "count")
            } else {
                ("zipf", "exponent and distinct")
            };
            match found {
                Some(found) if !needed => {
                    let allowed = format!("left out: the law \"{name}\" has {have}");
                    return Err(wrong(key, found, &allowed));
                }
                None if needed => {
                    let allowed = format!("given: the law \"{name}\" has {have}");
                    return Err(wrong(key, "missing".into(), &allowed));
                }
                _ => {}
            }
        }
        if let Some(count) = self.count {
            whole_in_range("source.count", count, 1, u64::MAX)?;
        }
        if let Some(exponent) = self.exponent {
            number_in_range("source.exponent", exponent, 0.0, 10.0)?;
        }
        if let Some(distinct) = self.distinct {
            whole_in_range("source.distinct", distinct, 1, MAX_DISTINCT)?;
        }
        Ok(())
    }

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

    /// How many strings `samples` sequences are copies of.
    pub(crate) fn distinct(&self, samples: u64) -> u64 {
        self.law().distinct(samples)
    }

    /// Sequences a string, where that does not depend on N.
    pub(crate) fn copies_each(&self) -> Option<u64> {
        match self.law() {
            Law::Constant { count } => Some(count),
            Law::Zipf { .. } => None,
        }
    }

    /// Which string each of `samples` sequences is.
    pub(crate) fn exposure(&self, samples: usize) -> Exposure {
        let mut strings = self.law().strings();
        let string: Vec<usize> = (0..samples).map(|_| strings.next() as usize).collect();
        let mut count = vec![0; string.iter().max().map_or(0, |last| last + 1)];
        for &string in &string {
            count[string] += 1;
        }
        Exposure { string, count }
    }
}

/// An error of the source of the strings, with its key as it stands in the settings of the copies.
pub(crate) fn inner(mut setting: InvalidSetting) -> InvalidSetting {
    if let Some(key) = setting.key.strip_prefix("source.") {
        setting.key = format!("source.of.{key}");
    }
    setting
}
