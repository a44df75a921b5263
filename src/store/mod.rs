//! Where stored responses are; may fail without failing a request.
//!
//! A response is written by a [`Writer`] and becomes visible when that is finished, never before.
//! What holds the bytes are two tiers, memory and disk; `shared.rs` makes one of them. What both can do is
//! the private trait of `tier.rs`.

mod blocks;
mod candidates;
#[cfg(test)]
mod contract;
mod disk;
mod early;
mod extras;
mod flags;
mod groups;
mod growing;
pub mod inspect;
mod memory;
mod offers;
mod opening;
mod queries;
mod reader;
mod same;
mod segments;
mod shared;
mod sink;
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

use crate::policy::CacheKey;
pub use candidates::Candidates;
#[doc(hidden)]
pub use disk::record::rewritten;
pub use disk::{DiskEvents, OpenError};
pub use growing::Growing;
#[cfg(test)]
pub(crate) use growing::in_memory;
pub use opening::{Closed, Recovered};
pub use reader::{Damaged, Reader};
use shared::Shared;
pub use stored::{Extent, StoredResponse};
pub use tier::{Tier, Usage};
pub use validity::Validity;
pub use writer::{Announced, NotStored, Refused, Writer};

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
    /// The longest body that is stored in memory, in bytes.
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

impl Store {
    /// An empty store in memory alone.
    pub fn new(config: &Config) -> Self {
        Self { shared: Arc::new(Shared::new(&Config { disk: None, ..config.clone() })) }
    }

    /// The same, with another place for what is too long for memory.
    #[cfg(test)]
    fn with_large(config: &Config, large: Option<Arc<dyn sink::LargeBodies>>) -> Self {
        let store = Self::new(config);
        large.into_iter().for_each(|large| store.shared.set_large(large));
        store
    }

    /// All that is stored under `key`, in no particular order. Says nothing about `Vary`, freshness or
    /// whether all of the body is there. Whoever uses one of them tells [`Store::used`]. Waits for nothing
    /// where memory has it.
    pub async fn find(&self, key: &CacheKey) -> Candidates {
        self.shared.find(key).await
    }

    /// As [`Store::find`], where nothing need be waited for: what memory has, and what the system has in
    /// memory of the disk.
    pub fn find_at_once(&self, key: &CacheKey) -> Option<Candidates> {
        self.shared.find_at_once(key)
    }

    /// What is stored under other keys and answers `key` too: under the same URI but for the query, with
    /// a `No-Vary-Search` that makes the two queries the same.
    pub async fn equivalents(&self, key: &CacheKey) -> Candidates {
        self.shared.equivalents(key).await
    }

    /// Notes that a stored response is used: what is used least recently is evicted first, and what is
    /// small and used the second time on disk is put into memory.
    pub fn used(&self, stored: &StoredResponse) {
        self.shared.used(stored);
    }

    /// Announces that the response to a request will perhaps be stored under `key`.
    pub fn announce(&self, key: CacheKey) -> Announced {
        Announced::new(&self.shared, key)
    }

    /// Removes one stored response; readers that have it read on.
    pub fn remove(&self, stored: &StoredResponse) {
        self.shared.remove(stored);
    }

    /// Removes all that is stored under the URI of `key` (RFC 9111 §4.4), for GET and for HEAD, and what
    /// is stored under others of which something would answer it, and makes sure that responses announced
    /// or written now will not be. Returns how many stored responses went. To be awaited to its end: half
    /// of it is none.
    pub async fn invalidate(&self, key: &CacheKey) -> usize {
        self.invalidate_all(&[key], key.uri().origin(), &[""; 0]).await
    }

    /// Removes all that belongs to one of these groups under this origin, such as `http://example.org`
    /// (RFC 9875 §3), and makes sure that responses announced or written now will not be found. To be
    /// awaited to its end.
    pub async fn invalidate_groups<G: AsRef<str>>(&self, origin: &str, groups: &[G]) {
        self.invalidate_all(&[], origin, groups).await;
    }

    /// As [`Store::invalidate`] for all of these keys, and as [`Store::invalidate_groups`]: the disk is
    /// waited for only once.
    pub async fn invalidate_all<G: AsRef<str>>(
        &self,
        keys: &[&CacheKey],
        origin: &str,
        groups: &[G],
    ) -> usize {
        let (mut count, mut waits) = (0, Vec::new());
        for uri in keys.iter().map(|key| key.uri()) {
            for key in [CacheKey::new(uri.clone()), CacheKey::head(uri.clone())] {
                let (gone, wait) = self.shared.invalidate(&key);
                count += gone;
                waits.extend(wait);
            }
        }
        if !groups.is_empty() {
            let noted = self.shared.epochs.invalidate(origin, groups);
            self.shared.early.note_groups(noted.iter().map(|(group, _)| *group));
            waits.extend(self.shared.disk().map(|disk| disk.bury_groups(&noted)));
        }
        if let Some(disk) = self.shared.disk() {
            // Nothing of it could come back after a crash.
            for wait in waits {
                disk.await_durable(wait).await;
            }
        }
        count
    }

    /// Whether memory has nothing under `key`.
    #[cfg(test)]
    pub(crate) fn has_nothing(&self, key: &CacheKey) -> bool {
        self.candidates(key).is_empty()
    }

    /// As [`Store::find`], of memory alone.
    #[cfg(test)]
    pub(crate) fn candidates(&self, key: &CacheKey) -> Candidates {
        use tier::Storage as _;
        let all = self.shared.memory.candidates(key);
        let is_over = |stored: &&StoredResponse| self.shared.epochs.are_over_for(stored);
        all.iter().filter(is_over).for_each(|stored| self.shared.remove(stored));
        all.iter().filter(|stored| !is_over(stored)).cloned().collect()
    }

    /// What is in memory now.
    pub fn usage(&self) -> Usage {
        self.usage_of(Tier::Memory)
    }

    /// Evicts what is over the budget and tidies up; to be called every 200 ms or so.
    pub fn maintain(&self) {
        self.shared.maintain();
    }

    /// The longest body that is stored, in bytes.
    pub fn max_stored(&self) -> u64 {
        self.shared.max_stored()
    }
}
