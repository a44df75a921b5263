//! What waits to be written, and what comes of it.

use super::{Entry, Gone, Index, Known, Tag};
use crate::store::disk::spot::{Place, Spot};
use crate::store::same::is_same_variant;
use crate::store::stored::StoredResponse;

impl Index {
    /// From now on `response` waits to be written, in place of an older one of its variant that waits.
    /// Not if `allowed` says no, or a later one is there.
    pub(in crate::store::disk) fn enqueue(
        &self,
        response: &StoredResponse,
        tag: Tag,
        allowed: impl FnOnce() -> bool,
    ) -> bool {
        let Some(mut shard) = self.shard(tag) else { return false };
        let is_later = shard.of(tag).is_some_and(|known| known.generation >= response.id());
        if is_later || !allowed() {
            return false;
        }
        let waiting = shard.pending.entry(tag.key_bits()).or_default();
        let is_same = |other: &StoredResponse| is_same_variant(other, response);
        if waiting.iter().any(|other| is_same(other) && other.id() >= response.id()) {
            return false;
        }
        let displaced: Vec<_> = waiting.extract_if(.., |other| is_same(other)).collect();
        waiting.push(response.clone());
        drop(shard);
        drop(displaced);
        true
    }

    /// Whether a response still waits to be written.
    pub(in crate::store::disk) fn is_pending(&self, response: &StoredResponse, tag: Tag) -> bool {
        let Some(shard) = self.shard(tag) else { return false };
        let waiting = shard.pending.get(&tag.key_bits()).into_iter().flatten();
        !response.is_void() && waiting.into_iter().any(|other| other.id() == response.id())
    }

    /// What waited is written now. `Err` when it does not wait any more: what was written is of no use.
    /// `Ok` has the record that it takes the place of.
    pub(in crate::store::disk) fn settle(
        &self,
        response: &StoredResponse,
        tag: Tag,
        spot: Spot,
        is_update: bool,
    ) -> Result<Option<Known>, Gone> {
        let mut shard = self.shard(tag).ok_or(Gone)?;
        // Who calls has it too: it is not dropped here.
        if shard.stop_waiting(response, tag).is_none() || response.is_void() {
            return Err(Gone);
        }
        let place = Place::new(spot, is_update);
        let entry = Entry { tag: tag.bits, place, generation: response.id() };
        let old = shard.put(tag, entry);
        self.came(spot, old.as_ref());
        Ok(old)
    }

    /// A response does not wait any more, and was not written.
    pub(in crate::store::disk) fn give_up(&self, response: &StoredResponse, tag: Tag) {
        if let Some(mut shard) = self.shard(tag) {
            drop(shard.stop_waiting(response, tag));
        }
    }

    /// `new` waits to be written in the place of `old`, if that is still there and `allowed` says yes.
    pub(in crate::store::disk) fn replace(
        &self,
        old: &StoredResponse,
        from: Tag,
        new: &StoredResponse,
        to: Tag,
        allowed: impl FnOnce() -> bool,
    ) -> bool {
        let Some(mut shard) = self.shard(from) else { return false };
        let is_written = shard.of(from).is_some_and(|known| {
            known.generation == old.id() && !known.is_superseded && !shard.is_hidden(&known)
        });
        let waiting = shard.pending.get(&from.key_bits()).into_iter().flatten();
        let is_waiting = waiting.into_iter().any(|other| other.id() == old.id());
        if !(is_written || is_waiting) || old.is_void() || !allowed() {
            return false;
        }
        let was_waiting = shard.stop_waiting(old, from);
        // Of the same variant it is hidden while `new` waits, and found again when that is not written.
        shard.change(from, |entry| {
            if entry.generation == old.id() && from != to {
                entry.place = entry.place.superseded();
            }
        });
        let waiting = shard.pending.entry(to.key_bits()).or_default();
        let displaced: Vec<_> =
            waiting.extract_if(.., |other| is_same_variant(other, new)).collect();
        waiting.push(new.clone());
        drop(shard);
        drop((was_waiting, displaced));
        true
    }
}
