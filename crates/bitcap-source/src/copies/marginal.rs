//! The marginal of copies: that of the strings, each counted once.

use super::CopiesSettings;
use super::drawer::Held;
use super::law::Strings;
use crate::Marginal;

/// The strings so far; memory grows with them under Zipf's law, which brings them back.
#[derive(Clone, Debug)]
pub(crate) struct CopiesMarginal {
    strings: Strings,
    seen: Held,
    of: Box<Marginal>,
    /// A copy that is not equal to its string: the source cannot give that.
    unequal: bool,
}

impl CopiesMarginal {
    pub(crate) fn new(settings: &CopiesSettings) -> Self {
        Self {
            strings: settings.law().strings(),
            seen: Held::new(settings),
            of: Box::new(Marginal::new(&settings.of)),
            unequal: false,
        }
    }

    /// `sequence` has the source's length.
    pub(crate) fn observe(&mut self, sequence: &[u16]) {
        let string = self.strings.next();
        if string == self.seen.count() {
            self.seen.add().copy_from_slice(sequence);
            self.of.observe(sequence);
        } else {
            self.unequal |= self.seen.string(string) != sequence;
        }
    }

    /// None where the probabilities of the strings are not known.
    pub(crate) fn log2_marginal(&self) -> Option<f64> {
        let log2 = self.of.log2_probability()?;
        Some(if self.unequal {
            f64::NEG_INFINITY
        } else {
            log2
        })
    }
}
