//! Memorized bits against dataset size.

use std::collections::BTreeMap;

use super::format::thousands;
use super::frame::{Page, X_PIXELS, Y_PIXELS};
use super::legend::Entry;
use super::scale::LogScale;
use super::style::{GREY, PALE, Shape, Style, mark, styles};
use super::svg::{self, Anchor, Path};
use super::{PAPER_BAND, accounting_line, png};
use crate::curve::Point;
use crate::{Accounting, GroupReport, Report};

/// A ceiling closer than this to the entropy cannot be told from it on a page.
const CEILING_SHOWS: f64 = 0.97;
/// With more models than this only the smallest and the largest get a band.
const MOST_BANDS: usize = 4;
/// With more models than this the legend holds names alone.
const MOST_LONG_NAMES: usize = 8;
/// What memorized less than this part of the most is not drawn: it would stretch the axis over nothing.
const LEAST_SHOWN: f64 = 1e-9;
/// Doubled cells are set off to the right, or their marks would cover the plain ones.
const DOUBLED_OFFSET: f64 = 10.0;
const DIAGONAL_WIDTH: f64 = 1.0;

/// Draws the curves of all groups.
pub(crate) fn svg(report: &Report, title: &str) -> String {
    let figure = Figure::new(report);
    let title = match title.trim() {
        "" => "Bits memorized against dataset size".to_owned(),
        name => format!("{name}: bits memorized against dataset size"),
    };
    let mut page = Page {
        title: &title,
        subtitle: accounting_line(report),
        x: figure.x,
        y: figure.y,
        x_label: figure.x_label(),
        y_label: "memorized (bits), mean over seeds".to_owned(),
        behind: String::new(),
        lines: String::new(),
        marks: String::new(),
        legend: vec![figure.models(), figure.key()],
        notes: figure.notes(),
    };
    figure.draw_bands(&mut page);
    figure.draw_limits(&mut page);
    for (group, style) in report.groups.iter().zip(&figure.styles) {
        figure.draw_curve(&mut page, group, style);
    }
    page.svg()
}

struct Figure<'a> {
    report: &'a Report,
    styles: Vec<Style>,
    x: LogScale,
    y: LogScale,
    /// x is the number of samples, which all groups read alike; otherwise the data's entropy.
    in_samples: bool,
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
        let floor = most * LEAST_SHOWN;
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

    fn draw_bands(&self, page: &mut Page<'_>) {
        for i in banded(self.report) {
            let (group, style) = (&self.report.groups[i], &self.styles[i]);
            let parameters = group.curve.model.parameters as f64;
            let bottom = self.y.pixel(PAPER_BAND.0 * parameters);
            let top = self.y.pixel(PAPER_BAND.1 * parameters);
            let (left, right) = X_PIXELS;
            let corners = [(left, bottom), (right, bottom), (right, top), (left, top)];
            page.behind.push_str(&band(&corners, &style.colour));
            let size = 8.0;
            let words = format!("3.5–3.9 bits/parameter, {}", group.curve.name());
            let words = png::fit_text(size, &words, (right - left) / 2.0);
            page.marks.push_str(&svg::text(
                (left + 6.0, top - 3.0),
                size,
                Anchor::Start,
                &style.colour,
                &words,
            ));
        }
    }

    /// The diagonal of the data's entropy, and the ceilings below it.
    fn draw_limits(&self, page: &mut Page<'_>) {
        let entropy = self.line_over_x(|p| p.entropy_bits, |_| true);
        // Beyond the data it goes on in proportion, to the edges.
        let (low, high) = self.x.ends();
        let mut line = Vec::new();
        if let (Some(first), Some(last)) = (entropy.first(), entropy.last()) {
            line.push((low, first.1 * low / first.0));
            line.extend(&entropy);
            line.push((high, last.1 * high / last.0));
        }
        page.behind
            .push_str(&Path::polyline(&self.pixels(&line)).stroke(PALE, DIAGONAL_WIDTH, ""));
        for ceiling in self.ceilings() {
            page.behind
                .push_str(&Path::polyline(&self.pixels(&ceiling)).stroke(GREY, 1.0, CEILING_DASH));
        }
    }

    /// One line a kind of data and of start token, where it can be told from the entropy.
    fn ceilings(&self) -> Vec<Vec<(f64, f64)>> {
        let accounting = self.report.accounting;
        let kind = |group: &GroupReport| {
            let model = &group.curve.model;
            (model.vocabulary, model.length, model.start_token)
        };
        let mut kinds: Vec<_> = self.report.groups.iter().map(kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
            .into_iter()
            .filter(|&k| {
                let shows = |p: &Point| p.ceiling_bits.by(accounting) < CEILING_SHOWS * p.entropy_bits;
                self.report
                    .groups
                    .iter()
                    .filter(|group| kind(group) == k)
                    .any(|group| all_points(group).any(shows))
            })
            .map(|k| self.line_over_x(|p| p.ceiling_bits.by(accounting), |group| kind(group) == k))
            .filter(|line| line.len() >= 2)
            .collect()
    }

    /// Means over groups of a property of the data at each x, ascending.
    fn line_over_x(
        &self,
        property: impl Fn(&Point) -> f64,
        counts: impl Fn(&GroupReport) -> bool,
    ) -> Vec<(f64, f64)> {
        // Positive floats sort like their bits.
        let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for point in self.report.groups.iter().filter(|g| counts(g)).flat_map(all_points) {
            let x = place(point, self.in_samples);
            at.entry(x.to_bits()).or_default().push(property(point));
        }
        at.into_iter()
            .filter_map(|(x, values)| Some((f64::from_bits(x), crate::statistics::mean(&values)?)))
            .filter(|&(_, y)| y > 0.0)
            .collect()
    }

    fn pixels(&self, line: &[(f64, f64)]) -> Vec<(f64, f64)> {
        line.iter()
            .map(|&(x, y)| (self.x.pixel(x), self.y.pixel(y)))
            .collect()
    }

    fn draw_curve(&self, page: &mut Page<'_>, group: &GroupReport, style: &Style) {
        let shown: Vec<&Point> = group.curve.points.iter().filter(|p| self.shown(p)).collect();
        let line: Vec<(f64, f64)> = shown
            .iter()
            .map(|p| (self.x_pixel(p), self.y.pixel(self.mean(p))))
            .collect();
        page.lines.push_str(&style.line(&line));
        for point in &shown {
            self.draw_bar(page, point, self.x_pixel(point), style);
        }
        for &(x, y) in &line {
            page.marks.push_str(&style.mark(x, y, group.capacity.plateau));
        }
        for point in group.curve.doubled.iter().filter(|p| self.shown(p)) {
            let x = self.x_pixel(point) + DOUBLED_OFFSET;
            self.draw_bar(page, point, x, style);
            let y = self.y.pixel(self.mean(point));
            page.marks.push_str(&style.doubled_mark(x, y));
        }
    }

    fn draw_bar(&self, page: &mut Page<'_>, point: &Point, x: f64, style: &Style) {
        let spread = point.memorized_bits.by(self.report.accounting);
        let Some(deviation) = spread.deviation else {
            return;
        };
        let top = self.y.pixel(spread.mean + deviation);
        let low = spread.mean - deviation;
        let bottom = if low > self.y.ends().0 { self.y.pixel(low) } else { Y_PIXELS.0 };
        page.lines.push_str(&error_bar(x, top, bottom, &style.colour));
    }

    fn models(&self) -> Vec<Entry> {
        let groups = &self.report.groups;
        groups
            .iter()
            .zip(&self.styles)
            .map(|(group, style)| Entry {
                swatch: style.line(&[(-15.0, 0.0), (15.0, 0.0)])
                    + &style.mark(0.0, 0.0, group.capacity.plateau),
                text: model_text(group, self.report.accounting, groups.len() <= MOST_LONG_NAMES),
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
        if groups.iter().any(|g| g.curve.doubled.iter().any(|p| self.shown(p))) {
            key.push(Entry {
                swatch: mark(Shape::TriangleUp, 0.0, 0.0, 3.4, GREY, true),
                text: "twice the steps (set off to the right)".to_owned(),
            });
        }
        key.push(Entry {
            swatch: wide(PALE, DIAGONAL_WIDTH, ""),
            text: "entropy of the data".to_owned(),
        });
        if !self.ceilings().is_empty() {
            key.push(Entry {
                swatch: wide(GREY, 1.0, CEILING_DASH),
                text: "ceiling: the most a model of single sequences can hold".to_owned(),
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
                "Not drawn: {hidden} {noun} at or below zero bits, which a logarithmic axis cannot show."
            ));
        }
        notes
    }
}

const CEILING_DASH: &str = "4 3";

/// Plain and doubled cells alike.
fn all_points(group: &GroupReport) -> impl Iterator<Item = &Point> {
    group.curve.points.iter().chain(&group.curve.doubled)
}

fn place(point: &Point, in_samples: bool) -> f64 {
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

/// A vertical bar with caps.
pub(super) fn error_bar(x: f64, top: f64, bottom: f64, colour: &str) -> String {
    let cap = 2.6;
    [
        [(x, top), (x, bottom)],
        [(x - cap, top), (x + cap, top)],
        [(x - cap, bottom), (x + cap, bottom)],
    ]
    .iter()
    .map(|line| Path::polyline(line).stroke(colour, 1.0, ""))
    .collect()
}

/// A pale area behind everything.
pub(super) fn band(corners: &[(f64, f64)], colour: &str) -> String {
    Path::polygon(corners).with(&format!("fill=\"{colour}\" fill-opacity=\"0.16\""))
}

pub(super) fn band_entry(colour: &str) -> Entry {
    Entry {
        swatch: band(&[(-15.0, -4.0), (15.0, -4.0), (15.0, 4.0), (-15.0, 4.0)], colour),
        text: "3.5–3.9 bits per parameter (Morris et al. 2025)".to_owned(),
    }
}

/// What filled and hollow marks mean, of those that are there.
pub(super) fn plateau_key(groups: &[GroupReport]) -> Vec<Entry> {
    let entry = |filled: bool, text: &str| {
        groups
            .iter()
            .any(|group| group.capacity.plateau == filled)
            .then(|| Entry {
                swatch: mark(Shape::Circle, 0.0, 0.0, 4.2, GREY, filled),
                text: text.to_owned(),
            })
    };
    let hollow = entry(false, "hollow: a lower bound, not shown to be a plateau");
    let filled = entry(true, "filled: shown to be a plateau");
    filled.into_iter().chain(hollow).collect()
}

/// A model's line in the legend.
pub(super) fn model_text(group: &GroupReport, accounting: Accounting, long: bool) -> String {
    let name = group.curve.name();
    if !long {
        return name;
    }
    let parameters = thousands(group.curve.model.parameters as f64);
    let per_parameter = group.capacity.peak.as_ref().map(|peak| {
        let alpha = group.curve.per_parameter(peak.bits.by(accounting));
        let sign = if group.capacity.plateau { "" } else { "≥ " };
        format!(", {sign}{alpha:.2} bits/parameter")
    });
    format!("{name}: {parameters} parameters{}", per_parameter.unwrap_or_default())
}
