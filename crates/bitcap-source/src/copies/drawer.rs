//! Drawing copies: each string once, from its own source's stream.

use super::CopiesSettings;
use super::law::Strings;
use crate::Drawer;

/// Draws the sequences of a dataset of copies.
#[derive(Debug)]
pub(crate) struct CopiesDrawer {
    strings: Strings,
    of: Drawer,
    drawn: Held,
}

/// The strings so far.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Row after row: all of them, or the last only where none before it comes back.
    tokens: Vec<u16>,
    all: bool,
    /// How many there have been.
    count: u64,
    length: usize,
}

impl Held {
    pub(super) fn new(settings: &CopiesSettings) -> Self {
        Self {
            tokens: Vec::new(),
            all: settings.copies_each().is_none(),
            count: 0,
            length: settings.of.length() as usize,
        }
    }

    /// How many strings there have been.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// A place for the next string.
    pub(super) fn add(&mut self) -> &mut [u16] {
        if !self.all {
            self.tokens.clear();
        }
        let start = self.tokens.len();
        self.tokens.resize(start + self.length, 0);
        self.count += 1;
        &mut self.tokens[start..]
    }

    /// String `string`, one of those that are held.
    pub(super) fn string(&self, string: u64) -> &[u16] {
        let at = if self.all { string as usize } else { 0 };
        &self.tokens[at * self.length..][..self.length]
    }
}

impl CopiesDrawer {
    /// `of` stands at its first token.
    pub(crate) fn new(settings: &CopiesSettings, of: Drawer) -> Self {
        Self {
            strings: settings.law().strings(),
            of,
            drawn: Held::new(settings),
        }
    }

    pub(crate) fn sequence(&mut self, row: &mut [u16]) {
        let string = self.strings.next();
        if string == self.drawn.count() {
            self.of.fill(self.drawn.add());
        }
        row.copy_from_slice(self.drawn.string(string));
    }
}
