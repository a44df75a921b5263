//! The memory tier: a moka cache, weighed in bytes, without expiry of its own. A stale response is worth
//! validating; what is fresh is decided by `policy`.
//!
//! Alone it is one cache with the LRU policy: TinyLFU would refuse newcomers, and the second request would
//! miss. Above a disk tier it is TinyLFU's, as what is refused goes there, in segments with locks of their
//! own.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::{Cache, SegmentedCache};

use super::candidates::Candidates;
use super::stored::{StoredResponse, UNIT};
use super::tally::{Evicted, Tally};
use super::tier::{Storage, Usage};
use super::under_way::Ticket;
use super::variants::{Superseded, Variants};
use crate::policy::CacheKey;

/// Evictions that may wait before whoever stores something deals with some of them.
const TIDY_AT: usize = 1024;

/// With so many: more than come with one response, and few enough for a request's way.
const TIDY_STEP: usize = 64;

/// Responses in memory.
///
/// The cache keeps responses and evicts them; [`Variants`] finds them without keeping them. A response
/// enters the cache first and its list second, and leaves in the other order, so a listed one is in the
/// cache unless it was evicted. The cache is never called while a lock of the lists is held: its listener may run inside
/// any call.
#[derive(Debug)]
pub(super) struct Memory {
    cache: Kept,
    variants: Variants,
    tally: Arc<Tally>,
    budget: u64,
    sweep: AtomicUsize,
}

/// Told of each response that is evicted. Called under the cache's own locks: it must not call that, nor
/// wait.
pub(super) type Spill = Box<dyn Fn(&StoredResponse) + Send + Sync>;

/// What keeps the responses.
enum Kept {
    One(Cache<u64, StoredResponse>),
    Several(SegmentedCache<u64, StoredResponse>),
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(_) => "One",
            Self::Several(_) => "Several",
        })
    }
}

/// Each segment above a disk tier holds so many of the longest responses.
const LONGEST_IN_SEGMENT: u64 = 16;

/// The most segments: the cache of each worker does not grow with their number.
const MOST_SEGMENTS: u64 = 64;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A number that no other stored response has, and that is larger than all before it.
pub(super) fn next_id() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// From now on numbers are no smaller than this: there are responses of earlier runs on disk.
pub(super) fn raise_ids(least: u64) {
    NEXT.fetch_max(least, Ordering::Relaxed);
}

impl Memory {
    /// The only tier, of `budget` bytes.
    pub(super) fn new(budget: u64) -> Self {
        let tally = Arc::<Tally>::default();
        let cache = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(budget / UNIT as u64)
            .weigher(|_, response: &StoredResponse| response.units())
            .eviction_listener(listener(&tally, Box::new(|_| {})))
            .build();
        Self::of(Kept::One(cache), tally, budget)
    }

    /// The tier above a disk tier, of `budget` bytes, for bodies of `longest` bytes at most. `spill` gets
    /// what is evicted.
    pub(super) fn over_disk(budget: u64, longest: u64, spill: Spill) -> Self {
        let tally = Arc::<Tally>::default();
        let segments = budget / longest.max(1).saturating_mul(LONGEST_IN_SEGMENT);
        let segments = segments.clamp(1, MOST_SEGMENTS).ilog2();
        let cache = SegmentedCache::builder(1 << segments)
            .eviction_policy(EvictionPolicy::tiny_lfu())
            .max_capacity(budget / UNIT as u64)
            .weigher(|_, response: &StoredResponse| response.units())
            .eviction_listener(listener(&tally, spill))
            .build();
        Self::of(Kept::Several(cache), tally, budget)
    }

    fn of(cache: Kept, tally: Arc<Tally>, budget: u64) -> Self {
        let sweep = AtomicUsize::new(usize::MAX);
        Self { cache, variants: Variants::new(), tally, budget, sweep }
    }

    /// All that it holds, in no order.
    pub(super) fn all(&self) -> Box<dyn Iterator<Item = StoredResponse> + '_> {
        match &self.cache {
            Kept::One(cache) => Box::new(cache.iter().map(|(_, stored)| stored)),
            Kept::Several(cache) => Box::new(cache.iter().map(|(_, stored)| stored)),
        }
    }

    /// Whether it has a response with this number under this digest.
    pub(super) fn has(&self, digest: u128, id: u64) -> bool {
        self.variants.has(digest, id)
    }

    /// What it holds of one part of its keys. `None` behind the last part.
    pub(super) fn part(&self, number: usize) -> Option<Vec<StoredResponse>> {
        self.variants.part(number)
    }

    /// Takes evicted responses out of the lists of variants, so many at most.
    fn tidy(&self, most: usize) {
        for Evicted { digest, id } in std::iter::from_fn(|| self.tally.take()).take(most) {
            self.variants.discard(digest, id);
        }
    }

    /// One step of a sweep over all lists, where evictions went unnoticed.
    fn sweep(&self) {
        if self.tally.take_overrun() {
            self.sweep.store(0, Ordering::Release);
        }
        let part = self.sweep.load(Ordering::Acquire);
        if part == usize::MAX {
            return;
        }
        let more = self.variants.prune_part(part);
        self.sweep.store(if more { part + 1 } else { usize::MAX }, Ordering::Release);
    }

    fn enter(&self, response: &StoredResponse) {
        self.tally.enter(response);
        self.cache.insert(response.clone());
    }

    /// A response that its list does not have any more leaves the cache too, and is not to be written.
    fn drop_out(&self, response: &StoredResponse) {
        response.invalidate();
        self.tally.leave(response);
        self.cache.invalidate(response.id());
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
            self.tidy(TIDY_STEP);
        }
        // The cache enforces its capacity late: in a storm of inserts, whoever stores helps.
        if self.tally.usage().bytes > self.budget.saturating_add(self.budget / 16) {
            self.cache.run_pending_tasks();
        }
        true
    }
}

impl Kept {
    fn get(&self, id: u64) {
        match self {
            Self::One(cache) => drop(cache.get(&id)),
            Self::Several(cache) => drop(cache.get(&id)),
        }
    }

    fn insert(&self, response: StoredResponse) {
        match self {
            Self::One(cache) => cache.insert(response.id(), response),
            Self::Several(cache) => cache.insert(response.id(), response),
        }
    }

    fn invalidate(&self, id: u64) {
        match self {
            Self::One(cache) => cache.invalidate(&id),
            Self::Several(cache) => cache.invalidate(&id),
        }
    }

    fn run_pending_tasks(&self) {
        match self {
            Self::One(cache) => cache.run_pending_tasks(),
            Self::Several(cache) => cache.run_pending_tasks(),
        }
    }
}

/// Tells the tally, and `spill`, of what leaves the cache.
fn listener(
    tally: &Arc<Tally>,
    spill: Spill,
) -> impl Fn(Arc<u64>, StoredResponse, RemovalCause) + Send + Sync + 'static {
    let tally = Arc::clone(tally);
    move |_, response, cause| {
        // A panic here would silently turn the listener off for good.
        let told = catch_unwind(AssertUnwindSafe(|| left(&tally, &spill, &response, cause)));
        if told.is_err() {
            tracing::error!("the eviction listener of the memory tier panicked");
        }
    }
}

/// What the listener does: runs under the cache's locks, so it only counts and enqueues.
fn left(tally: &Tally, spill: &Spill, response: &StoredResponse, cause: RemovalCause) {
    if cause == RemovalCause::Size && !response.is_void() {
        spill(response);
    }
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
        self.cache.get(stored.id());
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
        self.tidy(usize::MAX);
        self.sweep();
    }
}

#[cfg(test)]
mod tests;
