//! Where stored responses are; may fail without failing a request.
//!
//! A response is written by a [`Writer`] and becomes visible when that is finished, never before.
//! What holds the bytes is a tier behind the private trait of `tier.rs`: memory, and later disk.

mod blocks;
mod candidates;
#[cfg(test)]
mod contract;
#[expect(dead_code, reason = "nothing reads the disk tier yet")]
mod disk;
mod extras;
mod flags;
mod groups;
mod memory;
mod opening;
mod queries;
mod reader;
mod same;
mod segments;
mod stored;
mod tally;
#[cfg(test)]
mod tests;
mod tier;
mod under_way;
mod validity;
mod variants;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use crate::policy::{CacheKey, StoredHead};
pub use candidates::Candidates;
pub use disk::OpenError;
#[doc(hidden)]
pub use disk::record::rewritten;
use groups::Epochs;
use memory::{Memory, next_id};
pub use opening::{Closed, OpenError, Recovered};
use queries::Queries;
pub use reader::{Damaged, Reader};
pub use stored::{Extent, StoredResponse};
use tier::Storage;
pub use tier::{Tier, Usage};
use under_way::{Ticket, UnderWay};
pub use validity::Validity;
pub use writer::{Announced, NotStored, Overflow, Refused, Writer};

/// Without a disk tier a response may take this part of the memory.
const MEMORY_PER_RESPONSE: u64 = 8;

/// With one, it may take all but this part of the disk tier.
const DISK_PER_RESPONSE: u64 = 8;

/// What the store may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Byte budget of the memory tier; bodies, heads and what keeps them findable are counted.
    pub memory: u64,
    /// Larger bodies are never stored, in bytes.
    pub max_object: u64,
    /// With a disk tier, larger bodies live there only, in bytes.
    pub max_memory_object: u64,
    /// The disk tier, if there is one.
    pub disk: Option<DiskConfig>,
}

/// What the disk tier may hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// The directory; made if missing.
    pub dir: PathBuf,
    /// Byte budget of all its files.
    pub budget: u64,
    /// Whether to start with an empty directory: what larder made goes, what it did not make stays.
    pub reset: bool,
    /// How many bytes a second of what is still in memory are written behind; 0: no limit.
    pub write_behind_rate: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { memory: 256 << 20, max_object: 8 << 30, max_memory_object: 1 << 20, disk: None }
    }
}

impl Config {
    /// The longest body that is stored, in bytes.
    pub fn max_stored(&self) -> u64 {
        self.max_object.min(match &self.disk {
            // The rest is room for what is reclaimed meanwhile.
            Some(disk) => disk.budget - disk.budget / DISK_PER_RESPONSE,
            None => self.memory / MEMORY_PER_RESPONSE,
        })
    }
}

/// The store: stored responses by key and nominated request fields. Cheap to clone; clones are one
/// store.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

/// What the store and its writers share.
#[derive(Debug)]
struct Shared {
    config: Config,
    memory: Memory,
    under_way: UnderWay,
    epochs: Epochs,
    queries: Queries,
}

impl Shared {
    /// All that is stored under `key` and of no group that was invalidated.
    fn candidates(&self, key: &CacheKey) -> Candidates {
        let candidates = self.memory.candidates(key);
        let is_over = |response: &&StoredResponse| self.epochs.are_over_for(response);
        if candidates.iter().find(is_over).is_none() {
            return candidates;
        }
        candidates.iter().filter(is_over).for_each(|response| self.memory.remove(response));
        candidates.iter().filter(|response| !is_over(response)).cloned().collect()
    }

    fn publish(&self, response: &StoredResponse, ticket: &Ticket) -> bool {
        self.index(response);
        !self.epochs.are_over_for(response) && self.memory.publish(response, ticket)
    }

    /// Puts `new`, whose number is younger than this call's look at `old`, in the place of that.
    fn replace(&self, old: &StoredResponse, new: &StoredResponse, ticket: &Ticket) -> bool {
        self.index(new);
        !self.epochs.are_over_for(old) && self.memory.replace(old, new, ticket)
    }

    /// Before it is visible: an invalidation that does not find it in the index has told its writer.
    fn index(&self, response: &StoredResponse) {
        if let Some(rule) = response.rule() {
            self.queries.add(response.key(), rule);
        }
    }

    /// All that is stored for other queries and answers this one too.
    fn equivalents(&self, key: &CacheKey) -> Candidates {
        let mut equivalents = Candidates::None;
        for other in self.queries.like(key) {
            let answers = |response: &&StoredResponse| {
                let rule = response.rule();
                rule.is_some_and(|rule| queries::are_equivalent(rule, response.key(), key))
            };
            let stored = self.candidates(&other);
            stored.iter().filter(answers).for_each(|response| equivalents.push(response.clone()));
        }
        equivalents
    }
}

impl Store {
    /// An empty store.
    pub fn new(config: &Config) -> Self {
        let shared = Shared {
            config: config.clone(),
            memory: Memory::new(config.memory),
            under_way: UnderWay::default(),
            epochs: Epochs::default(),
            queries: Queries::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// All that is stored under `key`, in no particular order. Says nothing about `Vary`, freshness or
    /// whether all of the body is there. Whoever uses one of them tells [`Store::used`]. Waits for nothing
    /// where memory has it.
    pub async fn find(&self, key: &CacheKey) -> Candidates {
        self.shared.candidates(key)
    }

    /// What is stored under other keys and answers `key` too: under the same URI but for the query, with
    /// a `No-Vary-Search` that makes the two queries the same.
    pub async fn equivalents(&self, key: &CacheKey) -> Candidates {
        self.shared.equivalents(key)
    }

    /// Notes that a stored response is used: what is used least recently is evicted first.
    pub fn used(&self, stored: &StoredResponse) {
        self.shared.memory.used(stored);
    }

    /// Announces that the response to a request will perhaps be stored under `key`.
    pub fn announce(&self, key: CacheKey) -> Announced {
        Announced::new(&self.shared, key)
    }

    /// Puts a new head on a stored response that a 304 has freshened (RFC 9111 §4.3.4); the body is
    /// shared, not copied. The result answers the request at hand in any case; it is stored only when
    /// `stored` still is, so that nothing invalidated meanwhile comes back.
    pub fn freshen(&self, stored: &StoredResponse, head: StoredHead) -> StoredResponse {
        let fresh = stored.with_head(next_id(), head);
        self.shared.replace(stored, &fresh, &Ticket::default());
        fresh
    }

    /// Stores the body of `stored` under another head too: the origin says that it answers a request
    /// with other nominated fields as well.
    pub fn beside(&self, stored: &StoredResponse, head: StoredHead) -> StoredResponse {
        let other = stored.with_head(next_id(), head);
        self.shared.publish(&other, &Ticket::default());
        other
    }

    /// Removes one stored response; readers that have it read on.
    pub fn remove(&self, stored: &StoredResponse) {
        self.shared.memory.remove(stored);
    }

    /// Removes all that is stored under the URI of `key` (RFC 9111 §4.4), for GET and for HEAD, and all
    /// that would answer it, and makes sure that responses announced or written now will not be. Returns
    /// how many stored responses went. To be awaited to its end: half of it is none.
    pub async fn invalidate(&self, key: &CacheKey) -> usize {
        let uri = key.uri();
        let keys = [CacheKey::new(uri.clone()), CacheKey::head(uri.clone())];
        keys.iter().map(|key| self.invalidate_one(key)).sum()
    }

    fn invalidate_one(&self, key: &CacheKey) -> usize {
        // Writers first: what is published before they are told is removed by the lines below.
        self.shared.under_way.cancel(key);
        let equivalents = self.shared.equivalents(key);
        equivalents.iter().for_each(|stored| self.shared.memory.remove(stored));
        equivalents.len() + self.shared.memory.invalidate(key)
    }

    /// Removes all that belongs to one of these groups under this origin, such as `http://example.org`
    /// (RFC 9875 §3), and makes sure that responses announced or written now will not be found. To be
    /// awaited to its end.
    pub async fn invalidate_groups<G: AsRef<str>>(&self, origin: &str, groups: &[G]) {
        self.shared.epochs.invalidate(origin, groups);
    }

    /// As [`Store::find`], of memory alone.
    #[cfg(test)]
    fn candidates(&self, key: &CacheKey) -> Candidates {
        self.shared.candidates(key)
    }

    /// What is stored now.
    pub fn usage(&self) -> Usage {
        self.shared.memory.usage()
    }

    /// Evicts what is over the budget and tidies up; to be called every 200 ms or so.
    pub fn maintain(&self) {
        self.shared.memory.maintain();
        self.shared.queries.tidy(|key, rule| {
            self.shared.candidates(key).iter().any(|stored| stored.rule() == Some(rule))
        });
    }

    /// The longest body that is stored, in bytes.
    pub fn max_stored(&self) -> u64 {
        self.shared.config.max_stored()
    }
}
