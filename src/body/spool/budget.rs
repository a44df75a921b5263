//! One byte budget for all spools together.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that all spools together may hold. Every spool may hold one frame beyond it, so that none
/// stands still for the others.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub const fn new(limit: u64) -> Self {
        Self { limit, used: AtomicU64::new(0) }
    }

    /// The bytes that spools may hold.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that they hold now, what is beyond the limit included.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// Takes `bytes` out of the budget; false, and nothing is taken, when they are not there.
    pub fn try_take(&self, bytes: u64) -> bool {
        let take = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    /// Takes `bytes` even when they are not there.
    pub(super) fn take(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Gives back what was taken.
    pub fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }
}
