//! Means over seeds against load, as several pictures draw them.

use super::legend::Entry;
use super::panel::Panel;
use super::parts::error_bar;
use super::scale::LogScale;
use super::style::{GREY, Style};
use super::svg::Path;
use super::{format, png};
use crate::cells::{Cells, Mean};

/// Of what is drawn with hollow marks.
const HOLLOW_DASH: &str = "5 3";
const NAME_WIDTH: f64 = 360.0;

/// How a line of means looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The model's own dash, filled marks.
    Model,
    /// A line without a dash, filled marks.
    Filled,
    /// A dashed line, hollow marks.
    Hollow,
}

impl Look {
    fn dash(self, style: &Style) -> &'static str {
        match self {
            Self::Model => style.dash,
            Self::Filled => "",
            Self::Hollow => HOLLOW_DASH,
        }
    }

    /// A sample for the legend.
    pub(super) fn swatch(self, style: &Style) -> String {
        Path::polyline(&[(-15.0, 0.0), (15.0, 0.0)]).stroke(&style.colour, 1.5, self.dash(style))
            + &style.mark(0.0, 0.0, self != Self::Hollow)
    }
}

/// The axis of load, or of the number of sequences.
pub(super) fn x_axis(cells: &Cells, pixels: (f64, f64)) -> LogScale {
    let loads = cells.has_loads();
    let places = cells.groups.iter().flat_map(|group| &group.cells);
    let places = places.map(|cell| cell.load.filter(|_| loads).unwrap_or(cell.samples as f64));
    LogScale::over(places, 0.08, pixels)
}

pub(super) fn x_label(cells: &Cells) -> &'static str {
    if cells.has_loads() {
        "load: entropy / (3.6 × parameters)"
    } else {
        "dataset size (sequences)"
    }
}

/// The same for narrow panels; [`load_note`] says what it is.
pub(super) fn x_word(cells: &Cells) -> &'static str {
    if cells.has_loads() {
        "load"
    } else {
        "sequences"
    }
}

pub(super) fn load_note(cells: &Cells) -> Option<String> {
    let note = "Load: entropy / (3.6 × parameters).";
    cells.has_loads().then(|| note.to_owned())
}

/// Line, deviations and marks.
pub(super) fn draw(panel: &mut Panel, means: &[Mean], style: &Style, look: Look) {
    let line: Vec<(f64, f64)> = means.iter().map(|m| panel.at((m.x, m.y.mean))).collect();
    let drawing = Path::polyline(&line).stroke(&style.colour, 1.5, look.dash(style));
    panel.lines.push_str(&drawing);
    let (low, high) = panel.y.ends();
    for (mean, &(x, y)) in means.iter().zip(&line) {
        if let Some(deviation) = mean.y.deviation {
            let end = |value: f64| panel.y.pixel(value.clamp(low, high));
            let (top, bottom) = (end(mean.y.mean + deviation), end(mean.y.mean - deviation));
            panel
                .lines
                .push_str(&error_bar(x, top, bottom, &style.colour));
        }
        panel
            .marks
            .push_str(&style.mark(x, y, look != Look::Hollow));
    }
}

/// The values that a linear axis must hold: means and the ends of their bars.
pub(super) fn reach(means: &[Mean]) -> impl Iterator<Item = f64> {
    means.iter().flat_map(|m| {
        let deviation = m.y.deviation.unwrap_or(0.0);
        [m.y.mean - deviation, m.y.mean + deviation]
    })
}

/// A line of the legend for each model that is drawn.
pub(super) fn models(
    cells: &Cells,
    styles: &[Style],
    drawn: impl Fn(usize) -> bool,
    look: Look,
) -> Vec<Entry> {
    let groups = cells.groups.iter().zip(styles).enumerate();
    groups
        .filter(|&(i, _)| drawn(i))
        .map(|(_, (group, style))| Entry {
            swatch: look.swatch(style),
            text: model_text(&group.name, group.parameters),
        })
        .collect()
}

pub(super) fn model_text(name: &str, parameters: u64) -> String {
    format!(
        "{}: {} parameters",
        png::fit_text(9.5, name, NAME_WIDTH),
        format::thousands(parameters as f64)
    )
}

/// What bars mean, of all means that are drawn, and that doubled cells are not.
pub(super) fn notes(cells: &Cells, means: &[Vec<Mean>]) -> Vec<String> {
    let seeds = || means.iter().flatten().map(|mean| mean.seeds);
    let (least, most) = (seeds().min().unwrap_or(0), seeds().max().unwrap_or(0));
    let mut notes = vec![match (least, most) {
        (_, 1) => "One seed a point: no error bars.".to_owned(),
        (a, b) if a == b => {
            format!("Means over {a} seeds; error bars: ± 1 sample standard deviation.")
        }
        (a, b) => format!(
            "Means over {a} to {b} seeds; error bars: ± 1 sample standard deviation, where there are two or more."
        ),
    }];
    if cells.doubled > 0 {
        notes.push("Cells of twice the steps are not drawn.".to_owned());
    }
    notes
}

/// A line of a legend for a level behind the data.
pub(super) fn level_entry(dash: &str, text: &str) -> Entry {
    Entry {
        swatch: Path::polyline(&[(-15.0, 0.0), (15.0, 0.0)]).stroke(GREY, 1.0, dash),
        text: text.to_owned(),
    }
}
