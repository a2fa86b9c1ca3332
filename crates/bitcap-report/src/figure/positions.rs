//! Bits by position in the sequence, training and fresh, of a few sizes of one model.

use super::axis::Axis;
use super::frame::{Page, grid};
use super::legend::Entry;
use super::linear::LinearScale;
use super::means::{level_entry, model_text};
use super::panel::Panel;
use super::sequences::{FRESH, TRAINING};
use super::style::{GREY, Shape, mark};
use super::svg::Path;
use super::titled;
use crate::cell_files::{Position, Positions};
use crate::cells::{Cell, Group};

const HEIGHT: f64 = 105.0;
const FRESH_DASH: &str = "5 3";
const UNIFORM_DASH: &str = "1.5 2.5";
/// With more positions than this marks would run into each other.
const MOST_MARKS: usize = 64;

/// Draws a panel a cell, all of `group`; there must be at least one.
pub(crate) fn svg(group: &Group, cells: &[(&Cell, Positions)], title: &str) -> String {
    let uniform = (group.vocabulary as f64).log2();
    let places = || {
        let all = cells
            .iter()
            .flat_map(|(_, p)| p.training.iter().chain(&p.fresh));
        all.map(|row| row.position as f64)
    };
    let areas = grid(cells.len(), 1, HEIGHT, 8.0);
    let last = cells.len().saturating_sub(1);
    let mut panels = Vec::new();
    for (i, ((cell, positions), area)) in cells.iter().zip(areas).enumerate() {
        let all = || positions.training.iter().chain(&positions.fresh);
        let most = all().map(|row| row.code_bits).fold(uniform, f64::max);
        let x = LinearScale::over(places(), (area.left, area.right)).of_whole_numbers();
        let y = LinearScale::between((-0.05 * most, 1.08 * most), (area.bottom, area.top));
        let mut panel = Panel::new(area, Axis::Linear(x), Axis::Linear(y));
        panel.heading = cell.heading();
        panel.x_numbers = i == last;
        panel.level(uniform, GREY, 1.2, UNIFORM_DASH);
        for (rows, draw) in [(&positions.fresh, false), (&positions.training, true)] {
            draw_data(&mut panel, rows, draw);
        }
        if i == last / 2 {
            panel.y_label = "mean code length (bits a token)".to_owned();
        }
        if i == last {
            panel.x_label = "position in the sequence".to_owned();
        }
        panels.push(panel);
    }
    let sample = |training| Entry {
        swatch: line(&[(-15.0, 0.0), (15.0, 0.0)], training) + &dot((0.0, 0.0), training),
        text: if training {
            "training data"
        } else {
            "fresh data"
        }
        .to_owned(),
    };
    Page {
        title: &titled(title, "bits by position"),
        subtitle: &model_text(&group.name, group.parameters),
        panels,
        legend: vec![vec![
            sample(true),
            sample(false),
            level_entry(
                UNIFORM_DASH,
                &format!("{} tokens equally likely: {uniform:.2} bits", group.vocabulary),
            ),
        ]],
        notes: vec![
            "Lower is better; of uniform data what is below the dotted line is memorized. Each panel has its own y axis. \
             Shown are the lowest load of the largest model, the one nearest to 1 and the highest; of each the lowest \
             seed."
                .to_owned(),
        ],
    }
    .svg()
}

fn draw_data(panel: &mut Panel, rows: &[Position], training: bool) {
    let points: Vec<(f64, f64)> = rows
        .iter()
        .map(|row| panel.at((row.position as f64, row.code_bits)))
        .collect();
    panel.lines.push_str(&line(&points, training));
    if points.len() <= MOST_MARKS {
        let dots = points.iter().map(|&point| dot(point, training));
        panel.marks.extend(dots);
    }
}

fn line(points: &[(f64, f64)], training: bool) -> String {
    match training {
        true => Path::polyline(points).stroke(TRAINING, 1.5, ""),
        false => Path::polyline(points).stroke(FRESH, 1.5, FRESH_DASH),
    }
}

fn dot((x, y): (f64, f64), training: bool) -> String {
    match training {
        true => mark(Shape::Circle, x, y, 2.8, TRAINING, true),
        false => mark(Shape::Square, x, y, 2.6, FRESH, false),
    }
}
