//! Charts drawn: as SVG, and as PNG rendered from it.

mod labels;
mod panel;
mod png;
mod svg;
mod ticks;

use crate::chart::{Axis, Block, Chart, GREY, Panel};
use crate::error::ReportError;
use labels::Area;
use panel::{LABEL_SIZE, Placed, sample, y_numbers_width};
use png::{text_width, wrapped};
use svg::{Anchor, BLACK, SMALL};

/// 7 inches.
const WIDTH: f64 = 672.0;
/// Where panels begin and end.
const LEFT: f64 = 76.0;
const RIGHT: f64 = WIDTH - 16.0;
/// Where the names of y axes stand.
const Y_NAME: f64 = 18.0;
/// Between panels that stand side by side.
const BESIDE: f64 = 14.0;
/// Room above a panel for its heading.
const HEADING: f64 = 16.0;
/// Below a panel: room for nothing, for the numbers at its ticks, and for the name of its axis too.
const BELOW: [f64; 3] = [8.0, 20.0, 40.0];
const TITLE_SIZE: f64 = 13.0;
const TITLE_LINE: f64 = 17.0;
/// The width of a sample in the legend, and from one entry to the next.
const SAMPLE: f64 = 32.0;
const ENTRY_LINE: f64 = 14.5;
const ENTRY_GAP: f64 = 18.0;
const NOTE_SIZE: f64 = 8.5;
const NOTE_LINE: f64 = 12.0;
/// Where legend and notes begin and end.
const BELOW_LEFT: f64 = 20.0;
const BELOW_RIGHT: f64 = WIDTH - 20.0;

impl Chart {
    /// The drawing, for the page and for print: 7 inches wide and as high as it takes. The same chart gives the same
    /// bytes.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut page = Page {
            body: String::new(),
            y: 2.0,
        };
        page.text(&self.title, (LEFT, RIGHT), TITLE_SIZE, TITLE_LINE, BLACK);
        page.y += TITLE_LINE - NOTE_LINE;
        page.text(&self.subtitle, (LEFT, RIGHT), SMALL, NOTE_LINE, GREY);
        page.y += 12.0;
        page.panels(self);
        for block in self.legend.iter().filter(|block| !block.entries.is_empty()) {
            page.block(block);
        }
        page.y -= 2.0;
        for note in &self.notes {
            page.text(
                note,
                (BELOW_LEFT + 4.0, BELOW_RIGHT),
                NOTE_SIZE,
                NOTE_LINE,
                GREY,
            );
        }
        svg::document(WIDTH, (page.y + 10.0).ceil(), &self.title, &page.body)
    }

    /// The drawing in 300 dots an inch. The same chart gives the same bytes.
    ///
    /// # Errors
    /// Where it is too large to be drawn.
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        png::render(self.name, &self.svg())
    }
}

/// A page that grows downwards.
struct Page {
    body: String,
    /// How far it has come.
    y: f64,
}

impl Page {
    /// Lines of text between two edges.
    fn text(&mut self, text: &str, (left, right): (f64, f64), size: f64, line: f64, colour: &str) {
        for words in wrapped(size, text, right - left) {
            self.y += line;
            let at = (left, self.y);
            self.body
                .push_str(&svg::text(at, size, Anchor::Start, colour, &words));
        }
    }

    /// Rows of panels, those of a row as wide as each other.
    fn panels(&mut self, chart: &Chart) {
        let columns = chart.panels.iter().map(Vec::len).max().unwrap_or(1);
        // Wide numbers push the panels to the right.
        let numbers = chart
            .panels
            .iter()
            .filter_map(|row| row.first())
            .map(y_numbers_width);
        let left = LEFT.max(numbers.fold(0.0, f64::max) + Y_NAME + 14.0);
        let width = (RIGHT - left + BESIDE) / columns as f64 - BESIDE;
        // Where the rows begin whose first panels have the same name at their y axes.
        let mut named_from = self.y;
        for (row, panels) in chart.panels.iter().enumerate() {
            if panels.iter().any(|panel| !panel.heading.is_empty()) {
                self.y += HEADING;
            }
            let top = self.y;
            if row == 0 || y_label(&chart.panels[row - 1]) != y_label(panels) {
                named_from = top;
            }
            let bottom = top + panels.iter().map(|panel| panel.height).fold(0.0, f64::max);
            let next = chart.panels.get(row + 1).map_or(&[][..], Vec::as_slice);
            let shares = |(panel, under): (&Panel, &Panel)| alike(&panel.x, &under.x);
            let shared = panels.len() <= next.len() && panels.iter().zip(next).all(shares);
            let mut below = BELOW[usize::from(!shared)];
            for (column, panel) in panels.iter().enumerate() {
                let left = left + column as f64 * (width + BESIDE);
                let under = next.get(column);
                let x_label = under.is_none_or(|under| under.x.label != panel.x.label);
                let beside = column.checked_sub(1).map(|before| &panels[before]);
                let placed = Placed {
                    panel,
                    area: Area {
                        left,
                        top,
                        right: left + width,
                        bottom,
                    },
                    id: format!("{}-{row}-{column}", chart.name),
                    x_numbers: !shared,
                    y_numbers: beside.is_none_or(|beside| !alike(&beside.y, &panel.y)),
                    x_label: x_label && !panel.x.label.is_empty(),
                };
                if placed.x_label {
                    below = BELOW[2];
                }
                self.body.push_str(&placed.svg());
            }
            let label = y_label(panels);
            if next.is_empty() || y_label(next) != label {
                let at = (Y_NAME, f64::midpoint(named_from, bottom));
                self.body
                    .push_str(&svg::upright_text(at, LABEL_SIZE, label));
            }
            self.y = bottom + below;
        }
        self.y += 5.0;
    }

    /// Entries in as many columns of equal width as fit, filled downwards; an entry that is wider than the page takes
    /// several lines.
    fn block(&mut self, block: &Block) {
        if !block.heading.is_empty() {
            self.y -= 3.0;
            self.text(
                &block.heading,
                (BELOW_LEFT + 4.0, BELOW_RIGHT),
                SMALL,
                NOTE_LINE,
                GREY,
            );
            self.y += 5.0;
        }
        let width = BELOW_RIGHT - BELOW_LEFT;
        let room = width - SAMPLE - 6.0;
        let widths = block
            .entries
            .iter()
            .map(|entry| text_width(SMALL, &entry.text));
        let widest = widths.fold(0.0, f64::max).min(room);
        let column = SAMPLE + 6.0 + widest + ENTRY_GAP;
        // The last column needs no gap after it.
        let columns = (((width + ENTRY_GAP) / column) as usize).max(1);
        let rows = block.entries.len().div_ceil(columns);
        let top = self.y;
        for (i, entries) in block.entries.chunks(rows).enumerate() {
            let left = BELOW_LEFT + i as f64 * column;
            let mut y = top;
            for entry in entries {
                let at = (left + SAMPLE / 2.0, y + ENTRY_LINE / 2.0);
                self.body.push_str(&sample(&entry.look, at, 15.0));
                for line in wrapped(SMALL, &entry.text, room) {
                    let at = (left + SAMPLE + 6.0, y + ENTRY_LINE / 2.0 + SMALL * 0.36);
                    self.body
                        .push_str(&svg::text(at, SMALL, Anchor::Start, BLACK, &line));
                    y += ENTRY_LINE;
                }
            }
            self.y = self.y.max(y);
        }
        self.y += 7.0;
    }
}

/// The name at a row's y axes.
fn y_label(row: &[Panel]) -> &str {
    row.first().map_or("", |panel| &panel.y.label)
}

/// Whether the same numbers stand at both.
fn alike(a: &Axis, b: &Axis) -> bool {
    (a.scale, a.low, a.high) == (b.scale, b.low, b.high)
}
