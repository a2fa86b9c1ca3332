//! Drawing a dataset from a source, whole or piece by piece.

use serde::{Deserialize, Serialize};

use crate::stream::stream;
use crate::uniform::UniformDrawer;
use crate::{Dataset, InvalidSetting, SourceSettings};

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
}

impl Drawer {
    /// Stands at the first token of the first sequence.
    ///
    /// # Errors
    /// A setting of the source that is out of its range.
    pub fn new(
        source: &SourceSettings,
        data_seed: u64,
        which: Stream,
    ) -> Result<Self, InvalidSetting> {
        source.validate()?;
        Ok(Self::of_valid(source, data_seed, which))
    }

    /// As [`Self::new`], of a source that has been validated.
    pub(crate) fn of_valid(source: &SourceSettings, data_seed: u64, which: Stream) -> Self {
        let words = stream(data_seed, which.name());
        let source = match source {
            SourceSettings::Uniform(uniform) => {
                SourceDrawer::Uniform(UniformDrawer::new(uniform, words))
            }
        };
        Self { source }
    }

    /// Draws the next `tokens.len()` tokens.
    pub fn fill(&mut self, tokens: &mut [u16]) {
        match &mut self.source {
            SourceDrawer::Uniform(uniform) => uniform.fill(tokens),
        }
    }
}

/// Draws a dataset of `samples` sequences into memory: 2 N S bytes.
///
/// # Errors
/// A setting of the source that is out of its range, no samples, or more than memory can hold.
pub fn draw(
    source: &SourceSettings,
    data_seed: u64,
    samples: u64,
    which: Stream,
) -> Result<Dataset, InvalidSetting> {
    let mut drawer = Drawer::new(source, data_seed, which)?;
    let bytes = token_bytes(source, samples)?;
    let too_large = || InvalidSetting {
        key: "data.samples".into(),
        found: samples.to_string(),
        allowed: format!("fewer: {bytes} bytes of tokens do not fit this machine's memory"),
    };
    let count = usize::try_from(bytes / 2).map_err(|_| too_large())?;
    let mut tokens = Vec::new();
    tokens.try_reserve_exact(count).map_err(|_| too_large())?;
    tokens.resize(count, 0);
    drawer.fill(&mut tokens);
    Ok(Dataset {
        tokens,
        samples: samples as usize,
        length: source.length() as usize,
        vocabulary: source.vocabulary(),
    })
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
