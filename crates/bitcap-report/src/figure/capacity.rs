//! Capacity against parameters.

use super::axis::Axis;
use super::frame::{Page, WHOLE, X_PIXELS, Y_PIXELS};
use super::legend::Entry;
use super::panel::Panel;
use super::parts::{MOST_LONG_NAMES, band, band_entry, error_bar, model_text, plateau_key};
use super::scale::{LogScale, NOTHING};
use super::style::{GREY, PALE, Shape, Style, mark, styles};
use super::svg::Path;
use super::{PAPER_BAND, accounting_line, titled};
use crate::reference::ReferencePoint;
use crate::{GroupReport, Report};

const SLOPE_DASH: &str = "8 4";

/// Draws every model's capacity, the fitted slope, and the paper's points where they are given.
pub(crate) fn svg(report: &Report, title: &str, reference: &[ReferencePoint]) -> String {
    let title = titled(title, "capacity against parameters");
    let figure = Figure::new(report, reference);
    let mut panel = Panel::new(WHOLE, Axis::Log(figure.x), Axis::Log(figure.y));
    panel.x_label = "parameters".to_owned();
    panel.y_label = "capacity (bits)".to_owned();
    panel.behind.push_str(&figure.background());
    for point in reference {
        let (x, y) = (
            figure.x.pixel(point.parameters),
            figure.y.pixel(point.capacity_bits),
        );
        panel.marks.push_str(&reference_mark(x, y));
    }
    for (group, style) in report.groups.iter().zip(&figure.styles) {
        figure.draw_model(&mut panel, group, style);
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

struct Figure<'a> {
    report: &'a Report,
    reference: &'a [ReferencePoint],
    styles: Vec<Style>,
    x: LogScale,
    y: LogScale,
}

impl<'a> Figure<'a> {
    fn new(report: &'a Report, reference: &'a [ReferencePoint]) -> Self {
        let parameters: Vec<u64> = report
            .groups
            .iter()
            .map(|group| group.curve.model.parameters)
            .collect();
        let sizes = || {
            parameters
                .iter()
                .map(|&p| p as f64)
                .chain(reference.iter().map(|point| point.parameters))
        };
        let mut heights: Vec<f64> = reference.iter().map(|point| point.capacity_bits).collect();
        for group in &report.groups {
            heights.extend(bits(report, group));
            heights.extend(fitted(report, group));
            heights.extend(interval(report, group).map(|(_, high)| high));
        }
        heights.extend(sizes().flat_map(|p| [PAPER_BAND.0 * p, PAPER_BAND.1 * p]));
        Self {
            report,
            reference,
            styles: styles(&parameters),
            x: LogScale::over(sizes(), 0.12, X_PIXELS),
            y: LogScale::over(heights.into_iter(), 0.12, Y_PIXELS),
        }
    }

    /// The paper's band and our slope, from edge to edge.
    fn background(&self) -> String {
        let (low, high) = self.x.ends();
        let at = |parameters: f64, alpha: f64| {
            (self.x.pixel(parameters), self.y.pixel(alpha * parameters))
        };
        let (bottom, top) = PAPER_BAND;
        let corners = [
            at(low, bottom),
            at(high, bottom),
            at(high, top),
            at(low, top),
        ];
        let mut out = band(&corners, GREY);
        if let Some(slope) = self.report.slope() {
            let alpha = slope.bits_per_parameter;
            out.push_str(
                &Path::polyline(&[at(low, alpha), at(high, alpha)]).stroke(GREY, 1.2, SLOPE_DASH),
            );
        }
        out
    }

    fn draw_model(&self, panel: &mut Panel, group: &GroupReport, style: &Style) {
        let x = self.x.pixel(group.curve.model.parameters as f64);
        if let Some(fitted) = fitted(self.report, group) {
            panel
                .lines
                .push_str(&fitted_tick(x, self.y.pixel(fitted), &style.colour));
        }
        let Some(bits) = bits(self.report, group) else {
            return;
        };
        if let Some((low, high)) = interval(self.report, group) {
            let bottom = if low > self.y.ends().0 {
                self.y.pixel(low)
            } else {
                Y_PIXELS.0
            };
            panel
                .lines
                .push_str(&error_bar(x, self.y.pixel(high), bottom, &style.colour));
        }
        panel
            .marks
            .push_str(&style.mark(x, self.y.pixel(bits), group.capacity.plateau));
    }

    fn models(&self) -> Vec<Entry> {
        let groups = &self.report.groups;
        groups
            .iter()
            .zip(&self.styles)
            .map(|(group, style)| Entry {
                swatch: style.mark(0.0, 0.0, group.capacity.plateau),
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
        let mut key = plateau_key(groups);
        if groups
            .iter()
            .any(|group| fitted(self.report, group).is_some())
        {
            key.push(Entry {
                swatch: fitted_tick(0.0, 0.0, GREY),
                text: "fitted capacity (smooth minimum)".to_owned(),
            });
        }
        if let Some(slope) = self.report.slope() {
            key.push(Entry {
                swatch: Path::polyline(&[(-15.0, 0.0), (15.0, 0.0)]).stroke(GREY, 1.2, SLOPE_DASH),
                text: format!(
                    "fitted slope: {:.2} bits/parameter",
                    slope.bits_per_parameter
                ),
            });
        }
        key.push(band_entry(GREY));
        if !self.reference.is_empty() {
            key.push(Entry {
                swatch: reference_mark(0.0, 0.0),
                text: "Morris et al. 2025, Table 1, fp32".to_owned(),
            });
        }
        key
    }

    fn notes(&self) -> Vec<String> {
        let groups = &self.report.groups;
        let mut notes = Vec::new();
        if self.report.slope().is_some() {
            notes.push(
                "Slope: least squares through the origin, each model's residual relative to its parameters, so \
                 that all models weigh the same."
                    .to_owned(),
            );
        }
        notes.push(if groups.iter().any(|group| interval(self.report, group).is_some()) {
            "Error bars: 95 % t interval over the seeds at the size with the largest mean, where there are three or \
             more."
                .to_owned()
        } else {
            "No error bars: an interval needs three seeds.".to_owned()
        });
        let hidden = groups
            .iter()
            .filter(|group| bits(self.report, group).is_none())
            .count();
        if hidden > 0 {
            let noun = if hidden == 1 { "model" } else { "models" };
            notes.push(format!(
                "Not drawn: {hidden} {noun} without a capacity above zero bits."
            ));
        }
        notes
    }
}

/// The largest mean, where it can stand on a logarithmic axis.
fn bits(report: &Report, group: &GroupReport) -> Option<f64> {
    let peak = group.capacity.peak.as_ref()?;
    Some(peak.bits.by(report.accounting)).filter(|bits| *bits > NOTHING)
}

fn fitted(report: &Report, group: &GroupReport) -> Option<f64> {
    Some(group.capacity.fit?.by(report.accounting).capacity_bits)
}

fn interval(report: &Report, group: &GroupReport) -> Option<(f64, f64)> {
    let interval = group
        .capacity
        .peak
        .as_ref()?
        .interval?
        .by(report.accounting);
    Some((interval.low, interval.high))
}

/// Wider than the marks, so that it shows behind them.
fn fitted_tick(x: f64, y: f64, colour: &str) -> String {
    Path::polyline(&[(x - 11.0, y), (x + 11.0, y)]).stroke(colour, 1.4, "")
}

fn reference_mark(x: f64, y: f64) -> String {
    mark(Shape::Circle, x, y, 1.8, PALE, true)
}
