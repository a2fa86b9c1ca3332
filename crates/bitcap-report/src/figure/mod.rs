//! Pictures: SVG written by hand, PNG rendered from it.

pub(crate) mod capacity;
pub(crate) mod curve;
mod frame;
pub(crate) mod format;
mod legend;
pub(crate) mod png;
mod scale;
mod style;
mod svg;

use crate::Report;

/// The paper's bits per parameter, from its mean of 3.51 in bf16 to 3.83 in fp32, as it states them: 3.5 to 3.9.
const PAPER_BAND: (f64, f64) = (3.5, 3.9);

/// Which accounting a figure shows, in a sentence below its title.
fn accounting_line(report: &Report) -> &'static str {
    match report.accounting {
        _ if report.accountings_agree() => {
            "Accounting: strict = paper (with a start token every token is predicted)"
        }
        crate::Accounting::Strict => "Accounting: strict (only predicted tokens count)",
        crate::Accounting::Paper => {
            "Accounting: paper (a first token that is not predicted is credited like the others)"
        }
    }
}
