//! The toy case: what is memorized, and how well the learner answers, against its samples.

use super::axis::Axis;
use super::frame::{Page, grid};
use super::labels::Area;
use super::legend::Entry;
use super::linear::LinearScale;
use super::panel::Panel;
use super::style::{Style, styles};
use super::titled;
use crate::toy::ToyRow;

/// A line: what it is called, and where it is taken from.
type Line = (&'static str, fn(&ToyRow) -> f64);

const BITS: [Line; 3] = [
    ("unintended (rote)", |row| row.unintended_bits),
    ("intended (generalization)", |row| row.intended_bits),
    ("total memorized", |row| row.memorized_bits),
];
const ACCURACIES: [Line; 4] = [
    ("on new samples of the same source", |row| {
        row.accuracy_on_data
    }),
    ("the best possible there", |row| row.accuracy_best),
    ("a fair guess", |row| row.accuracy_baseline),
    ("on samples of another source", |row| row.accuracy_on_source),
];

/// Draws the rows, of which there must be at least one.
pub(crate) fn svg(rows: &[ToyRow], title: &str) -> String {
    let upper = grid(1, 1, 190.0, 0.0)[0];
    let top = upper.bottom + 24.0;
    let lower = Area {
        top,
        bottom: top + 130.0,
        ..upper
    };
    let all = BITS.iter().flat_map(|(_, of)| rows.iter().map(of));
    let bits = LinearScale::over(all.chain([0.0]), (upper.bottom, upper.top));
    let accuracy = LinearScale::between((-0.05, 1.05), (lower.bottom, lower.top));
    let mut panels = Vec::new();
    let mut legend = Vec::new();
    for (area, y, lines, label, heading) in [
        (
            upper,
            bits,
            &BITS[..],
            "bits",
            "memorized of all samples together",
        ),
        (
            lower,
            accuracy,
            &ACCURACIES[..],
            "accuracy",
            "of the learner's answer",
        ),
    ] {
        let samples = rows.iter().map(|row| row.samples as f64);
        let x = LinearScale::over(samples, (area.left, area.right)).of_whole_numbers();
        let mut panel = Panel::new(area, Axis::Linear(x), Axis::Linear(y));
        panel.y_label = label.to_owned();
        panel.heading = heading.to_owned();
        panel.x_numbers = legend.len() == 1;
        let styles = styles(&vec![1; lines.len()]);
        // The first of them stand for what matters and lie on top.
        for ((_, of), style) in lines.iter().zip(&styles).rev() {
            draw(&mut panel, rows, *of, style);
        }
        panels.push(panel);
        legend.push(entries(label, lines, &styles));
    }
    panels[1].x_label = "samples that the learner sees".to_owned();
    Page {
        title: &titled(title, "from rote to generalization"),
        subtitle: "By exact enumeration",
        panels,
        legend,
        notes: Vec::new(),
    }
    .svg()
}

fn draw(panel: &mut Panel, rows: &[ToyRow], of: fn(&ToyRow) -> f64, style: &Style) {
    let line: Vec<(f64, f64)> = rows
        .iter()
        .map(|row| panel.at((row.samples as f64, of(row))))
        .collect();
    panel.lines.push_str(&style.line(&line));
    for (x, y) in line {
        panel.marks.push_str(&style.mark(x, y, true));
    }
}

fn entries(label: &str, lines: &[Line], styles: &[Style]) -> Vec<Entry> {
    lines
        .iter()
        .zip(styles)
        .map(|((name, _), style)| Entry {
            swatch: style.line(&[(-15.0, 0.0), (15.0, 0.0)]) + &style.mark(0.0, 0.0, true),
            text: format!("{label}: {name}"),
        })
        .collect()
}
