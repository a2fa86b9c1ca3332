//! The time of day, of a clock that may never have been set.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since 1970, UTC. Zero where the clock stands before: that is no reason to end a training.
#[must_use]
pub fn since_1970(clock: SystemTime) -> Duration {
    clock.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_is_at_its_beginning() {
        let second = Duration::from_secs(1);
        assert_eq!(since_1970(UNIX_EPOCH - 86_400 * second), Duration::ZERO);
        assert_eq!(since_1970(UNIX_EPOCH), Duration::ZERO);
        assert_eq!(since_1970(UNIX_EPOCH + second), second);
    }
}
