//! Capacity against parameters, with the paper's beside ours.

use std::path::Path;

use serde::Deserialize;

use super::{Experiment, PAPER_BAND, accounting_words, size_text};
use crate::accounting::Accounting;
use crate::capacity::{GroupReport, accountings_agree, slopes};
use crate::chart::{
    Axis, Block, Chart, Entry, GREY, Layer, Look, NOTHING, PALE, Panel, Point, Shape,
};
use crate::error::ReportError;
use crate::records;
use crate::slope::Slopes;
use crate::text::{count, decimals};
use bitcap_plan::record::positive;

const HEIGHT: f64 = 296.0;

/// One row of Morris et al. (2025), Table 1 (V = 2048, S = 64; the paper's accounting).
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct ReferencePoint {
    #[serde(rename = "params", deserialize_with = "positive")]
    pub(super) parameters: f64,
    /// Capacity in fp32, in bits.
    #[serde(rename = "capacity_bits_fp32", deserialize_with = "positive")]
    pub(super) capacity_bits: f64,
}

/// Reads the paper's Table 1.
pub(crate) fn read_reference(path: &Path) -> Result<Vec<ReferencePoint>, ReportError> {
    Ok(records::read(path, "")?.into_rows())
}

/// The slopes of the paper's models.
pub(crate) fn reference_slopes(reference: &[ReferencePoint]) -> Option<Slopes> {
    let models = reference.iter();
    let models = models.map(|of| (of.parameters, of.capacity_bits));
    Slopes::of(&models.collect::<Vec<_>>())
}

/// Every model's capacity, the mean bits per parameter, and the paper's points where they are given.
pub(crate) fn chart(
    of: &Experiment<'_>,
    groups: &[GroupReport],
    reference: &[ReferencePoint],
) -> Chart {
    let looks = of.looks();
    let (mut fitted, mut ours, mut models) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups {
        let look = looks[group.place].clone().unlined();
        let look = look.filled(group.capacity.plateau);
        let x = group.parameters();
        fitted.extend(group.capacity.fit.map(|fit| {
            let bits = fit.by(of.accounting).capacity_bits;
            Layer::new([(x, bits)], &fitted_look(&look.colour))
        }));
        ours.extend(capacity_point(group, of.accounting).map(|p| Layer::new([p], &look)));
        models.push((group.place, look, alpha_text(group, of.accounting)));
    }
    let any_fit = !fitted.is_empty();
    let any_bar = ours
        .iter()
        .any(|layer: &Layer| layer.points[0].bar.is_some());
    let hidden = groups.len() - ours.len();
    let paper_look = Look::mark(PALE, Shape::Circle, 1.8, true);
    let mut data = Vec::new();
    if !reference.is_empty() {
        let points = reference.iter().map(|of| (of.parameters, of.capacity_bits));
        data.push(Layer::new(points, &paper_look));
    }
    data.extend(fitted.into_iter().chain(ours));
    let points = data.iter().flat_map(|layer| &layer.points);
    let mut sizes: Vec<f64> = groups.iter().map(GroupReport::parameters).collect();
    sizes.extend(reference.iter().map(|of| of.parameters));
    let band = |size: &f64| [PAPER_BAND.0 * size, PAPER_BAND.1 * size];
    let bands = sizes.iter().flat_map(band);
    // An axis of logarithms passes over the 0 of a point without a bar. Lower ends of bars may lie
    // at or below zero, and are cut off at the edge.
    let heights = points.flat_map(|point| [point.y, point.bar.map_or(0.0, |bar| bar.1)]);
    let y = Axis::log("capacity (bits)", heights.chain(bands), 0.12);
    let x = Axis::log("parameters", sizes, 0.12);

    // The paper's band and our slope, from edge to edge.
    let at = |alpha: f64| (alpha * x.low, alpha * x.high);
    let (least, most) = (at(PAPER_BAND.0), at(PAPER_BAND.1));
    let mut layers = vec![Layer::band(&x, least, most, &Look::area(GREY, 0.2))];
    let (models, mut notes) = of.models(models);
    let mut key = plateau_key(groups);
    if any_fit {
        key.push(Entry::new(
            &fitted_look(GREY),
            "fitted capacity (smooth minimum)",
        ));
    }
    if let Some(slopes) = slopes(groups, of.accounting) {
        let look = Look::line(GREY, 1.2, "8 4");
        let alpha = slopes.unweighted.bits_per_parameter;
        let (low, high) = at(alpha);
        layers.push(Layer::new([(x.low, low), (x.high, high)], &look));
        let text = format!("mean: {} bits/parameter", decimals(alpha, 2));
        key.push(Entry::new(&look, text));
        let words = slopes.words();
        notes.push(format!(
            "Bits/parameter over our models, with 95 % intervals: {words}."
        ));
        if let Some(slopes) = reference_slopes(reference) {
            let words = slopes.words();
            notes.push(format!("Over the paper's models: {words}."));
        }
    }
    key.push(band_entry());
    if !reference.is_empty() {
        key.push(Entry::new(&paper_look, "Morris et al. 2025, Table 1, fp32"));
    }
    notes.push(match any_bar {
        true => {
            "Error bars: 95 % t interval over the seeds at the size with the largest mean, where there are three or \
             more."
                .to_owned()
        }
        false => "No error bars: an interval needs three seeds.".to_owned(),
    });
    if hidden > 0 {
        let hidden = count(hidden, "model");
        notes.push(format!(
            "Not drawn: {hidden} without a capacity above zero bits."
        ));
    }
    layers.extend(data);
    Chart {
        name: "capacity",
        title: of.titled("capacity against parameters"),
        subtitle: accounting_line(groups, of.accounting).to_owned(),
        panels: vec![vec![Panel::new("", HEIGHT, x, y, layers)]],
        legend: vec![models, Block::of(key)],
        notes,
    }
}

/// The largest mean and its interval, where it can stand on a logarithmic axis.
fn capacity_point(group: &GroupReport, accounting: Accounting) -> Option<Point> {
    let interval = group.capacity.interval;
    let interval = interval.map(|interval| interval.by(accounting));
    let point = Point {
        x: group.parameters(),
        y: group.capacity.bits(accounting)?,
        bar: interval.map(|interval| (interval.low, interval.high)),
    };
    (point.y > NOTHING).then_some(point)
}

/// Which accounting a figure of curves shows.
pub(super) fn accounting_line(groups: &[GroupReport], accounting: Accounting) -> &'static str {
    match accountings_agree(groups) {
        true => "Accounting: strict = paper (with a start token every token is predicted)",
        false => accounting_words(accounting),
    }
}

/// What follows a model's name in the legend.
pub(super) fn alpha_text(group: &GroupReport, accounting: Accounting) -> String {
    let mut text = size_text(&group.curve.model);
    if let Some(bits) = group.capacity.bits(accounting) {
        let alpha = decimals(group.curve.per_parameter(bits), 2);
        let sign = if group.capacity.plateau { "" } else { "≥ " };
        text.push_str(&format!(", {sign}{alpha} bits/parameter"));
    }
    text
}

/// What filled and hollow marks mean, of those that are there.
pub(super) fn plateau_key(groups: &[GroupReport]) -> Vec<Entry> {
    let mut key = Vec::new();
    for (plateau, text) in [
        (true, "filled: plateau shown"),
        (false, "hollow: lower bound, no plateau shown"),
    ] {
        if groups.iter().any(|group| group.capacity.plateau == plateau) {
            let look = Look::mark(GREY, Shape::Circle, 4.2, plateau);
            key.push(Entry::new(&look, text));
        }
    }
    key
}

pub(super) fn band_entry() -> Entry {
    let text = "3.5–3.9 bits/parameter (Morris et al. 2025)";
    Entry::new(&Look::area(GREY, 0.2), text)
}

fn fitted_look(colour: &str) -> Look {
    Look::mark(colour, Shape::Dash, 4.2, true)
}
