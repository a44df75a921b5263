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
    /// What the writer's key is; freshening has none.
    key: Option<CacheKey>,
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
        let is_same = |rule: &QueryRule| {
            let doubts = self.doubts.lock();
            doubts.iter().any(|other| queries::are_equivalent(rule, response.key(), other))
        };
        self.is_cancelled() || response.rule().is_some_and(is_same)
    }

    fn doubt(&self, invalidated: &CacheKey) {
        if !self.key.as_ref().is_some_and(|key| queries::differ_in_query(key, invalidated)) {
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

/// The tickets of all writers, by the digest of their key: as many as there are fetches in flight. Two
/// keys with one digest would only cancel one writer too many.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    tickets: Mutex<HashMap<u128, Vec<Arc<Ticket>>>>,
}

impl UnderWay {
    /// A writer begins, or will.
    pub(super) fn enter(&self, key: &CacheKey) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket { key: Some(key.clone()), ..Ticket::default() });
        self.tickets.lock().entry(key.digest()).or_default().push(Arc::clone(&ticket));
        ticket
    }

    /// A writer is done.
    pub(super) fn leave(&self, digest: u128, ticket: &Arc<Ticket>) {
        let mut tickets = self.tickets.lock();
        if let Some(list) = tickets.get_mut(&digest) {
            list.retain(|other| !Arc::ptr_eq(other, ticket));
            if list.is_empty() {
                tickets.remove(&digest);
            }
        }
    }

    /// Cancels the writers of a key, and tells those whose response may answer it too.
    pub(super) fn cancel(&self, key: &CacheKey) {
        for (digest, tickets) in self.tickets.lock().iter() {
            if *digest == key.digest() {
                tickets.iter().for_each(|ticket| ticket.cancel());
            } else {
                tickets.iter().for_each(|ticket| ticket.doubt(key));
            }
        }
    }

    /// How many writers there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.tickets.lock().values().map(Vec::len).sum()
    }
}
