//! A source with its parameters, and drawing from it.

use std::sync::Arc;

use crate::dataset::token_bytes;
use crate::kind::{AnyKind, FileFacts, Parameters, Rows};
use crate::marginal::is_possible;
use crate::range::invalid;
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
        Self::of_valid(settings)
    }

    /// As [`Self::draw_parameters`], of settings that have been validated.
    pub(crate) fn of_valid(settings: &SourceSettings) -> Result<Self, InvalidSetting> {
        Ok(Self {
            settings: settings.clone(),
            parameters: settings.as_kind().parameters()?,
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
        if self.is_possible(sequence) {
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
        if dataset.sequences().all(|row| self.is_possible(row)) {
            self.parameters.source_bits(dataset)
        } else {
            Some(f64::INFINITY)
        }
    }

    fn is_possible(&self, sequence: &[u16]) -> bool {
        let length = self.settings.length() as usize;
        is_possible(sequence, length, self.settings.vocabulary())
    }

    /// A drawer at the first token of the first sequence.
    #[must_use]
    pub fn drawer(&self, data_seed: u64, split: Split) -> Drawer {
        let row = vec![0; self.settings.length() as usize];
        Drawer {
            rows: Arc::clone(&self.parameters).rows(data_seed, split),
            taken: row.len(),
            row,
        }
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
        let bytes = token_bytes(self.settings.length(), samples)?;
        self.check_samples(samples)?;
        let too_large = || {
            let allowed =
                format!("fewer: {bytes} bytes of tokens do not fit this machine's memory");
            invalid("data.samples", samples, allowed)
        };
        let count = usize::try_from(bytes / 2).map_err(|_| too_large())?;
        let mut tokens = Vec::new();
        tokens.try_reserve_exact(count).map_err(|_| too_large())?;
        tokens.resize(count, 0);
        self.drawer(data_seed, split).fill(&mut tokens);
        Ok(Dataset {
            tokens,
            samples: samples as usize,
            length: self.settings.length() as usize,
            vocabulary: self.settings.vocabulary(),
        })
    }

    /// How many fresh sequences there are beside `training` others: as many, or what a file has left.
    #[must_use]
    pub fn fresh_samples(&self, training: u64) -> u64 {
        let Some(file) = self.file() else {
            return training;
        };
        let strings = |samples| self.settings.as_kind().strings(samples);
        let left = file.sequences.saturating_sub(strings(training));
        // The largest number of sequences, at most `training`, that need no more strings than that.
        let (mut enough, mut too_many) = (0, training.saturating_add(1));
        while too_many - enough > 1 {
            let half = enough + (too_many - enough) / 2;
            if strings(half) <= left {
                enough = half;
            } else {
                too_many = half;
            }
        }
        enough
    }

    /// That a file has as many sequences.
    pub(crate) fn check_samples(&self, samples: u64) -> Result<(), InvalidSetting> {
        match self.file() {
            Some(file) => self.settings.check_samples(file, samples),
            None => Ok(()),
        }
    }
}

/// Draws the tokens of a dataset in pieces of any size, in row-major order.
///
/// The tokens do not depend on how they are cut into pieces, nor on how many will be drawn: a
/// smaller dataset is a prefix of a larger one with the same seed.
#[derive(Debug)]
pub struct Drawer {
    rows: Box<dyn Rows>,
    /// The sequence drawn last where a piece ended inside of it, and how much of it was taken.
    row: Vec<u16>,
    taken: usize,
}

impl Drawer {
    /// Draws the next `tokens.len()` tokens.
    ///
    /// # Panics
    /// Where the source is a file and the tokens go beyond its whole sequences
    /// ([`Source::file`] says how many there are).
    pub fn fill(&mut self, mut tokens: &mut [u16]) {
        let Self { rows, row, taken } = self;
        while !tokens.is_empty() {
            if *taken == row.len() {
                rows.next(row);
                *taken = 0;
            }
            let now = tokens.len().min(row.len() - *taken);
            let (piece, rest) = tokens.split_at_mut(now);
            piece.copy_from_slice(&row[*taken..][..now]);
            *taken += now;
            tokens = rest;
        }
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
