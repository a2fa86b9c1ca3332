//! Bits per parameter over models: the slope of capacity against parameters.

use crate::statistics::{Interval, interval_of};
use crate::text::decimals;

/// Bits per parameter over models, estimated in three ways that weigh them differently.
///
/// Each is least squares through the origin, C = slope x P, where the deviation of a capacity C of a model of P
/// parameters is taken to grow as P^k, so that a model weighs P^(-2k): slope = sum P^(1-2k) C / sum P^(2-2k).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slopes {
    /// k = 1: the mean of the models' bits per parameter; all weigh the same.
    pub unweighted: Slope,
    /// k = 1/2: all capacities together over all parameters together.
    pub pooled: Slope,
    /// k = 0: plain least squares; the largest models decide.
    pub through_origin: Slope,
    /// How many models they are over: at least two.
    pub models: usize,
}

/// One estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Bits a parameter.
    pub bits_per_parameter: f64,
    /// Its 95 % interval over the models by Student's t, as if they were a sample of independent ones.
    pub interval: Interval,
}

impl Slopes {
    /// Of (parameters, capacity in bits), both above 0; `None` of fewer than two models.
    pub(crate) fn of(models: &[(f64, f64)]) -> Option<Self> {
        Some(Self {
            unweighted: slope(models, |parameters| 1.0 / (parameters * parameters))?,
            pooled: slope(models, |parameters| 1.0 / parameters)?,
            through_origin: slope(models, |_| 1.0)?,
            models: models.len(),
        })
    }

    /// All three with their intervals, in words.
    pub(crate) fn words(&self) -> String {
        let number = |bits: f64| decimals(bits, 2);
        let words = |slope: Slope| {
            let Interval { low, high } = slope.interval;
            let bits = number(slope.bits_per_parameter);
            format!("{bits} [{}, {}]", number(low), number(high))
        };
        format!(
            "{} unweighted, {} pooled, {} by plain least squares through the origin",
            words(self.unweighted),
            words(self.pooled),
            words(self.through_origin)
        )
    }
}

/// By weighted least squares. Its variance is that of the weighted residuals, one degree of freedom spent, over the
/// weighted squares of the parameters.
fn slope(models: &[(f64, f64)], weight: impl Fn(f64) -> f64) -> Option<Slope> {
    let sum = |of: &dyn Fn(f64, f64) -> f64| {
        let terms = models.iter().map(|&(p, c)| weight(p) * of(p, c));
        terms.sum::<f64>()
    };
    let squares = sum(&|p, _| p * p);
    let bits_per_parameter = sum(&|p, c| p * c) / squares;
    let residuals = sum(&|p, c| (c - bits_per_parameter * p).powi(2));
    // One model has no residual to judge it by.
    let freedom = models.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let error = (residuals / freedom as f64 / squares).sqrt();
    Some(Slope {
        bits_per_parameter,
        interval: interval_of(bits_per_parameter, error, freedom)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: alphas 2 and 4, and 36 bits over 10 parameters.
    #[test]
    fn each_weighs_as_it_says() {
        let found = Slopes::of(&[(2.0, 4.0), (8.0, 32.0)]).unwrap();
        assert_eq!(found.unweighted.bits_per_parameter, 3.0);
        assert!((found.pooled.bits_per_parameter - 3.6).abs() < 1e-12);
        // (2 x 4 + 8 x 32) / (4 + 64).
        assert!((found.through_origin.bits_per_parameter - 264.0 / 68.0).abs() < 1e-12);
        // Residuals of the pooled one -3.2 and 3.2: 10.24 (1/2 + 1/8) / 1 / 10 = 0.64; t is 12.706.
        let half = found.pooled.interval.high - 3.6;
        assert!((half - 12.706 * 0.8).abs() < 1e-3, "{half}");
        assert_eq!(Slopes::of(&[(2.0, 4.0)]), None);
        assert_eq!(Slopes::of(&[]), None);
    }

    #[test]
    fn the_unweighted_interval_is_that_of_the_mean() {
        let alphas = [3.0, 3.5, 4.5, 3.2];
        let models = [10.0, 500.0, 7.0, 2e6];
        let models: Vec<_> = models
            .iter()
            .zip(alphas)
            .map(|(p, a)| (*p, p * a))
            .collect();
        let found = Slopes::of(&models).unwrap().unweighted.interval;
        let expected = crate::statistics::interval(alphas).unwrap();
        assert!((found.low - expected.low).abs() < 1e-9);
        assert!((found.high - expected.high).abs() < 1e-9);
    }
}
