//! The variants under each key: a sharded map from the key's digest to a short list, changed
//! atomically. It holds ids, never responses: what an id names may be evicted at any time.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use http::HeaderMap;
use parking_lot::RwLock;

use super::stored::StoredResponse;
use crate::policy::{CacheKey, NominatedFields, StoredHead};
use crate::time::Timestamp;

/// Variants of one key; the one stored first gives way to one more.
pub(super) const VARIANTS: usize = 100;

/// Locks over which the keys are spread; a power of two.
const SHARDS: usize = 64;

/// Which variants are stored. No other lock is taken and nothing is called while one of its locks is
/// held, except the questions that are passed in.
#[derive(Debug)]
pub(super) struct Variants {
    shards: Box<[RwLock<Shard>]>,
}

type Shard = HashMap<u128, List, BuildHasherDefault<DigestHasher>>;

#[derive(Debug)]
struct List {
    key: CacheKey,
    members: Vec<Member>,
}

/// One variant.
#[derive(Clone, Debug)]
pub(super) struct Member {
    id: u64,
    /// When the response was made, by its `Date` (RFC 9110 §6.6.1).
    date: Timestamp,
    response_time: Timestamp,
    nominated: NominatedFields,
}

/// What a request finds under a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The newest variant that matches.
    Matching(u64),
    /// Variants, but none that matches.
    Others(Vec<u64>),
    /// No variant.
    Nothing,
}

/// It was not put into its list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Superseded;

impl Variants {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    /// The newest variant that `request` matches.
    pub(super) fn choose(&self, key: &CacheKey, request: &HeaderMap) -> Choice {
        let Some(shard) = self.shard(key.digest()) else { return Choice::Nothing };
        let shard = shard.read();
        let Some(list) = shard.get(&key.digest()).filter(|list| list.key == *key) else {
            return Choice::Nothing;
        };
        let matching = list.members.iter().filter(|member| member.nominated.matches(request));
        match matching.max_by_key(|member| member.date) {
            Some(member) => Choice::Matching(member.id),
            None => Choice::Others(list.members.iter().map(|member| member.id).collect()),
        }
    }

    /// Adds a variant unless `allowed` says no or one from a later exchange is there for the same
    /// nominated fields. Returns the ids of those that gave way.
    pub(super) fn add(
        &self,
        key: &CacheKey,
        member: Member,
        allowed: impl FnOnce() -> bool,
    ) -> Result<Vec<u64>, Superseded> {
        let shard = self.shard(key.digest()).ok_or(Superseded)?;
        let mut shard = shard.write();
        if !allowed() {
            return Err(Superseded);
        }
        let list = shard.entry(key.digest()).or_insert_with(|| List::new(key));
        let mut displaced = Vec::new();
        if list.key != *key {
            // Two keys with one digest: the newcomer takes the place.
            displaced.extend(list.members.drain(..).map(|other| other.id));
            list.key = key.clone();
        }
        let same = |other: &&Member| other.nominated == member.nominated;
        if list.members.iter().filter(same).any(|o| o.response_time > member.response_time) {
            return Err(Superseded);
        }
        list.put(member, &mut displaced);
        Ok(displaced)
    }

    /// Puts `member` where the one named `old` is. `None` when that is gone.
    pub(super) fn replace(&self, key: &CacheKey, old: u64, member: Member) -> Option<Vec<u64>> {
        let mut shard = self.shard(key.digest())?.write();
        let list = shard.get_mut(&key.digest())?;
        let at = list.members.iter().position(|member| member.id == old)?;
        let mut displaced = vec![list.members.remove(at).id];
        list.put(member, &mut displaced);
        Some(displaced)
    }

    /// Takes one id out; false when it was not there.
    pub(super) fn discard(&self, digest: u128, id: u64) -> bool {
        let Some(shard) = self.shard(digest) else { return false };
        let mut shard = shard.write();
        let Some(list) = shard.get_mut(&digest) else { return false };
        let before = list.members.len();
        list.members.retain(|member| member.id != id);
        let found = list.members.len() < before;
        if list.members.is_empty() {
            shard.remove(&digest);
        }
        found
    }

    /// Takes out all variants of a key.
    pub(super) fn discard_all(&self, key: &CacheKey) -> Vec<u64> {
        let Some(shard) = self.shard(key.digest()) else { return Vec::new() };
        let mut shard = shard.write();
        if shard.get(&key.digest()).is_none_or(|list| list.key != *key) {
            return Vec::new();
        }
        let list = shard.remove(&key.digest());
        list.into_iter().flat_map(|list| list.members).map(|member| member.id).collect()
    }

    /// All ids in one shard with the digest of their key; `None` behind the last shard.
    pub(super) fn in_shard(&self, shard: usize) -> Option<Vec<(u128, u64)>> {
        let shard = self.shards.get(shard)?.read();
        let lists = shard.iter();
        Some(lists.flat_map(|(d, list)| list.members.iter().map(|m| (*d, m.id))).collect())
    }

    /// Keys that have variants.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    fn shard(&self, digest: u128) -> Option<&RwLock<Shard>> {
        // The high bits choose the shard, the low ones the place in its table.
        self.shards.get(usize::try_from(digest >> 96).unwrap_or_default() % SHARDS)
    }
}

impl List {
    fn new(key: &CacheKey) -> Self {
        Self { key: key.clone(), members: Vec::with_capacity(1) }
    }

    /// Adds a member in place of those with equal nominated fields, and of the first when it is full.
    fn put(&mut self, member: Member, displaced: &mut Vec<u64>) {
        self.members.retain(|other| {
            let stays = other.nominated != member.nominated;
            if !stays {
                displaced.push(other.id);
            }
            stays
        });
        if self.members.len() >= VARIANTS {
            displaced.push(self.members.remove(0).id);
        }
        self.members.push(member);
    }
}

impl Member {
    pub(super) fn of(response: &StoredResponse) -> Self {
        let head = response.head();
        Self {
            id: response.id(),
            date: date_of(head),
            response_time: head.times.response_time,
            nominated: head.nominated.clone(),
        }
    }
}

/// The `Date` of a response; a response without one was dated on receipt.
fn date_of(head: &StoredHead) -> Timestamp {
    head.date()
}

/// A digest is evenly spread already: its low bits are its hash.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        let [a, b, c, d, e, f, g, h, ..] = digest.to_le_bytes();
        self.0 = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    }
}

#[cfg(test)]
mod tests;
