//! Logarithmic axes.

/// Maps a positive quantity to pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogScale {
    /// log10 of the ends of the axis.
    low: f64,
    high: f64,
    /// Pixels at those ends.
    from: f64,
    to: f64,
}

/// A tick, mantissa x 10^exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) mantissa: u32,
    pub(crate) exponent: i32,
}

impl Tick {
    pub(crate) fn value(self) -> f64 {
        f64::from(self.mantissa) * 10.0_f64.powi(self.exponent)
    }
}

/// An axis spans at least this many decades, so that it holds two ticks of 1, 2, 5.
const LEAST_DECADES: f64 = 0.8;
/// What is smaller is nothing, to the eye as to the measure; axes never reach the ends of f64.
pub(crate) const NOTHING: f64 = 1e-30;
/// The least room on either side, as a part of what the values span.
const MARGIN_PART: f64 = 0.07;
/// Up to this many decades ticks are 1, 2, 5; beyond, powers of ten.
const DECADES_OF_125: f64 = 3.0;
/// With less room for each of those, powers of ten too.
const PIXELS_A_TICK: f64 = 32.0;
/// At most this many labels of powers of ten.
const MOST_POWERS: i32 = 9;

impl LogScale {
    /// Over all values above [`NOTHING`] with at least `margin` decades on either side, or 1 to 10 where there are none.
    pub(crate) fn over(
        values: impl Iterator<Item = f64>,
        margin: f64,
        (from, to): (f64, f64),
    ) -> Self {
        let (low, high) = values
            .filter(|x| x.is_finite() && *x >= NOTHING)
            .map(f64::log10)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        // A part of a long axis too, so that the room at its ends is the same on the page.
        let margin = margin.max(MARGIN_PART * (high - low));
        let spare = ((LEAST_DECADES - (high - low)) / 2.0).max(margin);
        Self {
            low: low - spare,
            high: high + spare,
            from,
            to,
        }
    }

    pub(crate) fn pixel(&self, value: f64) -> f64 {
        self.from + (value.log10() - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The quantity at the ends of the axis.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (10.0_f64.powf(self.low), 10.0_f64.powf(self.high))
    }

    pub(crate) fn decades(&self) -> f64 {
        self.high - self.low
    }

    /// Ticks with a label.
    pub(crate) fn ticks(&self) -> Vec<Tick> {
        let pixels = (self.to - self.from).abs();
        let roomy = self.decades() < 2.0 || 3.0 * self.decades() * PIXELS_A_TICK <= pixels;
        if self.decades() <= DECADES_OF_125 && roomy {
            return self.within(&[1, 2, 5], 1);
        }
        let stride = (self.decades() / f64::from(MOST_POWERS)).ceil() as i32;
        self.within(&[1], stride)
    }

    /// Small ticks without one.
    pub(crate) fn minor_ticks(&self) -> Vec<Tick> {
        // Beyond that many decades they would run into each other.
        if self.decades() > 8.0 {
            return Vec::new();
        }
        self.within(&[2, 3, 4, 5, 6, 7, 8, 9], 1)
    }

    fn within(&self, mantissas: &[u32], stride: i32) -> Vec<Tick> {
        let inside = |tick: &Tick| {
            let log = f64::from(tick.mantissa).log10() + f64::from(tick.exponent);
            (self.low..=self.high).contains(&log)
        };
        (self.low.floor() as i32..=self.high.ceil() as i32)
            .filter(|exponent| exponent.rem_euclid(stride) == 0)
            .flat_map(|exponent| {
                mantissas
                    .iter()
                    .map(move |&mantissa| Tick { mantissa, exponent })
            })
            .filter(inside)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(values: &[f64]) -> LogScale {
        LogScale::over(values.iter().copied(), 0.1, (0.0, 100.0))
    }

    #[test]
    fn every_axis_has_two_to_ten_ticks() {
        for high in [1.0, 1.01, 3.0, 17.0, 200.0, 4e3, 9e5, 1e6, 1e9, 1e40, 1e300] {
            for low in [1.0, 1.7, 3.3, 6.1, 9.9] {
                let count = over(&[low, high]).ticks().len();
                assert!((2..=10).contains(&count), "{low} {high}: {count}");
            }
        }
        assert!(over(&[]).ticks().len() >= 2);
    }

    #[test]
    fn values_lie_inside() {
        let scale = over(&[3.0, 3e4]);
        assert!(scale.pixel(3.0) > 0.0 && scale.pixel(3e4) < 100.0);
        assert!((scale.pixel(300.0) - 50.0).abs() < 1e-9);
    }
}
