//! From log-probabilities to bits.

use std::f64::consts::LN_2;

use crate::{MeasureError, Shape};
use bitcap_base::CompensatedSum;

/// The code lengths a model gives the sequences of a dataset: minus log2 of the probability of each one's predicted
/// tokens, in bits.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeLengths {
    shape: Shape,
    bits: Vec<f64>,
}

impl CodeLengths {
    /// From the natural-log probabilities of all predicted tokens at once, row-major [N, S_pred].
    ///
    /// # Errors
    ///
    /// As of [`CodeLengthCounter::add`] and [`CodeLengthCounter::finish`].
    pub fn new<F: Copy + Into<f64>>(
        shape: Shape,
        log_probabilities: &[F],
    ) -> Result<Self, MeasureError> {
        let mut counter = CodeLengthCounter::new(shape);
        counter.add(log_probabilities)?;
        counter.finish()
    }

    /// The data that was coded.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Code length of each sequence in bits, in the order of the dataset.
    pub fn bits(&self) -> &[f64] {
        &self.bits
    }

    /// Code length of the whole dataset in bits: a compensated sum of [`Self::bits`] from the first sequence to the
    /// last, so it does not depend on how the log-probabilities were cut into chunks. Good to 1e-15 relative, of 10^6
    /// sequences too.
    pub fn total_bits(&self) -> f64 {
        self.bits
            .iter()
            .copied()
            .collect::<CompensatedSum>()
            .value()
    }

    /// Mean cross-entropy in nats a predicted token: the loss that training lowers.
    pub fn mean_nats_per_token(&self) -> f64 {
        self.total_bits() * LN_2 / self.shape.predicted_tokens() as f64
    }
}

/// Makes [`CodeLengths`] from log-probabilities that come in chunks, as a model evaluates them.
#[derive(Debug, Clone)]
pub struct CodeLengthCounter {
    shape: Shape,
    bits: Vec<f64>,
}

impl CodeLengthCounter {
    /// Nothing counted yet.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            bits: Vec::new(),
        }
    }

    /// Adds the next sequences: natural-log probabilities (f32 or f64) of their predicted tokens, row-major
    /// [sequences, S_pred]. Each sequence is summed in f64, from its first predicted token to its last.
    ///
    /// # Errors
    ///
    /// The chunk does not end with a sequence, there are more sequences than the dataset has, or a number is not the
    /// logarithm of a probability above 0: NaN, positive, or infinite (beyond the range of f32). An error ends the
    /// count; what was added before it stays added.
    pub fn add<F: Copy + Into<f64>>(
        &mut self,
        log_probabilities: &[F],
    ) -> Result<(), MeasureError> {
        let predicted = self.shape.predicted();
        if !log_probabilities.len().is_multiple_of(predicted) {
            return Err(MeasureError::PartialRow {
                found: log_probabilities.len(),
                predicted,
            });
        }
        let (found, samples) = (
            self.bits.len() + log_probabilities.len() / predicted,
            self.shape.samples(),
        );
        if found > samples {
            return Err(MeasureError::SequenceCount { found, samples });
        }
        for row in log_probabilities.chunks_exact(predicted) {
            let bits = self.sequence_bits(row)?;
            self.bits.push(bits);
        }
        Ok(())
    }

    fn sequence_bits<F: Copy + Into<f64>>(&self, row: &[F]) -> Result<f64, MeasureError> {
        let mut nats = CompensatedSum::default();
        for (index, &log_probability) in row.iter().enumerate() {
            let found: f64 = log_probability.into();
            // f32's range keeps any sum that can be asked for finite, and no NaN is in a range.
            if !(f64::from(f32::MIN)..=0.0).contains(&found) {
                return Err(MeasureError::LogProbability {
                    sequence: self.bits.len(),
                    position: index + self.shape.prediction().given(),
                    found,
                });
            }
            nats.add(-found);
        }
        Ok(nats.value() / LN_2)
    }

    /// The code lengths, once every sequence was added.
    ///
    /// # Errors
    ///
    /// Sequences are missing.
    pub fn finish(self) -> Result<CodeLengths, MeasureError> {
        let Self { shape, bits } = self;
        if bits.len() != shape.samples() {
            return Err(MeasureError::SequenceCount {
                found: bits.len(),
                samples: shape.samples(),
            });
        }
        Ok(CodeLengths { shape, bits })
    }
}
