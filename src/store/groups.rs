//! Groups of responses (RFC 9875) are invalidated by epochs: what belongs to a group and was begun
//! before the group's epoch is gone, wherever it is, without anybody looking for it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use super::memory::next_id;
use super::stored::StoredResponse;
use crate::http::TargetUri;
use crate::policy::{CacheKey, StoredHead, key};

/// Over so many shards the origins are spread, so that one that invalidates many groups makes few others
/// forget theirs.
const SHARDS: usize = 64;

/// The most groups that one shard remembers. When one more comes, the oldest is forgotten, and everything
/// that belongs to any group of the shard and is older than that one's epoch counts as gone.
const REMEMBERED: usize = 2 << 10;

/// When which group was invalidated. The numbers are those that name stored responses: they only grow,
/// and a writer gets its own when it begins.
#[derive(Debug)]
pub(super) struct Epochs {
    any: AtomicBool,
    shards: Box<[RwLock<State>]>,
}

impl Default for Epochs {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { any: AtomicBool::new(false), shards }
    }
}

#[derive(Debug, Default)]
struct State {
    epochs: HashMap<u128, u64>,
    /// In the order of their epochs; one of a group that was invalidated again later is void.
    order: VecDeque<(u128, u64)>,
    /// All that is older and belongs to any group is gone.
    floor: u64,
}

impl Epochs {
    /// All that belongs to one of these groups and was begun before now is gone. Returns the groups with
    /// their epochs.
    pub(super) fn invalidate<G: AsRef<str>>(&self, origin: &str, groups: &[G]) -> Vec<(u128, u64)> {
        let mut noted = Vec::with_capacity(groups.len());
        for group in groups {
            let group = digest(origin, group.as_ref());
            let Some(shard) = self.shard(group) else { continue };
            let mut state = shard.write();
            // Under the lock: who has a smaller number will see this epoch.
            let epoch = next_id();
            state.note(group, epoch);
            noted.push((group, epoch));
        }
        self.any.store(true, Ordering::Release);
        noted
    }

    /// An earlier run invalidated a group.
    pub(super) fn recover(&self, group: u128, epoch: u64) {
        let Some(shard) = self.shard(group) else { return };
        let mut state = shard.write();
        if state.epochs.get(&group).is_none_or(|later| *later < epoch) {
            state.note(group, epoch);
        }
        drop(state);
        self.any.store(true, Ordering::Release);
    }

    /// Whether one of the groups of a head was invalidated after that was begun.
    pub(super) fn are_over_head(&self, key: &CacheKey, head: &StoredHead, begun: u64) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let origin = origin(key.uri());
        let groups = head.groups();
        let groups: Vec<u128> = groups.iter().map(|group| digest(origin, group)).collect();
        self.are_over(&groups, begun)
    }

    /// Whether one of the groups of `response` was invalidated after that was begun.
    pub(super) fn are_over_for(&self, response: &StoredResponse) -> bool {
        self.are_over(response.groups(), response.id())
    }

    /// Whether one of these groups was invalidated after `begun`.
    pub(super) fn are_over(&self, groups: &[u128], begun: u64) -> bool {
        if groups.is_empty() || !self.any.load(Ordering::Acquire) {
            return false;
        }
        groups.iter().any(|group| {
            let Some(shard) = self.shard(*group) else { return false };
            let state = shard.read();
            begun < state.floor || state.epochs.get(group).is_some_and(|epoch| begun < *epoch)
        })
    }

    /// All groups of one origin are in one.
    fn shard(&self, group: u128) -> Option<&RwLock<State>> {
        self.shards.get(usize::try_from(group >> ORIGIN_SHIFT).unwrap_or_default() % SHARDS)
    }
}

impl State {
    fn note(&mut self, group: u128, epoch: u64) {
        self.epochs.insert(group, epoch);
        self.order.push_back((group, epoch));
        while self.epochs.len() > REMEMBERED || self.order.len() > 2 * REMEMBERED {
            let Some((oldest, epoch)) = self.order.pop_front() else { return };
            if self.epochs.get(&oldest) == Some(&epoch) {
                self.epochs.remove(&oldest);
                self.floor = self.floor.max(epoch);
            }
        }
    }
}

/// The origin of a URI: all before its path (RFC 6454 §6.2).
pub(super) fn origin(uri: &TargetUri) -> &str {
    uri.as_str().strip_suffix(uri.path_and_query()).unwrap_or_default()
}

/// The bits from this one on are of the origin alone.
const ORIGIN_SHIFT: u32 = 112;

/// Finds a group of an origin: the upper bits are those of the origin. Two with one digest would only
/// invalidate too much.
pub(super) fn digest(origin: &str, group: &str) -> u128 {
    let of_group = key::digest([origin, group].join("\n").as_bytes());
    let of_origin = key::digest(origin.as_bytes());
    let mask = u128::MAX << ORIGIN_SHIFT;
    (of_origin & mask) | (of_group & !mask)
}

#[cfg(test)]
mod tests;
