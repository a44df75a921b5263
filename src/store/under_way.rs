//! Responses that are being written now, so that an invalidation reaches them too.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// One writer's permission to publish.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    cancelled: AtomicBool,
}

impl Ticket {
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
}

impl UnderWay {
    /// A writer begins.
    pub(super) fn enter(&self, digest: u128) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket::default());
        self.tickets.lock().entry(digest).or_default().push(Arc::clone(&ticket));
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

    /// Cancels the writers of a key.
    pub(super) fn cancel(&self, digest: u128) {
        for ticket in self.tickets.lock().get(&digest).into_iter().flatten() {
            ticket.cancelled.store(true, Ordering::Release);
        }
    }

    /// How many writers there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.tickets.lock().values().map(Vec::len).sum()
    }
}
