//! Pictures: SVG written by hand, PNG rendered from it.

mod axis;
pub(crate) mod capacity;
pub(crate) mod curve;
pub(crate) mod exposure;
pub(crate) mod format;
mod frame;
pub(crate) mod generalization;
mod labels;
mod legend;
mod limits;
mod linear;
mod means;
pub(crate) mod membership;
mod panel;
mod parts;
pub(crate) mod png;
pub(crate) mod positions;
mod scale;
pub(crate) mod sequences;
mod style;
mod svg;
pub(crate) mod toy;

use crate::{Accounting, Report};

/// The paper's bits per parameter: Table 1 has 3.51 in bf16 and 3.83 in fp32 on average, a little more at its best sizes.
const PAPER_BAND: (f64, f64) = (3.5, 3.9);

/// Which accounting a figure shows, in a sentence below its title.
fn accounting_line(report: &Report) -> &'static str {
    if report.accountings_agree() {
        "Accounting: strict = paper (with a start token every token is predicted)"
    } else {
        accounting_words(report.accounting)
    }
}

fn accounting_words(accounting: Accounting) -> &'static str {
    match accounting {
        Accounting::Strict => "Accounting: strict (only predicted tokens count)",
        Accounting::Paper => {
            "Accounting: paper (a first token that is not predicted is credited like the others)"
        }
    }
}

/// A figure's title: the experiment's name, if it has one, and what is shown.
fn titled(title: &str, what: &str) -> String {
    match title.trim() {
        "" => {
            let mut letters = what.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string());
            first.unwrap_or_default() + letters.as_str()
        }
        name => format!("{name}: {what}"),
    }
}
