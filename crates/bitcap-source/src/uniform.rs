//! Uniform data: nothing is there to generalise, so every bit a model gains it has memorized.

use rand::Rng;
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::settings::in_range;
use bitcap_base::InvalidSetting;

/// Settings of the uniform source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniformSettings {
    /// Vocabulary V, 2 to 65,536: the tokens of that many kinds fit `u16`.
    pub vocabulary: u32,
    /// Length S, 1 to 4,096 tokens a sequence.
    pub length: u32,
    /// Seed of the source's parameters. The uniform source has none; it is kept so that all sources
    /// are set alike, and the data do not depend on it.
    pub seed: u64,
}

impl UniformSettings {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.vocabulary", self.vocabulary, 2, 65_536)?;
        in_range("source.length", self.length, 1, 4096)
    }

    pub(crate) fn entropy_bits(&self, samples: u64) -> f64 {
        let tokens = u128::from(samples) * u128::from(self.length);
        if self.vocabulary.is_power_of_two() {
            return (tokens * u128::from(self.vocabulary.trailing_zeros())) as f64;
        }
        // libm is Rust code, the same on every platform: the figure is written into dataset files.
        tokens as f64 * libm::log2(f64::from(self.vocabulary))
    }
}

/// Draws uniform tokens, one sequence after another, from one stream of words.
#[derive(Debug)]
pub(crate) enum UniformDrawer {
    /// V = 2^b. The bytes of the stream are one bit string, most significant bit first, and each
    /// token is the next b bits of it. So one seed gives the same bits whatever b they are read by.
    Bits {
        words: ChaCha8Rng,
        /// b, from 1 to 16.
        width: u32,
        /// The last bits taken off the stream; the low `unread` of them are still to be read.
        pending: u64,
        unread: u32,
    },
    /// Any other V. A word below the largest multiple of V that fits 32 bits, modulo V; a word
    /// above it is thrown away, so that every token is exactly as likely.
    Rejection {
        words: ChaCha8Rng,
        vocabulary: u32,
        /// That largest multiple.
        limit: u32,
    },
}

impl UniformDrawer {
    /// `settings` must be valid.
    pub(crate) fn new(settings: &UniformSettings, words: ChaCha8Rng) -> Self {
        let vocabulary = settings.vocabulary;
        if vocabulary.is_power_of_two() {
            let width = vocabulary.trailing_zeros();
            return Self::Bits {
                words,
                width,
                pending: 0,
                unread: 0,
            };
        }
        // The largest multiple of V that is at most 2^32 - 1; 2^32 itself is none of V's multiples.
        let limit = u32::MAX - u32::MAX % vocabulary;
        Self::Rejection {
            words,
            vocabulary,
            limit,
        }
    }

    pub(crate) fn fill(&mut self, tokens: &mut [u16]) {
        match self {
            Self::Bits {
                words,
                width,
                pending,
                unread,
            } => {
                for token in tokens {
                    if *unread < *width {
                        // A word holds four bytes of the stream, the first lowest.
                        *pending = *pending << 32 | u64::from(words.next_u32().swap_bytes());
                        *unread += 32;
                    }
                    *unread -= *width;
                    let mask = (1_u64 << *width) - 1;
                    *token = (*pending >> *unread & mask) as u16;
                }
            }
            Self::Rejection {
                words,
                vocabulary,
                limit,
            } => {
                for token in tokens {
                    let word = loop {
                        let word = words.next_u32();
                        if word < *limit {
                            break word;
                        }
                    };
                    *token = (word % *vocabulary) as u16;
                }
            }
        }
    }
}
