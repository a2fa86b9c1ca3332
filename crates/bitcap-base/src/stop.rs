//! A wish to stop, from a signal or from the process that waits for this one.

use std::sync::atomic::{AtomicU8, Ordering};

// Two bits of one atomic, and not two flags: whoever asks to stop and whoever begins or ends to
// save come one after the other, and no wish is lost between them.
const REQUESTED: u8 = 1;
const SAVING: u8 = 2;

/// Whether a process was asked to stop, and whether it has something to save before.
///
/// All files are written whole, so that a process can be ended at any moment. What it has not on
/// disk yet, a training since its last checkpoint, is worth a moment: while it trains it looks at
/// [`Self::is_requested`] after each step, saves a checkpoint and ends by itself.
#[derive(Debug, Default)]
pub struct Stop {
    state: AtomicU8,
}

impl Stop {
    /// Nobody has asked yet, and there is nothing to save.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(0),
        }
    }

    /// Asks to stop. Whether there is something to save first: if not, who asks may end the
    /// process at once.
    pub fn request(&self) -> bool {
        self.state.fetch_or(REQUESTED, Ordering::SeqCst) & SAVING != 0
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.state.load(Ordering::SeqCst) & REQUESTED != 0
    }

    /// From now on there is something to save.
    pub fn begin_saving(&self) {
        self.state.fetch_or(SAVING, Ordering::SeqCst);
    }

    /// Nothing is left to save; returns whether somebody asked to stop meanwhile.
    pub fn end_saving(&self) -> bool {
        self.state.fetch_and(!SAVING, Ordering::SeqCst) & REQUESTED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Stop;

    #[test]
    fn a_request_is_seen_by_whoever_has_something_to_save() {
        let stop = Stop::new();
        stop.begin_saving();
        assert!(!stop.is_requested() && !stop.end_saving());
        stop.begin_saving();
        assert!(stop.request());
        assert!(stop.is_requested() && stop.end_saving());
        // Nothing is being saved any more: whoever asks again may end the process.
        assert!(!stop.request());
    }
}
