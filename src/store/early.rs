//! What happens while the cache directory cannot be opened. It beats whatever is in there: numbers of this
//! run say nothing about earlier ones before the directory has told theirs.

use std::collections::HashSet;

use parking_lot::{Mutex, MutexGuard};

use super::under_way::UnderWay;
use crate::policy::CacheKey;

/// The most keys and groups that are remembered, and the most bytes of the keys' URIs. With more, everything
/// in the directory counts as gone.
const MOST: usize = 64 << 10;
const BYTES: usize = 16 << 20;

/// The notes; none when the directory is open, or none is awaited.
#[derive(Debug)]
pub(super) struct Early(Mutex<Option<Notes>>);

/// What was stored or invalidated.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) keys: HashSet<CacheKey>,
    pub(super) groups: HashSet<u128>,
    bytes: usize,
    /// Whether there was more.
    pub(super) are_full: bool,
}

impl Early {
    pub(super) fn new(is_awaited: bool) -> Self {
        Self(Mutex::new(is_awaited.then(Notes::default)))
    }

    /// What is in the directory under this key is gone.
    pub(super) fn note(&self, key: &CacheKey) {
        if let Some(notes) = &mut *self.0.lock() {
            notes.add(key);
        }
    }

    /// What is in the directory and belongs to these groups is gone.
    pub(super) fn note_groups(&self, groups: impl Iterator<Item = u128>) {
        let mut notes = self.0.lock();
        let Some(notes) = &mut *notes else { return };
        for group in groups {
            notes.are_full |= notes.groups.len() >= MOST;
            if !notes.are_full {
                notes.groups.insert(group);
            }
        }
    }

    /// What was noted so far.
    pub(super) fn so_far(&self) -> Notes {
        self.0.lock().clone().unwrap_or_default()
    }

    /// Whoever notes something waits until this is let go: for the moment at which the directory opens.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Notes>> {
        self.0.lock()
    }
}

impl Notes {
    fn add(&mut self, key: &CacheKey) {
        if self.are_full || self.keys.contains(key) {
            return;
        }
        self.bytes += key.uri().as_str().len();
        self.are_full = self.keys.len() >= MOST || self.bytes > BYTES;
        if self.are_full {
            (self.keys, self.groups) = Default::default();
        } else {
            self.keys.insert(key.clone());
        }
    }

    /// What is being fetched comes with numbers that are too small, too.
    pub(super) fn add_under_way(&mut self, under_way: &UnderWay) {
        under_way.keys().iter().for_each(|key| self.add(key));
    }

    /// What came since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            keys: self.keys.difference(&before.keys).cloned().collect(),
            groups: self.groups.difference(&before.groups).copied().collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::key;

    #[test]
    fn too_many_notes_are_against_everything() {
        let early = Early::new(true);
        for n in 0..MOST {
            early.note(&key(&format!("/{n}")));
            early.note(&key("/0"));
        }
        assert!(!early.so_far().are_full && early.so_far().keys.len() == MOST);
        early.note(&key("/more"));
        assert!(early.so_far().are_full && early.so_far().keys.is_empty());
        let early = Early::new(true);
        early.note(&key(&"/".repeat(BYTES + 1)));
        assert!(early.so_far().are_full);
        let early = Early::new(true);
        early.note_groups(0..=MOST as u128);
        assert!(early.so_far().are_full);
    }

    #[test]
    fn nothing_is_noted_where_no_directory_is_awaited() {
        let early = Early::new(false);
        early.note(&key("/"));
        early.note_groups([1].into_iter());
        assert!(early.so_far().keys.is_empty() && early.so_far().groups.is_empty());
    }
}
