//! A plan as a table of plain text, for `--dry-run`.

use crate::plan::{CurvePoint, PlannedCell};

impl PlannedCell {
    /// What the columns of [`PlannedCell::row`] are called.
    pub const HEADINGS: [&str; 8] = [
        "index",
        "cell",
        "parameters",
        "entropy [bits]",
        "load",
        "tokens",
        "FLOPs (about 6 P a token)",
        "",
    ];

    /// `twice the steps` where they are doubled, or what else the training is to another curve.
    fn remark(&self) -> String {
        let doubled = |curve: &&CurvePoint| curve.doubled;
        match self.curves.iter().find(doubled) {
            None => String::new(),
            Some(_) if self.curve().doubled => "twice the steps".into(),
            Some(other) => format!("twice the steps of {}", other.label),
        }
    }

    /// The figures that are known before anything is trained, as text, in the order of
    /// [`PlannedCell::HEADINGS`]; the last says `twice the steps` where they are doubled.
    #[must_use]
    pub fn row(&self) -> [String; 8] {
        let settings = &self.settings;
        let known = |x: Option<f64>, digits| x.map_or("-".into(), |x| format!("{x:.digits$}"));
        [
            self.index.to_string(),
            self.name.clone(),
            settings.parameters().to_string(),
            known(settings.entropy_bits(), 1),
            known(settings.load(), 3),
            settings.training_tokens().to_string(),
            format!("{:.2e}", settings.training_flops()),
            self.remark(),
        ]
    }
}

/// Lays a table out as [`aligned`] does: what looks like a number is flush right, all else flush
/// left. Rows may be shorter than the headings.
#[must_use]
pub fn text_table<H: AsRef<str>, R: AsRef<[String]>>(headings: &[H], rows: &[R]) -> String {
    let mut lines: Vec<Vec<&str>> = vec![headings.iter().map(AsRef::as_ref).collect()];
    let rows = rows.iter().map(AsRef::as_ref);
    lines.extend(rows.map(|row| row.iter().map(String::as_str).collect()));
    let is_numeric = |column: usize| {
        let mut cells = lines.iter().skip(1).filter_map(|line| line.get(column));
        cells.all(|cell| *cell == "-" || cell.parse::<f64>().is_ok())
    };
    aligned(&lines, is_numeric)
}

/// A line a row, columns as wide as their widest cell and two spaces apart, flush right or left.
#[must_use]
pub fn aligned<R: AsRef<[S]>, S: AsRef<str>>(
    rows: &[R],
    is_right: impl Fn(usize) -> bool,
) -> String {
    let columns = rows.iter().map(|row| row.as_ref().len()).max();
    let columns = (0..columns.unwrap_or(0)).map(|column| {
        let cells = rows.iter().filter_map(|row| row.as_ref().get(column));
        let widths = cells.map(|cell| cell.as_ref().chars().count());
        (widths.max().unwrap_or(0), is_right(column))
    });
    let columns: Vec<(usize, bool)> = columns.collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.as_ref().iter().zip(&columns);
        let cells = cells.map(|(cell, &(width, is_right))| match cell.as_ref() {
            cell if is_right => format!("{cell:>width$}"),
            cell => format!("{cell:<width$}"),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
