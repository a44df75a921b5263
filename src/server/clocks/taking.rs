//! How a client takes its answer: since when it takes nothing, and how fast it has been.

use std::time::Duration;

use tokio::time::Instant;

/// The answer that is being written.
#[derive(Debug, Default)]
pub(super) struct Taking {
    /// Since when a write has been blocked.
    blocked: Option<Instant>,
    /// How long writes were blocked before.
    waited: Duration,
    /// Bytes of the answer that were taken when the write was blocked.
    bytes: u64,
}

impl Taking {
    /// An answer begins: what was before it does not count.
    pub(super) fn begins(&mut self) {
        *self = Self::default();
    }

    /// A write was blocked, after `bytes` of the answer.
    pub(super) fn waits(&mut self, bytes: u64, now: Instant) {
        self.bytes = bytes;
        self.blocked.get_or_insert(now);
    }

    /// A write went through.
    pub(super) fn goes_on(&mut self, now: Instant) {
        if let Some(since) = self.blocked.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// Whether a write is blocked.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// When the client has taken nothing for so long.
    pub(super) fn stalled_at(&self, wait: Duration) -> Option<Instant> {
        self.blocked?.checked_add(wait)
    }

    /// When writes were blocked for longer, in all, than `allowed` says of the bytes that were taken.
    pub(super) fn too_slow_at(&self, allowed: impl Fn(u64) -> Duration) -> Option<Instant> {
        self.blocked?.checked_add(allowed(self.bytes).saturating_sub(self.waited))
    }
}
