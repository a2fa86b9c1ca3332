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
        let (parameters, active) = (settings.parameters(), settings.active_parameters());
        let known = |x: Option<f64>, digits| x.map_or("-".into(), |x| format!("{x:.digits$}"));
        [
            self.index.to_string(),
            self.name.clone(),
            match active == parameters {
                true => parameters.to_string(),
                false => format!("{parameters} ({active} active)"),
            },
            known(settings.entropy_bits(), 1),
            known(settings.load(), 3),
            settings.training_tokens().to_string(),
            format!("{:.2e}", settings.training_flops()),
            self.remark(),
        ]
    }
}

/// Lays a table out in columns two spaces apart: what looks like a number, as `-`, `1,024` and `+0.5 %` do, is flush
/// right, all else flush left. Rows may be shorter than the headings.
#[must_use]
pub fn text_table<H: AsRef<str>, R: AsRef<[String]>>(headings: &[H], rows: &[R]) -> String {
    let is_number = |cell: &str| {
        let digits = cell.trim_end_matches(" %").replace(',', "");
        cell == "-" || digits.parse::<f64>().is_ok()
    };
    let mut lines: Vec<Vec<&str>> = vec![headings.iter().map(AsRef::as_ref).collect()];
    lines.extend(
        rows.iter()
            .map(|row| row.as_ref().iter().map(String::as_str).collect()),
    );
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    // The width of each column, and whether it holds numbers.
    let column = |column: usize| {
        let cells = || lines.iter().filter_map(move |line| line.get(column));
        let widths = cells().map(|cell| cell.chars().count());
        // All below the heading, which is words.
        let numeric = cells().skip(1).all(|cell| is_number(cell));
        (widths.max().unwrap_or(0), numeric)
    };
    let columns: Vec<(usize, bool)> = (0..columns).map(column).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&columns);
        let cells = cells.map(|(cell, &(width, numeric))| match numeric {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
