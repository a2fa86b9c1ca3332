//! The file of a toy case.

use std::collections::HashSet;

use bitcap_base::InvalidSetting;
use serde::Deserialize;

/// Probabilities written with nine decimals or more pass; anything farther from a sum of 1 is a mistake.
const SUM_TOLERANCE: f64 = 1e-9;

/// Most (T, X) there may be: worked out in seconds, and some hundred megabytes for a learner that copies all.
const LIMIT: usize = 1 << 21;

/// A finite source, what it draws, and who learns from it. Always valid.
///
/// ```toml
/// data = ["0", "1"]            # the values of a sample, in order
/// samples = [1]                # n, a row each
///
/// [[source]]                   # a value of the source each
/// name = "tails"
/// prior = 0.5
/// data = [0.9, 0.1]            # the probability of each data value
///
/// [[source]]
/// name = "heads"
/// prior = 0.5
/// data = [0.1, 0.9]
///
/// [learner]
/// kind = "all"                 # or "majority", "count", "table"
/// ```
///
/// A table has `outputs`, the names of what the learner may say, and `table`, for each data value a row with the
/// probability of each output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toy {
    /// The names of the data values.
    pub(super) data: Vec<String>,
    /// The numbers of samples to work out.
    pub(super) samples: Vec<u32>,
    pub(super) source: Vec<SourceValue>,
    pub(super) learner: Learner,
}

/// One value of the source.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceValue {
    name: String,
    pub(super) prior: f64,
    /// The probability of each data value given it.
    pub(super) data: Vec<f64>,
}

/// What the learner makes of its samples. The braces are there so that serde refuses unknown keys beside a kind too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Learner {
    /// Copies of all samples, in order.
    All {},
    /// The most frequent value; of several, the first in the order of `data`.
    Majority {},
    /// How often each value occurred.
    Count {},
    /// For each value of one sample, the probabilities of the outputs. n = 1 only.
    Table(LearnerTable),
}

/// A learner given row by row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LearnerTable {
    /// What the outputs are called. One called as a data value is an answer as it stands.
    pub(super) outputs: Vec<String>,
    /// `[data values][outputs]`: the probability of each output.
    pub(super) table: Vec<Vec<f64>>,
}

impl Toy {
    /// Reads a toy case.
    ///
    /// # Errors
    ///
    /// The text is not TOML of this form; names are missing or occur twice; probabilities are not from 0 to 1 or do not
    /// sum to 1; lists do not fit each other; or a number of samples has too many terms to go through.
    pub fn from_toml(text: &str) -> Result<Self, ToyError> {
        let mut toy: Self =
            toml::from_str(text).map_err(|error| ToyError::Toml(in_one_line(text, &error)))?;
        toy.check()?;
        Ok(toy)
    }

    /// Checks every value, and takes the last rounding out of the sums, so that no figure carries it.
    fn check(&mut self) -> Result<(), InvalidSetting> {
        let values = self.data.len();
        names("data", self.data.iter(), 2)?;
        names("source.name", self.source.iter().map(|t| &t.name), 1)?;
        for (index, value) in self.source.iter_mut().enumerate() {
            let key = format!("source[{index}].data");
            to_distribution(&key, &mut value.data, values, "a data value")?;
        }
        // Each stands with its own source value; as a list they are checked like any other.
        let mut priors: Vec<f64> = self.source.iter().map(|value| value.prior).collect();
        to_distribution(
            "source.prior",
            &mut priors,
            self.source.len(),
            "a source value",
        )?;
        for (value, prior) in self.source.iter_mut().zip(priors) {
            value.prior = prior;
        }
        // After the lists, whose lengths the number of terms is made of.
        self.check_samples()?;
        let Learner::Table(LearnerTable { outputs, table }) = &mut self.learner else {
            return Ok(());
        };
        names("learner.outputs", outputs.iter(), 1)?;
        if table.len() != values {
            let found = format!("{} rows long", table.len());
            let allowed = format!("{values}, one a data value");
            return Err(InvalidSetting::new("learner.table", found, allowed));
        }
        for (index, row) in table.iter_mut().enumerate() {
            let key = format!("learner.table[{index}]");
            to_distribution(&key, row, outputs.len(), "an output")?;
        }
        Ok(())
    }

    fn check_samples(&self) -> Result<(), InvalidSetting> {
        if self.samples.is_empty() {
            let allowed = "a list of numbers from 1";
            return Err(InvalidSetting::new("samples", "empty", allowed));
        }
        let (values, sources) = (self.data.len(), self.source.len());
        for (index, &samples) in self.samples.iter().enumerate() {
            let sequences = values.checked_pow(samples);
            // None where it overflows 64 bits, that is above 1.8 x 10^19.
            let terms = sequences.and_then(|sequences| sequences.checked_mul(sources));
            let allowed = if samples == 0 {
                "1 or more".into()
            } else if samples > 1 && matches!(self.learner, Learner::Table(_)) {
                "1 where the learner is a table: its rows are of one sample".into()
            } else if terms.is_none_or(|terms| terms > LIMIT) {
                let terms = terms.map_or("more than 10^19".into(), |terms| terms.to_string());
                format!(
                    "smaller: {sources} source values and {values} data values then have {terms} terms to go \
                     through, and the most is {LIMIT}"
                )
            } else {
                continue;
            };
            let key = format!("samples[{index}]");
            return Err(InvalidSetting::new(&key, samples, allowed));
        }
        Ok(())
    }
}

/// What is wrong, after the line where it begins.
fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.split('\n').count()),
        None => message,
    }
}

fn names<'a>(
    key: &str,
    names: impl Iterator<Item = &'a String>,
    least: usize,
) -> Result<(), InvalidSetting> {
    let mut seen = HashSet::new();
    for (index, name) in names.enumerate() {
        if name.is_empty() || !seen.insert(name) {
            let found = format!("\"{name}\" at {index}");
            let allowed = "a name that occurs only once";
            return Err(InvalidSetting::new(key, found, allowed));
        }
    }
    if seen.len() < least {
        let (found, allowed) = (
            format!("{} long", seen.len()),
            format!("{least} or more names"),
        );
        return Err(InvalidSetting::new(key, found, allowed));
    }
    Ok(())
}

/// Checks that a row is one of probabilities that sum to 1 but for roundings, and takes those out.
fn to_distribution(
    key: &str,
    row: &mut [f64],
    expected: usize,
    each: &str,
) -> Result<(), InvalidSetting> {
    // The sum is judged last: where a number is out of its range it says nothing.
    let sum: f64 = row.iter().sum();
    let (found, allowed) = if row.len() != expected {
        (
            format!("{} long", row.len()),
            format!("{expected}, one {each}"),
        )
    } else if let Some(found) = row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        (format!("{found} in one place"), "from 0 to 1".into())
    } else if (sum - 1.0).abs() > SUM_TOLERANCE {
        (format!("{sum} in sum"), "1 in sum, to 1e-9".into())
    } else {
        row.iter_mut().for_each(|probability| *probability /= sum);
        return Ok(());
    };
    Err(InvalidSetting::new(key, found, allowed))
}

/// Why a toy case cannot be worked out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ToyError {
    /// Not TOML, an unknown or missing key, or a value of the wrong type. Says the line.
    #[error("{0}")]
    Toml(String),
    /// A value that it cannot have. The key goes from the top of the file; list items are counted from 0.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
}
