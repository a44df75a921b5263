//! Responses that are being written now, so that an invalidation reaches them too.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::queries;
use super::stored::StoredResponse;
use crate::http::QueryRule;
use crate::policy::CacheKey;

/// The most invalidations of other queries that one ticket remembers; with one more it is cancelled.
const DOUBTS: usize = 64;

/// One writer's permission to publish.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    cancelled: AtomicBool,
    /// What the writer's key is; what is only moved has none.
    key: Option<CacheKey>,
    /// Finds the key without its query.
    base: u128,
    /// Keys that were invalidated and differ only in their query: a response with a `No-Vary-Search`
    /// may answer them too, and it is not known before it comes.
    doubts: Mutex<Vec<CacheKey>>,
}

impl Ticket {
    /// What is being written will not be stored.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether what is being written was invalidated meanwhile, whatever it is.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Whether this response was invalidated meanwhile.
    pub(super) fn is_void_for(&self, response: &StoredResponse) -> bool {
        self.is_void(response.key(), response.rule())
    }

    /// Whether what is written under `key`, with this rule for its query, was invalidated meanwhile.
    pub(super) fn is_void(&self, key: &CacheKey, rule: Option<&QueryRule>) -> bool {
        let is_same = |rule: &QueryRule| {
            let doubts = self.doubts.lock();
            doubts.iter().any(|other| queries::are_equivalent(rule, key, other))
        };
        // What is freshened may have another key than what was asked for.
        let is_its_own = || self.key.as_ref() != Some(key) && self.doubts.lock().contains(key);
        self.is_cancelled() || rule.is_some_and(is_same) || is_its_own()
    }

    /// A key was invalidated: that of the writer, or one that its response may answer too.
    fn tell(&self, invalidated: &CacheKey) {
        let Some(key) = &self.key else { return };
        if key == invalidated {
            return self.cancel();
        }
        if !queries::differ_in_query(key, invalidated) {
            return;
        }
        let mut doubts = self.doubts.lock();
        if doubts.len() >= DOUBTS {
            self.cancel();
        } else if !doubts.contains(invalidated) {
            doubts.push(invalidated.clone());
        }
    }
}

/// The tickets of all writers, by the digest of their key without the query: as many as there are fetches
/// in flight. An invalidation looks only at those that it may concern.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    tickets: Mutex<HashMap<u128, Vec<Arc<Ticket>>>>,
}

impl UnderWay {
    /// A writer begins, or will.
    pub(super) fn enter(&self, key: &CacheKey) -> Arc<Ticket> {
        let base = queries::base_of(key);
        let ticket = Arc::new(Ticket { key: Some(key.clone()), base, ..Ticket::default() });
        self.tickets.lock().entry(base).or_default().push(Arc::clone(&ticket));
        ticket
    }

    /// A writer is done.
    pub(super) fn leave(&self, ticket: &Arc<Ticket>) {
        let mut tickets = self.tickets.lock();
        if let Some(list) = tickets.get_mut(&ticket.base) {
            list.retain(|other| !Arc::ptr_eq(other, ticket));
            if list.is_empty() {
                tickets.remove(&ticket.base);
            }
        }
    }

    /// Cancels the writers of a key, and tells those whose response may answer it too.
    pub(super) fn cancel(&self, key: &CacheKey) {
        self.like(key).iter().for_each(|ticket| ticket.tell(key));
    }

    /// The tickets of keys that differ from this one in the query at most. Who enters later is not concerned.
    fn like(&self, key: &CacheKey) -> Vec<Arc<Ticket>> {
        self.tickets.lock().get(&queries::base_of(key)).cloned().unwrap_or_default()
    }

    /// The keys of all writers.
    pub(super) fn keys(&self) -> Vec<CacheKey> {
        let tickets = self.tickets.lock();
        tickets.values().flatten().filter_map(|ticket| ticket.key.clone()).collect()
    }

    /// How many writers there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.tickets.lock().values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::key;

    #[test]
    fn an_invalidation_looks_only_at_writers_that_it_may_concern() {
        let under_way = UnderWay::default();
        let others: Vec<_> = (0..1000).map(|n| under_way.enter(&key(&format!("/{n}?q")))).collect();
        let [ours, same, query] = ["/x?q", "/x?q", "/x?r"].map(|path| under_way.enter(&key(path)));
        assert_eq!(under_way.like(&key("/x?q")).len(), 3);
        under_way.cancel(&key("/x?q"));
        assert!(ours.is_cancelled() && same.is_cancelled());
        assert!(!query.is_cancelled());
        assert_eq!(*query.doubts.lock(), [key("/x?q")]);
        assert!(query.is_void(&key("/x?q"), None), "what is freshened may have another key");
        assert!(!query.is_void(&key("/x?r"), None));
        assert!(others.iter().all(|other| !other.is_cancelled() && other.doubts.lock().is_empty()));
        others.iter().chain([&ours, &same, &query]).for_each(|ticket| under_way.leave(ticket));
        assert!(under_way.tickets.lock().is_empty());
    }
}
