//! Where stored responses are; may fail without failing a request.
//!
//! A response is written by a [`Writer`] and becomes visible when that is finished, never before.
//! What holds the bytes is a tier behind the private trait of `tier.rs`: memory, and later disk.

mod blocks;
#[cfg(test)]
mod contract;
mod memory;
mod stored;
mod tally;
#[cfg(test)]
mod tests;
mod tier;
mod under_way;
mod variants;
mod writer;

use std::sync::Arc;

use http::HeaderMap;

use crate::policy::{CacheKey, StoredHead};
use memory::Memory;
pub use stored::{Reader, StoredResponse};
use tier::Storage;
pub use tier::{Lookup, Tier, Usage};
use under_way::UnderWay;
pub use writer::{Announced, Overflow, Refused, Writer};

/// Without a disk tier a response may take this part of the memory.
const MEMORY_PER_RESPONSE: u64 = 8;

/// What the store may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Byte budget of the memory tier; bodies, heads and what keeps them findable are counted.
    pub memory: u64,
    /// Larger bodies are never stored, in bytes.
    pub max_object: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { memory: 256 << 20, max_object: 8 << 30 }
    }
}

impl Config {
    /// The longest body that is stored, in bytes.
    pub fn max_stored(&self) -> u64 {
        self.max_object.min(self.memory / MEMORY_PER_RESPONSE)
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
}

impl Store {
    /// An empty store.
    pub fn new(config: &Config) -> Self {
        let shared = Shared {
            config: config.clone(),
            memory: Memory::new(config.memory),
            under_way: UnderWay::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The response stored under `key` whose nominated fields `request` matches (RFC 9111 §4.1), the
    /// newest by `Date` where several do. Says nothing about freshness.
    pub fn lookup(&self, key: &CacheKey, request: &HeaderMap) -> Lookup {
        self.shared.memory.lookup(key, request)
    }

    /// Announces that the response to a request will perhaps be stored under `key`.
    pub fn announce(&self, key: CacheKey) -> Announced {
        Announced::new(&self.shared, key)
    }

    /// Puts a new head on a stored response that a 304 has freshened (RFC 9111 §4.3.4); the body is
    /// shared, not copied. The result answers the request at hand in any case; it is stored only when
    /// `stored` still is, so that nothing invalidated meanwhile comes back.
    pub fn freshen(&self, stored: &StoredResponse, head: StoredHead) -> StoredResponse {
        self.shared.memory.freshen(stored, head)
    }

    /// Removes one stored response; readers that have it read on.
    pub fn remove(&self, stored: &StoredResponse) {
        self.shared.memory.remove(stored);
    }

    /// Removes all that is stored under `key` (RFC 9111 §4.4) and makes sure that responses
    /// announced or written now will not be. Returns how many stored responses went.
    pub fn invalidate(&self, key: &CacheKey) -> usize {
        // Writers first: what is published before they are told is removed by the line below.
        self.shared.under_way.cancel(key.digest());
        self.shared.memory.invalidate(key)
    }

    /// What is stored now.
    pub fn usage(&self) -> Usage {
        self.shared.memory.usage()
    }

    /// Evicts what is over the budget and tidies up; to be called every 200 ms or so.
    pub fn maintain(&self) {
        self.shared.memory.maintain();
    }

    /// The longest body that is stored, in bytes.
    pub fn max_stored(&self) -> u64 {
        self.shared.config.max_stored()
    }
}
