//! Copying: a uniform string, a separator, and the string again, some of its tokens replaced.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{Kind, Parameters, Rows, Statistics};
use crate::math::times_log2;
use crate::random::{below, fraction, threshold};
use crate::{Dataset, Split};
use bitcap_base::{InvalidSetting, in_range, stream};

/// Settings of the copied strings. A sequence is n tokens, uniform over all but the last of the
/// vocabulary, which then stands as the separator, and the n tokens again; S = 2 n + 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyingSettings {
    /// Vocabulary V, 3 to 65,536; token V - 1 is the separator and stands nowhere else.
    pub vocabulary: u32,
    /// Tokens n of a string, 1 to 2,047; S is 2 n + 1.
    pub string_length: u32,
    /// Probability that a token of the copy is replaced, 0 to 1: by one that is uniform over the
    /// V - 1 that strings are of, so that it may be the same again.
    #[serde(default)]
    pub noise: f64,
    /// Without effect: copying has no parameters to draw.
    pub seed: u64,
}

impl Kind for CopyingSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 3, 65_536)?;
        in_range("source.string_length", self.string_length, 1, 2047)?;
        in_range("source.noise", self.noise, 0.0, 1.0)
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.vocabulary, 2 * self.string_length + 1, self.seed)
    }

    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let [same, other] = self.copy();
        let others = f64::from(self.symbols() - 1);
        let part = |p: f64| if p > 0.0 { -p * libm::log2(p) } else { 0.0 };
        let each = libm::log2(f64::from(self.symbols())) + part(same) + others * part(other);
        samples as f64 * (f64::from(self.string_length) * each)
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(self.clone()))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(CopiedTokens::none(self)))
    }
}

impl CopyingSettings {
    /// Tokens that strings are of.
    fn symbols(&self) -> u32 {
        self.vocabulary - 1
    }

    /// Probability that a token of the copy is that of the string, and that it is a certain other.
    fn copy(&self) -> [f64; 2] {
        let each = self.noise / f64::from(self.symbols());
        [1.0 - self.noise + each, each]
    }
}

impl Parameters for CopyingSettings {
    fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let mut tokens = CopiedTokens::none(self);
        tokens.observe(sequence);
        Some(tokens.log2_marginal(1))
    }

    /// By the counts of the whole dataset: there is nothing not to know, and this is the entropy to
    /// the last bit.
    fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        let mut tokens = CopiedTokens::none(self);
        dataset.sequences().for_each(|row| tokens.observe(row));
        Some(0.0 - tokens.log2_marginal(dataset.samples as u64))
    }

    /// Takes the string off the stream, then, where tokens are replaced at all, for each of the copy a
    /// fraction, and where that says so another token.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        let symbols = self.symbols();
        let threshold = threshold(self.noise);
        Box::new(move |row| {
            let (string, rest) = row.split_at_mut(self.string_length as usize);
            string.fill_with(|| below(&mut words, symbols) as u16);
            rest[0] = symbols as u16;
            for (copy, &token) in rest[1..].iter_mut().zip(&*string) {
                let replaced = threshold > 0 && fraction(&mut words) < threshold;
                *copy = if replaced {
                    below(&mut words, symbols) as u16
                } else {
                    token
                };
            }
        })
    }
}

/// How many tokens of copies are those of their strings.
struct CopiedTokens {
    settings: CopyingSettings,
    same: u64,
    other: u64,
    /// Whether every separator is in its place, and nowhere else.
    separated: bool,
}

impl CopiedTokens {
    fn none(settings: &CopyingSettings) -> Self {
        Self {
            settings: settings.clone(),
            same: 0,
            other: 0,
            separated: true,
        }
    }
}

impl Statistics for CopiedTokens {
    fn observe(&mut self, sequence: &[u16]) {
        let separator = self.settings.symbols() as u16;
        let (string, rest) = sequence.split_at(self.settings.string_length as usize);
        self.separated &= rest[0] == separator;
        for (&token, &copy) in string.iter().zip(&rest[1..]) {
            self.separated &= token != separator && copy != separator;
            let count = if token == copy {
                &mut self.same
            } else {
                &mut self.other
            };
            *count += 1;
        }
    }

    fn log2_marginal(&self, _: u64) -> f64 {
        if !self.separated {
            return f64::NEG_INFINITY;
        }
        let [same, other] = self.settings.copy();
        let string = libm::log2(f64::from(self.settings.symbols()));
        let copies = times_log2(self.same, same) + times_log2(self.other, other);
        copies - (self.same + self.other) as f64 * string
    }
}
