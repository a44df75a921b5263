//! The variants under each key: a sharded map from the key's digest to a short list, changed
//! atomically. It does not keep the responses: any may be evicted at any time.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use parking_lot::RwLock;

use super::candidates::Candidates;
use super::same::{belong_together, gives_way, is_same_variant};
use super::stored::{Extent, StoredResponse, WeakResponse};
use crate::policy::CacheKey;

/// Variants of one key; the one stored first gives way to one more.
pub(super) const VARIANTS: usize = 100;

/// Locks over which the keys are spread; a power of two. So many that a million keys are a thousand for each:
/// no look-up waits long for a table that grows, or for one that is looked through.
const SHARDS: usize = 1024;

/// Whoever looks through all of them does so in so many steps.
const PARTS: usize = 64;

/// Which variants are stored. No other lock is taken and nothing is called while one of its locks is
/// held, except the questions that are passed in.
///
/// A digest only finds: what is in a list is compared with the key.
#[derive(Debug)]
pub(super) struct Variants {
    shards: Box<[RwLock<Shard>]>,
}

/// By one half of the digest: two keys may share a list, and then each finds its own in it.
type Shard = HashMap<u64, List, BuildHasherDefault<DigestHasher>>;

/// The variants under one digest: mostly one, which takes no allocation. Never empty for long.
#[derive(Debug)]
enum List {
    One(Member),
    Several(Box<Several>),
}

#[derive(Debug)]
struct Several {
    members: Vec<Member>,
}

/// One variant.
#[derive(Clone, Debug)]
struct Member {
    id: u64,
    response: WeakResponse,
}

/// It was not put into its list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Superseded;

impl Variants {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    /// The variants of a key that are stored, and whether there are others in its list that are not.
    pub(super) fn of(&self, key: &CacheKey) -> (Candidates, bool) {
        let mut found = Candidates::None;
        let mut gone = false;
        let Some(shard) = self.shard(key.digest()) else { return (found, gone) };
        let shard = shard.read();
        for member in shard.get(&place(key.digest())).map_or(&[][..], List::members) {
            match member.response.stored() {
                Some(response) if response.key() == key => found.push(response),
                Some(_) => {}
                None => gone = true,
            }
        }
        (found, gone)
    }

    /// Whether a response with this number is stored under this digest.
    pub(super) fn has(&self, digest: u128, id: u64) -> bool {
        let Some(shard) = self.shard(digest) else { return false };
        let shard = shard.read();
        let members = shard.get(&place(digest)).map_or(&[][..], List::members);
        members.iter().any(|member| member.id == id && member.response.stored().is_some())
    }

    /// Adds a variant unless `allowed` says no or one from a later exchange is there for the same
    /// nominated fields. A part never takes the place of a response of the same representation: it is to be
    /// added to that. Returns those that gave way.
    pub(super) fn add(
        &self,
        response: &StoredResponse,
        allowed: impl FnOnce() -> bool,
    ) -> Result<Vec<StoredResponse>, Superseded> {
        let digest = response.key().digest();
        let mut shard = self.shard(digest).ok_or(Superseded)?.write();
        if !allowed() {
            return Err(Superseded);
        }
        let Some(list) = shard.get_mut(&place(digest)) else {
            shard.insert(place(digest), List::One(Member::of(response)));
            return Ok(Vec::new());
        };
        // Not by the clock: when that is set back, nothing would be stored until it has caught up.
        let is_later = |other: &StoredResponse| {
            is_same_variant(other, response)
                && other.begun() > response.begun()
                && !gives_way(other, response)
        };
        let overrules =
            |other: &StoredResponse| is_same_variant(other, response) && gives_way(response, other);
        let is_part = response.extent() != Extent::Whole;
        let stays = |other: &StoredResponse| {
            is_part && (belong_together(other, response) || overrules(other))
        };
        let mut stored = list.members().iter().filter_map(|member| member.response.stored());
        if stored.any(|other| is_later(&other) || stays(&other)) {
            return Err(Superseded);
        }
        Ok(list.put(response))
    }

    /// Puts `response` where `old` is, if that is still there and `allowed` says yes. Returns those that
    /// gave way.
    pub(super) fn replace(
        &self,
        old: &StoredResponse,
        response: &StoredResponse,
        allowed: impl FnOnce() -> bool,
    ) -> Result<Vec<StoredResponse>, Superseded> {
        let digest = old.key().digest();
        let mut shard = self.shard(digest).ok_or(Superseded)?.write();
        let list = shard.get_mut(&place(digest)).ok_or(Superseded)?;
        let is_there = list.members().iter().any(|member| member.id == old.id());
        if !is_there || !old.is_counted() || !allowed() {
            return Err(Superseded);
        }
        list.retain(|member| member.id != old.id());
        let mut displaced = list.put(response);
        displaced.push(old.clone());
        Ok(displaced)
    }

    /// Takes one out by its id.
    pub(super) fn discard(&self, digest: u128, id: u64) {
        self.retain(digest, |member| member.id != id);
    }

    /// Takes out those that are not stored any more.
    pub(super) fn prune(&self, digest: u128) {
        self.retain(digest, |member| member.response.stored().is_some());
    }

    /// Takes out all variants of a key.
    pub(super) fn discard_all(&self, key: &CacheKey) -> Vec<StoredResponse> {
        let mut gone = Vec::new();
        self.retain(key.digest(), |member| match member.response.stored() {
            Some(response) if response.key() == key => {
                gone.push(response);
                false
            }
            other => other.is_some(),
        });
        gone
    }

    /// Takes those that are not stored any more out of one part; false behind the last one.
    pub(super) fn prune_part(&self, number: usize) -> bool {
        let is_gone = |member: &Member| member.response.stored().is_none();
        let Some(shards) = self.in_part(number) else { return false };
        for shard in shards {
            shard.write().retain(|_, list| {
                if list.members().iter().any(is_gone) {
                    list.retain(|member| !is_gone(member));
                }
                !list.members().is_empty()
            });
        }
        true
    }

    /// All that is stored of one part, and whether there is such a part.
    pub(super) fn part(&self, number: usize) -> Option<Vec<StoredResponse>> {
        let mut all = Vec::new();
        for shard in self.in_part(number)? {
            let shard = shard.read();
            let members = shard.values().flat_map(List::members);
            all.extend(members.filter_map(|member| member.response.stored()));
        }
        Some(all)
    }

    /// Keys that have variants.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    fn retain(&self, digest: u128, stays: impl FnMut(&Member) -> bool) {
        let Some(shard) = self.shard(digest) else { return };
        let mut shard = shard.write();
        let Some(list) = shard.get_mut(&place(digest)) else { return };
        list.retain(stays);
        if list.members().is_empty() {
            shard.remove(&place(digest));
        }
    }

    fn in_part(&self, number: usize) -> Option<&[RwLock<Shard>]> {
        self.shards.chunks(SHARDS / PARTS).nth(number)
    }

    fn shard(&self, digest: u128) -> Option<&RwLock<Shard>> {
        // The high bits choose the shard, the low ones the place in its table.
        self.shards.get(usize::try_from(digest >> 96).unwrap_or_default() % SHARDS)
    }
}

impl List {
    fn members(&self) -> &[Member] {
        match self {
            Self::One(member) => std::slice::from_ref(member),
            Self::Several(several) => &several.members,
        }
    }

    fn retain(&mut self, mut stays: impl FnMut(&Member) -> bool) {
        let mut members: Vec<_> =
            self.members().iter().filter(|member| stays(member)).cloned().collect();
        *self = match members.pop() {
            Some(only) if members.is_empty() => Self::One(only),
            last => {
                members.extend(last);
                Self::Several(Box::new(Several { members }))
            }
        };
    }

    /// Adds a response in place of those with equal nominated fields, and of the first when it is full.
    /// Those that are gone go too.
    fn put(&mut self, response: &StoredResponse) -> Vec<StoredResponse> {
        let mut displaced = Vec::new();
        let mut members = Vec::with_capacity(self.members().len() + 1);
        for member in self.members() {
            match member.response.stored() {
                Some(other) if is_same_variant(&other, response) => displaced.push(other),
                Some(_) => members.push(member.clone()),
                None => {}
            }
        }
        if members.len() >= VARIANTS {
            displaced.extend(members.remove(0).response.stored());
        }
        *self = if members.is_empty() {
            Self::One(Member::of(response))
        } else {
            members.push(Member::of(response));
            Self::Several(Box::new(Several { members }))
        };
        displaced
    }
}

impl Member {
    fn of(response: &StoredResponse) -> Self {
        Self { id: response.id(), response: response.downgrade() }
    }
}

/// The half of a digest that the map has.
fn place(digest: u128) -> u64 {
    digest as u64
}

/// A digest is evenly spread already, but for its lowest bit.
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

    fn write_u64(&mut self, half: u64) {
        self.0 = half.rotate_right(1);
    }
}

#[cfg(test)]
mod tests;
