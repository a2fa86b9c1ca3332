//! A source with its parameters, and drawing from it.

use std::sync::Arc;

use crate::dataset::{token_bytes, with_room};
use crate::kind::{FileFacts, Parameters, Rows};
use crate::math::first_that;
use crate::{Dataset, SourceSettings, Split};
use bitcap_base::InvalidSetting;

/// A source whose parameters have been drawn from their prior, once for all its datasets: they
/// follow from the settings, `seed` among them, and are the same on every platform.
#[derive(Clone, Debug)]
pub struct Source {
    settings: SourceSettings,
    parameters: Arc<dyn Parameters>,
}

impl Source {
    /// Draws the parameters from the prior, by `source.seed`; reads the file where the source is one.
    ///
    /// # Errors
    /// A setting that is out of its range; what [`SourceSettings::inspect_file`] finds.
    pub fn draw_parameters(settings: &SourceSettings) -> Result<Self, InvalidSetting> {
        settings.validate()?;
        Ok(Self {
            settings: settings.clone(),
            parameters: settings.parameters()?,
        })
    }

    /// What the file holds, where the source is a file or copies of one.
    #[must_use]
    pub fn file(&self) -> Option<&FileFacts> {
        self.parameters.file()
    }

    /// log2 of the probability of one sequence given the parameters, whichever it is: of the
    /// training data, fresh or foreign. Minus infinity where the source cannot give it (another
    /// length than S, a token not below V, an output of an unflipped linear map that is not right);
    /// None where the source is a file. For copies: that of the string.
    #[must_use]
    pub fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        // Kinds take tokens for places in their tables, so they never see a sequence that is not
        // possible.
        if self.settings.is_possible(sequence) {
            self.parameters.log2_probability(sequence)
        } else {
            Some(f64::NEG_INFINITY)
        }
    }

    /// `source_bits` of a dataset: -log2 p(X | source), in bits, the parameters known. Of copies
    /// every string counts once. Infinite where the source cannot give the dataset; None where the
    /// source is a file.
    #[must_use]
    pub fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        let possible = |row| self.settings.is_possible(row);
        if dataset.sequences().all(possible) {
            self.parameters.source_bits(dataset)
        } else {
            Some(f64::INFINITY)
        }
    }

    /// Draws the sequences of a dataset, one after another, into rows of S tokens. They do not depend
    /// on how many will be drawn: a smaller dataset is a prefix of a larger one with the same seed. A
    /// file's must not go beyond its whole sequences.
    pub(crate) fn rows(&self, data_seed: u64, split: Split) -> Rows {
        Arc::clone(&self.parameters).rows(data_seed, split)
    }

    /// Draws a dataset of `samples` sequences into memory: 2 N S bytes.
    ///
    /// # Errors
    /// No samples, more than memory can hold, or more than a file has.
    pub fn draw(
        &self,
        data_seed: u64,
        samples: u64,
        split: Split,
    ) -> Result<Dataset, InvalidSetting> {
        let bytes = self.token_bytes(samples)?;
        let length = self.settings.length() as usize;
        let mut tokens = with_room(bytes / 2).ok_or_else(|| {
            let allowed =
                format!("fewer: {bytes} bytes of tokens do not fit this machine's memory");
            InvalidSetting::new("data.samples", samples, allowed)
        })?;
        tokens.resize((bytes / 2) as usize, 0);
        let rows = tokens.chunks_exact_mut(length);
        rows.for_each(self.rows(data_seed, split));
        Ok(Dataset {
            tokens,
            samples: samples as usize,
            length,
            vocabulary: self.settings.vocabulary(),
        })
    }

    /// How many fresh sequences there are beside `training` others: as many, or what a file has left.
    #[must_use]
    pub fn fresh_samples(&self, training: u64) -> u64 {
        let Some(file) = self.file() else {
            return training;
        };
        let strings = |samples| self.settings.strings(samples);
        // Training is read from the beginning and fresh data from the end: what is left between
        // them is held out. Copies take only their strings from the file.
        let left = file.sequences.saturating_sub(strings(training));
        let too_many = |samples| strings(samples) > left;
        // Strings never fall as samples rise, so the largest number that fits is found by halving.
        first_that(1, training.saturating_add(1), too_many) - 1
    }

    /// The bytes that the tokens of `samples` sequences take, where the source has as many.
    pub(crate) fn token_bytes(&self, samples: u64) -> Result<u64, InvalidSetting> {
        let bytes = token_bytes(self.settings.length(), samples)?;
        if let Some(file) = self.file() {
            self.settings.check_samples(file, samples)?;
        }
        Ok(bytes)
    }
}

/// Draws a dataset of `samples` sequences into memory: 2 N S bytes, and the source's parameters.
///
/// # Errors
/// As [`Source::draw_parameters`] and [`Source::draw`].
pub fn draw(
    source: &SourceSettings,
    data_seed: u64,
    samples: u64,
    split: Split,
) -> Result<Dataset, InvalidSetting> {
    Source::draw_parameters(source)?.draw(data_seed, samples, split)
}
