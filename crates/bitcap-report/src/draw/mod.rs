//! Charts drawn: as SVG, and as PNG rendered from it.

mod panel;
mod png;
mod svg;
mod ticks;

use crate::chart::{Axis, Block, Chart, GREY, Panel};
use crate::error::ReportError;
use panel::{Area, NAME, Placed, SMALL_GREY, sample, y_numbers_width};
use png::{text_width, wrapped};
use svg::{BLACK, SMALL, Svg, Type, number};

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
/// Room below a panel for nothing, for the numbers at its ticks, and for the name of its axis too.
const BELOW_PANELS: [f64; 3] = [8.0, 20.0, 40.0];
const TITLE_SIZE: f64 = 13.0;
const TITLE_LINE: f64 = 17.0;
/// The width of a sample in the legend, and from one entry to the next.
const SAMPLE: f64 = 32.0;
const ENTRY_LINE: f64 = 14.5;
const ENTRY_GAP: f64 = 18.0;
const NOTE_SIZE: f64 = 8.5;
const NOTE_LINE: f64 = 12.0;
/// Where notes begin and end; the legend begins a little before.
const BELOW: (f64, f64) = (24.0, WIDTH - 20.0);

impl Chart {
    /// The drawing, for the page and for print: 7 inches wide and as high as it takes. The same chart gives the same
    /// bytes.
    #[must_use]
    pub fn svg(&self) -> String {
        let svg = Svg::default();
        let mut page = Page { svg, y: 2.0 };
        let title = Type(TITLE_SIZE, "start", BLACK);
        page.text(&self.title, (LEFT, RIGHT), title, TITLE_LINE);
        // With the note's line that `text` goes down first, the subtitle is a title's line below.
        page.y += TITLE_LINE - NOTE_LINE;
        page.text(&self.subtitle, (LEFT, RIGHT), SMALL_GREY, NOTE_LINE);
        page.y += 12.0;
        page.panels(self);
        for block in self.legend.iter().filter(|block| !block.entries.is_empty()) {
            page.block(block);
        }
        page.y -= 2.0;
        for note in &self.notes {
            page.text(note, BELOW, Type(NOTE_SIZE, "start", GREY), NOTE_LINE);
        }
        page.svg
            .document(WIDTH, (page.y + 10.0).ceil(), &self.title)
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
    svg: Svg,
    /// How far it has come.
    y: f64,
}

impl Page {
    /// Lines of text between two edges.
    fn text(&mut self, text: &str, (left, right): (f64, f64), set: Type<'_>, line: f64) {
        for words in wrapped(set.0, text, right - left) {
            self.y += line;
            self.svg.text((left, self.y), set, &words);
        }
    }

    /// Rows of panels, those of a row as wide as each other.
    fn panels(&mut self, chart: &Chart) {
        let columns = chart.panels.iter().map(Vec::len).max().unwrap_or(1);
        // Wide numbers push the panels to the right.
        let first = chart.panels.iter().filter_map(|row| row.first());
        let numbers = first.map(y_numbers_width);
        let left = LEFT.max(numbers.fold(0.0, f64::max) + Y_NAME + 14.0);
        // There is one gap less than columns.
        let width = (RIGHT - left + BESIDE) / columns as f64 - BESIDE;
        // Where the rows begin whose first panels have the same name at their y axes.
        let mut named_from = self.y;
        for (row, panels) in chart.panels.iter().enumerate() {
            if panels.iter().any(|panel| !panel.heading.is_empty()) {
                self.y += HEADING;
            }
            let top = self.y;
            if row == 0 || y_name(&chart.panels[row - 1]) != y_name(panels) {
                named_from = top;
            }
            let bottom = top + panels.iter().map(|panel| panel.height).fold(0.0, f64::max);
            // Numbers and names that panels above each other share stand once, below the lowest of
            // them; those of panels beside each other, at the leftmost.
            let next = chart.panels.get(row + 1).map_or(&[][..], Vec::as_slice);
            let mut pairs = panels.iter().zip(next);
            let shared = panels.len() <= next.len() && pairs.all(|(a, b)| alike(&a.x, &b.x));
            let mut below = BELOW_PANELS[usize::from(!shared)];
            for (column, panel) in panels.iter().enumerate() {
                let left = left + column as f64 * (width + BESIDE);
                let name_below = next.get(column).map(|under| &under.x.label);
                let beside = column.checked_sub(1).map(|before| &panels[before]);
                let x_name = !panel.x.label.is_empty() && name_below != Some(&panel.x.label);
                let placed = Placed {
                    panel,
                    area: Area(left, top, left + width, bottom),
                    id: format!("{}-{row}-{column}", chart.name),
                    x_numbers: !shared,
                    y_numbers: beside.is_none_or(|beside| !alike(&beside.y, &panel.y)),
                    x_name,
                };
                placed.draw(&mut self.svg);
                below = if x_name { BELOW_PANELS[2] } else { below };
            }
            // One name for all rows that share it, turned, in the middle of their height.
            if next.is_empty() || y_name(next) != y_name(panels) {
                let (x, y) = (number(Y_NAME), number(f64::midpoint(named_from, bottom)));
                let turned = format!("<g transform=\"translate({x} {y}) rotate(-90)\">");
                self.svg.raw(&turned);
                self.svg.text((0.0, 0.0), NAME, y_name(panels));
                self.svg.raw("</g>");
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
            self.text(&block.heading, BELOW, SMALL_GREY, NOTE_LINE);
            self.y += 5.0;
        }
        let (left, width) = (BELOW.0 - 4.0, BELOW.1 - BELOW.0 + 4.0);
        let room = width - SAMPLE - 6.0;
        let entries = block.entries.iter();
        let widths = entries.map(|entry| text_width(SMALL, &entry.text));
        let column = SAMPLE + 6.0 + widths.fold(0.0, f64::max).min(room) + ENTRY_GAP;
        // The last column needs no gap after it.
        let columns = (((width + ENTRY_GAP) / column) as usize).max(1);
        let top = self.y;
        // At least 1, as blocks without entries are not drawn.
        let rows = block.entries.len().div_ceil(columns);
        for (i, entries) in block.entries.chunks(rows).enumerate() {
            let left = left + i as f64 * column;
            let mut y = top + ENTRY_LINE / 2.0;
            for entry in entries {
                sample(&mut self.svg, &entry.look, (left + SAMPLE / 2.0, y));
                for line in wrapped(SMALL, &entry.text, room) {
                    // Text stands on its baseline: half the height of a capital, 0.73 of the size
                    // in DejaVu Sans, below the middle of the line.
                    let at = (left + SAMPLE + 6.0, y + SMALL * 0.36);
                    self.svg.text(at, Type(SMALL, "start", BLACK), &line);
                    y += ENTRY_LINE;
                }
            }
            self.y = self.y.max(y - ENTRY_LINE / 2.0);
        }
        self.y += 7.0;
    }
}

/// The name at a row's y axes.
fn y_name(row: &[Panel]) -> &str {
    row.first().map_or("", |panel| &panel.y.label)
}

/// Whether the same numbers stand at both.
fn alike(a: &Axis, b: &Axis) -> bool {
    (a.scale, a.low, a.high) == (b.scale, b.low, b.high)
}
