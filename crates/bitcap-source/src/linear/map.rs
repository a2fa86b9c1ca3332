//! The map that was drawn.

use rand::Rng;
use rand::rngs::ChaCha8Rng;

use super::LinearSettings;
use crate::math::times_log2;
use crate::random::{fraction, threshold};

/// Bits, 64 a word, the first in the highest place; places after the last bit are 0.
pub(super) fn pack(bits: &[u16]) -> Vec<u64> {
    let word = |bits: &[u16]| {
        let places = bits.iter().zip((0..64).rev());
        places.fold(0, |word, (&bit, place)| word | u64::from(bit) << place)
    };
    bits.chunks(64).map(word).collect()
}

/// `row.len()` fair bits, from the highest place of each word down; the rest of the last word is
/// thrown away.
fn fair_bits(words: &mut ChaCha8Rng, row: &mut [u16]) {
    for bits in row.chunks_mut(64) {
        let word = words.next_u64();
        for (bit, place) in bits.iter_mut().zip((0..64).rev()) {
            *bit = (word >> place & 1) as u16;
        }
    }
}

/// An m x k matrix over GF(2), all of its bits fair.
#[derive(Debug)]
pub(crate) struct LinearMap {
    settings: LinearSettings,
    /// The m rows, each packed.
    rows: Vec<Vec<u64>>,
}

impl LinearMap {
    pub(crate) fn draw(settings: LinearSettings, words: &mut ChaCha8Rng) -> Self {
        let mut row = vec![0; settings.inputs as usize];
        let rows = (0..settings.outputs)
            .map(|_| {
                fair_bits(words, &mut row);
                pack(&row)
            })
            .collect();
        Self { settings, rows }
    }

    /// The outputs of an input, not flipped.
    fn outputs(&self, inputs: &[u16]) -> impl Iterator<Item = u16> {
        let inputs = pack(inputs);
        self.rows.iter().map(move |row| {
            let both = row.iter().zip(&inputs).fold(0, |sum, (a, b)| sum ^ (a & b));
            (both.count_ones() & 1) as u16
        })
    }

    /// `sequence` has the source's length and holds bits only.
    pub(crate) fn log2_probability(&self, sequence: &[u16]) -> f64 {
        let (inputs, outputs) = self.settings.split(sequence);
        let pairs = self.outputs(inputs).zip(outputs);
        let flipped = pairs.filter(|(right, found)| right != *found).count() as u64;
        let kept = u64::from(self.settings.outputs) - flipped;
        times_log2(flipped, self.settings.flip) + times_log2(kept, 1.0 - self.settings.flip)
            - f64::from(self.settings.uniform())
    }

    /// Takes the uniform bits off the stream, then, where outputs are flipped at all, a fraction for
    /// each output.
    pub(crate) fn sequence(&self, words: &mut ChaCha8Rng, row: &mut [u16]) {
        let (uniform, outputs) = row.split_at_mut(self.settings.uniform() as usize);
        fair_bits(words, uniform);
        let right = self.outputs(&uniform[..self.settings.inputs as usize]);
        let threshold = threshold(self.settings.flip);
        for (output, right) in outputs.iter_mut().zip(right) {
            let flipped = threshold > 0 && fraction(words) < threshold;
            *output = right ^ u16::from(flipped);
        }
    }
}
