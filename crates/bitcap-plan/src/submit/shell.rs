//! Words of a shell.

use std::path::Path;

/// A word that a shell reads as `text`.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A path as a word. What is not UTF-8 in it is lost.
pub(crate) fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
