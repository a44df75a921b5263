//! What a tier of the store can do: the private trait that memory and disk answer to, and by which the
//! same tests ask both.

use super::candidates::Candidates;
use super::stored::StoredResponse;
use super::under_way::Ticket;
use crate::policy::CacheKey;

/// Which tier a stored response is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The memory tier.
    Memory,
    /// The disk tier.
    Disk,
}

impl Tier {
    /// The word for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }
}

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Stored responses, each variant counted.
    pub responses: u64,
    /// Bytes: bodies, heads, and what keeps them findable.
    pub bytes: u64,
}

/// A tier. Nothing here waits and nothing fails a request: what cannot be read is a miss, what cannot
/// be written is not stored.
pub(super) trait Storage: Send + Sync {
    /// All that is stored under `key`. Being looked at is no use.
    fn candidates(&self, key: &CacheKey) -> Candidates;

    /// Notes that a response is used, so that it is kept longer than others.
    fn used(&self, stored: &StoredResponse);

    /// Makes a response visible, in place of an older one with the same nominated fields. False, and
    /// nothing is stored, when `ticket` was cancelled or a response to a later exchange is there
    /// already.
    fn publish(&self, response: &StoredResponse, ticket: &Ticket) -> bool;

    /// Puts `new` in the place of `old`. False, and nothing is changed, when that is not stored any more
    /// or `ticket` was cancelled.
    fn replace(&self, old: &StoredResponse, new: &StoredResponse, ticket: &Ticket) -> bool;

    /// Removes one stored response.
    fn remove(&self, stored: &StoredResponse);

    /// Removes all responses under `key` and counts them.
    fn invalidate(&self, key: &CacheKey) -> usize;

    /// How much is stored.
    fn usage(&self) -> Usage;

    /// Does the work that was put off.
    fn maintain(&self);
}
