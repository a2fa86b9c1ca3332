//! An axis on the page: where its values stand, and which have ticks.

use super::png::text_width;
use super::svg::SMALL;
use crate::chart::{Axis, Scale};
use crate::statistics::round_step;
use crate::text::{decimals, thousands};

/// Ticks stand so many pixels apart at least: numbers are wider than high.
const PITCH: f64 = 38.0;
const PITCH_UPWARDS: f64 = 25.0;
/// What stands at least between two labels of a level axis.
const BETWEEN: f64 = 5.0;
/// How far the label of a tick at an end of a level axis may reach beyond it.
const BEYOND: f64 = 6.0;
/// Beyond so many decades small ticks would run into each other.
const MOST_MINOR: f64 = 8.0;
/// How often ticks are thinned out at most.
const THINNINGS: u32 = 12;

/// An axis and the pixels at its ends; those of an upright one grow downwards, so that it goes back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruler<'a>(pub(super) &'a Axis, pub(super) f64, pub(super) f64);

/// A tick with a label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Where it stands.
    pub(super) at: f64,
    pub(super) label: String,
    /// Where the middle of its label stands: moved inwards at the ends of a level axis.
    pub(super) middle: f64,
}

impl Ruler<'_> {
    /// Where a value stands.
    pub(super) fn pixel(&self, value: f64) -> f64 {
        let Self(axis, from, to) = *self;
        let part = match axis.scale {
            // What a logarithm cannot show lies far below the axis.
            Scale::Log => {
                let value = value.max(axis.low * 1e-9);
                (value.log10() - axis.low.log10()) / self.decades()
            }
            Scale::Linear | Scale::Whole => (value - axis.low) / (axis.high - axis.low),
        };
        from + part * (to - from)
    }

    /// As many ticks as have room, and two at the least.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let mut ticks = Vec::new();
        for thinned in 0..THINNINGS {
            let fewer = match self.0.scale {
                Scale::Log => self.log_ticks(thinned),
                Scale::Linear | Scale::Whole => self.linear_ticks(thinned),
            };
            // Rather too close than too few: one tick alone says nothing of the scale.
            if fewer.len() < 2 && !ticks.is_empty() {
                break;
            }
            let placed = |(value, label)| self.tick(value, label);
            ticks = fewer.into_iter().map(placed).collect();
            if self.is_clear(&ticks) {
                break;
            }
        }
        ticks
    }

    /// Where small ticks without a label stand.
    pub(super) fn minor_ticks(&self) -> Vec<f64> {
        if self.0.scale != Scale::Log || self.decades() > MOST_MINOR {
            return Vec::new();
        }
        let ticks = self.powers(&[2, 3, 4, 5, 6, 7, 8, 9], 1).into_iter();
        ticks.map(|(m, e)| self.pixel(value_of(m, e))).collect()
    }

    fn tick(&self, value: f64, label: String) -> Tick {
        let Self(_, from, to) = *self;
        let at = self.pixel(value);
        let half = text_width(SMALL, &label) / 2.0 - BEYOND;
        let middle = match self.is_level() {
            true => at.min(to - half).max(from + half),
            false => at,
        };
        Tick { at, label, middle }
    }

    /// Whether ticks stand far enough apart, and no label meets the next.
    fn is_clear(&self, ticks: &[Tick]) -> bool {
        let half = |tick: &Tick| text_width(SMALL, &tick.label) / 2.0;
        ticks.windows(2).all(|pair| {
            let between = pair[1].middle - half(&pair[1]) - pair[0].middle - half(&pair[0]);
            let clear = !self.is_level() || between >= BETWEEN;
            clear && (pair[1].at - pair[0].at).abs() >= self.pitch()
        })
    }

    fn pitch(&self) -> f64 {
        [PITCH_UPWARDS, PITCH][usize::from(self.is_level())]
    }

    fn is_level(&self) -> bool {
        self.1 < self.2
    }

    fn decades(&self) -> f64 {
        self.0.high.log10() - self.0.low.log10()
    }

    /// Values and labels at 1, 2 and 5 of each decade; thinned out at 1 and 3, at each decade, at every second, ...
    fn log_ticks(&self, thinned: u32) -> Vec<(f64, String)> {
        // Steps that look even to the eye: 1, 2, 5 and 1, 3 cut a decade into about equal parts.
        let ticks = match thinned {
            0 => self.powers(&[1, 2, 5], 1),
            1 => self.powers(&[1, 3], 1),
            more => self.powers(&[1], 1 << (more - 2)),
        };
        // One way of writing numbers an axis: whole numbers from one to below a million and tenths and hundredths
        // beside them, else powers of ten.
        let any = |test: fn(i32) -> bool| ticks.iter().any(|&(_, exponent)| test(exponent));
        let powers = any(|e| e >= 6) || any(|e| e < -2) || any(|e| e < 0) && any(|e| e >= 4);
        let label = |(mantissa, exponent): (u32, i32)| {
            let value = value_of(mantissa, exponent);
            let label = match powers {
                true => power(&mantissa.to_string(), exponent),
                false if exponent < 0 => decimals(value, exponent.unsigned_abs() as usize),
                false => thousands(value),
            };
            (value, label)
        };
        ticks.iter().copied().map(label).collect()
    }

    /// Mantissas and exponents of the axis, those of every so many decades.
    fn powers(&self, mantissas: &[u32], stride: i32) -> Vec<(u32, i32)> {
        let (low, high) = (self.0.low.log10(), self.0.high.log10());
        let exponents = low.floor() as i32..=high.ceil() as i32;
        // By the remainder and not from the first one on, so that the same decades have ticks in
        // panels of different ranges.
        let exponents = exponents.filter(|exponent| exponent.rem_euclid(stride) == 0);
        let all = exponents.flat_map(|e| mantissas.iter().map(move |&m| (m, e)));
        let inside = |&(m, e): &(u32, i32)| {
            let log = f64::from(m).log10() + f64::from(e);
            (low..=high).contains(&log)
        };
        all.filter(inside).collect()
    }

    /// Values and labels at multiples of a round step; thinned out, of steps that are about twice as large.
    fn linear_ticks(&self, thinned: u32) -> Vec<(f64, String)> {
        let Self(Axis { low, high, .. }, from, to) = *self;
        let least = (high - low) / (to - from).abs() * self.pitch() * f64::from(1 << thinned);
        let step = match self.0.scale {
            Scale::Whole => round_step(least).max(1.0),
            _ => round_step(least),
        };
        // A tick at the very end of the axis must not be lost to a rounding.
        let slack = 1e-9;
        let (first, last) = ((low / step - slack).ceil(), (high / step + slack).floor());
        let count = (last - first + 1.0).clamp(0.0, 100.0) as usize;
        let values = (0..count).map(|i| (first + i as f64) * step);
        let largest = low.abs().max(high.abs());
        let label = |value| (value, linear_label(value, step, largest));
        values.map(label).collect()
    }
}

fn value_of(mantissa: u32, exponent: i32) -> f64 {
    f64::from(mantissa) * 10.0_f64.powi(exponent)
}

fn linear_label(value: f64, step: f64, largest: f64) -> String {
    let text = if largest >= 1e7 || (largest < 1e-3 && largest > 0.0) {
        power_label(value, step)
    } else if step >= 0.999 {
        thousands(value)
    } else {
        // As many decimals as the step has; less a little, or a rounded logarithm would make one
        // more.
        decimals(value, (-step.log10() - 1e-9).ceil().max(0.0) as usize)
    };
    text.replace('-', "−")
}

/// A multiple of `step` in powers of ten, with as many digits as tell it from the next.
fn power_label(x: f64, step: f64) -> String {
    if x.abs() < step / 2.0 {
        return "0".to_owned();
    }
    let digits = (x.abs().log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{x:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    power(mantissa, exponent.parse().unwrap_or(0))
}

/// So many times a power of ten.
fn power(mantissa: &str, exponent: i32) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |c: char| c.to_digit(10).map_or('⁻', |digit| digits[digit as usize]);
    let exponent: String = exponent.to_string().chars().map(raised).collect();
    match mantissa {
        "1" => format!("10{exponent}"),
        "-1" => format!("-10{exponent}"),
        mantissa => format!("{mantissa}×10{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        let ticks = Ruler(axis, 0.0, 200.0).ticks().into_iter();
        ticks.map(|tick| tick.label).collect()
    }

    fn linear(low: f64, high: f64) -> Vec<String> {
        labels(&Axis::between("", Scale::Linear, (low, high)))
    }

    #[test]
    fn ticks_are_round() {
        for ((low, high), expected) in [
            ((0.0, 1.0), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"][..]),
            ((-0.2, 0.41), &["−0.2", "0.0", "0.2", "0.4"]),
            ((-900.0, 100.0), &["−800", "−600", "−400", "−200", "0"]),
            ((0.0, 8e3), &["0", "2,000", "4,000", "6,000", "8,000"]),
            ((0.0, 4e7), &["0", "10⁷", "2×10⁷", "3×10⁷", "4×10⁷"]),
            // There is no room for more.
            ((0.0, 4e-5), &["0", "2×10⁻⁵", "4×10⁻⁵"]),
            ((10.0, 10.00001), &["10.000000", "10.000005", "10.000010"]),
        ] {
            assert_eq!(linear(low, high), expected);
        }
        assert_eq!(linear(-1e7, 0.0)[0], "−10⁷");
        for ((low, high), expected) in [
            ((20.0, 600.0), ["20", "50", "100", "200", "500"]),
            ((0.02, 0.6), ["0.02", "0.05", "0.1", "0.2", "0.5"]),
            ((1e5, 1e7), ["10⁵", "3×10⁵", "10⁶", "3×10⁶", "10⁷"]),
            ((1e-3, 1e6), ["10⁻²", "10⁰", "10²", "10⁴", "10⁶"]),
        ] {
            assert_eq!(
                labels(&Axis::between("", Scale::Log, (low, high))),
                expected
            );
        }
    }

    #[test]
    fn whole_numbers_have_no_parts() {
        let axis = Axis::linear("", [1.0]).of_whole_numbers();
        assert_eq!(labels(&axis), ["1"]);
    }

    #[test]
    fn every_axis_has_a_few_ticks_inside() {
        let check = |axis: &Axis, what: (f64, f64)| {
            for (from, to) in [(10.0, 200.0), (410.0, 10.0)] {
                let ticks = Ruler(axis, from, to).ticks();
                assert!((2..=20).contains(&ticks.len()), "{what:?}: {ticks:?}");
                let inside = ticks.iter().all(|tick| (9.0..=411.0).contains(&tick.at));
                assert!(inside, "{what:?}: {ticks:?}");
            }
        };
        for high in [1.0, 1.01, 3.0, 17.0, 200.0, 4e3, 9e5, 1e9, 1e40, 1e300] {
            for low in [1.0, 1.7, 3.3, 6.1] {
                check(&Axis::log("", [low, high], 0.1), (low, high));
            }
        }
        check(&Axis::log("", [], 0.1), (0.0, 0.0));
        for low in [-1e30, -1e9, -3.3, -1e-9, 0.0, 1e-12, 7.7, 1e30] {
            for span in [0.0, 1e-3, 1.0, 17.0, 1e5, 1e30] {
                check(&Axis::linear("", [low, low + span]), (low, span));
            }
        }
    }

    #[test]
    fn values_stand_in_proportion_or_by_their_logarithm() {
        let log = Axis::log("", [3.0, 3e4], 0.1);
        let pixel = |x| Ruler(&log, 0.0, 100.0).pixel(x);
        assert!((pixel(300.0) - 50.0).abs() < 1e-9);
        assert!((pixel(3e3) - pixel(300.0) - (pixel(300.0) - pixel(30.0))).abs() < 1e-9);
        assert!(pixel(0.0) < 0.0 && pixel(-1.0).is_finite());
        let linear = Axis::between("", Scale::Linear, (-10.0, 30.0));
        assert_eq!(Ruler(&linear, 0.0, 100.0).pixel(0.0), 25.0);
    }
}
