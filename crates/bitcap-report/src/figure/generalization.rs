//! Rote and generalization against load, and below it how far the model is from the source on fresh data.

use super::axis::Axis;
use super::frame::{Page, grid};
use super::labels::Area;
use super::legend::Entry;
use super::linear::LinearScale;
use super::means::{self, Look};
use super::panel::Panel;
use super::scale::LogScale;
use super::style::{GREY, PALE, Style, styles};
use super::svg::Path;
use super::titled;
use crate::cells::{Cells, Group, Mean, Measure};

const HEIGHTS: (f64, f64) = (210.0, 130.0);
/// Means that differ by more than this factor are drawn on a logarithmic axis.
const WIDE: f64 = 20.0;

/// Draws models of structured sources; `None` where there are none.
pub(crate) fn svg(cells: &Cells, title: &str) -> Option<String> {
    if !cells.groups.iter().any(structured) {
        return None;
    }
    let parameters: Vec<u64> = cells.groups.iter().map(|g| g.parameters).collect();
    let styles = styles(&parameters);
    let drawn: Vec<(&Group, &Style)> = cells
        .groups
        .iter()
        .zip(&styles)
        .filter(|(group, _)| structured(group))
        .collect();
    let means = |measure| -> Vec<Vec<Mean>> {
        let groups = drawn.iter();
        groups
            .map(|(group, _)| cells.means(group, measure))
            .collect()
    };
    let excess = means(Measure::FreshExcessBitsPerToken);
    let (upper, lower) = areas();
    let mut panels = vec![bits_panel(cells, &means, &drawn, upper)];
    if excess.iter().flatten().next().is_some() {
        panels[0].x_numbers = false;
        panels.push(excess_panel(cells, &excess, &drawn, lower));
    }
    if let Some(panel) = panels.last_mut() {
        panel.x_label = means::x_label(cells).to_owned();
    }
    let mut notes = means::notes(cells, &means(Measure::UnintendedBits));
    notes.push(
        "Unintended: what a code that may mix model and oracle saves against the oracle alone, which is the exact source \
         unless runs.csv names a model. Intended: memorized bits less that; its limit: entropy less the oracle's code."
            .to_owned(),
    );
    let page = Page {
        title: &titled(title, "rote and generalization"),
        subtitle: "Unintended memorization, intended memorization, and how far the model is from the source",
        panels,
        legend: vec![
            means::models(
                cells,
                &styles,
                |i| structured(&cells.groups[i]),
                Look::Filled,
            ),
            key(),
        ],
        notes,
    };
    Some(page.svg())
}

/// Whether there is a source to generalize to.
fn structured(group: &Group) -> bool {
    group.any(Measure::UnintendedBits, |_| true)
        && group.any(Measure::IntendedLimitBits, |limit| limit != 0.0)
}

fn areas() -> (Area, Area) {
    let upper = grid(1, 1, HEIGHTS.0, 0.0)[0];
    let top = upper.bottom + 24.0;
    let lower = Area {
        top,
        bottom: top + HEIGHTS.1,
        ..upper
    };
    (upper, lower)
}

fn bits_panel(
    cells: &Cells,
    means: &dyn Fn(Measure) -> Vec<Vec<Mean>>,
    drawn: &[(&Group, &Style)],
    area: Area,
) -> Panel {
    let [unintended, intended, limit] = [
        Measure::UnintendedBits,
        Measure::IntendedBits,
        Measure::IntendedLimitBits,
    ]
    .map(means);
    let heights = [&unintended, &intended, &limit]
        .into_iter()
        .flatten()
        .flat_map(|line| means::reach(line));
    let x = means::x_axis(cells, (area.left, area.right));
    let y = LinearScale::over(heights.chain([0.0]), (area.bottom, area.top));
    let mut panel = Panel::new(area, Axis::Log(x), Axis::Linear(y));
    panel.heading = "training data: bits of the whole dataset".to_owned();
    panel.y_label = "bits".to_owned();
    panel.level(0.0, PALE, 1.0, "");
    for (i, (_, style)) in drawn.iter().enumerate() {
        let line: Vec<(f64, f64)> = limit[i].iter().map(|m| panel.at((m.x, m.y.mean))).collect();
        panel.lines.push_str(&wide(&line, &style.colour));
        means::draw(&mut panel, &unintended[i], style, Look::Filled);
        means::draw(&mut panel, &intended[i], style, Look::Hollow);
    }
    panel
}

fn excess_panel(
    cells: &Cells,
    excess: &[Vec<Mean>],
    drawn: &[(&Group, &Style)],
    area: Area,
) -> Panel {
    let heights = || excess.iter().flatten().map(|mean| mean.y.mean);
    let least = heights().fold(f64::INFINITY, f64::min);
    let most = heights().fold(0.0, f64::max);
    let pixels = (area.bottom, area.top);
    let y = if least > 0.0 && most > WIDE * least {
        Axis::Log(LogScale::over(heights(), 0.1, pixels))
    } else {
        let reach = excess.iter().flat_map(|line| means::reach(line));
        Axis::Linear(LinearScale::over(reach.chain([0.0]), pixels))
    };
    let x = means::x_axis(cells, (area.left, area.right));
    let mut panel = Panel::new(area, Axis::Log(x), y);
    panel.heading = "fresh data: code length above that of the true source".to_owned();
    panel.y_label = "excess (bits/token)".to_owned();
    if matches!(y, Axis::Linear(_)) {
        panel.level(0.0, PALE, 1.0, "");
    }
    for (line, (_, style)) in excess.iter().zip(drawn) {
        means::draw(&mut panel, line, style, Look::Filled);
    }
    panel
}

/// The limit: intended bits often lie on it, and show so.
fn wide(line: &[(f64, f64)], colour: &str) -> String {
    Path::polyline(line).with(&format!(
        "fill=\"none\" stroke=\"{colour}\" stroke-width=\"5\" stroke-opacity=\"0.3\""
    ))
}

fn key() -> Vec<Entry> {
    let grey = Style::grey();
    vec![
        Entry {
            swatch: Look::Filled.swatch(&grey),
            text: "unintended (rote)".to_owned(),
        },
        Entry {
            swatch: Look::Hollow.swatch(&grey),
            text: "intended (generalization)".to_owned(),
        },
        Entry {
            swatch: wide(&[(-15.0, 0.0), (15.0, 0.0)], GREY),
            text: "limit of intended".to_owned(),
        },
    ]
}
