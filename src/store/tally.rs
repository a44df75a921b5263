//! What the memory tier counts, and what its eviction listener leaves for later.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::stored::{StoredResponse, UNIT};
use super::tier::Usage;

/// Evictions that wait to be taken out of the lists of variants. When it is full, further ones are
/// dropped and a sweep over all lists finds them.
const QUEUE: usize = 16 << 10;

/// One response that was evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evicted {
    /// The digest of its key.
    pub(super) digest: u128,
    /// Its id.
    pub(super) id: u64,
}

/// The byte gauge and the queue of evictions. Its lock is taken under the cache's own locks: nothing
/// is called while it is held.
#[derive(Debug, Default)]
pub(super) struct Tally {
    units: AtomicU64,
    responses: AtomicU64,
    evicted: Mutex<VecDeque<Evicted>>,
    overrun: AtomicBool,
}

impl Tally {
    /// A response enters the store.
    pub(super) fn enter(&self, response: &StoredResponse) {
        if !response.count(true) {
            self.units.fetch_add(u64::from(response.units()), Ordering::AcqRel);
            self.responses.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A response has left the store; counted once, however often it is told.
    pub(super) fn leave(&self, response: &StoredResponse) {
        if response.count(false) {
            self.units.fetch_sub(u64::from(response.units()), Ordering::AcqRel);
            self.responses.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Notes an eviction for later.
    pub(super) fn note(&self, evicted: Evicted) {
        let mut queue = self.evicted.lock();
        if queue.len() < QUEUE {
            queue.push_back(evicted);
        } else {
            self.overrun.store(true, Ordering::Release);
        }
    }

    /// The next eviction to deal with.
    pub(super) fn take(&self) -> Option<Evicted> {
        self.evicted.lock().pop_front()
    }

    /// How many evictions wait.
    pub(super) fn waiting(&self) -> usize {
        self.evicted.lock().len()
    }

    /// Whether evictions were dropped since this was last asked.
    pub(super) fn take_overrun(&self) -> bool {
        self.overrun.swap(false, Ordering::AcqRel)
    }

    /// How much is stored.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            responses: self.responses.load(Ordering::Acquire),
            bytes: self.units.load(Ordering::Acquire).saturating_mul(UNIT as u64),
        }
    }
}
