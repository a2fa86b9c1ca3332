//! Uniform data: nothing is there to generalise, so every bit a model gains it has memorized.

use std::sync::Arc;

use rand::Rng;
use rand::rngs::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{Common, Kind, Parameters, Rows, Statistics};
use crate::random::below;
use crate::range::in_range;
use crate::{Dataset, Split};
use bitcap_base::InvalidSetting;
use bitcap_base::stream;

/// Settings of the uniform source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UniformSettings {
    /// Vocabulary V, 2 to 65,536.
    pub vocabulary: u32,
    /// Sequence length S, 1 to 4,096 tokens.
    pub length: u32,
    /// Without effect: uniform data has no parameters to draw.
    pub seed: u64,
}

impl UniformSettings {
    /// N S log2 V.
    fn entropy_bits(&self, samples: u64) -> f64 {
        let tokens = u128::from(samples) * u128::from(self.length);
        if self.vocabulary.is_power_of_two() {
            return (tokens * u128::from(self.vocabulary.trailing_zeros())) as f64;
        }
        // libm is Rust code, the same on every platform: the figure is written into dataset files.
        tokens as f64 * libm::log2(f64::from(self.vocabulary))
    }
}

impl Kind for UniformSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 1, 4096)
    }

    fn common(&self) -> Common {
        Common {
            vocabulary: self.vocabulary,
            length: self.length,
            seed: self.seed,
        }
    }

    fn needs_start_token(&self) -> bool {
        false
    }

    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        self.entropy_bits(samples)
    }

    fn marginal(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(Uniform {
            settings: self.clone(),
            sequences: 0,
        }))
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(self.clone()))
    }
}

/// log2 V a token, whatever the tokens are.
#[derive(Debug)]
struct Uniform {
    settings: UniformSettings,
    sequences: u64,
}

impl Statistics for Uniform {
    fn observe(&mut self, _: &[u16]) {
        self.sequences += 1;
    }

    fn log2_marginal(&self) -> f64 {
        -self.settings.entropy_bits(self.sequences)
    }
}

/// There are no parameters.
impl Parameters for UniformSettings {
    fn log2_probability(&self, _: &[u16]) -> Option<f64> {
        Some(-self.entropy_bits(1))
    }

    fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        // There is nothing not to know: the same figure to the last bit.
        Some(self.entropy_bits(dataset.samples as u64))
    }

    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Box<dyn Rows> {
        Box::new(UniformRows {
            words: stream(data_seed, split.name()),
            vocabulary: self.vocabulary,
            pending: 0,
            unread: 0,
        })
    }
}

/// Draws uniform tokens, one sequence after another, from one stream of words.
///
/// Of V = 2^b the bytes of the stream are one bit string, most significant bit first, and each token is
/// the next b bits of it: so one seed gives the same bits whatever b they are read by. Of any other V a
/// token is a word [`below`] V.
#[derive(Debug)]
struct UniformRows {
    words: ChaCha8Rng,
    vocabulary: u32,
    /// The last bits taken off the stream; the low `unread` of them are still to be read.
    pending: u64,
    unread: u32,
}

impl Rows for UniformRows {
    fn next(&mut self, row: &mut [u16]) {
        if !self.vocabulary.is_power_of_two() {
            row.fill_with(|| below(&mut self.words, self.vocabulary) as u16);
            return;
        }
        let width = self.vocabulary.trailing_zeros();
        for token in row {
            if self.unread < width {
                // A word holds four bytes of the stream, the first lowest.
                let word = self.words.next_u32().swap_bytes();
                self.pending = self.pending << 32 | u64::from(word);
                self.unread += 32;
            }
            self.unread -= width;
            let mask = (1_u64 << width) - 1;
            *token = (self.pending >> self.unread & mask) as u16;
        }
    }
}
