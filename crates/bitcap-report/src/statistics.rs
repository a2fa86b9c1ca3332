//! Means, deviations and intervals over seeds.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The arithmetic mean, or `None` of nothing.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Mean and sample deviation over seeds, or over sequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample deviation (n - 1 in the denominator); `None` of one value.
    pub deviation: Option<f64>,
}

/// Mean and deviation, or `None` of nothing.
pub(crate) fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let values: Vec<f64> = values.into_iter().collect();
    let mean = mean(values.iter().copied())?;
    // In two passes: seeds differ little, and the mean of squares less the square of the mean would
    // cancel.
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let deviation = (values.len() > 1).then(|| (squares / (values.len() as f64 - 1.0)).sqrt());
    Some(Spread { mean, deviation })
}

/// The two-sided 95 % interval of the mean by Student's t, or `None` below two values.
pub(crate) fn interval(values: impl IntoIterator<Item = f64>) -> Option<Interval> {
    let values: Vec<f64> = values.into_iter().collect();
    let count = values.len();
    let Spread { mean, deviation } = spread(values)?;
    interval_of(mean, deviation? / (count as f64).sqrt(), count - 1)
}

/// The two-sided 95 % interval of an estimate with this standard error by Student's t, or `None` without a degree of
/// freedom.
pub(crate) fn interval_of(estimate: f64, error: f64, freedom: usize) -> Option<Interval> {
    let students_t = StudentsT::new(0.0, 1.0, freedom as f64).ok()?;
    // 2.5 % are left out on either side.
    let half = students_t.inverse_cdf(0.975) * error;
    Some(Interval {
        low: estimate - half,
        high: estimate + half,
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

/// Least and largest of those that are finite.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let values = values.into_iter().filter(|x| x.is_finite());
    let ends = values.map(|x| (x, x));
    ends.reduce(|(low, high), (x, _)| (f64::min(low, x), f64::max(high, x)))
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
        // The slack takes up what the logarithm and the power above were rounded to.
        .find(|step| *step >= 0.999 * least)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_is_the_sample_deviation() {
        // 2, 4, 4, 4, 5, 5, 7, 9: squared distances from the mean 5 sum to 32.
        let found = spread([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!(found.mean, 5.0);
        assert!((found.deviation.unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(spread([1.0]).unwrap().deviation, None);
        assert_eq!((mean([]), spread([])), (None, None));
    }

    #[test]
    fn steps_are_round() {
        let least = [1.0, 1.1, 0.3, 51.0, 2.0001];
        assert_eq!(least.map(round_step), [1.0, 2.0, 0.5, 100.0, 2.0]);
    }

    #[test]
    fn interval_uses_the_tabulated_quantiles() {
        // Printed tables: t(0.975) is 12.706 at 1, 4.303 at 2, 2.776 at 4 degrees of freedom.
        for (values, quantile) in [
            (&[1.0, 2.0][..], 12.706),
            (&[1.0, 2.0, 4.0], 4.303),
            (&[1.0, 2.0, 4.0, 9.0, 3.0], 2.776),
        ] {
            let values = || values.iter().copied();
            let Interval { low, high } = interval(values()).unwrap();
            let deviation = spread(values()).unwrap().deviation.unwrap();
            let half = (high - low) / 2.0 / (deviation / (values().count() as f64).sqrt());
            assert!((half - quantile).abs() < 1e-3);
        }
        assert_eq!(interval([3.0]), None);
    }
}
