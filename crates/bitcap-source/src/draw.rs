//! Drawing a dataset from a source, whole or piece by piece.

use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::coin::Coin;
use crate::copies::CopiesDrawer;
use crate::linear::LinearMap;
use crate::markov;
use crate::uniform::UniformDrawer;
use crate::user_file::UserFile;
use crate::{Dataset, Source, SourceSettings};
use bitcap_base::InvalidSetting;

/// Which of a source's independent streams of samples to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// What models are trained on.
    #[serde(rename = "data")]
    Training,
    /// Data of the same source that no model has seen: the noise floor of every measure.
    Fresh,
}

impl Stream {
    /// Both streams.
    pub(crate) const ALL: [Self; 2] = [Self::Training, Self::Fresh];

    /// The name of the stream in files, which is its purpose in [`crate::stream()`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "data",
            Self::Fresh => "fresh",
        }
    }
}

/// Draws the tokens of a dataset in pieces of any size, in row-major order.
///
/// The tokens do not depend on how they are cut into pieces, nor on how many will be drawn: a
/// smaller dataset is a prefix of a larger one with the same seed.
#[derive(Debug)]
pub struct Drawer {
    source: SourceDrawer,
}

#[derive(Debug)]
enum SourceDrawer {
    Uniform(UniformDrawer),
    Rows {
        rows: Rows,
        /// The sequence drawn last where a piece ended inside of it, and how much of it was taken.
        row: Vec<u16>,
        taken: usize,
    },
}

/// What draws a sequence at a time.
#[derive(Debug)]
pub(crate) enum Rows {
    Coin(Coin, ChaCha8Rng),
    Markov(Arc<markov::Rows>, ChaCha8Rng),
    Linear(Arc<LinearMap>, ChaCha8Rng),
    Copies(Box<CopiesDrawer>),
    /// The file, the stream, and how many sequences were drawn.
    File(Arc<UserFile>, Stream, u64),
}

impl Rows {
    fn sequence(&mut self, row: &mut [u16]) {
        match self {
            Self::Coin(coin, words) => coin.sequence(words, row),
            Self::Markov(rows, words) => rows.sequence(words, row),
            Self::Linear(map, words) => map.sequence(words, row),
            Self::Copies(copies) => copies.sequence(row),
            Self::File(file, which, drawn) => {
                file.sequence(*drawn, *which, row);
                *drawn += 1;
            }
        }
    }
}

impl Drawer {
    /// Stands at the first token of the first sequence.
    ///
    /// # Errors
    /// As [`Source::draw_parameters`].
    pub fn new(
        source: &SourceSettings,
        data_seed: u64,
        which: Stream,
    ) -> Result<Self, InvalidSetting> {
        Ok(Source::draw_parameters(source)?.drawer(data_seed, which))
    }

    pub(crate) fn uniform(uniform: UniformDrawer) -> Self {
        Self {
            source: SourceDrawer::Uniform(uniform),
        }
    }

    /// Of sequences of `length` tokens.
    pub(crate) fn rows(rows: Rows, length: usize) -> Self {
        Self {
            source: SourceDrawer::Rows {
                rows,
                row: vec![0; length],
                taken: length,
            },
        }
    }

    /// Draws the next `tokens.len()` tokens.
    ///
    /// # Panics
    /// Where the source is a file and the tokens go beyond its whole sequences
    /// ([`Source::file`] says how many there are).
    pub fn fill(&mut self, mut tokens: &mut [u16]) {
        match &mut self.source {
            SourceDrawer::Uniform(uniform) => uniform.fill(tokens),
            SourceDrawer::Rows { rows, row, taken } => {
                while !tokens.is_empty() {
                    if *taken == row.len() {
                        rows.sequence(row);
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
    which: Stream,
) -> Result<Dataset, InvalidSetting> {
    Source::draw_parameters(source)?.draw(data_seed, samples, which)
}

impl Source {
    /// Draws a dataset of `samples` sequences into memory: 2 N S bytes.
    ///
    /// # Errors
    /// No samples, more than memory can hold, or more than a file has.
    pub fn draw(
        &self,
        data_seed: u64,
        samples: u64,
        which: Stream,
    ) -> Result<Dataset, InvalidSetting> {
        let bytes = token_bytes(self.settings(), samples)?;
        self.check_samples(samples)?;
        let too_large = || InvalidSetting {
            key: "data.samples".into(),
            found: samples.to_string(),
            allowed: format!("fewer: {bytes} bytes of tokens do not fit this machine's memory"),
        };
        let count = usize::try_from(bytes / 2).map_err(|_| too_large())?;
        let mut tokens = Vec::new();
        tokens.try_reserve_exact(count).map_err(|_| too_large())?;
        tokens.resize(count, 0);
        self.drawer(data_seed, which).fill(&mut tokens);
        Ok(Dataset {
            tokens,
            samples: samples as usize,
            length: self.settings().length() as usize,
            vocabulary: self.settings().vocabulary(),
        })
    }
}

/// Bytes that the tokens of `samples` sequences take, two each, in memory and in a file.
///
/// # Errors
/// No samples, or more bytes than a file or an allocation can have (2^63 - 1).
pub(crate) fn token_bytes(source: &SourceSettings, samples: u64) -> Result<u64, InvalidSetting> {
    let row = u64::from(source.length()) * 2;
    let most = i64::MAX as u64 / row;
    if (1..=most).contains(&samples) {
        return Ok(samples * row);
    }
    Err(InvalidSetting {
        key: "data.samples".into(),
        found: samples.to_string(),
        allowed: format!("from 1 to {most} at this length"),
    })
}
