//! One byte budget for all spools together, an eighth of it kept for small bodies.

use std::sync::atomic::{AtomicU64, Ordering};

/// What part of the budget is kept for small bodies: slow downloads, which hold what they have read
/// ahead for as long as their clients like, must not stop small responses from being stored.
const RESERVE: u64 = 8;

/// Bytes that all spools together may hold. Every spool may hold one frame beyond it, so that none
/// stands still for the others.
#[derive(Debug)]
pub struct Budget {
    shared: Account,
    reserve: Account,
}

#[derive(Debug)]
struct Account {
    limit: u64,
    used: AtomicU64,
}

/// How small a body is: what it may have of the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// It was announced, and is small: all of the reserve.
    Small,
    /// It was not announced, and is small so far: half of the reserve, as it may be a long download.
    SmallSoFar,
    /// Anything else: nothing.
    Large,
}

/// Where bytes were taken from, and are given back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Shared,
    Reserved,
}

impl Account {
    const fn new(limit: u64) -> Self {
        Self { limit, used: AtomicU64::new(0) }
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    fn try_take(&self, bytes: u64, limit: u64) -> bool {
        let take = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }
}

impl Budget {
    /// A budget of `limit` bytes.
    pub const fn new(limit: u64) -> Self {
        let reserve = limit / RESERVE;
        Self { shared: Account::new(limit - reserve), reserve: Account::new(reserve) }
    }

    /// The bytes that spools hold now, what is beyond the limit included.
    pub fn used(&self) -> u64 {
        self.shared.used() + self.reserve.used()
    }

    /// Takes `bytes` for a body of this size; none, and nothing is taken, when they are not there.
    pub(super) fn try_take(&self, bytes: u64, size: Size) -> Option<Taken> {
        if self.shared.try_take(bytes, self.shared.limit) {
            return Some(Taken::Shared);
        }
        let limit = match size {
            Size::Small => self.reserve.limit,
            Size::SmallSoFar => self.reserve.limit / 2,
            Size::Large => return None,
        };
        self.reserve.try_take(bytes, limit).then_some(Taken::Reserved)
    }

    /// Takes `bytes` even when they are not there.
    pub(super) fn take(&self, bytes: u64) -> Taken {
        self.shared.used.fetch_add(bytes, Ordering::AcqRel);
        Taken::Shared
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, bytes: u64, taken: Taken) {
        let account = match taken {
            Taken::Shared => &self.shared,
            Taken::Reserved => &self.reserve,
        };
        account.used.fetch_sub(bytes, Ordering::AcqRel);
    }
}
