//! Membership inference and extraction against load: a panel a measure, a line a model.

use super::axis::Axis;
use super::frame::{Page, grid};
use super::linear::LinearScale;
use super::means::{self, Look};
use super::panel::Panel;
use super::style::{GREY, styles};
use super::titled;
use crate::cells::{Cells, Mean, Measure};

const FLOOR_DASH: &str = "4 3";
const COLUMNS: usize = 3;
const HEIGHT: f64 = 150.0;

/// A panel: what it shows, its words, and what guessing gives.
struct Shown {
    measure: Measure,
    heading: &'static str,
    floor: Option<f64>,
}

const MEMBERSHIP: [Shown; COLUMNS] = [
    Shown {
        measure: Measure::MembershipAuc,
        heading: "membership: AUC",
        floor: Some(0.5),
    },
    Shown {
        measure: Measure::MembershipBalancedAccuracy,
        heading: "membership: balanced accuracy",
        floor: Some(0.5),
    },
    Shown {
        measure: Measure::MembershipTprAt1PercentFpr,
        heading: "membership: TPR at 1 % FPR",
        floor: Some(0.01),
    },
];
const EXTRACTION: [Shown; COLUMNS] = [
    Shown {
        measure: Measure::Extraction8,
        heading: "extracted from 8 tokens",
        floor: None,
    },
    Shown {
        measure: Measure::Extraction16,
        heading: "extracted from 16 tokens",
        floor: None,
    },
    Shown {
        measure: Measure::Extraction32,
        heading: "extracted from 32 tokens",
        floor: None,
    },
];

/// Draws what was measured of it; `None` where nothing was.
pub(crate) fn svg(cells: &Cells, title: &str) -> Option<String> {
    let measured = |shown: &&Shown| {
        let mut groups = cells.groups.iter();
        groups.any(|group| group.any(shown.measure, |_| true))
    };
    let rows: Vec<Vec<&Shown>> = [&MEMBERSHIP, &EXTRACTION]
        .iter()
        .map(|row| row.iter().filter(measured).collect::<Vec<_>>())
        .filter(|row| !row.is_empty())
        .collect();
    if rows.is_empty() {
        return None;
    }
    let parameters: Vec<u64> = cells.groups.iter().map(|g| g.parameters).collect();
    let styles = styles(&parameters);
    // Two panels a row at the least, or one would be as wide as the page.
    let columns = rows.iter().map(Vec::len).max().unwrap_or(1).max(2);
    let areas = grid(rows.len(), columns, HEIGHT, 24.0);
    let mut panels = Vec::new();
    let mut all: Vec<Vec<Mean>> = Vec::new();
    for (row, shown) in rows.iter().enumerate() {
        for (column, shown) in shown.iter().enumerate() {
            let area = areas[row * columns + column];
            let x = means::x_axis(cells, (area.left, area.right));
            let y = LinearScale::between((-0.05, 1.05), (area.bottom, area.top));
            let mut panel = Panel::new(area, Axis::Log(x), Axis::Linear(y));
            panel.heading = shown.heading.to_owned();
            panel.y_numbers = column == 0;
            let lowest = rows.get(row + 1).is_none_or(|below| below.len() <= column);
            if lowest {
                panel.x_label = means::x_word(cells).to_owned();
            }
            if let Some(floor) = shown.floor {
                panel.level(floor, GREY, 1.0, FLOOR_DASH);
            }
            for (group, style) in cells.groups.iter().zip(&styles) {
                let line = cells.means(group, shown.measure);
                means::draw(&mut panel, &line, style, Look::Model);
                all.push(line);
            }
            panels.push(panel);
        }
    }
    let mut legend = vec![means::models(cells, &styles, |_| true, Look::Model)];
    let mut notes = means::notes(cells, &all);
    notes.extend(means::load_note(cells));
    if rows.iter().flatten().any(|shown| shown.floor.is_some()) {
        legend.push(vec![means::level_entry(
            FLOOR_DASH,
            "what guessing gives: 0.5, 0.5 and 0.01",
        )]);
        notes.push(
            "Members (training data) are told from fresh data by code length. F1 is not drawn: with as many members \
             as non-members, calling all of them members already gives 2/3, so the best F1 is never below that."
                .to_owned(),
        );
    }
    let page = Page {
        title: &titled(title, "membership inference and extraction"),
        subtitle: "From single code lengths; extraction: greedy continuation equal to the training sequence",
        panels,
        legend,
        notes,
    };
    Some(page.svg())
}
