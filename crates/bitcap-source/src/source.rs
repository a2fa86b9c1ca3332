//! A source with its parameters.

use std::sync::Arc;

use crate::coin::Coin;
use crate::copies::{CopiesDrawer, inner};
use crate::draw::{Drawer, Rows};
use crate::linear::LinearMap;
use crate::marginal::is_possible;
use crate::markov;
use crate::uniform::UniformDrawer;
use crate::user_file::UserFile;
use crate::{CopiesSettings, Dataset, FileFacts, SourceSettings, Stream, UniformSettings};
use bitcap_base::InvalidSetting;
use bitcap_base::stream;

/// The purpose of the stream that parameters are drawn from.
const PURPOSE: &str = "source";

/// A source whose parameters have been drawn from their prior, once for all its datasets: they
/// follow from the settings, `seed` among them, and are the same on every platform.
#[derive(Clone, Debug)]
pub struct Source {
    settings: SourceSettings,
    parameters: Parameters,
}

#[derive(Clone, Debug)]
enum Parameters {
    /// There are none.
    Uniform(UniformSettings),
    Coin(Coin),
    Markov(Arc<markov::Rows>),
    Linear(Arc<LinearMap>),
    Copies(CopiesSettings, Box<Source>),
    File(Arc<UserFile>),
}

impl Source {
    /// Draws the parameters from the prior, by `source.seed`; reads the file where the source is one.
    ///
    /// # Errors
    /// A setting that is out of its range; a file that cannot be read, is shorter than a sequence,
    /// or has a token that is not in the vocabulary.
    pub fn draw_parameters(settings: &SourceSettings) -> Result<Self, InvalidSetting> {
        settings.validate()?;
        Self::of_valid(settings)
    }

    /// As [`Self::draw_parameters`], of settings that have been validated.
    pub(crate) fn of_valid(settings: &SourceSettings) -> Result<Self, InvalidSetting> {
        let words = &mut stream(settings.seed(), PURPOSE);
        let rows = |chain, words| Parameters::Markov(Arc::new(markov::Rows::draw(chain, words)));
        let parameters = match settings {
            SourceSettings::Uniform(uniform) => Parameters::Uniform(uniform.clone()),
            SourceSettings::Coin(coin) => Parameters::Coin(coin.draw_parameters(words)),
            SourceSettings::Unigram(unigram) => rows(unigram.chain(), words),
            SourceSettings::Markov(markov) => rows(markov.chain(), words),
            SourceSettings::Linear(linear) => {
                Parameters::Linear(Arc::new(LinearMap::draw(linear.clone(), words)))
            }
            SourceSettings::Copies(copies) => {
                let of = Self::of_valid(&copies.of).map_err(inner)?;
                Parameters::Copies(copies.clone(), Box::new(of))
            }
            SourceSettings::File(file) => Parameters::File(Arc::new(UserFile::read(file)?)),
        };
        Ok(Self {
            settings: settings.clone(),
            parameters,
        })
    }

    /// What the source is set by.
    #[must_use]
    pub fn settings(&self) -> &SourceSettings {
        &self.settings
    }

    /// What the file holds, where the source is a file or copies of one.
    #[must_use]
    pub fn file(&self) -> Option<&FileFacts> {
        match &self.parameters {
            Parameters::File(file) => Some(&file.facts),
            Parameters::Copies(_, of) => of.file(),
            _ => None,
        }
    }

    /// log2 of the probability of one sequence given the parameters, whichever it is: of the
    /// training data, fresh or foreign. Minus infinity where the source cannot give it (another
    /// length than S, a token not below V, an output of an unflipped linear map that is not right);
    /// None where the source is a file. For copies: that of the string.
    #[must_use]
    pub fn log2_probability(&self, sequence: &[u16]) -> Option<f64> {
        let vocabulary = self.settings.vocabulary();
        let length = self.settings.length();
        let possible = is_possible(sequence, length as usize, vocabulary);
        let log2 = match &self.parameters {
            Parameters::File(_) => return None,
            Parameters::Copies(_, of) => return of.log2_probability(sequence),
            _ if !possible => f64::NEG_INFINITY,
            Parameters::Uniform(uniform) => -uniform.entropy_bits(1),
            Parameters::Coin(coin) => coin.log2_probability(sequence),
            Parameters::Markov(rows) => rows.log2_probability(sequence),
            Parameters::Linear(map) => map.log2_probability(sequence),
        };
        Some(log2)
    }

    /// `source_bits` of a dataset: -log2 p(X | source), in bits, the parameters known. Of copies
    /// every string counts once. Infinite where the source cannot give the dataset; None where the
    /// source is a file.
    #[must_use]
    pub fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        if let Parameters::Uniform(_) = &self.parameters {
            // There is nothing not to know: the same figure to the last bit.
            return self.settings.entropy_bits(dataset);
        }
        let Parameters::Copies(copies, of) = &self.parameters else {
            let each = dataset.sequences().map(|row| self.log2_probability(row));
            return each.sum::<Option<f64>>().map(|log2| 0.0 - log2);
        };
        let mut strings = Dataset {
            tokens: Vec::new(),
            samples: 0,
            ..*dataset
        };
        for (sequence, string) in dataset
            .sequences()
            .zip(copies.exposure(dataset.samples).string)
        {
            if string == strings.samples {
                strings.tokens.extend_from_slice(sequence);
                strings.samples += 1;
            } else if strings.sequence(string) != sequence {
                return self.settings.entropy_is_known().then_some(f64::INFINITY);
            }
        }
        of.source_bits(&strings)
    }

    /// What the dataset says of the source, in bits: log2 p(X | source) - log2 p(X), the bound on
    /// intended memorization. Its mean over the prior and the data is their mutual information, at
    /// least 0; for one dataset it can be below. None where the source is a file; not a number where
    /// the source cannot give the dataset.
    #[must_use]
    pub fn intended_limit_bits(&self, dataset: &Dataset) -> Option<f64> {
        Some(self.settings.entropy_bits(dataset)? - self.source_bits(dataset)?)
    }

    /// A drawer at the first token of the first sequence.
    #[must_use]
    pub fn drawer(&self, data_seed: u64, which: Stream) -> Drawer {
        let words = stream(data_seed, which.name());
        let rows = match &self.parameters {
            Parameters::Uniform(uniform) => {
                return Drawer::uniform(UniformDrawer::new(uniform, words));
            }
            Parameters::Coin(coin) => Rows::Coin(coin.clone(), words),
            Parameters::Markov(rows) => Rows::Markov(Arc::clone(rows), words),
            Parameters::Linear(map) => Rows::Linear(Arc::clone(map), words),
            Parameters::Copies(copies, of) => {
                let of = of.drawer(data_seed, which);
                Rows::Copies(Box::new(CopiesDrawer::new(copies, of)))
            }
            Parameters::File(file) => Rows::File(Arc::clone(file), which, 0),
        };
        Drawer::rows(rows, self.settings.length() as usize)
    }

    /// How many fresh sequences there are beside `training` others: as many, or what a file has left.
    #[must_use]
    pub fn fresh_samples(&self, training: u64) -> u64 {
        let Some(file) = self.file() else {
            return training;
        };
        let left = file.sequences.saturating_sub(self.strings(training));
        // The largest number of sequences, at most `training`, that need no more strings than that.
        let (mut enough, mut too_many) = (0, training.saturating_add(1));
        while too_many - enough > 1 {
            let half = enough + (too_many - enough) / 2;
            if self.strings(half) <= left {
                enough = half;
            } else {
                too_many = half;
            }
        }
        enough
    }

    /// How many different strings `samples` sequences take.
    fn strings(&self, samples: u64) -> u64 {
        match &self.settings {
            SourceSettings::Copies(copies) => copies.distinct(samples),
            _ => samples,
        }
    }

    /// That a file has as many sequences.
    pub(crate) fn check_samples(&self, samples: u64) -> Result<(), InvalidSetting> {
        let Some(file) = self.file() else {
            return Ok(());
        };
        let strings = self.strings(samples);
        if strings <= file.sequences {
            return Ok(());
        }
        Err(InvalidSetting {
            key: "data.samples".into(),
            found: if strings == samples {
                samples.to_string()
            } else {
                format!("{samples} (copies of {strings} strings)")
            },
            allowed: format!(
                "smaller: the file has {} whole sequences of {} tokens",
                file.sequences,
                self.settings.length()
            ),
        })
    }
}
