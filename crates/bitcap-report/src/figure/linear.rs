//! Linear axes.

use super::format::{decimal, thousands};

/// Maps a quantity of any sign to pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinearScale {
    /// The ends of the axis.
    low: f64,
    high: f64,
    /// Pixels at those ends.
    from: f64,
    to: f64,
    /// Between two ticks.
    step: f64,
}

/// The room at either end, as a part of what the values span.
const MARGIN: f64 = 0.05;
/// An axis spans at least this part of its largest value: f64 tells ticks that much closer from each other.
const LEAST_SPAN: f64 = 1e-6;
/// One tick takes about so many pixels of an axis: numbers are wider than high.
const PIXELS_A_TICK: f64 = 42.0;
const PIXELS_A_TICK_UPWARDS: f64 = 26.0;

impl LinearScale {
    /// Over all values, with some room at either end; 0 to 1 where there are none.
    pub(crate) fn over(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Self {
        let (low, high) = values
            .filter(|x| x.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
        if low > high {
            return Self::between((0.0, 1.0), pixels);
        }
        let least = (LEAST_SPAN * low.abs().max(high.abs())).max(1e-9);
        let spare = if high - low < least {
            // A single value stands in the middle.
            (0.1 * high.abs()).max(0.5)
        } else {
            MARGIN * (high - low)
        };
        Self::between((low - spare, high + spare), pixels)
    }

    /// From one end to the other, which must be above it.
    pub(crate) fn between((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        let a_tick = if to < from {
            PIXELS_A_TICK_UPWARDS
        } else {
            PIXELS_A_TICK
        };
        let most = ((to - from).abs() / a_tick).max(2.0);
        let rough = (high - low) / most;
        let power = 10.0_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(10.0 * power);
        Self {
            low,
            high,
            from,
            to,
            step,
        }
    }

    /// With ticks at whole numbers only.
    pub(crate) fn of_whole_numbers(self) -> Self {
        Self {
            step: self.step.max(1.0),
            ..self
        }
    }

    pub(crate) fn pixel(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The quantity at the ends of the axis.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where ticks stand, and what is written at them.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let slack = 1e-9;
        let first = (self.low / self.step - slack).ceil();
        let last = (self.high / self.step + slack).floor();
        let count = (last - first).clamp(0.0, 100.0) as usize;
        let largest = self.low.abs().max(self.high.abs());
        (0..=count)
            .map(|i| {
                let value = (first + i as f64) * self.step;
                (self.pixel(value), self.label(value, largest))
            })
            .collect()
    }

    fn label(&self, value: f64, largest: f64) -> String {
        if largest >= 1e7 || (largest < 1e-3 && largest > 0.0) {
            return decimal(value, self.step);
        }
        if self.step >= 0.999 {
            return thousands(value).replace('-', "−");
        }
        let digits = (-self.step.log10() - 1e-9).ceil().max(0.0) as usize;
        // Adding zero turns -0 into 0.
        let value = (value / self.step).round() * self.step + 0.0;
        format!("{value:.digits$}").replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        let scale = LinearScale::between((low, high), (0.0, 200.0));
        scale.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            labels(0.0, 1.0),
            ["0.0", "0.5", "1.0"],
            "a tick takes 42 pixels"
        );
        assert_eq!(labels(-0.2, 0.41), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(labels(-900.0, 100.0), ["−500", "0"]);
        assert_eq!(
            labels(0.0, 8000.0),
            ["0", "2,000", "4,000", "6,000", "8,000"]
        );
        assert_eq!(labels(0.0, 4e7), ["0", "10⁷", "2×10⁷", "3×10⁷", "4×10⁷"]);
    }

    #[test]
    fn whole_numbers_have_no_parts() {
        let scale = LinearScale::over([1.0].into_iter(), (0.0, 500.0)).of_whole_numbers();
        assert_eq!(scale.ticks(), [(250.0, "1".to_owned())]);
    }

    #[test]
    fn any_values_have_two_to_ten_ticks_inside() {
        for low in [-1e30, -1e9, -3.3, -1e-9, 0.0, 1e-12, 7.7, 1e30] {
            for span in [0.0, 1e-12, 1e-3, 1.0, 17.0, 1e5, 1e30] {
                let scale = LinearScale::over([low, low + span].into_iter(), (10.0, 410.0));
                let ticks = scale.ticks();
                assert!((2..=12).contains(&ticks.len()), "{low} {span}: {ticks:?}");
                for (at, label) in ticks {
                    assert!((9.0..=411.0).contains(&at), "{low} {span}: {at} {label}");
                }
                assert!((10.0..=410.0).contains(&scale.pixel(low)));
            }
        }
    }
}
