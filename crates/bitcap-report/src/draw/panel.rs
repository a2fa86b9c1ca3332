//! A panel: its axes and the data in it.

use super::labels::{Area, Taken};
use super::png::text_width;
use super::svg::{self, Anchor, BLACK, SMALL, number};
use super::ticks::{Labelled, Ruler};
use crate::chart::{GREY, Layer, Look, Mark, Panel, Point, Shape};

/// Type size of an axis's name.
pub(super) const LABEL_SIZE: f64 = 11.5;
const GRID: &str = "#EEEEEE";
/// Half the width of an error bar's caps.
const CAP: f64 = 2.6;
/// Half the width of a [`Shape::Dash`], so that it shows behind other marks.
const DASH: f64 = 11.0;
/// Type size of the words beside an area.
const BESIDE: f64 = 8.0;

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
    /// Whether the axis is named here.
    pub(super) x_label: bool,
}

impl Placed<'_> {
    pub(super) fn svg(&self) -> String {
        let Area {
            left,
            top,
            right,
            bottom,
        } = self.area;
        let frame = format!(
            "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            number(left),
            number(top),
            number(right - left),
            number(bottom - top)
        );
        let id = &self.id;
        let mut out = format!("<clipPath id=\"{id}\"><rect {frame}/></clipPath>\n");
        for Labelled { at: x, .. } in self.x().ticks() {
            out.push_str(&svg::line(&[(x, bottom), (x, top)], GRID, 0.7, "", 1.0));
        }
        for Labelled { at: y, .. } in self.y().ticks() {
            out.push_str(&svg::line(&[(left, y), (right, y)], GRID, 0.7, "", 1.0));
        }
        out.push_str(&format!("<g class=\"lines\" clip-path=\"url(#{id})\">\n"));
        for layer in &self.panel.layers {
            out.push_str(&self.lines(layer));
        }
        out.push_str("</g>\n");
        out.push_str(&format!(
            "<rect class=\"frame\" {frame} fill=\"none\" stroke=\"{BLACK}\" stroke-width=\"0.8\"/>\n"
        ));
        out.push_str(&self.axes());
        out.push_str("<g class=\"marks\">\n");
        for layer in &self.panel.layers {
            for at in self.marks(layer) {
                out.push_str(&sample_mark(&layer.look, at));
            }
        }
        out.push_str("</g>\n");
        out.push_str(&self.words());
        out
    }

    fn x(&self) -> Ruler<'_> {
        Ruler {
            axis: &self.panel.x,
            from: self.area.left,
            to: self.area.right,
        }
    }

    fn y(&self) -> Ruler<'_> {
        Ruler {
            axis: &self.panel.y,
            from: self.area.bottom,
            to: self.area.top,
        }
    }

    fn pixels(&self, layer: &Layer) -> Vec<(f64, f64)> {
        let (x, y) = (self.x(), self.y());
        let points = layer.points.iter();
        points
            .map(|point| (x.pixel(point.x), y.pixel(point.y)))
            .collect()
    }

    /// Where marks stand: those of points within the axes.
    fn marks(&self, layer: &Layer) -> Vec<(f64, f64)> {
        let Some(Mark { aside, .. }) = layer.look.mark else {
            return Vec::new();
        };
        let (x, y) = (&self.panel.x, &self.panel.y);
        let inside = |point: &Point| {
            (x.low..=x.high).contains(&point.x) && (y.low..=y.high).contains(&point.y)
        };
        let points = layer.points.iter().zip(self.pixels(layer));
        let points = points.filter(|(point, _)| inside(point));
        points.map(|(_, (x, y))| (x + aside, y)).collect()
    }

    /// All of a layer that is cut off at the edges.
    fn lines(&self, layer: &Layer) -> String {
        let look = &layer.look;
        let points = self.pixels(layer);
        let mut out = String::new();
        if look.fill.is_some() {
            out.push_str(&filled(look, &points));
        }
        if let Some(line) = look.line {
            out.push_str(&svg::line(
                &points,
                &look.colour,
                line.width,
                line.dash,
                line.opacity,
            ));
        }
        let y = self.y();
        let aside = look.mark.map_or(0.0, |mark| mark.aside);
        for (point, (x, _)) in layer.points.iter().zip(points) {
            let Some((low, high)) = point.bar else {
                continue;
            };
            let end = |value: f64| y.pixel(value.clamp(y.axis.low, y.axis.high));
            let (x, low, high) = (x + aside, end(low), end(high));
            for ends in [
                [(x, high), (x, low)],
                [(x - CAP, high), (x + CAP, high)],
                [(x - CAP, low), (x + CAP, low)],
            ] {
                out.push_str(&svg::line(&ends, &look.colour, 1.0, "", 1.0));
            }
        }
        out
    }

    fn axes(&self) -> String {
        let (left, bottom) = (self.area.left, self.area.bottom);
        let mut out = String::new();
        let mut tick = |from: (f64, f64), to: (f64, f64)| {
            out.push_str(&svg::line(&[from, to], BLACK, 0.8, "", 1.0));
        };
        for x in self.x().minor_ticks() {
            tick((x, bottom), (x, bottom + 2.0));
        }
        for y in self.y().minor_ticks() {
            tick((left - 2.0, y), (left, y));
        }
        let (x_ticks, y_ticks) = (self.x().ticks(), self.y().ticks());
        for &Labelled { at: x, .. } in &x_ticks {
            tick((x, bottom), (x, bottom + 4.0));
        }
        for &Labelled { at: y, .. } in &y_ticks {
            tick((left - 4.0, y), (left, y));
        }
        for tick in x_ticks.iter().filter(|_| self.x_numbers) {
            let at = (tick.middle, bottom + 15.0);
            out.push_str(&svg::text(at, SMALL, Anchor::Middle, BLACK, &tick.label));
        }
        for tick in y_ticks.iter().filter(|_| self.y_numbers) {
            let at = (left - 7.0, tick.at + SMALL * 0.36);
            out.push_str(&svg::text(at, SMALL, Anchor::End, BLACK, &tick.label));
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
        if !self.panel.heading.is_empty() {
            let at = (left, top - 5.0);
            out.push_str(&svg::text(
                at,
                SMALL,
                Anchor::Start,
                GREY,
                &self.panel.heading,
            ));
        }
        if self.x_label {
            let at = (f64::midpoint(left, right), bottom + 34.0);
            out.push_str(&svg::text(
                at,
                LABEL_SIZE,
                Anchor::Middle,
                BLACK,
                &self.panel.x.label,
            ));
        }
        let mut taken = self.taken();
        for layer in &self.panel.layers {
            if !layer.label.is_empty() {
                out.push_str(&self.beside(layer, &mut taken));
            }
        }
        out
    }

    /// All that words must leave clear.
    fn taken(&self) -> Taken {
        let mut taken = Taken::default();
        for layer in &self.panel.layers {
            if layer.look.line.is_some() {
                taken.line(self.pixels(layer));
            }
            for mark in self.marks(layer) {
                taken.mark(mark);
            }
        }
        taken
    }

    /// The words of an area above or below one of its ends; what they say is in the legend or the notes too, so they
    /// can go where there is no room.
    fn beside(&self, layer: &Layer, taken: &mut Taken) -> String {
        let points = self.pixels(layer);
        let over = |pick: fn(f64, f64) -> f64, of: fn(&(f64, f64)) -> f64| {
            points.iter().map(of).reduce(pick).unwrap_or(0.0)
        };
        let (top, bottom) = (over(f64::min, |p| p.1), over(f64::max, |p| p.1));
        let width = text_width(BESIDE, &layer.label);
        let place = |left: f64, top: f64| Area {
            left,
            top,
            right: left + width,
            bottom: top + BESIDE,
        };
        let (first, last) = (self.area.left + 6.0, self.area.right - 6.0 - width);
        let (above, below) = (top - BESIDE - 2.0, bottom + 2.0);
        let places = [(first, above), (first, below), (last, above), (last, below)];
        let places = places.map(|(left, top)| place(left, top));
        let Some(found) = taken.place(&self.area.inner(2.0), places) else {
            return String::new();
        };
        let baseline = (found.left, found.bottom - 0.15 * BESIDE);
        svg::text(
            baseline,
            BESIDE,
            Anchor::Start,
            &layer.look.colour,
            &layer.label,
        )
    }
}

/// How wide the numbers of a panel's y axis are.
pub(super) fn y_numbers_width(panel: &Panel) -> f64 {
    let ruler = Ruler {
        axis: &panel.y,
        from: panel.height,
        to: 0.0,
    };
    let ticks = ruler.ticks().into_iter();
    ticks
        .map(|tick| text_width(SMALL, &tick.label))
        .fold(0.0, f64::max)
}

/// What a legend shows of a look, around a place.
pub(super) fn sample(look: &Look, (x, y): (f64, f64), half_width: f64) -> String {
    let (left, right) = (x - half_width, x + half_width);
    let mut out = String::new();
    if look.fill.is_some() {
        let (top, bottom) = (y - 4.0, y + 4.0);
        out.push_str(&filled(
            look,
            &[(left, top), (right, top), (right, bottom), (left, bottom)],
        ));
    }
    if let Some(line) = look.line {
        let ends = [(left, y), (right, y)];
        out.push_str(&svg::line(
            &ends,
            &look.colour,
            line.width,
            line.dash,
            line.opacity,
        ));
    }
    if look.mark.is_some() {
        out.push_str(&sample_mark(look, (x, y)));
    }
    out
}

fn filled(look: &Look, points: &[(f64, f64)]) -> String {
    let opacity = number(look.fill.unwrap_or(1.0));
    svg::polygon(
        points,
        &format!("fill=\"{}\" fill-opacity=\"{opacity}\"", look.colour),
    )
}

/// The mark of a look that has one.
fn sample_mark(look: &Look, (x, y): (f64, f64)) -> String {
    let Some(Mark {
        shape,
        radius,
        filled,
        ..
    }) = look.mark
    else {
        return String::new();
    };
    // Hollow ones are white inside, so that lines end at them.
    let fill = if filled { &look.colour } else { "#FFFFFF" };
    let attributes = format!(
        "fill=\"{fill}\" stroke=\"{}\" stroke-width=\"1.3\"",
        look.colour
    );
    let regular = |corners: usize, scale: f64, turn: f64| {
        let angles = (0..corners).map(|i| (turn + 360.0 * i as f64 / corners as f64).to_radians());
        let reach = scale * radius;
        angles
            .map(|angle| (x + reach * angle.sin(), y - reach * angle.cos()))
            .collect::<Vec<_>>()
    };
    let corners = match shape {
        Shape::Circle => {
            let (x, y, r) = (number(x), number(y), number(radius));
            return format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {attributes}/>\n");
        }
        Shape::Dash => {
            return svg::line(&[(x - DASH, y), (x + DASH, y)], &look.colour, 1.4, "", 1.0);
        }
        Shape::Square => regular(4, 1.25, 45.0),
        Shape::Diamond => regular(4, 1.3, 0.0),
        Shape::TriangleUp => regular(3, 1.35, 0.0),
        Shape::TriangleDown => regular(3, 1.35, 180.0),
        Shape::TriangleLeft => regular(3, 1.35, 270.0),
        Shape::TriangleRight => regular(3, 1.35, 90.0),
        Shape::Pentagon => regular(5, 1.15, 0.0),
        Shape::Star => {
            let (tips, dents) = (regular(5, 1.5, 0.0), regular(5, 0.65, 36.0));
            tips.into_iter()
                .zip(dents)
                .flat_map(|(tip, dent)| [tip, dent])
                .collect()
        }
    };
    svg::polygon(&corners, &attributes)
}
