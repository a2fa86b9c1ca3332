//! Memorized bits against dataset size.

use super::axis::Axis;
use super::format::thousands;
use super::frame::{PLOT, Page, WHOLE, X_PIXELS, Y_PIXELS};
use super::labels::{Area, Taken};
use super::legend::Entry;
use super::panel::Panel;
use super::parts::{MOST_LONG_NAMES, band, band_entry, error_bar, model_text, plateau_key};
use super::scale::{LogScale, NOTHING};
use super::style::{GREY, PALE, Shape, Style, mark, styles};
use super::svg::{self, Anchor, Path};
use super::{PAPER_BAND, accounting_line, png, titled};
use crate::curve::Point;
use crate::{GroupReport, Report};

/// With more models than this only the smallest and the largest get a band.
const MOST_BANDS: usize = 4;
/// What memorized less than this part of the most is not drawn: it would stretch the axis over nothing.
const LEAST_SHOWN: f64 = 1e-9;
/// Doubled cells are set off to the right, or their marks would cover the plain ones.
const DOUBLED_OFFSET: f64 = 10.0;
const DIAGONAL_WIDTH: f64 = 1.0;
/// Type size of the words at a band.
const BAND_SIZE: f64 = 8.0;

/// Draws the curves of all groups.
pub(crate) fn svg(report: &Report, title: &str) -> String {
    let figure = Figure::new(report);
    let title = titled(title, "bits memorized against dataset size");
    let mut panel = Panel::new(WHOLE, Axis::Log(figure.x), Axis::Log(figure.y));
    panel.x_label = figure.x_label();
    panel.y_label = "memorized (bits), mean over seeds".to_owned();
    figure.draw_bands(&mut panel);
    figure.draw_limits(&mut panel);
    for (group, style) in report.groups.iter().zip(&figure.styles) {
        figure.draw_curve(&mut panel, group, style);
    }
    Page {
        title: &title,
        subtitle: accounting_line(report),
        panels: vec![panel],
        legend: vec![figure.models(), figure.key()],
        notes: figure.notes(),
    }
    .svg()
}

pub(super) struct Figure<'a> {
    pub(super) report: &'a Report,
    styles: Vec<Style>,
    pub(super) x: LogScale,
    y: LogScale,
    /// x is the number of samples, which all groups read alike; otherwise the data's entropy.
    pub(super) in_samples: bool,
    /// Means below this are not drawn.
    floor: f64,
}

impl<'a> Figure<'a> {
    fn new(report: &'a Report) -> Self {
        let groups = &report.groups;
        let shape = |group: &GroupReport| (group.curve.model.vocabulary, group.curve.model.length);
        let in_samples = groups.iter().all(|group| shape(group) == shape(&groups[0]));
        let parameters: Vec<u64> = groups.iter().map(|g| g.curve.model.parameters).collect();
        let points = || groups.iter().flat_map(all_points);
        let spread = |point: &Point| point.memorized_bits.by(report.accounting);
        let most = points().map(|p| spread(p).mean).fold(0.0, f64::max);
        let floor = (most * LEAST_SHOWN).max(NOTHING);
        let x = LogScale::over(points().map(|p| place(p, in_samples)), 0.08, X_PIXELS);
        let heights = points().filter(|p| spread(p).mean > floor).flat_map(|p| {
            let (mean, deviation) = (spread(p).mean, spread(p).deviation.unwrap_or(0.0));
            // A bar that reaches towards zero is cut off, or it would stretch the axis.
            [mean, mean + deviation, (mean - deviation).max(mean / 2.0)]
        });
        let mut heights: Vec<f64> = heights.collect();
        if heights.is_empty() {
            heights.extend(points().map(|p| p.entropy_bits));
        }
        heights.extend(
            banded(report)
                .iter()
                .map(|&i| PAPER_BAND.1 * parameters[i] as f64),
        );
        Self {
            report,
            styles: styles(&parameters),
            x,
            y: LogScale::over(heights.into_iter(), 0.1, Y_PIXELS),
            in_samples,
            floor,
        }
    }

    fn x_pixel(&self, point: &Point) -> f64 {
        self.x.pixel(place(point, self.in_samples))
    }

    fn shown(&self, point: &Point) -> bool {
        self.mean(point) > self.floor
    }

    fn mean(&self, point: &Point) -> f64 {
        point.memorized_bits.by(self.report.accounting).mean
    }

    fn x_label(&self) -> String {
        if self.in_samples {
            let model = &self.report.groups[0].curve.model;
            format!(
                "dataset size (sequences of {} tokens, vocabulary {})",
                model.length, model.vocabulary
            )
        } else {
            "entropy of the dataset (bits)".to_owned()
        }
    }

    fn draw_bands(&self, panel: &mut Panel) {
        let mut taken = self.taken();
        for i in banded(self.report) {
            let (group, style) = (&self.report.groups[i], &self.styles[i]);
            let parameters = group.curve.model.parameters as f64;
            let bottom = self.y.pixel(PAPER_BAND.0 * parameters);
            let top = self.y.pixel(PAPER_BAND.1 * parameters);
            let (left, right) = X_PIXELS;
            let corners = [(left, bottom), (right, bottom), (right, top), (left, top)];
            // A band that several models share is none of theirs.
            let size = group.curve.model.parameters;
            let shared = self
                .report
                .groups
                .iter()
                .filter(|g| g.curve.model.parameters == size);
            let colour = if shared.count() > 1 {
                GREY
            } else {
                &style.colour
            };
            panel.behind.push_str(&band(&corners, colour));
            // The band's key is in the legend and its colour is the model's, so words that fit nowhere can go.
            let words = format!("3.5–3.9 × {}", thousands(parameters));
            let width = png::text_width(BAND_SIZE, &words);
            let at = |left: f64, top: f64| Area {
                left,
                top,
                right: left + width,
                bottom: top + BAND_SIZE,
            };
            let (above, below) = (top - BAND_SIZE - 2.0, bottom + 2.0);
            let (first, last) = (PLOT.left + 3.0, PLOT.right - 3.0 - width);
            let places = [
                at(first, above),
                at(first, below),
                at(last, above),
                at(last, below),
            ];
            if let Some(place) = taken.place(&PLOT, places) {
                let baseline = (place.left, place.bottom - 0.15 * BAND_SIZE);
                let words = svg::text(baseline, BAND_SIZE, Anchor::Start, colour, &words);
                panel.marks.push_str(&words);
            }
        }
    }

    /// All that the words of the bands must leave clear.
    fn taken(&self) -> Taken {
        let mut taken = Taken::default();
        taken.line(self.pixels(&self.diagonal()));
        for ceiling in self.ceilings() {
            taken.line(self.pixels(&ceiling));
        }
        for group in &self.report.groups {
            let plain = self.drawn(&group.curve.points, 0.0);
            let doubled = self.drawn(&group.curve.doubled, DOUBLED_OFFSET);
            for &mark in plain.iter().chain(&doubled) {
                taken.mark(mark);
            }
            taken.line(plain);
        }
        taken
    }

    /// Where the marks of those points stand that can be shown.
    fn drawn(&self, points: &[Point], offset: f64) -> Vec<(f64, f64)> {
        points
            .iter()
            .filter(|p| self.shown(p))
            .map(|p| (self.x_pixel(p) + offset, self.y.pixel(self.mean(p))))
            .collect()
    }

    /// The diagonal of the data's entropy, and the ceilings below it.
    fn draw_limits(&self, panel: &mut Panel) {
        panel
            .behind
            .push_str(&Path::polyline(&self.pixels(&self.diagonal())).stroke(
                PALE,
                DIAGONAL_WIDTH,
                "",
            ));
        for ceiling in self.ceilings() {
            panel
                .behind
                .push_str(&Path::polyline(&self.pixels(&ceiling)).stroke(GREY, 1.0, CEILING_DASH));
        }
    }

    fn pixels(&self, line: &[(f64, f64)]) -> Vec<(f64, f64)> {
        line.iter()
            .map(|&(x, y)| (self.x.pixel(x), self.y.pixel(y)))
            .collect()
    }

    fn draw_curve(&self, panel: &mut Panel, group: &GroupReport, style: &Style) {
        let line = self.drawn(&group.curve.points, 0.0);
        panel.lines.push_str(&style.line(&line));
        for point in group.curve.points.iter().filter(|p| self.shown(p)) {
            self.draw_bar(panel, point, self.x_pixel(point), style);
        }
        for &(x, y) in &line {
            panel
                .marks
                .push_str(&style.mark(x, y, group.capacity.plateau));
        }
        for point in group.curve.doubled.iter().filter(|p| self.shown(p)) {
            let x = self.x_pixel(point) + DOUBLED_OFFSET;
            self.draw_bar(panel, point, x, style);
            let y = self.y.pixel(self.mean(point));
            panel.marks.push_str(&style.doubled_mark(x, y));
        }
    }

    fn draw_bar(&self, panel: &mut Panel, point: &Point, x: f64, style: &Style) {
        let spread = point.memorized_bits.by(self.report.accounting);
        let Some(deviation) = spread.deviation else {
            return;
        };
        let top = self.y.pixel(spread.mean + deviation);
        let low = spread.mean - deviation;
        let bottom = if low > self.y.ends().0 {
            self.y.pixel(low)
        } else {
            Y_PIXELS.0
        };
        panel
            .lines
            .push_str(&error_bar(x, top, bottom, &style.colour));
    }

    fn models(&self) -> Vec<Entry> {
        let groups = &self.report.groups;
        groups
            .iter()
            .zip(&self.styles)
            .map(|(group, style)| Entry {
                swatch: style.line(&[(-15.0, 0.0), (15.0, 0.0)])
                    + &style.mark(0.0, 0.0, group.capacity.plateau),
                text: model_text(
                    group,
                    self.report.accounting,
                    groups.len() <= MOST_LONG_NAMES,
                ),
            })
            .collect()
    }

    fn key(&self) -> Vec<Entry> {
        let groups = &self.report.groups;
        let wide = |colour: &str, width: f64, dash: &str| {
            Path::polyline(&[(-15.0, 0.0), (15.0, 0.0)]).stroke(colour, width, dash)
        };
        let mut key = Vec::new();
        key.extend(plateau_key(groups));
        if groups
            .iter()
            .any(|g| g.curve.doubled.iter().any(|p| self.shown(p)))
        {
            key.push(Entry {
                swatch: mark(Shape::TriangleUp, 0.0, 0.0, 3.4, GREY, false),
                text: "twice the steps (set to the right)".to_owned(),
            });
        }
        key.push(Entry {
            swatch: wide(PALE, DIAGONAL_WIDTH, ""),
            text: "entropy of the data".to_owned(),
        });
        if !self.ceilings().is_empty() {
            key.push(Entry {
                swatch: wide(GREY, 1.0, CEILING_DASH),
                text: "ceiling for models of single sequences".to_owned(),
            });
        }
        if !banded(self.report).is_empty() {
            key.push(band_entry(GREY));
        }
        key
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![seeds_note(&self.report.groups)];
        let hidden = self
            .report
            .groups
            .iter()
            .flat_map(all_points)
            .filter(|p| !self.shown(p))
            .count();
        if hidden > 0 {
            let noun = if hidden == 1 { "mean" } else { "means" };
            notes.push(format!(
                "Not drawn: {hidden} {noun} at or below zero bits (or a billionth of the largest), which the axis cannot show."
            ));
        }
        notes
    }
}

const CEILING_DASH: &str = "4 3";

/// Plain and doubled cells alike.
pub(super) fn all_points(group: &GroupReport) -> impl Iterator<Item = &Point> {
    group.curve.points.iter().chain(&group.curve.doubled)
}

pub(super) fn place(point: &Point, in_samples: bool) -> f64 {
    if in_samples {
        point.samples as f64
    } else {
        point.entropy_bits
    }
}

/// Which groups get a band: all of a few, else the first of the smallest and the first of the largest models.
fn banded(report: &Report) -> Vec<usize> {
    let groups = &report.groups;
    let size = |&i: &usize| groups[i].curve.model.parameters;
    if groups.len() <= MOST_BANDS {
        // Models of one size share a band.
        return (0..groups.len())
            .filter(|i| (0..*i).all(|j| size(&j) != size(i)))
            .collect();
    }
    let smallest = (0..groups.len()).min_by_key(size);
    let largest = (0..groups.len()).rev().max_by_key(size);
    smallest
        .into_iter()
        .chain(largest.filter(|i| Some(size(i)) != smallest.as_ref().map(size)))
        .collect()
}

fn seeds_note(groups: &[GroupReport]) -> String {
    let seeds = || groups.iter().flat_map(all_points).map(|p| p.seeds);
    let (least, most) = (seeds().min().unwrap_or(0), seeds().max().unwrap_or(0));
    match (least, most) {
        (_, 1) => "One seed a point: no error bars.".to_owned(),
        (a, b) if a == b => format!("Error bars: ± 1 sample standard deviation over {a} seeds."),
        (a, b) => format!(
            "Error bars: ± 1 sample standard deviation over seeds ({a} to {b} a point; none where there is one)."
        ),
    }
}
