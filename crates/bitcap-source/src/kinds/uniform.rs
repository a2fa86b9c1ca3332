//! Uniform data: nothing is there to generalise, so every bit a model gains it has memorized.

use std::sync::Arc;

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::{Kind, Parameters, Rows, Statistics};
use crate::random::below;
use crate::{Dataset, Split};
use bitcap_base::{InvalidSetting, in_range, stream};

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

impl Kind for UniformSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 1, 4096)
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.vocabulary, self.length, self.seed)
    }

    fn needs_start_token(&self) -> bool {
        false
    }

    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        // Each token has a whole number of bits where V is a power of two: counted in integers, so
        // that the one rounding is that to f64. u128 holds them all.
        let tokens = u128::from(samples) * u128::from(self.length);
        if self.vocabulary.is_power_of_two() {
            return (tokens * u128::from(self.vocabulary.trailing_zeros())) as f64;
        }
        // libm is Rust code, the same on every platform: the figure is written into dataset files.
        tokens as f64 * libm::log2(f64::from(self.vocabulary))
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        Ok(Arc::new(self.clone()))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        Some(Box::new(self.clone()))
    }
}

/// There are no parameters, so that nothing can be said of them.
impl Statistics for UniformSettings {
    fn observe(&mut self, _: &[u16]) {}

    fn log2_marginal(&self, sequences: u64) -> f64 {
        -self.expected_entropy_bits(sequences)
    }
}

impl Parameters for UniformSettings {
    fn log2_probability(&self, _: &[u16]) -> Option<f64> {
        Some(-self.expected_entropy_bits(1))
    }

    fn source_bits(&self, dataset: &Dataset) -> Option<f64> {
        // There is nothing not to know: the same figure to the last bit.
        Some(self.expected_entropy_bits(dataset.samples as u64))
    }

    /// Of V = 2^b the bytes of the stream are one bit string, most significant bit first, and each
    /// token is the next b bits of it: so one seed gives the same bits whatever b they are read by. Of
    /// any other V a token is a word [`below`] V.
    fn rows(self: Arc<Self>, data_seed: u64, split: Split) -> Rows {
        let mut words = stream(data_seed, split.name());
        let vocabulary = self.vocabulary;
        if !vocabulary.is_power_of_two() {
            return Box::new(move |row| row.fill_with(|| below(&mut words, vocabulary) as u16));
        }
        let width = vocabulary.trailing_zeros();
        // The last bits taken off the stream; the low `unread` of them are still to be read.
        let (mut pending, mut unread) = (0_u64, 0);
        Box::new(move |row| {
            row.fill_with(|| {
                if unread < width {
                    // A word holds four bytes of the stream, the first lowest.
                    // At most 15 bits are unread, so they and these 32 fit; bits above were read
                    // before, and the mask below leaves them out.
                    pending = pending << 32 | u64::from(words.next_u32().swap_bytes());
                    unread += 32;
                }
                unread -= width;
                (pending >> unread & u64::from(vocabulary - 1)) as u16
            });
        })
    }
}
