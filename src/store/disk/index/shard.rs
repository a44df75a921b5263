//! The keys that one lock guards.

use super::{Entry, Known, Shard, Tag, VARIANT, Which};
use crate::store::stored::StoredResponse;

/// Whether two responses answer the same requests.
pub(super) fn same_variant(one: &StoredResponse, other: &StoredResponse) -> bool {
    one.key() == other.key() && one.head().nominated == other.head().nominated
}

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

    pub(super) fn stop_waiting(&mut self, response: &StoredResponse, tag: Tag) -> bool {
        let Some(waiting) = self.pending.get_mut(&tag.key_bits()) else { return false };
        let before = waiting.len();
        waiting.retain(|other| other.id() != response.id());
        let was_there = waiting.len() < before;
        if waiting.is_empty() {
            self.pending.remove(&tag.key_bits());
        }
        was_there
    }

    /// Whether a later one of the variant waits to be written: then the record is not to be found.
    pub(super) fn is_hidden(&self, known: &Known) -> bool {
        let waiting = self.pending.get(&known.tag.key_bits()).into_iter().flatten();
        waiting.into_iter().any(|other| {
            Tag::of(other) == known.tag && other.id() > known.generation && !other.is_void()
        })
    }
}
