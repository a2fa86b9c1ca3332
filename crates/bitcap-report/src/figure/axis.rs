//! An axis of either kind, as the page draws it.

use super::format::tick;
use super::linear::LinearScale;
use super::scale::LogScale;

/// Maps a quantity to pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Axis {
    Log(LogScale),
    Linear(LinearScale),
}

impl Axis {
    pub(crate) fn pixel(&self, value: f64) -> f64 {
        match self {
            Self::Log(scale) => scale.pixel(value),
            Self::Linear(scale) => scale.pixel(value),
        }
    }

    /// The quantity at the ends of the axis.
    pub(crate) fn ends(&self) -> (f64, f64) {
        match self {
            Self::Log(scale) => scale.ends(),
            Self::Linear(scale) => scale.ends(),
        }
    }

    /// Where ticks stand, in pixels, and what is written at them.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Log(scale) => {
                let ticks = scale.ticks();
                // One way of writing numbers an axis: whole numbers from one to below a million and tenths and
                // hundredths beside them, else powers of ten.
                let powers = ticks.iter().any(|t| t.exponent >= 6 || t.exponent < -2)
                    || (ticks.iter().any(|t| t.exponent < 0)
                        && ticks.iter().any(|t| t.exponent >= 4));
                ticks
                    .into_iter()
                    .map(|t| (scale.pixel(t.value()), tick(t.mantissa, t.exponent, powers)))
                    .collect()
            }
            Self::Linear(scale) => scale.ticks(),
        }
    }

    /// Small ticks without a number.
    pub(crate) fn minor_ticks(&self) -> Vec<f64> {
        match self {
            Self::Log(scale) => scale
                .minor_ticks()
                .into_iter()
                .map(|t| scale.pixel(t.value()))
                .collect(),
            Self::Linear(_) => Vec::new(),
        }
    }
}
