//! From log-probabilities to bits.

use std::f64::consts::LN_2;

use bitcap_source::DataShape;

use crate::MeasureError;
use crate::rows::rows;
use bitcap_base::CompensatedSum;

/// The code lengths a model gives the sequences of a dataset: minus log2 of the probability of each one's predicted
/// tokens, in bits.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeLengths {
    shape: DataShape,
    bits: Vec<f64>,
}

impl CodeLengths {
    /// From the natural-log probabilities (f32 or f64) of all predicted tokens, row-major [N, S_pred]. Each sequence is
    /// summed in f64, from its first predicted token to its last.
    ///
    /// # Errors
    ///
    /// [`MeasureError::LogProbability`]: a number is NaN, positive, or infinite (beyond the range of f32).
    ///
    /// # Panics
    ///
    /// If there are none, or they do not make whole sequences.
    pub fn new<F: Copy + Into<f64>>(
        shape: DataShape,
        log_probabilities: &[F],
    ) -> Result<Self, MeasureError> {
        let sequence_bits = |(sequence, row): (usize, &[F])| {
            let mut nats = CompensatedSum::default();
            for (index, &log_probability) in row.iter().enumerate() {
                let found: f64 = log_probability.into();
                // f32's range keeps any sum that can be asked for finite, and no NaN is in a range.
                if !(f64::from(f32::MIN)..=0.0).contains(&found) {
                    return Err(MeasureError::LogProbability {
                        sequence,
                        position: index + shape.given(),
                        found,
                    });
                }
                nats.add(-found);
            }
            // Divided once a sequence: a division for each token would round each.
            Ok(nats.value() / LN_2)
        };
        let rows = rows(log_probabilities, shape.predicted()).enumerate();
        let bits = rows.map(sequence_bits).collect::<Result<_, _>>()?;
        Ok(Self { shape, bits })
    }

    /// The data that was coded.
    pub fn shape(&self) -> DataShape {
        self.shape
    }

    /// N, the number of sequences; at least 1.
    pub fn samples(&self) -> usize {
        self.bits.len()
    }

    /// Code length of each sequence in bits, in the order of the dataset; finite and at least 0.
    pub fn bits(&self) -> &[f64] {
        &self.bits
    }

    /// Code length of the whole dataset in bits: a compensated sum of [`Self::bits`] from the first sequence to the
    /// last. Good to 1e-15 relative, of 10^6 sequences too.
    pub fn total_bits(&self) -> f64 {
        CompensatedSum::from_iter(self.bits.iter().copied()).value()
    }

    /// Mean cross-entropy in nats a predicted token: the loss that training lowers.
    pub fn mean_nats_per_token(&self) -> f64 {
        self.total_bits() * LN_2 / self.predicted_tokens()
    }

    /// Predicted tokens of the whole dataset.
    pub(crate) fn predicted_tokens(&self) -> f64 {
        (self.samples() * self.shape.predicted()) as f64
    }
}

/// # Panics
///
/// If there are no code lengths, or one is negative, infinite or NaN.
pub(crate) fn assert_code_lengths(bits: &[f64]) {
    let possible = |bits: &f64| bits.is_finite() && *bits >= 0.0;
    assert!(
        !bits.is_empty() && bits.iter().all(possible),
        "code lengths must be finite and at least 0, and there must be some"
    );
}
