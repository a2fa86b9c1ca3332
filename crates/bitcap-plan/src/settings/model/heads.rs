//! How many attention heads there are where a file does not say.

/// The heads of a model of that width: 2 where each then has an even width, which rotary positions need;
/// else 1. The same in every kind, so that a grid over kinds compares them at the same heads.
pub(super) fn default_heads(width: u32) -> u32 {
    if width.is_multiple_of(4) { 2 } else { 1 }
}
