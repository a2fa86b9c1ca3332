//! Means, deviations and intervals over seeds.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The arithmetic mean, or `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample deviation (n - 1 in the denominator), or `None` below two values.
pub(crate) fn sample_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let freedom = values.len().checked_sub(2)? as f64 + 1.0;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    Some((squares / freedom).sqrt())
}

/// Mean and sample deviation over seeds, or over sequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample deviation; `None` of one value.
    pub deviation: Option<f64>,
}

/// Mean and deviation, or `None` of nothing.
pub(crate) fn spread(values: &[f64]) -> Option<Spread> {
    Some(Spread {
        mean: mean(values)?,
        deviation: sample_deviation(values),
    })
}

/// The two-sided 95 % interval of the mean by Student's t, or `None` below two values.
pub(crate) fn interval(values: &[f64]) -> Option<Interval> {
    let mean = mean(values)?;
    let deviation = sample_deviation(values)?;
    let count = values.len() as f64;
    let quantile = StudentsT::new(0.0, 1.0, count - 1.0)
        .ok()?
        .inverse_cdf(0.975);
    let half = quantile * deviation / count.sqrt();
    Some(Interval {
        low: mean - half,
        high: mean + half,
    })
}

/// Lower and upper end of a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What is not a number is never written.
pub(crate) fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// The smallest of 1, 2, 5, 10, 20, 50, ... and of their tenths, hundredths, ... that is not below a positive number;
/// a thousandth below is not.
pub(crate) fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    let mut steps = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter();
    steps
        .find(|step| *step >= 0.999 * least)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_is_the_sample_deviation() {
        // 2, 4, 4, 4, 5, 5, 7, 9: squared distances from the mean 5 sum to 32.
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&values), Some(5.0));
        assert!((sample_deviation(&values).unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(sample_deviation(&[1.0]), None);
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn steps_are_round() {
        for (least, step) in [
            (1.0, 1.0),
            (1.1, 2.0),
            (0.3, 0.5),
            (51.0, 100.0),
            (2.0001, 2.0),
        ] {
            assert_eq!(round_step(least), step);
        }
    }

    #[test]
    fn interval_uses_the_tabulated_quantiles() {
        // Printed tables: t(0.975) is 12.706 at 1, 4.303 at 2, 2.776 at 4 degrees of freedom.
        let half = |values: &[f64]| {
            let Interval { low, high } = interval(values).unwrap();
            (high - low) / 2.0 / (sample_deviation(values).unwrap() / (values.len() as f64).sqrt())
        };
        assert!((half(&[1.0, 2.0]) - 12.706).abs() < 1e-3);
        assert!((half(&[1.0, 2.0, 4.0]) - 4.303).abs() < 1e-3);
        assert!((half(&[1.0, 2.0, 4.0, 9.0, 3.0]) - 2.776).abs() < 1e-3);
        assert_eq!(interval(&[3.0]), None);
    }
}
