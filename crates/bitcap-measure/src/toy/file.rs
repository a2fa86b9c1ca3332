//! The file of a toy case.

use serde::Deserialize;

use super::ToyError;
use super::enumerate::check_size;

/// Probabilities written with nine decimals or more pass; anything farther from a sum of 1 is a mistake.
const SUM_TOLERANCE: f64 = 1e-9;

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
    data: Vec<String>,
    samples: Vec<u32>,
    source: Vec<SourceValue>,
    learner: Learner,
}

/// One value of the source.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceValue {
    /// What it is called.
    pub name: String,
    /// Its probability.
    pub prior: f64,
    /// The probability of each data value given it.
    pub data: Vec<f64>,
}

/// What the learner makes of its samples. The braces are there so that serde refuses unknown keys beside a kind too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Learner {
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
pub struct LearnerTable {
    /// What the outputs are called. One called as a data value is an answer as it stands.
    pub outputs: Vec<String>,
    /// `[data values][outputs]`: the probability of each output.
    pub table: Vec<Vec<f64>>,
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
        toy.normalize();
        Ok(toy)
    }

    /// The names of the data values.
    pub fn data(&self) -> &[String] {
        &self.data
    }

    /// The numbers of samples to work out, as they stand in the file.
    pub fn samples(&self) -> &[u32] {
        &self.samples
    }

    /// The values of the source.
    pub fn source(&self) -> &[SourceValue] {
        &self.source
    }

    /// The learner.
    pub fn learner(&self) -> &Learner {
        &self.learner
    }

    fn check(&self) -> Result<(), ToyError> {
        names("data", &self.data, 2)?;
        let sources: Vec<String> = self.source.iter().map(|value| value.name.clone()).collect();
        names("source.name", &sources, 1)?;
        for (index, value) in self.source.iter().enumerate() {
            let key = format!("source[{index}].data");
            distribution(&key, &value.data, self.data.len(), "a data value")?;
        }
        let priors: Vec<f64> = self.source.iter().map(|value| value.prior).collect();
        distribution("source.prior", &priors, priors.len(), "a source value")?;
        self.check_samples()?;
        if let Learner::Table(table) = &self.learner {
            self.check_table(table)?;
        }
        Ok(())
    }

    fn check_samples(&self) -> Result<(), ToyError> {
        if self.samples.is_empty() {
            let allowed = "a list of numbers from 1";
            return Err(ToyError::setting("samples", "empty", allowed));
        }
        for (index, &samples) in self.samples.iter().enumerate() {
            let key = format!("samples[{index}]");
            if samples == 0 {
                return Err(ToyError::setting(key, samples, "1 or more"));
            }
            if samples > 1 && matches!(self.learner, Learner::Table(_)) {
                let allowed = "1 where the learner is a table: its rows are of one sample";
                return Err(ToyError::setting(key, samples, allowed));
            }
            check_size(samples, self.source.len(), self.data.len())?;
        }
        Ok(())
    }

    fn check_table(&self, table: &LearnerTable) -> Result<(), ToyError> {
        names("learner.outputs", &table.outputs, 1)?;
        let values = self.data.len();
        if table.table.len() != values {
            let found = format!("{} rows long", table.table.len());
            let allowed = format!("{values}, one a data value");
            return Err(ToyError::setting("learner.table", found, allowed));
        }
        for (index, row) in table.table.iter().enumerate() {
            let key = format!("learner.table[{index}]");
            distribution(&key, row, table.outputs.len(), "an output")?;
        }
        Ok(())
    }

    /// Takes the last rounding out of the sums, so that no figure carries it.
    fn normalize(&mut self) {
        let sum: f64 = self.source.iter().map(|value| value.prior).sum();
        for value in &mut self.source {
            value.prior /= sum;
            to_sum_one(&mut value.data);
        }
        if let Learner::Table(table) = &mut self.learner {
            table.table.iter_mut().for_each(|row| to_sum_one(row));
        }
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

fn to_sum_one(row: &mut [f64]) {
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|probability| *probability /= sum);
}

fn names(key: &str, names: &[String], least: usize) -> Result<(), ToyError> {
    if names.len() < least {
        let found = format!("{} long", names.len());
        return Err(ToyError::setting(
            key,
            found,
            format!("{least} or more names"),
        ));
    }
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() || names[..index].contains(name) {
            let found = format!("\"{name}\" at {index}");
            return Err(ToyError::setting(
                key,
                found,
                "a name that occurs only once",
            ));
        }
    }
    Ok(())
}

fn distribution(key: &str, row: &[f64], expected: usize, each: &str) -> Result<(), ToyError> {
    if row.len() != expected {
        let found = format!("{} long", row.len());
        return Err(ToyError::setting(
            key,
            found,
            format!("{expected}, one {each}"),
        ));
    }
    if let Some(found) = row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(ToyError::setting(
            key,
            format!("{found} in one place"),
            "from 0 to 1",
        ));
    }
    let sum: f64 = row.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        let found = format!("{sum} in sum");
        return Err(ToyError::setting(key, found, "1 in sum, to 1e-9"));
    }
    Ok(())
}
