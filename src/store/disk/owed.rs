//! Tombstones that are not known to survive a loss of power: after a sync that failed they are appended
//! again.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::record::Header;

/// The most that are remembered; with one more, the oldest is forgotten.
const MOST: usize = 16 << 10;

/// The tombstones, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Owed(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    all: VecDeque<Tombstone>,
    next: u64,
    forgotten: u64,
}

#[derive(Debug)]
struct Tombstone {
    number: u64,
    header: Header,
    is_appended: bool,
}

/// What was appended when a sync began.
#[derive(Debug)]
pub(super) struct Mark {
    numbers: Vec<u64>,
    forgotten: u64,
}

impl Owed {
    /// One that is about to be appended; its number.
    pub(super) fn add(&self, header: Header) -> u64 {
        let mut state = self.0.lock();
        let number = state.next;
        state.next += 1;
        if state.all.len() >= MOST {
            state.all.pop_front();
            state.forgotten += 1;
        }
        state.all.push_back(Tombstone { number, header, is_appended: false });
        number
    }

    /// It is appended: the next sync makes it last.
    pub(super) fn appended(&self, number: u64) {
        let mut state = self.0.lock();
        if let Ok(at) = state.all.binary_search_by_key(&number, |tombstone| tombstone.number)
            && let Some(tombstone) = state.all.get_mut(at)
        {
            tombstone.is_appended = true;
        }
    }

    /// A sync begins: what it will make last.
    pub(super) fn mark(&self) -> Mark {
        let state = self.0.lock();
        let appended = state.all.iter().filter(|tombstone| tombstone.is_appended);
        let numbers = appended.map(|tombstone| tombstone.number).collect();
        Mark { numbers, forgotten: state.forgotten }
    }

    /// That sync went well.
    pub(super) fn settle(&self, mark: &Mark) {
        let mut state = self.0.lock();
        state.all.retain(|tombstone| mark.numbers.binary_search(&tombstone.number).is_err());
        state.forgotten -= mark.forgotten.min(state.forgotten);
    }

    /// All of them, to be appended again, and how many were forgotten.
    pub(super) fn again(&self) -> (Vec<(u64, Header)>, u64) {
        let mut state = self.0.lock();
        let forgotten = std::mem::take(&mut state.forgotten);
        let all = state.all.iter().map(|tombstone| (tombstone.number, tombstone.header));
        (all.collect(), forgotten)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.0.lock();
        state.all.is_empty() && state.forgotten == 0
    }

    /// Whether what is under a key could come back after a loss of power, for all that is known.
    pub(super) fn has(&self, digest: u128) -> bool {
        let state = self.0.lock();
        state.forgotten > 0 || state.all.iter().any(|tombstone| tombstone.header.digest == digest)
    }

    /// Nothing is left that could come back.
    pub(super) fn clear(&self) {
        let mut state = self.0.lock();
        state.all.clear();
        state.forgotten = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tombstone(digest: u128) -> Header {
        Header::tombstone(digest, 9, None)
    }

    #[test]
    fn a_sync_settles_what_was_appended_before_it_began() {
        let owed = Owed::default();
        let (one, two) = (owed.add(tombstone(1)), owed.add(tombstone(2)));
        owed.appended(two);
        let mark = owed.mark();
        owed.appended(one);
        owed.settle(&mark);
        assert!(owed.has(1) && !owed.has(2) && !owed.is_empty());
        owed.settle(&owed.mark());
        assert!(owed.is_empty());
    }

    #[test]
    fn what_is_forgotten_is_counted_until_it_lasts() {
        let owed = Owed::default();
        for digest in 0..=MOST as u128 {
            let number = owed.add(tombstone(digest));
            owed.appended(number);
        }
        assert!(owed.has(u128::MAX), "it may have been that one");
        let (all, forgotten) = owed.again();
        assert_eq!((all.len(), forgotten), (MOST, 1));
        assert!(!owed.has(0) && owed.has(1));
    }
}
