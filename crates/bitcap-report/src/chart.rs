//! A figure as data, in the units of what was measured: whoever draws it decides on pixels.

use serde::Serialize;

use crate::statistics::{Spread, range};

/// A figure: panels with data, and what is written around them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// What its files are called, less their endings.
    pub name: &'static str,
    /// What it shows, and of which experiment.
    pub title: String,
    /// What has to be known to read it.
    pub subtitle: String,
    /// Rows of panels from the top, each from the left. Panels above each other with the same x axis share it, and
    /// panels of a row with the same y axis.
    pub panels: Vec<Vec<Panel>>,
    /// What the layers mean; one block below the other.
    pub legend: Vec<Block>,
    /// A sentence or two each.
    pub notes: Vec<String>,
}

/// A plot: two axes and layers of data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panel {
    /// Written above it; may be empty.
    pub heading: String,
    /// Its height, where a row is 580 wide.
    pub height: f64,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// Later ones cover earlier ones, but all marks lie above all lines and areas.
    pub layers: Vec<Layer>,
}

/// An axis and the range that it shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// The quantity and its unit; may be empty.
    pub label: String,
    /// How the quantity is laid out.
    pub scale: Scale,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How a quantity is laid out along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// In proportion.
    Linear,
    /// In proportion, with ticks at whole numbers alone.
    Whole,
    /// By its logarithm; the range is above zero.
    Log,
}

/// Points that belong together, and what they look like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layer {
    /// In the order that a line takes.
    pub points: Vec<Point>,
    /// How they are drawn.
    pub look: Look,
    /// A word to be written beside an area, where there is room; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
}

/// A point; what lies beyond the axes is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// Lower and upper end of its error bar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bar: Option<(f64, f64)>,
}

/// How points are drawn, in the plot as in the legend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Look {
    /// As `#RRGGBB`.
    pub colour: String,
    /// A line through all points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// A mark at each point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// The opacity of the area that the points go around.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<f64>,
}

/// A line; lengths are in 1/96 inch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Line {
    /// How wide it is.
    pub width: f64,
    /// Lengths drawn and left out in turn, as in SVG; empty for an unbroken line.
    pub dash: &'static str,
    /// From 0 to 1.
    pub opacity: f64,
}

/// A mark; lengths are in 1/96 inch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mark {
    /// Its outline.
    pub shape: Shape,
    /// That of a circle; other shapes have about the same area.
    pub radius: f64,
    /// Filled, or hollow.
    pub filled: bool,
    /// Set to the right of its point by this, so that it does not cover another's.
    pub aside: f64,
}

/// The outline of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Round.
    Circle,
    /// Upright.
    Square,
    /// A square on its tip.
    Diamond,
    /// On its tip.
    TriangleDown,
    /// Of five corners.
    Pentagon,
    /// Of five tips.
    Star,
    /// With a tip to the left.
    TriangleLeft,
    /// With a tip to the right.
    TriangleRight,
    /// On its side.
    TriangleUp,
    /// A level line, wider than the other marks.
    Dash,
}

/// A part of the legend.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Block {
    /// What its entries are; may be empty.
    pub heading: String,
    /// Each with a sample.
    pub entries: Vec<Entry>,
}

/// A line of the legend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// What is drawn so.
    pub look: Look,
    /// What it means.
    pub text: String,
}

/// Grey of axes, words and of all that is not ours.
pub(crate) const GREY: &str = "#666666";
/// Grey of lines behind the data.
pub(crate) const PALE: &str = "#999999";

/// What is smaller is nothing, to the eye as to the measure; logarithmic axes never reach the ends of f64.
pub(crate) const NOTHING: f64 = 1e-30;
/// A logarithmic axis spans at least this many decades, so that it holds two ticks of 1, 2, 5.
const LEAST_DECADES: f64 = 0.8;
/// The least room at either end of a logarithmic axis, as a part of what the values span.
const LOG_MARGIN: f64 = 0.07;
/// The same of a linear one.
const LINEAR_MARGIN: f64 = 0.05;
/// A linear axis spans at least this part of its largest value: f64 tells ticks that much closer from each other.
const LEAST_SPAN: f64 = 1e-6;

impl Axis {
    /// Over all values above [`NOTHING`] with at least `margin` decades on either side, or 1 to 10 where there are
    /// none.
    pub(crate) fn log(label: &str, values: impl IntoIterator<Item = f64>, margin: f64) -> Self {
        let values = values.into_iter().filter(|x| *x >= NOTHING);
        let (low, high) = range(values.map(f64::log10)).unwrap_or((0.0, 1.0));
        // A part of a long axis too, so that the room at its ends is the same on the page.
        let margin = margin.max(LOG_MARGIN * (high - low));
        // Half of what is missing to the least span on either side, so that values stay in the
        // middle.
        let spare = ((LEAST_DECADES - (high - low)) / 2.0).max(margin);
        // Whatever is asked for, within f64.
        let end = |log: f64| 10.0_f64.powf(log.clamp(-300.0, 300.0));
        Self::between(label, Scale::Log, (end(low - spare), end(high + spare)))
    }

    /// Over all values with some room at either end; 0 to 1 where there are none.
    pub(crate) fn linear(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let Some((low, high)) = range(values) else {
            return Self::between(label, Scale::Linear, (0.0, 1.0));
        };
        // Values that differ by less are drawn as one: f64 has no ticks to part them by.
        let least = (LEAST_SPAN * low.abs().max(high.abs())).max(1e-9);
        let spare = match high - low < least {
            // A single value stands in the middle.
            true => (0.1 * high.abs()).max(0.5),
            false => LINEAR_MARGIN * (high - low),
        };
        Self::between(label, Scale::Linear, (low - spare, high + spare))
    }

    /// From one end to the other, which must be above it. Ends are rounded to twelve digits: the last ones would only
    /// tell one machine's logarithm from another's.
    pub(crate) fn between(label: &str, scale: Scale, (low, high): (f64, f64)) -> Self {
        let rounded = |x: f64| format!("{x:.11e}").parse().unwrap_or(x);
        Self {
            label: label.to_owned(),
            scale,
            low: rounded(low),
            high: rounded(high),
        }
    }

    pub(crate) fn of_whole_numbers(self) -> Self {
        let scale = Scale::Whole;
        Self { scale, ..self }
    }
}

impl Panel {
    pub(crate) fn new(heading: &str, height: f64, x: Axis, y: Axis, layers: Vec<Layer>) -> Self {
        Self {
            heading: heading.to_owned(),
            height,
            x,
            y,
            layers,
        }
    }
}

impl Block {
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let heading = String::new();
        Self { heading, entries }
    }
}

impl Entry {
    pub(crate) fn new(look: &Look, text: impl Into<String>) -> Self {
        Self {
            look: look.clone(),
            text: text.into(),
        }
    }
}

impl Point {
    /// With a bar of one deviation on either side.
    pub(crate) fn mean(x: f64, Spread { mean: y, deviation }: Spread) -> Self {
        let bar = deviation.map(|deviation| (y - deviation, y + deviation));
        Self { x, y, bar }
    }
}

impl From<(f64, f64)> for Point {
    fn from((x, y): (f64, f64)) -> Self {
        Self { x, y, bar: None }
    }
}

impl Layer {
    pub(crate) fn new(points: impl IntoIterator<Item = impl Into<Point>>, look: &Look) -> Self {
        Self {
            points: points.into_iter().map(Into::into).collect(),
            look: look.clone(),
            label: String::new(),
        }
    }

    /// A level line from one end of the axis to the other.
    pub(crate) fn across(x: &Axis, y: f64, look: &Look) -> Self {
        Self::new([(x.low, y), (x.high, y)], look)
    }

    /// The area between two heights from one end of the axis to the other; each height is the one at either end.
    pub(crate) fn band(x: &Axis, least: (f64, f64), most: (f64, f64), look: &Look) -> Self {
        let corners = [
            (x.low, least.0),
            (x.high, least.1),
            (x.high, most.1),
            (x.low, most.0),
        ];
        Self::new(corners, look)
    }
}

impl Look {
    /// Of a colour, and nothing that shows yet.
    fn of(colour: &str) -> Self {
        Self {
            colour: colour.to_owned(),
            line: None,
            mark: None,
            fill: None,
        }
    }

    pub(crate) fn line(colour: &str, width: f64, dash: &'static str) -> Self {
        Self::of(colour).lined(width, dash, 1.0)
    }

    pub(crate) fn mark(colour: &str, shape: Shape, radius: f64, filled: bool) -> Self {
        let mark = Some(Mark {
            shape,
            radius,
            filled,
            aside: 0.0,
        });
        Self {
            mark,
            ..Self::of(colour)
        }
    }

    pub(crate) fn area(colour: &str, opacity: f64) -> Self {
        let fill = Some(opacity);
        Self {
            fill,
            ..Self::of(colour)
        }
    }

    /// The same with this line.
    pub(crate) fn lined(self, width: f64, dash: &'static str, opacity: f64) -> Self {
        let line = Some(Line {
            width,
            dash,
            opacity,
        });
        Self { line, ..self }
    }

    /// The same without a line.
    pub(crate) fn unlined(self) -> Self {
        Self { line: None, ..self }
    }

    /// The same with a mark that is filled or not.
    pub(crate) fn filled(mut self, filled: bool) -> Self {
        if let Some(mark) = &mut self.mark {
            mark.filled = filled;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_their_values_and_more() {
        let log = Axis::log("", [3.0, 3e4, -1.0, f64::NAN], 0.1);
        assert!(log.low < 2.4 && log.low > 1.0 && log.high > 3.7e4 && log.high < 9e4);
        let one = Axis::log("", [20.0], 0.0);
        assert!((one.high / one.low).log10() > 0.79);
        let linear = Axis::linear("", [-10.0, 90.0]);
        assert_eq!((linear.low, linear.high), (-15.0, 95.0));
        assert_eq!(Axis::linear("", [7.0]).low, 6.3);
        assert_eq!(Axis::linear("", [f64::INFINITY]).high, 1.0);
    }
}
