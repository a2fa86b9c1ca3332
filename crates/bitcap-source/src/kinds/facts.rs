//! Facts: tuples of a name, an attribute and a value out of a table that is drawn once, so that bits
//! of knowledge can be counted (Allen-Zhu and Li 2024, "Physics of Language Models: Part 3.3,
//! Knowledge Capacity Scaling Laws").
//!
//! What the data say of the table is their entropy less the bits of the source. Once every name, every
//! chunk and every fact has been stated it is the whole table: log2 of (T^n over N) for the names,
//! log2 of (T^L over D) for each attribute's chunks, and N K C log2 D for the values, the terms of
//! that paper's bound.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Split;
use crate::kind::{Kind, Parameters, Rows, Statistics, parameter_words};
use crate::math::log2_falling;
use crate::random::{below, subset};
use bitcap_base::{InvalidSetting, check_setting, in_range, stream};

/// Most names, chunks in all values, and chunks in all diversity sets: the table and what the marginal
/// keeps of it take some hundred megabytes then.
const MAX_ENTRIES: u64 = 1 << 22;

/// Settings of the facts. The vocabulary V is T tokens that names and values are made of, then a token
/// for each of the K attributes. A sequence is a name, an attribute's token and the value, each of
/// fixed length; every name and attribute is equally likely in each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactsSettings {
    /// Number of names N, 1 to 2^22: all sets of N different strings are equally likely.
    pub names: u32,
    /// Tokens n of a name, at least 1; T^n is at least N and below 2^32.
    pub name_length: u32,
    /// Number of attributes K, at least 1; V, which is T + K, is at most 65,536.
    pub attributes: u32,
    /// Chunks C of a value, at least 1; N K C is at most 2^22. Each is uniform over the attribute's D.
    pub chunks: u32,
    /// Tokens L of a chunk, at least 1; S, which is n + 1 + C L, is at most 4,096.
    pub chunk_length: u32,
    /// Diversity D: different chunks that values of an attribute are made of, 1 to T^L, which is below
    /// 2^32; K D is at most 2^22. For each attribute all sets of D are equally likely.
    pub diversity: u32,
    /// Tokens T that names and values are made of, 2 to 65,535.
    pub symbols: u32,
    /// Seed that names, chunks and values are drawn with.
    pub seed: u64,
}

impl FactsSettings {
    /// How many strings of so many tokens there are; None where they are 2^32 or more.
    fn strings(&self, length: u32) -> Option<u32> {
        self.symbols.checked_pow(length)
    }

    /// The number of a string, its first token the highest digit.
    fn number(&self, string: &[u16]) -> u32 {
        let digits = string.iter();
        digits.fold(0, |number, &token| number * self.symbols + u32::from(token))
    }

    /// The string of a number.
    fn spell(&self, mut number: u32, string: &mut [u16]) {
        for token in string.iter_mut().rev() {
            *token = (number % self.symbols) as u16;
            number /= self.symbols;
        }
    }

    /// The parts of a sequence; None where a token is not of its kind.
    fn parse(&self, sequence: &[u16]) -> Option<Fact> {
        let of_strings = |&token: &u16| u32::from(token) < self.symbols;
        let (name, rest) = sequence.split_at(self.name_length as usize);
        let (attribute, value) = rest.split_first()?;
        let attribute = u32::from(*attribute).checked_sub(self.symbols)?;
        let right = name.iter().chain(value).all(of_strings);
        let chunks = value.chunks_exact(self.chunk_length as usize);
        right.then(|| Fact {
            name: self.number(name),
            attribute,
            value: chunks.map(|chunk| self.number(chunk)).collect(),
        })
    }
}

/// Name and chunks by their numbers.
struct Fact {
    name: u32,
    attribute: u32,
    value: Vec<u32>,
}

impl Kind for FactsSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.symbols", self.symbols, 2, 65_535)?;
        in_range(
            "source.attributes",
            self.attributes,
            1,
            65_536 - self.symbols,
        )?;
        in_range("source.name_length", self.name_length, 1, 4094)?;
        let room = 4096 - self.name_length - 1;
        in_range("source.chunk_length", self.chunk_length, 1, room)?;
        in_range("source.chunks", self.chunks, 1, room / self.chunk_length)?;
        let strings = |key: &str, length| {
            let most = u32::MAX.ilog(self.symbols);
            let allowed = format!("from 1 to {most}: there must be less than 2^32 such strings");
            self.strings(length)
                .ok_or_else(|| InvalidSetting::new(key, length, allowed))
        };
        let names = strings("source.name_length", self.name_length)?;
        in_range("source.names", self.names, 1, names)?;
        let chunks = strings("source.chunk_length", self.chunk_length)?;
        in_range("source.diversity", self.diversity, 1, chunks)?;
        let [names, attributes, chunks, diversity] =
            [self.names, self.attributes, self.chunks, self.diversity].map(u64::from);
        let least = attributes * chunks;
        let allowed = format!("fewer: names x attributes x chunks are limited to {MAX_ENTRIES}");
        check_setting(names * least <= MAX_ENTRIES, "source.names", names, allowed)?;
        let allowed = format!("less: attributes x diversity is limited to {MAX_ENTRIES}");
        let fits = attributes * diversity <= MAX_ENTRIES;
        check_setting(fits, "source.diversity", diversity, allowed)
    }

    fn common(&self) -> (u32, u32, u64) {
        let length = self.name_length + 1 + self.chunks * self.chunk_length;
        (self.symbols + self.attributes, length, self.seed)
    }

    /// Given the table: which name and attribute.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        samples as f64 * libm::log2(f64::from(self.names) * f64::from(self.attributes))
    }

    /// Draws the names, each attribute's chunks, and the chunks of each value.
    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        let words = &mut parameter_words(self.seed);
        let all = |length| self.strings(length).expect("valid settings");
        let names = subset(words, self.names, all(self.name_length));
        let chunks = all(self.chunk_length);
        let sets: Vec<u32> = (0..self.attributes)
            .flat_map(|_| subset(words, self.diversity, chunks))
            .collect();
        let count = self.names * self.attributes * self.chunks;
        let values = (0..count).map(|_| below(words, self.diversity));
        Ok(Arc::new(Table {
            values: values.collect(),
            settings: self.clone(),
            names,
            sets,
        }))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(Known {
            settings: self.clone(),
            names: HashSet::new(),
            chunks: vec![HashSet::new(); self.attributes as usize],
            facts: HashMap::new(),
            impossible: false,
        }))
    }
}

/// The table.
#[derive(Debug)]
struct Table {
    settings: FactsSettings,
    /// In their order.
    names: Vec<u32>,
    /// D chunks an attribute, in their order.
    sets: Vec<u32>,
    /// For each name and each attribute, which chunks of the attribute its C are.
    values: Vec<u32>,
}

impl Table {
    /// The numbers of the chunks of a value.
    fn value(&self, name: usize, attribute: usize) -> impl Iterator<Item = u32> {
        let [attributes, chunks, diversity] = [
            self.settings.attributes,
            self.settings.chunks,
            self.settings.diversity,
        ]
        .map(|count| count as usize);
        let set = &self.sets[attribute * diversity..][..diversity];
        let value = &self.values[(name * attributes + attribute) * chunks..][..chunks];
        value.iter().map(|&chunk| set[chunk as usize])
    }
}

impl Parameters for Table {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let is_right = |fact: &Fact| {
            self.names.binary_search(&fact.name).is_ok_and(|name| {
                let value = self.value(name, fact.attribute as usize);
                value.eq(fact.value.iter().copied())
            })
        };
        let right = self.settings.parse(sequence).filter(is_right);
        let bits = self.settings.expected_entropy_bits(1);
        Some(right.map_or(f64::NEG_INFINITY, |_| 0.0 - bits))
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        Box::new(move |row| {
            let settings = &self.settings;
            let name = below(&mut words, settings.names) as usize;
            let attribute = below(&mut words, settings.attributes);
            let (tokens, rest) = row.split_at_mut(settings.name_length as usize);
            settings.spell(self.names[name], tokens);
            rest[0] = (settings.symbols + attribute) as u16;
            let chunks = rest[1..].chunks_exact_mut(settings.chunk_length as usize);
            for (tokens, chunk) in chunks.zip(self.value(name, attribute as usize)) {
                settings.spell(chunk, tokens);
            }
        })
    }
}

/// What the sequences said of the table.
///
/// A set of N strings out of M, all such sets equally likely, has n certain ones in it with
/// probability N (N - 1) ... (N - n + 1) / (M (M - 1) ... (M - n + 1)); that goes for the names, and
/// for the chunks of each attribute. Given the sets, each sequence is one of N K equally likely, and
/// each new fact C chunks of D equally likely; a fact that is stated again costs nothing.
struct Known {
    settings: FactsSettings,
    names: HashSet<u32>,
    /// Of each attribute.
    chunks: Vec<HashSet<u32>>,
    /// The value of each name and attribute.
    facts: HashMap<(u32, u32), Vec<u32>>,
    /// Whether a sequence was no fact, one contradicted another, or there were too many names or
    /// chunks.
    impossible: bool,
}

impl Statistics for Known {
    fn observe(&mut self, sequence: &[u16]) {
        let Some(fact) = self.settings.parse(sequence) else {
            self.impossible = true;
            return;
        };
        if self.impossible {
            return;
        }
        let key = (fact.name, fact.attribute);
        if let Some(known) = self.facts.get(&key) {
            self.impossible = *known != fact.value;
            return;
        }
        self.names.insert(fact.name);
        let chunks = &mut self.chunks[fact.attribute as usize];
        chunks.extend(&fact.value);
        self.impossible = self.names.len() > self.settings.names as usize
            || chunks.len() > self.settings.diversity as usize;
        self.facts.insert(key, fact.value);
    }

    fn log2_marginal(&self, sequences: u64) -> f64 {
        if self.impossible {
            return f64::NEG_INFINITY;
        }
        let settings = &self.settings;
        let log2_within = |seen: &HashSet<u32>, set: u32, length: u32| {
            let seen = seen.len() as u64;
            let all = u64::from(settings.symbols).pow(length);
            log2_falling(set.into(), seen) - log2_falling(all, seen)
        };
        let names = log2_within(&self.names, settings.names, settings.name_length);
        let sets = self.chunks.iter();
        let chunks: f64 = sets
            .map(|seen| log2_within(seen, settings.diversity, settings.chunk_length))
            .sum();
        let values = self.facts.len() as f64 * f64::from(settings.chunks);
        let values = values * libm::log2(f64::from(settings.diversity));
        names + chunks - values - settings.expected_entropy_bits(sequences)
    }
}
