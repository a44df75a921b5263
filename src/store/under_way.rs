//! Responses that are being written now, so that an invalidation reaches them too.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::queries;
use crate::http::QueryRule;
use crate::policy::CacheKey;

/// One writer's permission to publish.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    cancelled: AtomicBool,
}

impl Ticket {
    /// What is being written will not be stored.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether what is being written was invalidated meanwhile.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// The tickets of all writers, by the digest of their key: as many as there are fills in flight. Two
/// keys with one digest would only cancel one writer too many.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    tickets: Mutex<HashMap<u128, Vec<Arc<Ticket>>>>,
    /// Those whose response answers other queries too.
    ruled: Mutex<Vec<Ruled>>,
}

#[derive(Debug)]
struct Ruled {
    ticket: Arc<Ticket>,
    key: CacheKey,
    rule: QueryRule,
}

impl UnderWay {
    /// A response is announced.
    pub(super) fn enter(&self, key: &CacheKey) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket::default());
        self.tickets.lock().entry(key.digest()).or_default().push(Arc::clone(&ticket));
        ticket
    }

    /// Its head has come, and `rule` says which other queries it will answer.
    pub(super) fn rule(&self, ticket: &Arc<Ticket>, key: &CacheKey, rule: QueryRule) {
        let ruled = Ruled { ticket: Arc::clone(ticket), key: key.clone(), rule };
        self.ruled.lock().push(ruled);
    }

    /// A writer is done.
    pub(super) fn leave(&self, digest: u128, ticket: &Arc<Ticket>) {
        self.ruled.lock().retain(|ruled| !Arc::ptr_eq(&ruled.ticket, ticket));
        let mut tickets = self.tickets.lock();
        if let Some(list) = tickets.get_mut(&digest) {
            list.retain(|other| !Arc::ptr_eq(other, ticket));
            if list.is_empty() {
                tickets.remove(&digest);
            }
        }
    }

    /// Cancels the writers of a key, and those whose response would answer it too.
    pub(super) fn cancel(&self, key: &CacheKey) {
        for ticket in self.tickets.lock().get(&key.digest()).into_iter().flatten() {
            ticket.cancel();
        }
        for ruled in self.ruled.lock().iter() {
            if queries::are_equivalent(&ruled.rule, &ruled.key, key) {
                ruled.ticket.cancel();
            }
        }
    }

    /// How many writers there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.tickets.lock().values().map(Vec::len).sum()
    }
}
