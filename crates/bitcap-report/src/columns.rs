//! Text for a terminal: aligned columns, and nothing that moves the cursor.

use std::fmt::Write as _;
use std::ops::Range;

/// A line a row, columns as wide as their widest field and two spaces apart; those in `right` are set to the right.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]], right: Range<usize>) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut out = String::new();
    for row in rows {
        let fields: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, field)| {
                let width = widths[column];
                if right.contains(&column) {
                    format!("{field:>width$}")
                } else {
                    format!("{field:<width$}")
                }
            })
            .collect();
        let _ = writeln!(out, "{}", fields.join("  ").trim_end());
    }
    out
}

/// Text from a file or a path, in which nothing may move the cursor.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
