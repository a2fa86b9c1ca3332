//! The page around the data: title, panels, legend, notes.

use super::labels::Area;
use super::legend::{self, Entry};
use super::panel::{Panel, TICK_SIZE};
use super::png::fit_text;
use super::style::GREY;
use super::svg::{self, Anchor};

/// 7 inches.
const WIDTH: f64 = 672.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 48.0;
const PLOT_HEIGHT: f64 = 296.0;
/// From the plot's lower edge to the legend: tick labels and the axis label.
const BELOW_PLOT: f64 = 45.0;
const BETWEEN: f64 = 7.0;
const TITLE_SIZE: f64 = 13.0;
/// A panel's heading.
const HEADING: f64 = 16.0;

/// Where x runs, in pixels.
pub(crate) const X_PIXELS: (f64, f64) = (LEFT, WIDTH - RIGHT);
/// Where y runs, in pixels, upwards.
pub(crate) const Y_PIXELS: (f64, f64) = (TOP + PLOT_HEIGHT, TOP);

/// The one panel of a page that has no more.
pub(crate) const WHOLE: Area = Area {
    left: X_PIXELS.0,
    top: Y_PIXELS.1,
    right: X_PIXELS.1,
    bottom: Y_PIXELS.0,
};

/// The plot, less a hair of its frame.
pub(crate) const PLOT: Area = Area {
    left: X_PIXELS.0 + 3.0,
    top: Y_PIXELS.1 + 2.0,
    right: X_PIXELS.1 - 3.0,
    bottom: Y_PIXELS.0 - 2.0,
};

/// Panels and what is written around them.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) panels: Vec<Panel>,
    /// Blocks of the legend, set below each other.
    pub(crate) legend: Vec<Vec<Entry>>,
    pub(crate) notes: Vec<String>,
}

/// Panels of equal size with a heading each, in rows from the left. Between rows there is `gap` for what stands at
/// their lower edges.
pub(crate) fn grid(rows: usize, columns: usize, height: f64, gap: f64) -> Vec<Area> {
    let between = 14.0;
    let width = (X_PIXELS.1 - X_PIXELS.0 + between) / columns.max(1) as f64 - between;
    let cell = |i: usize| {
        let (row, column) = ((i / columns) as f64, (i % columns) as f64);
        let left = X_PIXELS.0 + column * (width + between);
        let top = TOP + HEADING + row * (height + HEADING + gap);
        Area {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    };
    (0..rows * columns).map(cell).collect()
}

impl Page<'_> {
    pub(crate) fn svg(&self) -> String {
        let mut body = String::new();
        for (text, y, size, colour) in [
            (self.title, 19.0, TITLE_SIZE, "#000000"),
            (self.subtitle, 36.0, TICK_SIZE, GREY),
        ] {
            let text = fit_text(size, text, WIDTH - LEFT - RIGHT);
            body.push_str(&svg::text((LEFT, y), size, Anchor::Start, colour, &text));
        }
        let mut y = TOP;
        for (index, panel) in self.panels.iter().enumerate() {
            body.push_str(&panel.svg(index));
            y = y.max(panel.area.bottom + BELOW_PLOT);
        }
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
}
