//! The keys that one lock guards.

use super::{Entry, Known, Shard, Tag, VARIANT, Which};
use crate::store::same::is_same_variant;
use crate::store::stored::StoredResponse;

/// The table's hash of an entry.
fn hash(tag: u64) -> u64 {
    (tag >> 24).wrapping_mul(0x2545_f491_4f6c_dd1d)
}

impl Shard {
    pub(super) fn of_key(&self, tag: Tag) -> impl Iterator<Item = Known> {
        let entries = self.table.iter_hash(hash(tag.bits));
        entries
            .filter(move |entry| entry.tag & !VARIANT == tag.key_bits())
            .map(move |entry| entry.known(tag.shard))
    }

    pub(super) fn of(&self, tag: Tag) -> Option<Known> {
        let entry = self.table.find(hash(tag.bits), |entry| entry.tag == tag.bits)?;
        Some(entry.known(tag.shard))
    }

    pub(super) fn change(&mut self, tag: Tag, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.table.find_mut(hash(tag.bits), |entry| entry.tag == tag.bits) {
            change(entry);
        }
    }

    pub(super) fn put(&mut self, tag: Tag, new: Entry) -> Option<Known> {
        if let Some(entry) = self.table.find_mut(hash(tag.bits), |entry| entry.tag == tag.bits) {
            let old = entry.known(tag.shard);
            *entry = new;
            return Some(old);
        }
        self.table.insert_unique(hash(tag.bits), new, |entry| hash(entry.tag));
        None
    }

    pub(super) fn remove(&mut self, known: &Known) -> bool {
        let is_it = |entry: &Entry| {
            entry.tag == known.tag.bits
                && entry.generation == known.generation
                && entry.place.spot() == known.spot
        };
        match self.table.find_entry(hash(known.tag.bits), is_it) {
            Ok(entry) => {
                entry.remove();
                true
            }
            Err(_absent) => false,
        }
    }

    /// Takes out the records of a key, or of one variant, that are older than `below`.
    pub(super) fn take(&mut self, tag: Tag, which: Which, below: u64) -> Vec<Known> {
        let goes =
            |known: &Known| (which == Which::All || known.tag == tag) && known.generation < below;
        let mut taken: Vec<Known> = self.of_key(tag).filter(goes).collect();
        taken.retain(|known| self.remove(known));
        taken
    }

    /// A response does not wait any more; the one that waited, to be dropped without the lock, as bodies
    /// take their time.
    #[must_use]
    pub(super) fn stop_waiting(
        &mut self,
        response: &StoredResponse,
        tag: Tag,
    ) -> Option<StoredResponse> {
        self.take_pending(tag, |other| other.id() == response.id()).pop()
    }

    /// Those of the same variant that wait and are older give way; to be dropped without the lock.
    #[must_use]
    pub(super) fn displace(&mut self, by: &StoredResponse, tag: Tag) -> Vec<StoredResponse> {
        self.take_pending(tag, |other| is_same_variant(other, by) && other.id() < by.id())
    }

    /// Takes out what waits under a key and is meant.
    pub(super) fn take_pending(
        &mut self,
        tag: Tag,
        is_meant: impl Fn(&StoredResponse) -> bool,
    ) -> Vec<StoredResponse> {
        let Some(waiting) = self.pending.get_mut(&tag.key_bits()) else { return Vec::new() };
        let taken = waiting.extract_if(.., |response| is_meant(response)).collect();
        if waiting.is_empty() {
            self.pending.remove(&tag.key_bits());
        }
        taken
    }

    /// Whether a later one of the variant waits to be written: then the record is not to be found.
    pub(super) fn is_hidden(&self, known: &Known) -> bool {
        let waiting = self.pending.get(&known.tag.key_bits()).into_iter().flatten();
        waiting.into_iter().any(|other| {
            Tag::of(other) == known.tag && other.id() > known.generation && !other.is_void()
        })
    }
}
