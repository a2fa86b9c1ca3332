//! What both pictures draw alike.

use super::format::thousands;
use super::legend::Entry;
use super::png;
use super::style::{GREY, Shape, mark};
use super::svg::Path;
use crate::{Accounting, GroupReport};

/// A name longer than this is cut, so that what follows it in the legend still has room.
const NAME_WIDTH: f64 = 360.0;
/// With more models than this the legend holds names alone.
pub(crate) const MOST_LONG_NAMES: usize = 8;

/// A vertical bar with caps.
pub(crate) fn error_bar(x: f64, top: f64, bottom: f64, colour: &str) -> String {
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
pub(crate) fn band(corners: &[(f64, f64)], colour: &str) -> String {
    Path::polygon(corners).with(&format!("fill=\"{colour}\" fill-opacity=\"0.2\""))
}

pub(crate) fn band_entry(colour: &str) -> Entry {
    Entry {
        swatch: band(
            &[(-15.0, -4.0), (15.0, -4.0), (15.0, 4.0), (-15.0, 4.0)],
            colour,
        ),
        text: "3.5–3.9 bits/parameter (Morris et al. 2025)".to_owned(),
    }
}

/// What filled and hollow marks mean, of those that are there.
pub(crate) fn plateau_key(groups: &[GroupReport]) -> Vec<Entry> {
    let entry = |filled: bool, text: &str| {
        groups
            .iter()
            .any(|group| group.capacity.plateau == filled)
            .then(|| Entry {
                swatch: mark(Shape::Circle, 0.0, 0.0, 4.2, GREY, filled),
                text: text.to_owned(),
            })
    };
    let hollow = entry(false, "hollow: lower bound, no plateau shown");
    let filled = entry(true, "filled: plateau shown");
    filled.into_iter().chain(hollow).collect()
}

/// A model's line in the legend.
pub(crate) fn model_text(group: &GroupReport, accounting: Accounting, long: bool) -> String {
    let name = png::fit_text(9.5, &group.curve.name(), NAME_WIDTH);
    if !long {
        return name;
    }
    let parameters = thousands(group.curve.model.parameters as f64);
    let per_parameter = group.capacity.peak.as_ref().map(|peak| {
        let alpha = group.curve.per_parameter(peak.bits.by(accounting));
        let sign = if group.capacity.plateau { "" } else { "≥ " };
        format!(", {sign}{alpha:.2} bits/parameter")
    });
    format!(
        "{name}: {parameters} parameters{}",
        per_parameter.unwrap_or_default()
    )
}
