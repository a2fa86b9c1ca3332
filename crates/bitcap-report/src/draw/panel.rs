//! A panel: its axes and the data in it.

use super::png::text_width;
use super::svg::{BLACK, Pixel, SMALL, Svg, Type, number};
use super::ticks::{Ruler, Tick};
use crate::chart::{GREY, Layer, Look, Panel, Point, Shape};

/// How an axis's name is set, and the heading of a panel.
pub(super) const NAME: Type<'_> = Type(11.5, "middle", BLACK);
pub(super) const SMALL_GREY: Type<'_> = Type(SMALL, "start", GREY);
const GRID: &str = "#EEEEEE";
/// Half the width of an error bar's caps, and of a [`Shape::Dash`], so that it shows behind other marks.
const CAP: f64 = 2.6;
const DASH: f64 = 11.0;
/// How far words keep from the middle of a mark.
const CLEAR: f64 = 7.0;
/// Type size of the words beside an area.
const BESIDE: f64 = 8.0;

/// A box: left, top, right, bottom, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area(
    pub(super) f64,
    pub(super) f64,
    pub(super) f64,
    pub(super) f64,
);

impl Area {
    /// Larger by a margin on every side.
    fn with_margin(self, margin: f64) -> Self {
        let Self(left, top, right, bottom) = self;
        Self(left - margin, top - margin, right + margin, bottom + margin)
    }

    fn meets(self, other: Self) -> bool {
        self.0 < other.2 && other.0 < self.2 && self.1 < other.3 && other.1 < self.3
    }

    fn is_within(self, other: Self) -> bool {
        self.0 >= other.0 && self.1 >= other.1 && self.2 <= other.2 && self.3 <= other.3
    }

    /// Whether a straight line between two places goes through.
    fn is_crossed(self, from: Pixel, to: Pixel) -> bool {
        let Self(left, top, right, bottom) = self;
        let [from, to] = if from.0 <= to.0 {
            [from, to]
        } else {
            [to, from]
        };
        // From left to right now: cut to the box's width, the line meets the box if the heights at
        // its two ends do not lie both above or both below.
        if from.0 > right || to.0 < left {
            return false;
        }
        let height = |x: f64| from.1 + (to.1 - from.1) * (x - from.0) / (to.0 - from.0);
        let (a, b) = match from.0 < to.0 {
            true => (height(from.0.max(left)), height(to.0.min(right))),
            false => (from.1, to.1),
        };
        a.min(b) <= bottom && a.max(b) >= top
    }
}

/// A panel and its place on the page.
pub(super) struct Placed<'a> {
    pub(super) panel: &'a Panel,
    /// Its frame.
    pub(super) area: Area,
    /// Tells it from all other panels of a page.
    pub(super) id: String,
    /// Whether numbers stand at the ticks; a panel beside or below may share them.
    pub(super) x_numbers: bool,
    pub(super) y_numbers: bool,
    /// Whether the x axis is named here.
    pub(super) x_name: bool,
}

impl Placed<'_> {
    pub(super) fn draw(&self, svg: &mut Svg) {
        let (Area(left, top, right, bottom), id) = (self.area, &self.id);
        let size = [left, top, right - left, bottom - top].map(number);
        let [x, y, width, height] = size;
        let frame = format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"");
        svg.raw(&format!("<clipPath id=\"{id}\"><rect {frame}/></clipPath>"));
        // SVG paints in the order of its elements: grid, lines and areas, frame and axes over their
        // ends, and marks and words over everything.
        let (x_ticks, y_ticks) = (self.x().ticks(), self.y().ticks());
        for tick in &x_ticks {
            svg.line(&[(tick.at, bottom), (tick.at, top)], GRID, 0.7, "");
        }
        for tick in &y_ticks {
            svg.line(&[(left, tick.at), (right, tick.at)], GRID, 0.7, "");
        }
        // Lines go on beyond the axes and are cut at the frame. Marks are not cut, as half a mark
        // at the edge would look like another shape, so those beyond are left out one by one.
        svg.raw(&format!("<g class=\"lines\" clip-path=\"url(#{id})\">"));
        for layer in &self.panel.layers {
            lines(svg, &layer.look, &self.pixels(layer));
            self.bars(svg, layer);
        }
        svg.raw("</g>");
        let style = format!("fill=\"none\" stroke=\"{BLACK}\" stroke-width=\"0.8\"");
        svg.raw(&format!("<rect class=\"frame\" {frame} {style}/>"));
        self.axes(svg, &x_ticks, &y_ticks);
        svg.raw("<g class=\"marks\">");
        for layer in &self.panel.layers {
            for at in self.marks(layer) {
                mark(svg, &layer.look, at);
            }
        }
        svg.raw("</g>");
        self.words(svg);
    }

    fn x(&self) -> Ruler<'_> {
        Ruler(&self.panel.x, self.area.0, self.area.2)
    }

    fn y(&self) -> Ruler<'_> {
        Ruler(&self.panel.y, self.area.3, self.area.1)
    }

    fn pixels(&self, layer: &Layer) -> Vec<Pixel> {
        let (x, y) = (self.x(), self.y());
        let pixel = |point: &Point| (x.pixel(point.x), y.pixel(point.y));
        layer.points.iter().map(pixel).collect()
    }

    /// Where marks stand: those of points within the axes.
    fn marks(&self, layer: &Layer) -> Vec<Pixel> {
        let (x, y) = (&self.panel.x, &self.panel.y);
        let inside = |p: &Point| (x.low..=x.high).contains(&p.x) && (y.low..=y.high).contains(&p.y);
        let Some(mark) = layer.look.mark else {
            return Vec::new();
        };
        let pixels = layer.points.iter().zip(self.pixels(layer));
        let pixels = pixels.filter(|(point, _)| inside(point));
        pixels.map(|(_, (x, y))| (x + mark.aside, y)).collect()
    }

    fn bars(&self, svg: &mut Svg, layer: &Layer) {
        let (x, y) = (self.x(), self.y());
        let aside = layer.look.mark.map_or(0.0, |mark| mark.aside);
        // A deviation may reach beyond the axis, below zero on one of logarithms: the cap then
        // stands at the edge.
        let end = |value: f64| y.pixel(value.clamp(self.panel.y.low, self.panel.y.high));
        for point in &layer.points {
            let Some((low, high)) = point.bar else {
                continue;
            };
            let (x, low, high) = (x.pixel(point.x) + aside, end(low), end(high));
            let caps = [low, high].map(|y| [(x - CAP, y), (x + CAP, y)]);
            for line in [[(x, high), (x, low)], caps[1], caps[0]] {
                svg.line(&line, &layer.look.colour, 1.0, "");
            }
        }
    }

    fn axes(&self, svg: &mut Svg, x_ticks: &[Tick], y_ticks: &[Tick]) {
        let Area(left, _, _, bottom) = self.area;
        let level = |svg: &mut Svg, x: f64, length: f64| {
            svg.line(&[(x, bottom), (x, bottom + length)], BLACK, 0.8, "");
        };
        let upright = |svg: &mut Svg, y: f64, length: f64| {
            svg.line(&[(left - length, y), (left, y)], BLACK, 0.8, "");
        };
        for x in self.x().minor_ticks() {
            level(svg, x, 2.0);
        }
        for y in self.y().minor_ticks() {
            upright(svg, y, 2.0);
        }
        for tick in x_ticks {
            level(svg, tick.at, 4.0);
            if self.x_numbers {
                let at = (tick.middle, bottom + 15.0);
                svg.text(at, Type(SMALL, "middle", BLACK), &tick.label);
            }
        }
        for tick in y_ticks {
            upright(svg, tick.at, 4.0);
            if self.y_numbers {
                // Down from the middle to the baseline, by half the height of a capital.
                let at = (left - 7.0, tick.at + SMALL * 0.36);
                svg.text(at, Type(SMALL, "end", BLACK), &tick.label);
            }
        }
    }

    fn words(&self, svg: &mut Svg) {
        let (Area(left, top, right, bottom), panel) = (self.area, self.panel);
        if !panel.heading.is_empty() {
            svg.text((left, top - 5.0), SMALL_GREY, &panel.heading);
        }
        if self.x_name {
            let at = (f64::midpoint(left, right), bottom + 34.0);
            svg.text(at, NAME, &panel.x.label);
        }
        let mut taken = Vec::new();
        for layer in panel.layers.iter().filter(|layer| !layer.label.is_empty()) {
            if let Some(found) = self.beside(layer, &taken) {
                let baseline = (found.0, found.3 - 0.15 * BESIDE);
                let set = Type(BESIDE, "start", &layer.look.colour);
                svg.text(baseline, set, &layer.label);
                taken.push(found);
            }
        }
    }

    /// A place for the words of an area: above or below one of its ends, where they cover nothing. What they say is in
    /// the legend or the notes too, so they can go where there is no room.
    fn beside(&self, layer: &Layer, taken: &[Area]) -> Option<Area> {
        let heights: Vec<f64> = self.pixels(layer).iter().map(|pixel| pixel.1).collect();
        let above = heights.iter().copied().reduce(f64::min)? - BESIDE - 2.0;
        let below = heights.iter().copied().reduce(f64::max)? + 2.0;
        let width = text_width(BESIDE, &layer.label);
        let (first, last) = (self.area.0 + 6.0, self.area.2 - 6.0 - width);
        let places = [(first, above), (first, below), (last, above), (last, below)];
        let places = places.map(|(left, top)| Area(left, top, left + width, top + BESIDE));
        let covers = |place: Area, layer: &Layer| {
            let line = layer.look.line.map_or(Vec::new(), |_| self.pixels(layer));
            let mut marks = self.marks(layer).into_iter();
            line.windows(2)
                .any(|ends| place.is_crossed(ends[0], ends[1]))
                || marks.any(|(x, y)| Area(x, y, x, y).with_margin(CLEAR).meets(place))
        };
        places.into_iter().find(|&place| {
            place.is_within(self.area.with_margin(-2.0))
                && !taken.iter().any(|&other| place.meets(other))
                && !self.panel.layers.iter().any(|layer| covers(place, layer))
        })
    }
}

/// How wide the numbers of a panel's y axis are.
pub(super) fn y_numbers_width(panel: &Panel) -> f64 {
    // Which ticks there are follows from the length of an axis, wherever it stands: so its numbers
    // can be measured before the panels are placed by them.
    let ticks = Ruler(&panel.y, panel.height, 0.0).ticks().into_iter();
    let widths = ticks.map(|tick| text_width(SMALL, &tick.label));
    widths.fold(0.0, f64::max)
}

/// What a legend shows of a look, around a place.
pub(super) fn sample(svg: &mut Svg, look: &Look, (x, y): Pixel) {
    let (left, right) = (x - 15.0, x + 15.0);
    let (top, bottom) = (y - 4.0, y + 4.0);
    match look.fill {
        Some(_) => {
            let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
            lines(svg, look, &corners);
        }
        None => lines(svg, look, &[(left, y), (right, y)]),
    }
    mark(svg, look, (x, y));
}

/// The area and the line of a look.
fn lines(svg: &mut Svg, look: &Look, points: &[Pixel]) {
    let colour = &look.colour;
    if let Some(fill) = look.fill.map(number) {
        let style = format!("fill=\"{colour}\" fill-opacity=\"{fill}\"");
        svg.polygon(points, &style);
    }
    if let Some(line) = look.line {
        let mut more = String::new();
        if !line.dash.is_empty() {
            more = format!(" stroke-dasharray=\"{}\"", line.dash);
        }
        if line.opacity < 1.0 {
            more.push_str(&format!(" stroke-opacity=\"{}\"", number(line.opacity)));
        }
        svg.line(points, colour, line.width, &more);
    }
}

/// The mark of a look, if it has one.
fn mark(svg: &mut Svg, look: &Look, (x, y): Pixel) {
    let (Some(mark), colour) = (look.mark, &look.colour) else {
        return;
    };
    // Hollow ones are white inside, so that lines end at them.
    let fill = if mark.filled { colour } else { "#FFFFFF" };
    let style = format!("fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.3\"");
    // Corners, how far they are from the middle, every second one if it is a dent, and by how many degrees the first
    // is turned from the top.
    let (corners, reach, dent, turn) = match mark.shape {
        Shape::Circle => {
            let [x, y, r] = [x, y, mark.radius].map(number);
            let circle = format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {style}/>");
            return svg.raw(&circle);
        }
        Shape::Dash => return svg.line(&[(x - DASH, y), (x + DASH, y)], colour, 1.4, ""),
        // Reaches that give about the area of the circle: n corners at a reach r around the middle
        // have (n/2) sin(2pi/n) r^2.
        Shape::Square => (4, 1.25, 1.25, 45.0),
        Shape::Diamond => (4, 1.3, 1.3, 0.0),
        Shape::TriangleUp => (3, 1.35, 1.35, 0.0),
        Shape::TriangleRight => (3, 1.35, 1.35, 90.0),
        Shape::TriangleDown => (3, 1.35, 1.35, 180.0),
        Shape::TriangleLeft => (3, 1.35, 1.35, 270.0),
        Shape::Pentagon => (5, 1.15, 1.15, 0.0),
        Shape::Star => (10, 1.5, 0.65, 0.0),
    };
    let corner = |i: i32| {
        let angle = (turn + 360.0 * f64::from(i) / f64::from(corners)).to_radians();
        let reach = mark.radius * if i % 2 == 0 { reach } else { dent };
        (x + reach * angle.sin(), y - reach * angle.cos())
    };
    svg.polygon(&(0..corners).map(corner).collect::<Vec<_>>(), &style);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_box() {
        let area = Area(20.0, 50.0, 40.0, 60.0);
        for (crossed, from, to) in [
            (true, (0.0, 0.0), (100.0, 180.0)),
            (true, (30.0, 0.0), (30.0, 100.0)),
            (true, (100.0, 55.0), (25.0, 55.0)),
            (false, (0.0, 55.0), (10.0, 55.0)),
            (false, (0.0, 70.0), (100.0, 70.0)),
            (false, (0.0, 0.0), (100.0, 100.0)),
            (false, (30.0, 0.0), (30.0, 40.0)),
        ] {
            assert_eq!(area.is_crossed(from, to), crossed, "{from:?} {to:?}");
        }
        assert!(area.meets(Area(39.0, 59.0, 90.0, 90.0)));
        assert!(!area.meets(Area(40.0, 50.0, 60.0, 60.0)));
        assert!(area.is_within(area) && !area.with_margin(1.0).is_within(area));
    }
}
