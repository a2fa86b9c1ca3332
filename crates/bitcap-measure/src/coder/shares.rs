//! From log-probabilities to the whole shares of 2^32 that are coded with.

use constriction::stream::model::LazyContiguousCategoricalEntropyModel;

use super::error::DistributionError;

/// Shares are multiples of 2^-32.
pub(super) const PRECISION: usize = 32;

/// How far the probabilities may be from a sum of 1. A log-softmax in f32 over 65537 entries is off by some 1e-6; a
/// half of its entries, or logits, by far more.
const SUM_TOLERANCE: f64 = 1e-3;

/// The shares of one distribution, worked out as far as a symbol needs it.
pub(super) type Shares<'a> = LazyContiguousCategoricalEntropyModel<u32, f64, &'a [f64], PRECISION>;

/// Makes [`Shares`]; keeps its buffer from token to token.
#[derive(Debug, Default)]
pub(super) struct Sharer {
    weights: Vec<f64>,
}

impl Sharer {
    /// The shares of the distribution with these natural-log probabilities. Equal input gives equal shares on every
    /// platform: the exponential is libm's, and f64 sums go from first to last.
    pub(super) fn shares(
        &mut self,
        log_probabilities: &[f32],
    ) -> Result<Shares<'_>, DistributionError> {
        self.weights.clear();
        for (entry, &found) in log_probabilities.iter().enumerate() {
            if found.is_nan() || found > 0.0 {
                return Err(DistributionError::Entry { entry, found });
            }
            self.weights.push(libm::exp(f64::from(found)));
        }
        let sum: f64 = self.weights.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(DistributionError::Sum { found: sum });
        }
        // Refuses fewer than 2 entries and more than 2^32; the sum was just checked.
        Shares::from_floating_point_probabilities_fast(self.weights.as_slice(), Some(sum)).map_err(
            |()| DistributionError::Entries {
                found: log_probabilities.len(),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Sharer;
    use constriction::stream::model::{DecoderModel, EncoderModel};
    use proptest::prelude::*;

    fn log_softmax(logits: &[f32]) -> Vec<f32> {
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = logits.iter().map(|logit| (logit - highest).exp()).sum();
        logits
            .iter()
            .map(|logit| logit - highest - sum.ln())
            .collect()
    }

    /// Of large vocabularies only some symbols: each costs a sum over those before it.
    fn checked_symbols(size: usize) -> impl Iterator<Item = usize> {
        (0..size).filter(move |symbol| size < 1000 || symbol % 9973 == 0 || symbol + 3 > size)
    }

    fn check(log_probabilities: &[f32]) -> Result<(), TestCaseError> {
        let mut sharer = Sharer::default();
        let shares = sharer.shares(log_probabilities).unwrap();
        let size = log_probabilities.len();
        let interval = |symbol| {
            let (low, many) = shares.left_cumulative_and_probability(symbol).unwrap();
            (u64::from(low), u64::from(many.get()))
        };
        prop_assert_eq!(interval(0).0, 0);
        let total: f64 = log_probabilities.iter().map(|&l| f64::from(l).exp()).sum();
        for symbol in checked_symbols(size) {
            let (low, many) = interval(symbol);
            let next = if symbol + 1 < size {
                interval(symbol + 1).0
            } else {
                1 << 32
            };
            prop_assert_eq!(low + many, next);
            let p = f64::from(log_probabilities[symbol]).exp() / total;
            let (least, most) = (p * (2f64.powi(32) - size as f64), p * 2f64.powi(32) + 2.0);
            prop_assert!(many >= 1);
            prop_assert!(many as f64 > least - 1e-3, "{many} {least}");
            prop_assert!(many as f64 <= most + 1e-3, "{many} {most}");
            // Both ends of the interval decode to the symbol.
            for quantile in [low, low + many - 1] {
                let (found, found_low, found_many) = shares.quantile_function(quantile as u32);
                prop_assert_eq!(found, symbol);
                prop_assert_eq!(
                    (u64::from(found_low), u64::from(found_many.get())),
                    (low, many)
                );
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn shares_partition_all_there_are(
            logits in prop_oneof![
                proptest::collection::vec(-8.0..8.0f32, 2..300),
                proptest::collection::vec(prop_oneof![Just(-1e30f32), -120.0..0.0f32, Just(60.0)], 2..300),
            ]
        ) {
            check(&log_softmax(&logits))?;
        }
    }

    #[test]
    fn extreme_distributions() {
        let zero = f32::NEG_INFINITY;
        let tiny = f32::MIN_POSITIVE.ln() - 10.0;
        for row in [
            vec![0.0, zero, zero],
            vec![zero, -1e-30],
            vec![zero, -1e-38, tiny, zero],
            vec![-1e-45, -1e38, f32::MIN],
        ] {
            check(&row).unwrap();
        }
        for size in [65536, 65537] {
            let uniform = vec![-(size as f32).ln(); size];
            check(&uniform).unwrap();
            let mut certain = vec![zero; size];
            certain[size - 1] = 0.0;
            check(&certain).unwrap();
        }
    }

    #[test]
    fn refuses_what_is_no_distribution() {
        let error = |row: &[f32]| Sharer::default().shares(row).unwrap_err().to_string();
        assert!(error(&[f32::NAN, 0.0]).contains("entry 0 is NaN"));
        assert!(error(&[-1.0, 1e-7]).contains("entry 1 is 0.0000001"));
        assert!(error(&[-0.7, f32::INFINITY]).contains("entry 1 is inf"));
        assert!(error(&[-1.0, -1.0]).contains("sum to 0.7357"));
        assert!(error(&[f32::NEG_INFINITY; 4]).contains("sum to 0"));
        assert!(error(&[]).contains("sum to -0"));
        assert!(error(&[0.0]).contains("1 entries; there must be 2"));
    }
}
