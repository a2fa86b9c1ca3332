//! The page around the data: title, axes, ticks, legend, notes.

use super::format::tick;
use super::labels::Area;
use super::legend::{self, Entry};
use super::png::fit_text;
use super::scale::{LogScale, Tick};
use super::style::GREY;
use super::svg::{self, Anchor, Path, number};

/// 7 inches.
const WIDTH: f64 = 672.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 48.0;
const PLOT_HEIGHT: f64 = 296.0;
/// From the plot's lower edge to the legend: tick labels and the axis label.
const BELOW_PLOT: f64 = 45.0;
const BETWEEN: f64 = 7.0;
const TICK_SIZE: f64 = 9.5;
const LABEL_SIZE: f64 = 11.5;
const TITLE_SIZE: f64 = 13.0;

/// Where x runs, in pixels.
pub(crate) const X_PIXELS: (f64, f64) = (LEFT, WIDTH - RIGHT);
/// Where y runs, in pixels, upwards.
pub(crate) const Y_PIXELS: (f64, f64) = (TOP + PLOT_HEIGHT, TOP);

/// The plot, less a hair of its frame.
pub(crate) const PLOT: Area = Area {
    left: X_PIXELS.0 + 3.0,
    top: Y_PIXELS.1 + 2.0,
    right: X_PIXELS.1 - 3.0,
    bottom: Y_PIXELS.0 - 2.0,
};

/// Two axes and what is written around them.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) x: LogScale,
    pub(crate) y: LogScale,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    /// Behind the axes, cut off at their edges: bands and lines.
    pub(crate) behind: String,
    /// Lines of the data, cut off at the edges.
    pub(crate) lines: String,
    /// Marks and words, all inside.
    pub(crate) marks: String,
    /// Blocks of the legend, set below each other.
    pub(crate) legend: Vec<Vec<Entry>>,
    pub(crate) notes: Vec<String>,
}

impl Page<'_> {
    pub(crate) fn svg(&self) -> String {
        let mut body = String::new();
        let title = fit_text(TITLE_SIZE, self.title, WIDTH - LEFT - RIGHT);
        body.push_str(&svg::text(
            (LEFT, 19.0),
            TITLE_SIZE,
            Anchor::Start,
            "#000000",
            &title,
        ));
        body.push_str(&svg::text(
            (LEFT, 36.0),
            TICK_SIZE,
            Anchor::Start,
            GREY,
            self.subtitle,
        ));
        let (top, width) = (number(TOP), number(WIDTH - LEFT - RIGHT));
        let (left, height) = (number(LEFT), number(PLOT_HEIGHT));
        let area = format!("x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"");
        body.push_str(&format!(
            "<clipPath id=\"plot\"><rect {area}/></clipPath>\n"
        ));
        body.push_str(&self.grid());
        for layer in [&self.behind, &self.lines] {
            body.push_str(&format!("<g clip-path=\"url(#plot)\">\n{layer}</g>\n"));
        }
        body.push_str(&format!(
            "<rect {area} fill=\"none\" stroke=\"#000000\" stroke-width=\"0.8\"/>\n"
        ));
        body.push_str(&self.axes());
        body.push_str(&self.marks);

        let mut y = TOP + PLOT_HEIGHT + BELOW_PLOT;
        let full = (20.0, WIDTH - 40.0);
        for block in self.legend.iter().filter(|block| !block.is_empty()) {
            let (drawing, height) = legend::legend(block, (full.0, y), full.1);
            body.push_str(&drawing);
            y += height + BETWEEN;
        }
        let (drawing, height) = legend::notes(&self.notes, (full.0 + 4.0, y), full.1 - 4.0);
        body.push_str(&drawing);
        svg::document(WIDTH, (y + height + 8.0).ceil(), self.title, &body)
    }

    fn grid(&self) -> String {
        let mut out = String::new();
        for tick in self.x.ticks() {
            let x = self.x.pixel(tick.value());
            out.push_str(
                &Path::polyline(&[(x, Y_PIXELS.0), (x, Y_PIXELS.1)]).stroke("#EEEEEE", 0.7, ""),
            );
        }
        for tick in self.y.ticks() {
            let y = self.y.pixel(tick.value());
            out.push_str(
                &Path::polyline(&[(X_PIXELS.0, y), (X_PIXELS.1, y)]).stroke("#EEEEEE", 0.7, ""),
            );
        }
        out
    }

    fn axes(&self) -> String {
        let mut out = String::new();
        let vertical = |x: f64, length: f64| {
            Path::polyline(&[(x, Y_PIXELS.0), (x, Y_PIXELS.0 + length)]).stroke("#000000", 0.8, "")
        };
        let horizontal = |y: f64, length: f64| {
            Path::polyline(&[(X_PIXELS.0 - length, y), (X_PIXELS.0, y)]).stroke("#000000", 0.8, "")
        };
        for tick in self.x.minor_ticks() {
            out.push_str(&vertical(self.x.pixel(tick.value()), 2.0));
        }
        for tick in self.y.minor_ticks() {
            out.push_str(&horizontal(self.y.pixel(tick.value()), 2.0));
        }
        for (tick, label) in labelled(&self.x) {
            let x = self.x.pixel(tick.value());
            out.push_str(&vertical(x, 4.0));
            let at = (x, Y_PIXELS.0 + 15.0);
            out.push_str(&svg::text(at, TICK_SIZE, Anchor::Middle, "#000000", &label));
        }
        for (tick, label) in labelled(&self.y) {
            let y = self.y.pixel(tick.value());
            out.push_str(&horizontal(y, 4.0));
            let at = (X_PIXELS.0 - 7.0, y + TICK_SIZE * 0.36);
            out.push_str(&svg::text(at, TICK_SIZE, Anchor::End, "#000000", &label));
        }
        let middle = ((X_PIXELS.0 + X_PIXELS.1) / 2.0, Y_PIXELS.0 + 34.0);
        out.push_str(&svg::text(
            middle,
            LABEL_SIZE,
            Anchor::Middle,
            "#000000",
            &self.x_label,
        ));
        let middle = (18.0, (Y_PIXELS.0 + Y_PIXELS.1) / 2.0);
        out.push_str(&svg::upright_text(middle, LABEL_SIZE, &self.y_label));
        out
    }
}

/// One way of writing numbers an axis: whole numbers from one to below a million, else powers of ten.
fn labelled(scale: &LogScale) -> Vec<(Tick, String)> {
    let ticks = scale.ticks();
    let powers = ticks.iter().any(|t| t.exponent >= 6 || t.exponent < 0);
    ticks
        .into_iter()
        .map(|t| (t, tick(t.mantissa, t.exponent, powers)))
        .collect()
}
