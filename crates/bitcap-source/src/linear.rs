//! Linear data: the last m bits of each string are a linear map over GF(2) of the first k, each then
//! flipped at a rate. The map is the one thing there is to learn.

mod map;
mod noisy;
mod rank;

use serde::{Deserialize, Serialize};

pub(crate) use map::LinearMap;
pub(crate) use noisy::Noisy;
pub(crate) use rank::Basis;

use crate::math::binary_entropy;
use crate::settings::{in_range, number_in_range};
use bitcap_base::InvalidSetting;

/// Most inputs where outputs are flipped: the marginal then sums over all 2^k rows of the map.
const MAX_NOISY_INPUTS: u32 = 20;

/// Most counts held for that sum, m 2^k: 128 MiB.
const MAX_NOISY_COUNTS: u64 = 1 << 24;

/// Settings of the linear source; V = 2. A string is k uniform bits, S - k - m more uniform bits,
/// and m outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearSettings {
    /// Length S, 2 to 4,096 bits a sequence.
    pub length: u32,
    /// Inputs k, at least 1, with k + m at most S; at most 20 where `flip` is above 0.
    pub inputs: u32,
    /// Outputs m, at least 1; m 2^k at most 2^24 where `flip` is above 0.
    pub outputs: u32,
    /// How likely each output is flipped, by itself: 0 to 0.5.
    #[serde(default)]
    pub flip: f64,
    /// Seed of the source's map.
    pub seed: u64,
}

impl LinearSettings {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.length", self.length, 2, 4096)?;
        in_range("source.inputs", self.inputs, 1, self.length - 1)?;
        in_range("source.outputs", self.outputs, 1, self.length - self.inputs)?;
        number_in_range("source.flip", self.flip, 0.0, 0.5)?;
        if self.flip > 0.0 {
            in_range("source.inputs", self.inputs, 1, MAX_NOISY_INPUTS).map_err(because_of_flip)?;
            let most = (MAX_NOISY_COUNTS >> self.inputs) as u32;
            in_range("source.outputs", self.outputs, 1, most).map_err(because_of_flip)?;
        }
        Ok(())
    }

    /// Entropy of a sequence given the map, the same for every map.
    pub(crate) fn source_bits_per_sequence(&self) -> f64 {
        f64::from(self.uniform()) + f64::from(self.outputs) * binary_entropy(self.flip)
    }

    /// Bits of a string that are uniform: all but the outputs.
    fn uniform(&self) -> u32 {
        self.length - self.outputs
    }

    fn split<'a>(&self, sequence: &'a [u16]) -> (&'a [u16], &'a [u16]) {
        let outputs = sequence.len() - self.outputs as usize;
        (&sequence[..self.inputs as usize], &sequence[outputs..])
    }
}

fn because_of_flip(mut setting: InvalidSetting) -> InvalidSetting {
    setting.allowed += " where source.flip is above 0: the exact marginal holds m 2^k counts, at \
                        most 2^24, with k at most 20";
    setting
}
