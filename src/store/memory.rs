//! The memory tier: one moka cache with the LRU policy, weighed in bytes, without expiry of its own. A
//! stale response is worth validating; what is fresh is decided by `policy`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::candidates::Candidates;
use super::stored::{StoredResponse, UNIT};
use super::tally::{Evicted, Tally};
use super::tier::{Storage, Usage};
use super::under_way::Ticket;
use super::variants::{Superseded, Variants};
use crate::policy::CacheKey;

/// Evictions that may wait before whoever stores something deals with them.
const TIDY_AT: usize = 1024;

/// Responses in memory.
///
/// The cache keeps responses and evicts them; [`Variants`] finds them without keeping them. A response
/// enters the cache first and its list second, and leaves in the other order, so a listed one is in the
/// cache unless it was evicted. The cache is never called while a lock of the lists is held: its listener may run inside
/// any call.
#[derive(Debug)]
pub(super) struct Memory {
    cache: Cache<u64, StoredResponse>,
    variants: Variants,
    tally: Arc<Tally>,
    budget: u64,
    sweep: AtomicUsize,
}

/// A number that no other stored response of this process has.
pub(super) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Memory {
    /// A tier of `budget` bytes.
    pub(super) fn new(budget: u64) -> Self {
        let tally = Arc::<Tally>::default();
        let listener = Arc::clone(&tally);
        let cache = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(budget / UNIT as u64)
            .weigher(|_, response: &StoredResponse| response.units())
            .eviction_listener(move |_, response, cause| {
                // A panic here would silently turn the listener off for good.
                let told = catch_unwind(AssertUnwindSafe(|| left(&listener, &response, cause)));
                if told.is_err() {
                    tracing::error!("the eviction listener of the memory tier panicked");
                }
            })
            .build();
        let sweep = AtomicUsize::new(usize::MAX);
        Self { cache, variants: Variants::new(), tally, budget, sweep }
    }

    /// Takes evicted responses out of the lists of variants.
    fn tidy(&self) {
        while let Some(Evicted { digest, id }) = self.tally.take() {
            self.variants.discard(digest, id);
        }
    }

    /// One step of a sweep over all lists, where evictions went unnoticed.
    fn sweep(&self) {
        if self.tally.take_overrun() {
            self.sweep.store(0, Ordering::Release);
        }
        let shard = self.sweep.load(Ordering::Acquire);
        if shard == usize::MAX {
            return;
        }
        let more = self.variants.prune_shard(shard);
        self.sweep.store(if more { shard + 1 } else { usize::MAX }, Ordering::Release);
    }

    fn enter(&self, response: &StoredResponse) {
        self.tally.enter(response);
        self.cache.insert(response.id(), response.clone());
    }

    /// A response that its list does not have any more leaves the cache too.
    fn drop_out(&self, response: &StoredResponse) {
        self.tally.leave(response);
        self.cache.invalidate(&response.id());
    }

    /// A response was listed, or not: those that gave way go, and the budget is looked at.
    fn listed(
        &self,
        response: &StoredResponse,
        outcome: Result<Vec<StoredResponse>, Superseded>,
    ) -> bool {
        let Ok(displaced) = outcome else {
            self.drop_out(response);
            return false;
        };
        displaced.iter().for_each(|other| self.drop_out(other));
        if !response.is_counted() {
            // Evicted before it was listed: its eviction may have been dealt with already.
            self.variants.discard(response.key().digest(), response.id());
        }
        if self.tally.waiting() >= TIDY_AT {
            self.tidy();
        }
        // The cache enforces its capacity late: in a storm of inserts, whoever stores helps.
        if self.tally.usage().bytes > self.budget.saturating_add(self.budget / 16) {
            self.cache.run_pending_tasks();
        }
        true
    }
}

/// What the listener does: runs under the cache's locks, so it only counts and enqueues.
fn left(tally: &Tally, response: &StoredResponse, cause: RemovalCause) {
    tally.leave(response);
    if cause == RemovalCause::Size {
        tally.note(Evicted { digest: response.key().digest(), id: response.id() });
    }
}

impl Storage for Memory {
    fn candidates(&self, key: &CacheKey) -> Candidates {
        let (candidates, untidy) = self.variants.of(key);
        if untidy {
            self.variants.prune(key.digest());
        }
        candidates
    }

    fn used(&self, stored: &StoredResponse) {
        self.cache.get(&stored.id());
    }

    fn publish(&self, response: &StoredResponse, ticket: &Ticket) -> bool {
        self.enter(response);
        let added = self.variants.add(response, || !ticket.is_void_for(response));
        self.listed(response, added)
    }

    fn replace(&self, old: &StoredResponse, new: &StoredResponse, ticket: &Ticket) -> bool {
        self.enter(new);
        let replaced = self.variants.replace(old, new, || !ticket.is_void_for(new));
        self.listed(new, replaced)
    }

    fn remove(&self, stored: &StoredResponse) {
        self.variants.discard(stored.key().digest(), stored.id());
        self.drop_out(stored);
    }

    fn invalidate(&self, key: &CacheKey) -> usize {
        let responses = self.variants.discard_all(key);
        responses.iter().for_each(|response| self.drop_out(response));
        responses.len()
    }

    fn usage(&self) -> Usage {
        self.tally.usage()
    }

    fn maintain(&self) {
        self.cache.run_pending_tasks();
        self.tidy();
        self.sweep();
    }
}

#[cfg(test)]
mod tests;
