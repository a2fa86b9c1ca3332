//! An axis on the page: where its values stand, and which have ticks.

use super::png::text_width;
use super::svg::SMALL;
use crate::chart::{Axis, Scale};
use crate::text::{decimals, thousands};

/// A linear axis has a tick about every so many pixels: numbers are wider than high.
const PIXELS_A_TICK: f64 = 42.0;
const PIXELS_A_TICK_UPWARDS: f64 = 26.0;
/// Up to this many decades a logarithmic axis has ticks at 1, 2, 5; beyond, at powers of ten.
const DECADES_OF_125: f64 = 3.0;
/// With less room for each of those, at powers of ten too.
const PIXELS_A_TICK_OF_125: f64 = 32.0;
/// At most this many labels of powers of ten.
const MOST_POWERS: i32 = 9;
/// How far the label of a tick at an end of a level axis may reach beyond it.
const BEYOND: f64 = 6.0;
/// What stands at least between two labels of a level axis.
const BETWEEN: f64 = 5.0;
/// Beyond that many decades small ticks would run into each other.
const DECADES_OF_MINOR_TICKS: f64 = 8.0;

/// An axis and the pixels at its ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruler<'a> {
    pub(super) axis: &'a Axis,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A tick with a label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Labelled {
    /// Where it stands.
    pub(super) at: f64,
    pub(super) label: String,
    /// Where the middle of its label stands: moved inwards at the ends of a level axis.
    pub(super) middle: f64,
}

/// A tick of a logarithmic axis: mantissa x 10^exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tick {
    mantissa: u32,
    exponent: i32,
}

impl Tick {
    fn value(self) -> f64 {
        f64::from(self.mantissa) * 10.0_f64.powi(self.exponent)
    }
}

impl Ruler<'_> {
    /// Where a value stands; what an axis cannot show stands at its end.
    pub(super) fn pixel(&self, value: f64) -> f64 {
        let Axis { low, high, .. } = *self.axis;
        let part = match self.axis.scale {
            Scale::Log => (value.max(low * 1e-9).log10() - low.log10()) / self.decades(),
            Scale::Linear | Scale::Whole => (value - low) / (high - low),
        };
        self.from + part * (self.to - self.from)
    }

    /// Ticks with what is written at them: as many as have room for their labels.
    pub(super) fn ticks(&self) -> Vec<Labelled> {
        let choices = match self.axis.scale {
            Scale::Log => self.log_ticks(),
            Scale::Linear | Scale::Whole => self.linear_ticks(),
        };
        let mut choices = choices.into_iter().map(|ticks| self.labelled(ticks));
        let mut best = choices.next().unwrap_or_default();
        for fewer in choices {
            if self.is_clear(&best) || fewer.is_empty() {
                break;
            }
            best = fewer;
        }
        best
    }

    fn labelled(&self, ticks: Vec<(f64, String)>) -> Vec<Labelled> {
        let labelled = ticks.into_iter().map(|(value, label)| {
            let at = self.pixel(value);
            let middle = match self.is_level() {
                true => {
                    let half = text_width(SMALL, &label) / 2.0 - BEYOND;
                    at.min(self.to - half).max(self.from + half)
                }
                false => at,
            };
            Labelled { at, label, middle }
        });
        labelled.collect()
    }

    /// Whether no label meets the next; those of an upright axis never do.
    fn is_clear(&self, ticks: &[Labelled]) -> bool {
        let half = |tick: &Labelled| text_width(SMALL, &tick.label) / 2.0;
        let apart =
            |pair: &[Labelled]| pair[1].middle - half(&pair[1]) - pair[0].middle - half(&pair[0]);
        !self.is_level() || ticks.windows(2).all(|pair| apart(pair) >= BETWEEN)
    }

    fn is_level(&self) -> bool {
        self.from < self.to
    }

    /// Where small ticks without a number stand.
    pub(super) fn minor_ticks(&self) -> Vec<f64> {
        if self.axis.scale != Scale::Log || self.decades() > DECADES_OF_MINOR_TICKS {
            return Vec::new();
        }
        let ticks = self.within(&[2, 3, 4, 5, 6, 7, 8, 9], 1);
        ticks
            .into_iter()
            .map(|tick| self.pixel(tick.value()))
            .collect()
    }

    fn decades(&self) -> f64 {
        self.axis.high.log10() - self.axis.low.log10()
    }

    /// Ticks, and fewer and fewer of them.
    fn log_ticks(&self) -> Vec<Vec<(f64, String)>> {
        let decades = self.decades();
        let roomy =
            decades < 2.0 || 3.0 * decades * PIXELS_A_TICK_OF_125 <= (self.to - self.from).abs();
        let stride = (decades / f64::from(MOST_POWERS)).ceil() as i32;
        let mut choices: Vec<(&[u32], i32)> = Vec::new();
        if decades <= DECADES_OF_125 && roomy {
            choices.extend([(&[1, 2, 5][..], 1), (&[1, 3][..], 1)]);
        }
        choices.extend([1, 2, 4].map(|fewer| (&[1][..], fewer * stride)));
        let labelled = |(mantissas, stride)| {
            let ticks: Vec<Tick> = self.within(mantissas, stride);
            // One way of writing numbers an axis: whole numbers from one to below a million and tenths and hundredths
            // beside them, else powers of ten.
            let any = |test: fn(i32) -> bool| ticks.iter().any(|tick| test(tick.exponent));
            let powers = any(|e| e >= 6) || any(|e| e < -2) || any(|e| e < 0) && any(|e| e >= 4);
            let labels = ticks
                .iter()
                .map(|&tick| (tick.value(), log_label(tick, powers)));
            labels.collect()
        };
        choices.into_iter().map(labelled).collect()
    }

    fn within(&self, mantissas: &[u32], stride: i32) -> Vec<Tick> {
        let (low, high) = (self.axis.low.log10(), self.axis.high.log10());
        let inside = |tick: &Tick| {
            let log = f64::from(tick.mantissa).log10() + f64::from(tick.exponent);
            (low..=high).contains(&log)
        };
        let exponents = low.floor() as i32..=high.ceil() as i32;
        let exponents = exponents.filter(|exponent| exponent.rem_euclid(stride) == 0);
        let ticks = exponents.flat_map(|exponent| {
            let tick = move |&mantissa: &u32| Tick { mantissa, exponent };
            mantissas.iter().map(tick)
        });
        ticks.filter(inside).collect()
    }

    /// Ticks, and fewer and fewer of them: at multiples of 1, 2 or 5 of a power of ten.
    fn linear_ticks(&self) -> Vec<Vec<(f64, String)>> {
        let Axis { low, high, .. } = *self.axis;
        let a_tick = match self.is_level() {
            true => PIXELS_A_TICK,
            false => PIXELS_A_TICK_UPWARDS,
        };
        let most = ((self.to - self.from).abs() / a_tick).max(2.0);
        let rough = (high - low) / most;
        let power = 10.0_f64.powf(rough.log10().floor());
        let least = match self.axis.scale {
            Scale::Whole => rough.max(1.0),
            _ => rough,
        };
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|factor| factor * power);
        let mut steps: Vec<f64> = steps
            .into_iter()
            .filter(|step| *step >= least * 0.999)
            .collect();
        if steps.is_empty() {
            steps.push(least);
        }
        let largest = low.abs().max(high.abs());
        let ticks = |step: f64| {
            let slack = 1e-9;
            let first = (low / step - slack).ceil();
            let last = (high / step + slack).floor();
            let count = (last - first + 1.0).clamp(0.0, 100.0) as usize;
            let values = (0..count).map(|i| (first + i as f64) * step);
            values
                .map(|value| (value, linear_label(value, step, largest)))
                .collect()
        };
        steps.into_iter().map(ticks).collect()
    }
}

/// `powers` where the axis goes far beyond what people write out.
fn log_label(tick: Tick, powers: bool) -> String {
    let Tick { mantissa, exponent } = tick;
    match (powers, mantissa) {
        (true, 1) => format!("10{}", superscript(exponent)),
        (true, _) => format!("{mantissa}×10{}", superscript(exponent)),
        (false, _) if exponent < 0 => decimals(tick.value(), exponent.unsigned_abs() as usize),
        (false, _) => thousands(tick.value()),
    }
}

fn linear_label(value: f64, step: f64, largest: f64) -> String {
    if largest >= 1e7 || (largest < 1e-3 && largest > 0.0) {
        return power_label(value, step);
    }
    let text = match step >= 0.999 {
        true => thousands(value),
        false => decimals(value, (-step.log10() - 1e-9).ceil().max(0.0) as usize),
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
    let exponent = superscript(exponent.parse().unwrap_or(0));
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    let text = match mantissa {
        "1" => format!("10{exponent}"),
        "-1" => format!("-10{exponent}"),
        mantissa => format!("{mantissa}×10{exponent}"),
    };
    text.replace('-', "−")
}

fn superscript(n: i32) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |c: char| c.to_digit(10).map_or('⁻', |digit| digits[digit as usize]);
    n.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruler(axis: &Axis, to: f64) -> Ruler<'_> {
        Ruler {
            axis,
            from: 0.0,
            to,
        }
    }

    fn labels(axis: &Axis) -> Vec<String> {
        let ticks = ruler(axis, 200.0).ticks();
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    fn linear(low: f64, high: f64) -> Vec<String> {
        labels(&Axis::between("", Scale::Linear, (low, high)))
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            linear(0.0, 1.0),
            ["0.0", "0.5", "1.0"],
            "a tick takes 42 pixels"
        );
        assert_eq!(linear(-0.2, 0.41), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(linear(-900.0, 100.0), ["−500", "0"]);
        assert_eq!(
            linear(0.0, 8000.0),
            ["0", "2,000", "4,000", "6,000", "8,000"]
        );
        assert_eq!(linear(0.0, 4e7), ["0", "10⁷", "2×10⁷", "3×10⁷", "4×10⁷"]);
        assert_eq!(linear(-1e7, 0.0)[0], "−10⁷");
        assert_eq!(linear(0.0, 4e-5), ["0", "2×10⁻⁵", "4×10⁻⁵"]);
        assert_eq!(
            labels(&Axis::log("", [30.0, 600.0], 0.1))[..2],
            ["50", "100"]
        );
        assert_eq!(
            labels(&Axis::log("", [0.03, 0.6], 0.1))[..2],
            ["0.05", "0.1"]
        );
        assert_eq!(
            labels(&Axis::log("", [1e5, 4e6], 0.1)),
            ["10⁵", "2×10⁵", "5×10⁵", "10⁶", "2×10⁶", "5×10⁶"]
        );
    }

    #[test]
    fn whole_numbers_have_no_parts() {
        let axis = Axis::linear("", [1.0]).of_whole_numbers();
        assert_eq!(labels(&axis), ["1"]);
    }

    #[test]
    fn every_logarithmic_axis_has_two_to_ten_ticks() {
        for high in [1.0, 1.01, 3.0, 17.0, 200.0, 4e3, 9e5, 1e6, 1e9, 1e40, 1e300] {
            for low in [1.0, 1.7, 3.3, 6.1, 9.9] {
                let axis = Axis::log("", [low, high], 0.1);
                let count = ruler(&axis, 100.0).ticks().len();
                assert!((2..=10).contains(&count), "{low} {high}: {count}");
            }
        }
        assert!(ruler(&Axis::log("", [], 0.1), 100.0).ticks().len() >= 2);
    }

    #[test]
    fn any_linear_axis_has_two_to_ten_ticks_inside() {
        for low in [-1e30, -1e9, -3.3, -1e-9, 0.0, 1e-12, 7.7, 1e30] {
            for span in [0.0, 1e-12, 1e-3, 1.0, 17.0, 1e5, 1e30] {
                let axis = Axis::linear("", [low, low + span]);
                let ruler = Ruler {
                    axis: &axis,
                    from: 10.0,
                    to: 410.0,
                };
                let ticks = ruler.ticks();
                assert!((2..=12).contains(&ticks.len()), "{low} {span}: {ticks:?}");
                for Labelled { at, label, .. } in ticks {
                    assert!((9.0..=411.0).contains(&at), "{low} {span}: {at} {label}");
                }
                assert!((10.0..=410.0).contains(&ruler.pixel(low)));
            }
        }
    }

    #[test]
    fn values_stand_in_proportion_or_by_their_logarithm() {
        let log = Axis::log("", [3.0, 3e4], 0.1);
        let pixel = |x| ruler(&log, 100.0).pixel(x);
        assert!((pixel(300.0) - 50.0).abs() < 1e-9);
        assert!((pixel(3e3) - pixel(300.0) - (pixel(300.0) - pixel(30.0))).abs() < 1e-9);
        assert!(pixel(0.0) < 0.0 && pixel(-1.0).is_finite());
        let linear = Axis::between("", Scale::Linear, (-10.0, 30.0));
        assert_eq!(ruler(&linear, 100.0).pixel(0.0), 25.0);
    }
}
