//! Capacity against parameters, with the paper's beside ours.

use std::path::Path;

use serde::Deserialize;

use super::common::{Experiment, PAPER_BAND, accounting_words, size_text};
use crate::accounting::Accounting;
use crate::capacity::{GroupReport, accountings_agree, slope};
use crate::chart::{
    Axis, Block, Chart, Entry, GREY, Layer, Look, NOTHING, PALE, Panel, Point, Shape,
};
use crate::error::ReportError;
use crate::records;
use crate::text::{count, decimals};
use bitcap_plan::record::positive;

const HEIGHT: f64 = 296.0;

/// One row of Morris et al. (2025), Table 1 (V = 2048, S = 64; the paper's accounting).
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct ReferencePoint {
    #[serde(rename = "params", deserialize_with = "positive")]
    parameters: f64,
    /// Capacity in fp32, in bits.
    #[serde(rename = "capacity_bits_fp32", deserialize_with = "positive")]
    capacity_bits: f64,
}

/// Reads the paper's Table 1.
///
/// # Errors
/// Where the file is not as it must be.
pub(crate) fn read_reference(path: &Path) -> Result<Vec<ReferencePoint>, ReportError> {
    let records = records::read(path, "")?;
    Ok(records.rows.into_iter().map(|(_, point)| point).collect())
}

/// Every model's capacity, the fitted slope, and the paper's points where they are given.
pub(crate) fn chart(
    of: &Experiment<'_>,
    groups: &[GroupReport],
    reference: &[ReferencePoint],
) -> Chart {
    let looks = of.looks();
    let mut fitted: Vec<Layer> = Vec::new();
    let mut ours: Vec<Layer> = Vec::new();
    let mut models = Vec::new();
    for group in groups {
        let look = looks[group.place].clone().unlined();
        let x = group.curve.model.parameters as f64;
        if let Some(fit) = &group.capacity.fit {
            let bits = fit.by(of.accounting).capacity_bits;
            fitted.push(Layer::new([(x, bits)], fitted_look(&look.colour)));
        }
        let look = look.filled(group.capacity.plateau);
        ours.extend(capacity_point(group, of.accounting).map(|p| Layer::of([p], look.clone())));
        models.push((group.place, look, alpha_text(group, of.accounting)));
    }
    let drawn = || ours.iter().flat_map(|layer| &layer.points);
    let sizes = groups
        .iter()
        .map(|group| group.curve.model.parameters as f64);
    let sizes: Vec<f64> = sizes
        .chain(reference.iter().map(|point| point.parameters))
        .collect();
    let mut heights: Vec<f64> = reference.iter().map(|point| point.capacity_bits).collect();
    heights.extend(drawn().flat_map(|point| [point.y, point.bar.map_or(0.0, |bar| bar.1)]));
    heights.extend(
        fitted
            .iter()
            .flat_map(|layer| &layer.points)
            .map(|point| point.y),
    );
    heights.extend(
        sizes
            .iter()
            .flat_map(|p| [PAPER_BAND.0 * p, PAPER_BAND.1 * p]),
    );
    let x = Axis::log("parameters", sizes, 0.12);
    let y = Axis::log("capacity (bits)", heights, 0.12);

    // The paper's band and our slope, from edge to edge.
    let at = |parameters: f64, alpha: f64| (parameters, alpha * parameters);
    let ((low, high), (least, most)) = ((x.low, x.high), PAPER_BAND);
    let corners = [
        at(low, least),
        at(high, least),
        at(high, most),
        at(low, most),
    ];
    let mut layers = vec![Layer::new(corners, Look::area(GREY, 0.2))];
    let (models, mut notes) = of.models(models);
    let mut key = plateau_key(groups);
    if !fitted.is_empty() {
        key.push(Entry::new(
            fitted_look(GREY),
            "fitted capacity (smooth minimum)",
        ));
    }
    if let Some(slope) = slope(groups, of.accounting) {
        let look = Look::line(GREY, 1.2, "8 4");
        let alpha = slope.bits_per_parameter;
        layers.push(Layer::new([at(low, alpha), at(high, alpha)], look.clone()));
        let text = format!("fitted slope: {} bits/parameter", decimals(alpha, 2));
        key.push(Entry::new(look, text));
        notes.push(
            "Slope: least squares through the origin, each model's residual relative to its parameters, so \
             that all models weigh the same."
                .to_owned(),
        );
    }
    key.push(band_entry());
    if !reference.is_empty() {
        let look = Look::mark(PALE, Shape::Circle, 1.8, true);
        let points = reference
            .iter()
            .map(|point| (point.parameters, point.capacity_bits));
        layers.push(Layer::new(points, look.clone()));
        key.push(Entry::new(look, "Morris et al. 2025, Table 1, fp32"));
    }
    let bars = match drawn().any(|point| point.bar.is_some()) {
        true => {
            "Error bars: 95 % t interval over the seeds at the size with the largest mean, where there are three or \
             more."
        }
        false => "No error bars: an interval needs three seeds.",
    };
    notes.push(bars.to_owned());
    let hidden = groups.len() - ours.len();
    if hidden > 0 {
        let hidden = count(hidden, "model");
        notes.push(format!(
            "Not drawn: {hidden} without a capacity above zero bits."
        ));
    }
    layers.extend(fitted);
    layers.extend(ours);
    Chart {
        name: "capacity",
        title: of.titled("capacity against parameters"),
        subtitle: accounting_line(groups, of.accounting),
        panels: vec![vec![Panel::new("", HEIGHT, x, y, layers)]],
        legend: vec![models, Block::of(key)],
        notes,
    }
}

/// The largest mean and its interval, where it can stand on a logarithmic axis.
fn capacity_point(group: &GroupReport, accounting: Accounting) -> Option<Point> {
    let peak = group.capacity.peak.as_ref()?;
    let (x, y) = (
        group.curve.model.parameters as f64,
        peak.bits.by(accounting),
    );
    let interval = peak.interval.map(|interval| interval.by(accounting));
    let bar = interval.map(|interval| (interval.low, interval.high));
    (y > NOTHING).then_some(Point { x, y, bar })
}

/// Which accounting a figure of curves shows.
pub(super) fn accounting_line(groups: &[GroupReport], accounting: Accounting) -> String {
    match accountings_agree(groups) {
        true => "Accounting: strict = paper (with a start token every token is predicted)",
        false => accounting_words(accounting),
    }
    .to_owned()
}

/// What follows a model's name in the legend.
pub(super) fn alpha_text(group: &GroupReport, accounting: Accounting) -> String {
    let mut text = size_text(&group.curve.model);
    if let Some(peak) = &group.capacity.peak {
        let alpha = decimals(group.curve.per_parameter(peak.bits.by(accounting)), 2);
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
            key.push(Entry::new(
                Look::mark(GREY, Shape::Circle, 4.2, plateau),
                text,
            ));
        }
    }
    key
}

pub(super) fn band_entry() -> Entry {
    let text = "3.5–3.9 bits/parameter (Morris et al. 2025)";
    Entry::new(Look::area(GREY, 0.2), text)
}

fn fitted_look(colour: &str) -> Look {
    Look::mark(colour, Shape::Dash, 4.2, true)
}
