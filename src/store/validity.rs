//! Whether a response that is being fetched is still good for whoever joins now.

use std::fmt;
use std::sync::Arc;

use super::Shared;
use super::extras::Extras;
use super::under_way::Ticket;
use crate::policy::{CacheKey, StoredHead};

/// Follows what is being written: an invalidation from its announcement on reaches it (RFC 9111 §4.4,
/// RFC 9875 §3). Cheap to clone.
#[derive(Clone)]
pub struct Validity(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    ticket: Arc<Ticket>,
    announced: u64,
    key: CacheKey,
    extras: Option<Extras>,
}

impl Validity {
    pub(super) fn new(
        shared: &Arc<Shared>,
        ticket: &Arc<Ticket>,
        announced: u64,
        key: &CacheKey,
        head: &StoredHead,
    ) -> Self {
        Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            ticket: Arc::clone(ticket),
            announced,
            key: key.clone(),
            extras: Extras::of(key, head, None, None),
        }))
    }

    /// Whether it was invalidated: those that have it read on, nobody else is given it.
    pub fn is_over(&self) -> bool {
        let Inner { shared, ticket, announced, key, extras } = &*self.0;
        let (groups, rule) = match extras {
            Some(extras) => (extras.groups(), extras.rule()),
            None => (&[][..], None),
        };
        ticket.is_void(key, rule) || shared.epochs.are_over(groups, *announced)
    }
}

impl fmt::Debug for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validity").field("is_over", &self.is_over()).finish()
    }
}
