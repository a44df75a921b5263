//! How many bytes a second are written behind.

use std::time::Instant;

/// A bucket that fills with time, up to what one second brings.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    /// Bytes that may be written; below zero after a large response.
    left: i128,
    filled: Instant,
}

impl Rate {
    /// So many bytes a second; 0 for no limit.
    pub(super) fn new(per_second: u64, now: Instant) -> Self {
        Self { per_second, left: i128::from(per_second), filled: now }
    }

    /// Whether something may be written now, however long it is.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let micros = now.saturating_duration_since(self.filled).as_micros();
        let gained = micros.saturating_mul(u128::from(self.per_second)) / 1_000_000;
        if gained > 0 {
            let gained = i128::try_from(gained).unwrap_or(i128::MAX);
            self.left = self.left.saturating_add(gained).min(i128::from(self.per_second));
            self.filled = now;
        }
        self.per_second == 0 || self.left > 0
    }

    /// So much is written.
    pub(super) fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(i128::from(bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_is_kept_and_what_was_not_used_is_not_kept_for_long() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut rate = Rate::new(1000, start);
        assert!(rate.allows(at(0)));
        rate.spend(1500);
        assert!(!rate.allows(at(400)));
        assert!(rate.allows(at(501)));
        rate.spend(1);
        assert!(rate.allows(at(10_000)));
        rate.spend(1000);
        assert!(!rate.allows(at(10_000)), "a second's worth at most");
    }

    #[test]
    fn no_rate_is_no_limit() {
        let now = Instant::now();
        let mut rate = Rate::new(0, now);
        rate.spend(u64::MAX);
        assert!(rate.allows(now));
    }
}
