//! What happens while the records of earlier runs are still being found: it beats whatever is found
//! later.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};

use crate::http::QueryRule;
use crate::policy::CacheKey;
use crate::store::queries;

/// The most keys that are noted; with one more, everything that is not found yet counts as gone.
const MOST: usize = 256 << 10;

/// The same for tombstones that are found: 16 bytes each, and a little.
const TOMBSTONES: usize = 4 << 20;

/// The most invalidated keys that are kept; with one more, every response that is not found yet and
/// answers other queries too counts as gone.
const INVALIDATED: usize = 4 << 10;

/// What was invalidated or replaced since the start, as long as the recovery runs.
#[derive(Debug, Default)]
pub(super) struct Meanwhile(Mutex<Notes>);

/// The notes, locked: who finds records looks here and puts them in the index without letting go.
#[derive(Debug, Default)]
pub(super) struct Notes {
    is_over: bool,
    /// Whether all that is there was found.
    is_whole: bool,
    /// Under these keys, what is older is gone.
    keys: HashMap<u128, u64>,
    /// Of these variants, what is older is gone.
    variants: HashMap<(u128, u32), u64>,
    /// The same for tombstones that were found, by 64 bits of what they name. Two that share these make
    /// each other's gone: a miss.
    buried: HashMap<u64, u64>,
    /// Keys that were invalidated, by their digest without the query: what would answer them is gone.
    invalidated: HashMap<u128, Vec<CacheKey>>,
    invalidated_count: usize,
    /// Everything that is older is gone.
    floor: u64,
}

impl Meanwhile {
    /// The notes.
    pub(super) fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock()
    }

    /// Whether the recovery still runs.
    pub(super) fn is_running(&self) -> bool {
        !self.0.lock().is_over
    }

    /// Whether all that earlier runs left was found. Where it was not, the next start may find it.
    pub(super) fn is_whole(&self) -> bool {
        self.0.lock().is_whole
    }

    /// All under a key that is older than `below` is gone. Says whether there may be something that is not
    /// found yet.
    pub(super) fn note_key(&self, digest: u128, below: u64) -> bool {
        self.0.lock().note(below, |notes| raise(notes.keys.entry(digest).or_default(), below))
    }

    /// All of a variant that is older than `below` is gone. Says the same.
    pub(super) fn note_variant(&self, digest: u128, variant: u32, below: u64) -> bool {
        let place = (digest, variant);
        self.0.lock().note(below, |notes| raise(notes.variants.entry(place).or_default(), below))
    }

    /// What answers this key too, by a rule for its query, is gone. To be noted before anybody looks for such
    /// keys: those that are found later look here.
    pub(super) fn note_query(&self, key: &CacheKey) {
        let mut notes = self.0.lock();
        if notes.is_over || notes.invalidated_count > INVALIDATED {
            return;
        }
        notes.invalidated_count += 1;
        if notes.invalidated_count <= INVALIDATED {
            notes.invalidated.entry(queries::base_of(key)).or_default().push(key.clone());
        }
    }

    /// The recovery has ended, and found all that is there or not.
    pub(super) fn end(&self, is_whole: bool) {
        *self.0.lock() = Notes { is_over: true, is_whole, ..Notes::default() };
    }
}

impl Notes {
    /// Whether a record of an earlier run is gone.
    pub(super) fn are_against(&self, digest: u128, variant: u32, generation: u64) -> bool {
        let is_older = |below: Option<&u64>| below.is_some_and(|below| generation < *below);
        generation < self.floor
            || is_older(self.keys.get(&digest))
            || is_older(self.variants.get(&(digest, variant)))
            || is_older(self.buried.get(&fold(digest, None)))
            || is_older(self.buried.get(&fold(digest, Some(variant))))
    }

    /// Whether what has this key and this rule answers a key that was invalidated.
    pub(super) fn are_against_rule(&self, key: &CacheKey, rule: &QueryRule) -> bool {
        let same = || self.invalidated.get(&queries::base_of(key)).into_iter().flatten();
        self.invalidated_count > INVALIDATED
            || same().any(|other| queries::are_equivalent(rule, key, other))
    }

    /// A tombstone was found, of a key or of one variant: the same, for what is found after it.
    pub(super) fn bury(&mut self, digest: u128, variant: Option<u32>, below: u64) {
        if self.is_over {
            return;
        }
        if self.buried.len() >= TOMBSTONES {
            raise(&mut self.floor, below);
        } else {
            raise(self.buried.entry(fold(digest, variant)).or_default(), below);
        }
    }

    fn note(&mut self, below: u64, note: impl FnOnce(&mut Self)) -> bool {
        if self.is_over {
            return !self.is_whole;
        }
        if self.keys.len() + self.variants.len() >= MOST {
            raise(&mut self.floor, below);
        } else {
            note(self);
        }
        true
    }
}

/// 64 bits of a key, or of one of its variants, whose numbers have 24 bits.
fn fold(digest: u128, variant: Option<u32>) -> u64 {
    let (low, high) = (digest as u64, (digest >> 64) as u64);
    let variant = u64::from(variant.unwrap_or(u32::MAX));
    low.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high ^ variant.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
}

fn raise(place: &mut u64, below: u64) {
    *place = (*place).max(below);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_note_is_gone_until_the_end() {
        let meanwhile = Meanwhile::default();
        assert!(meanwhile.note_key(1, 10));
        assert!(meanwhile.note_key(1, 5), "an older note changes nothing");
        assert!(meanwhile.note_variant(2, 7, 10));
        let rows = [
            ((1, 0, 9), true),
            ((1, 7, 9), true),
            ((1, 0, 10), false),
            ((2, 7, 9), true),
            ((2, 8, 9), false),
            ((3, 7, 9), false),
        ];
        for ((digest, variant, generation), gone) in rows {
            let notes = meanwhile.lock();
            assert_eq!(notes.are_against(digest, variant, generation), gone, "{digest} {variant}");
        }
        for is_whole in [false, true] {
            meanwhile.end(is_whole);
            assert!(!meanwhile.is_running() && meanwhile.is_whole() == is_whole);
            assert_eq!(meanwhile.note_key(1, 10), !is_whole, "it may come back");
            assert!(!meanwhile.lock().are_against(1, 0, 9));
        }
    }

    #[test]
    fn many_tombstones_are_against_nothing_else() {
        let meanwhile = Meanwhile::default();
        let mut notes = meanwhile.lock();
        for n in 0..=MOST as u128 {
            notes.bury(n << 1, (n % 3 == 0).then_some(7), 10);
        }
        assert!(notes.are_against(0, 7, 9) && !notes.are_against(0, 8, 9));
        assert!(notes.are_against(2, 7, 9) && notes.are_against(2, 8, 9));
        assert!(!notes.are_against(2, 7, 10) && !notes.are_against(3, 7, 9));
        assert!(!notes.are_against(u128::MAX, 0, 9), "nobody has asked for that");
    }

    #[test]
    fn too_many_notes_are_against_everything_older() {
        let meanwhile = Meanwhile::default();
        for digest in 0..=MOST as u128 {
            meanwhile.note_key(digest, 10);
        }
        let notes = meanwhile.lock();
        assert!(notes.keys.len() <= MOST);
        assert!(notes.are_against(u128::MAX, 0, 9) && !notes.are_against(u128::MAX, 0, 10));
    }
}
