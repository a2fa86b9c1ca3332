//! Pictures: SVG written by hand, PNG rendered from it.

pub(crate) mod capacity;
pub(crate) mod curve;
pub(crate) mod format;
mod frame;
mod labels;
mod legend;
mod limits;
mod parts;
pub(crate) mod png;
mod scale;
mod style;
mod svg;

use crate::{Accounting, Report};

/// The paper's bits per parameter: Table 1 has 3.51 in bf16 and 3.83 in fp32 on average, a little more at its best sizes.
const PAPER_BAND: (f64, f64) = (3.5, 3.9);

/// Which accounting a figure shows, in a sentence below its title.
fn accounting_line(report: &Report) -> &'static str {
    match report.accounting {
        _ if report.accountings_agree() => {
            "Accounting: strict = paper (with a start token every token is predicted)"
        }
        Accounting::Strict => "Accounting: strict (only predicted tokens count)",
        Accounting::Paper => {
            "Accounting: paper (a first token that is not predicted is credited like the others)"
        }
    }
}
