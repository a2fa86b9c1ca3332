//! The legend and the notes, below the plot and outside of the data.

use super::png::{fit_text, text_width};
use super::style::GREY;
use super::svg::{self, Anchor};

/// A sample of what is drawn, and what it means.
pub(crate) struct Entry {
    /// Drawn around the origin, at most [`SWATCH`] wide.
    pub(crate) swatch: String,
    pub(crate) text: String,
}

/// Width of a legend's sample, in pixels.
pub(crate) const SWATCH: f64 = 32.0;
const SIZE: f64 = 9.5;
const LINE: f64 = 14.5;
const GAP: f64 = 18.0;
const NOTE_SIZE: f64 = 8.5;
const NOTE_LINE: f64 = 12.0;

/// Entries in as many columns of equal width as fit, filled downwards. Returns the drawing and its height.
pub(crate) fn legend(entries: &[Entry], (left, top): (f64, f64), width: f64) -> (String, f64) {
    let room = width - SWATCH - 6.0;
    let texts: Vec<String> = entries
        .iter()
        .map(|entry| fit_text(SIZE, &entry.text, room))
        .collect();
    let widest = texts
        .iter()
        .map(|text| text_width(SIZE, text))
        .fold(0.0, f64::max);
    let column = SWATCH + 6.0 + widest + GAP;
    // The last column needs no gap after it.
    let columns = (((width + GAP) / column) as usize).clamp(1, entries.len().max(1));
    let rows = entries.len().div_ceil(columns);
    let mut out = String::new();
    for (i, (entry, text)) in entries.iter().zip(&texts).enumerate() {
        let x = left + (i / rows) as f64 * column;
        let y = top + (i % rows) as f64 * LINE + LINE / 2.0;
        out.push_str(&svg::at((x + SWATCH / 2.0, y), &entry.swatch));
        out.push_str(&svg::text(
            (x + SWATCH + 6.0, y + SIZE * 0.36),
            SIZE,
            Anchor::Start,
            "#000000",
            text,
        ));
    }
    (out, rows as f64 * LINE)
}

/// Sentences in small grey type, each broken between words into lines that fit.
pub(crate) fn notes(notes: &[String], (left, top): (f64, f64), width: f64) -> (String, f64) {
    let lines: Vec<String> = notes.iter().flat_map(|note| broken(note, width)).collect();
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        let y = top + (i + 1) as f64 * NOTE_LINE - 2.0;
        out.push_str(&svg::text((left, y), NOTE_SIZE, Anchor::Start, GREY, line));
    }
    (out, lines.len() as f64 * NOTE_LINE)
}

fn broken(note: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in note.split(' ') {
        match lines.last_mut() {
            Some(line) if text_width(NOTE_SIZE, &format!("{line} {word}")) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
