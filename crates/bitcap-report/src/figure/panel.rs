//! A rectangle with two axes and data in it.

use super::axis::Axis;
use super::labels::Area;
use super::style::GREY;
use super::svg::{self, Anchor, Path, number};

pub(crate) const TICK_SIZE: f64 = 9.5;
const LABEL_SIZE: f64 = 11.5;
const HEADING_SIZE: f64 = 9.5;
const GRID: &str = "#EEEEEE";

/// One plot of a page. An empty label is not written, and takes no room.
pub(crate) struct Panel {
    /// Its frame, in pixels of the page.
    pub(crate) area: Area,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    /// Above the frame.
    pub(crate) heading: String,
    /// Whether numbers stand at the ticks; a panel beside or below may share them.
    pub(crate) x_numbers: bool,
    pub(crate) y_numbers: bool,
    /// Behind the axes, cut off at their edges: bands and lines.
    pub(crate) behind: String,
    /// Lines of the data, cut off at the edges.
    pub(crate) lines: String,
    /// Marks and words, all inside.
    pub(crate) marks: String,
}

impl Panel {
    /// An empty panel with numbers at its ticks and no words.
    pub(crate) fn new(area: Area, x: Axis, y: Axis) -> Self {
        Self {
            area,
            x,
            y,
            x_label: String::new(),
            y_label: String::new(),
            heading: String::new(),
            x_numbers: true,
            y_numbers: true,
            behind: String::new(),
            lines: String::new(),
            marks: String::new(),
        }
    }

    /// Where a value stands.
    pub(crate) fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.pixel(x), self.y.pixel(y))
    }

    /// A line behind the data from edge to edge at a height.
    pub(crate) fn level(&mut self, y: f64, colour: &str, width: f64, dash: &str) {
        let y = self.y.pixel(y);
        let line = Path::polyline(&[(self.area.left, y), (self.area.right, y)]);
        self.behind.push_str(&line.stroke(colour, width, dash));
    }

    /// The drawing; `index` tells its clipping from the page's others.
    pub(crate) fn svg(&self, index: usize) -> String {
        let Area {
            left,
            top,
            right,
            bottom,
        } = self.area;
        let area = format!(
            "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            number(left),
            number(top),
            number(right - left),
            number(bottom - top)
        );
        let mut out = format!("<clipPath id=\"plot{index}\"><rect {area}/></clipPath>\n");
        out.push_str(&self.grid());
        for layer in [&self.behind, &self.lines] {
            out.push_str(&format!(
                "<g clip-path=\"url(#plot{index})\">\n{layer}</g>\n"
            ));
        }
        out.push_str(&format!(
            "<rect {area} fill=\"none\" stroke=\"#000000\" stroke-width=\"0.8\"/>\n"
        ));
        out.push_str(&self.axes());
        out.push_str(&self.marks);
        out.push_str(&self.words());
        out
    }

    fn grid(&self) -> String {
        let Area {
            left,
            top,
            right,
            bottom,
        } = self.area;
        let mut out = String::new();
        for (x, _) in self.x.ticks() {
            out.push_str(&Path::polyline(&[(x, bottom), (x, top)]).stroke(GRID, 0.7, ""));
        }
        for (y, _) in self.y.ticks() {
            out.push_str(&Path::polyline(&[(left, y), (right, y)]).stroke(GRID, 0.7, ""));
        }
        out
    }

    fn axes(&self) -> String {
        let (left, bottom) = (self.area.left, self.area.bottom);
        let mut out = String::new();
        let vertical = |x: f64, length: f64| {
            Path::polyline(&[(x, bottom), (x, bottom + length)]).stroke("#000000", 0.8, "")
        };
        let horizontal = |y: f64, length: f64| {
            Path::polyline(&[(left - length, y), (left, y)]).stroke("#000000", 0.8, "")
        };
        for x in self.x.minor_ticks() {
            out.push_str(&vertical(x, 2.0));
        }
        for y in self.y.minor_ticks() {
            out.push_str(&horizontal(y, 2.0));
        }
        for (x, label) in self.x.ticks() {
            out.push_str(&vertical(x, 4.0));
            if self.x_numbers {
                let at = (x, bottom + 15.0);
                out.push_str(&svg::text(at, TICK_SIZE, Anchor::Middle, "#000000", &label));
            }
        }
        for (y, label) in self.y.ticks() {
            out.push_str(&horizontal(y, 4.0));
            if self.y_numbers {
                let at = (left - 7.0, y + TICK_SIZE * 0.36);
                out.push_str(&svg::text(at, TICK_SIZE, Anchor::End, "#000000", &label));
            }
        }
        out
    }

    fn words(&self) -> String {
        let Area {
            left,
            top,
            right,
            bottom,
        } = self.area;
        let mut out = String::new();
        if !self.heading.is_empty() {
            let at = (left, top - 5.0);
            out.push_str(&svg::text(
                at,
                HEADING_SIZE,
                Anchor::Start,
                GREY,
                &self.heading,
            ));
        }
        if !self.x_label.is_empty() {
            let at = (f64::midpoint(left, right), bottom + 34.0);
            out.push_str(&svg::text(
                at,
                LABEL_SIZE,
                Anchor::Middle,
                "#000000",
                &self.x_label,
            ));
        }
        if !self.y_label.is_empty() {
            let at = (18.0, f64::midpoint(top, bottom));
            out.push_str(&svg::upright_text(at, LABEL_SIZE, &self.y_label));
        }
        out
    }
}
