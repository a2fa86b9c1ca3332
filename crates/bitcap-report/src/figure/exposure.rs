//! Bits memorized of a string against how often it stands in the data.

use super::axis::Axis;
use super::frame::{Page, WHOLE, X_PIXELS, Y_PIXELS};
use super::legend::Entry;
use super::linear::LinearScale;
use super::means::{self, Look};
use super::panel::Panel;
use super::scale::LogScale;
use super::style::{PALE, styles};
use super::{accounting_words, titled};
use crate::Accounting;
use crate::cell_files::Kind;
use crate::exposure::Exposure;

/// Draws a line an exposure; there must be at least one.
pub(crate) fn svg(
    exposures: &[Exposure],
    start_token: bool,
    accounting: Accounting,
    title: &str,
) -> String {
    // Models by their parameters, or sizes of one model by their samples.
    let ranks: Vec<u64> = exposures.iter().map(|exposure| exposure.rank).collect();
    let styles = styles(&ranks);
    let counts = exposures.iter().flat_map(|e| e.means.iter().map(|m| m.x));
    let reach = exposures.iter().flat_map(|e| means::reach(&e.means));
    let mut panel = Panel::new(
        WHOLE,
        Axis::Log(LogScale::over(counts, 0.1, X_PIXELS)),
        Axis::Linear(LinearScale::over(reach.chain([0.0]), Y_PIXELS)),
    );
    let memorized = exposures.iter().all(|e| e.kind == Kind::Memorized);
    panel.x_label = "copies of the string in the data".to_owned();
    panel.y_label = match memorized {
        true => "memorized (bits a string)",
        false => "saved against the true source (bits a string)",
    }
    .to_owned();
    panel.level(0.0, PALE, 1.0, "");
    for (exposure, style) in exposures.iter().zip(&styles) {
        means::draw(&mut panel, &exposure.means, style, Look::Model);
    }
    let entries = exposures
        .iter()
        .zip(&styles)
        .map(|(exposure, style)| Entry {
            swatch: Look::Model.swatch(style),
            text: exposure.name.clone(),
        });
    let subtitle = match memorized && !start_token {
        true => accounting_words(accounting),
        false => "Every string counted once, whatever its copies",
    };
    let mut notes = vec![
        "Means over strings, of all seeds together; error bars: ± 1 sample standard deviation over strings.".to_owned(),
    ];
    if exposures.iter().any(|exposure| exposure.pooled) {
        notes.push(
            "Counts are pooled, eight bins to a factor of ten; x is their geometric mean."
                .to_owned(),
        );
    }
    Page {
        title: &titled(title, "bits memorized of a string against its copies"),
        subtitle,
        panels: vec![panel],
        legend: vec![entries.collect()],
        notes,
    }
    .svg()
}
