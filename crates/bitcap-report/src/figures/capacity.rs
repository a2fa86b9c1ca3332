//! Capacity against parameters, with the paper's beside ours.

use std::path::Path;

use serde::Deserialize;

use super::common::{Experiment, PAPER_BAND, accounting_words, entry, hollow, size_text};
use crate::accounting::Accounting;
use crate::capacity::{GroupReport, accountings_agree, slope};
use crate::chart::{
    Axis, Block, Chart, Entry, GREY, Layer, Look, NOTHING, PALE, Panel, Point, Shape,
};
use crate::error::ReportError;
use crate::records;
use crate::run::positive;
use crate::text::{count, decimals};

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
    let records = records::read(path, &[])?;
    Ok(records.rows.into_iter().map(|(_, point)| point).collect())
}

/// Every model's capacity, the fitted slope, and the paper's points where they are given.
pub(crate) fn chart(
    of: &Experiment<'_>,
    groups: &[GroupReport],
    reference: &[ReferencePoint],
) -> Chart {
    let accounting = of.accounting;
    let mark = |group: &GroupReport| {
        let peak = group.capacity.peak.as_ref()?;
        let bits = peak.bits.by(accounting);
        let interval = peak.interval.map(|interval| interval.by(accounting));
        // Where it can stand on a logarithmic axis.
        (bits > NOTHING).then(|| Point {
            x: group.curve.model.parameters as f64,
            y: bits,
            bar: interval.map(|interval| (interval.low, interval.high)),
        })
    };
    let fitted = groups.iter().filter_map(|group| {
        let bits = group.capacity.fit?.by(accounting).capacity_bits;
        Some((group, (group.curve.model.parameters as f64, bits)))
    });
    let fitted: Vec<(&GroupReport, (f64, f64))> = fitted.collect();
    let marks: Vec<Option<Point>> = groups.iter().map(mark).collect();
    let drawn = || marks.iter().flatten();
    let slope = slope(groups, accounting);

    let ours = groups
        .iter()
        .map(|group| group.curve.model.parameters as f64);
    let sizes: Vec<f64> = ours
        .chain(reference.iter().map(|point| point.parameters))
        .collect();
    let mut heights: Vec<f64> = reference.iter().map(|point| point.capacity_bits).collect();
    heights.extend(drawn().map(|point| point.y));
    heights.extend(drawn().filter_map(|point| Some(point.bar?.1)));
    heights.extend(fitted.iter().map(|(_, (_, bits))| bits));
    heights.extend(
        sizes
            .iter()
            .flat_map(|p| [PAPER_BAND.0 * p, PAPER_BAND.1 * p]),
    );
    let x = Axis::log("parameters", sizes, 0.12);
    let y = Axis::log("capacity (bits)", heights, 0.12);

    // The paper's band and our slope, from edge to edge.
    let (low, high) = (x.low, x.high);
    let at = |parameters: f64, alpha: f64| (parameters, alpha * parameters);
    let (bottom, top) = PAPER_BAND;
    let corners = [
        at(low, bottom),
        at(high, bottom),
        at(high, top),
        at(low, top),
    ];
    let mut layers = vec![Layer::new(corners, Look::area(GREY, 0.2))];
    if let Some(slope) = slope {
        let ends = [low, high].map(|parameters| at(parameters, slope.bits_per_parameter));
        layers.push(Layer::new(ends, slope_look()));
    }
    if !reference.is_empty() {
        let points = reference
            .iter()
            .map(|point| (point.parameters, point.capacity_bits));
        layers.push(Layer::new(points, reference_look()));
    }
    let looks = of.looks();
    for (group, point) in &fitted {
        layers.push(Layer::new(
            [*point],
            fitted_look(&looks[group.place].colour),
        ));
    }
    let look = |group: &GroupReport| Look {
        line: None,
        ..model_look(group, &looks[group.place])
    };
    for (group, point) in groups.iter().zip(&marks) {
        layers.extend(point.map(|point| Layer::of([point], look(group))));
    }

    let models = groups
        .iter()
        .map(|group| (group.place, look(group), alpha_text(group, accounting)));
    let (models, mut notes) = of.models(models.collect());
    let mut key = plateau_key(groups);
    if !fitted.is_empty() {
        key.push(entry(fitted_look(GREY), "fitted capacity (smooth minimum)"));
    }
    if let Some(slope) = slope {
        let slope = decimals(slope.bits_per_parameter, 2);
        key.push(entry(
            slope_look(),
            &format!("fitted slope: {slope} bits/parameter"),
        ));
        notes.push(
            "Slope: least squares through the origin, each model's residual relative to its parameters, so \
             that all models weigh the same."
                .to_owned(),
        );
    }
    key.push(band_entry());
    if !reference.is_empty() {
        key.push(entry(reference_look(), "Morris et al. 2025, Table 1, fp32"));
    }
    let bars = match drawn().any(|point| point.bar.is_some()) {
        true => {
            "Error bars: 95 % t interval over the seeds at the size with the largest mean, where there are three or \
             more."
        }
        false => "No error bars: an interval needs three seeds.",
    };
    notes.push(bars.to_owned());
    let hidden = marks.iter().filter(|point| point.is_none()).count();
    if hidden > 0 {
        let hidden = count(hidden, "model");
        notes.push(format!(
            "Not drawn: {hidden} without a capacity above zero bits."
        ));
    }
    let panel = Panel {
        heading: String::new(),
        height: HEIGHT,
        x,
        y,
        layers,
    };
    let key = Block {
        heading: String::new(),
        entries: key,
    };
    Chart {
        name: "capacity",
        title: of.titled("capacity against parameters"),
        subtitle: accounting_line(groups, accounting),
        panels: vec![vec![panel]],
        legend: vec![models, key],
        notes,
    }
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

/// Filled where a plateau is shown, hollow for a lower bound.
pub(super) fn model_look(group: &GroupReport, look: &Look) -> Look {
    match group.capacity.plateau {
        true => look.clone(),
        false => hollow(look),
    }
}

/// What filled and hollow marks mean, of those that are there.
pub(super) fn plateau_key(groups: &[GroupReport]) -> Vec<Entry> {
    let meanings = [
        (true, "filled: plateau shown"),
        (false, "hollow: lower bound, no plateau shown"),
    ];
    let there = |plateau: bool| groups.iter().any(|group| group.capacity.plateau == plateau);
    let entries = meanings.into_iter().filter(|(plateau, _)| there(*plateau));
    let entries =
        entries.map(|(plateau, text)| entry(Look::mark(GREY, Shape::Circle, 4.2, plateau), text));
    entries.collect()
}

pub(super) fn band_entry() -> Entry {
    entry(
        Look::area(GREY, 0.2),
        "3.5–3.9 bits/parameter (Morris et al. 2025)",
    )
}

fn slope_look() -> Look {
    Look::line(GREY, 1.2, "8 4")
}

fn fitted_look(colour: &str) -> Look {
    Look::mark(colour, Shape::Dash, 4.2, true)
}

fn reference_look() -> Look {
    Look::mark(PALE, Shape::Circle, 1.8, true)
}
