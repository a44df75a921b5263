//! Tombstones that are not known to survive a loss of power: those that could not be appended at once,
//! and, after a write or a sync that failed, those that may be lost. They are appended before the next
//! sync.

use std::collections::VecDeque;
use std::io;

use parking_lot::Mutex;

use super::engine::Engine;
use super::log::Draft;
use super::record::Header;

/// The most that are remembered; with one more, the oldest is forgotten.
const MOST: usize = 16 << 10;

/// How often a sync is tried when something was lost while it ran.
const TRIES: usize = 3;

/// The tombstones, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Owed {
    state: Mutex<State>,
    /// One sync at a time; how much had been lost when they were last appended again.
    syncing: Mutex<u64>,
}

#[derive(Debug, Default)]
struct State {
    all: VecDeque<Tombstone>,
    next: u64,
    /// How often all that was appended was doubted.
    doubts: u64,
    /// Those that were forgotten after they were appended: the next sync makes them last.
    forgotten: u64,
    /// Those that were forgotten before.
    lost: u64,
}

#[derive(Debug)]
struct Tombstone {
    number: u64,
    header: Header,
    is_appended: bool,
}

/// One tombstone, before it is appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    number: u64,
    doubts: u64,
}

/// What was appended when a sync began.
#[derive(Debug)]
pub(super) struct Mark {
    numbers: Vec<u64>,
    forgotten: u64,
}

impl Owed {
    /// One that is about to be appended.
    pub(super) fn add(&self, header: Header) -> Number {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        if state.all.len() >= MOST
            && let Some(oldest) = state.all.pop_front()
        {
            let count = if oldest.is_appended { &mut state.forgotten } else { &mut state.lost };
            *count += 1;
        }
        state.all.push_back(Tombstone { number, header, is_appended: false });
        Number { number, doubts: state.doubts }
    }

    /// It is appended: the next sync makes it last. Not so when all was doubted meanwhile.
    pub(super) fn appended(&self, Number { number, doubts }: Number) {
        let mut state = self.state.lock();
        if state.doubts == doubts
            && let Ok(at) = state.all.binary_search_by_key(&number, |tombstone| tombstone.number)
            && let Some(tombstone) = state.all.get_mut(at)
        {
            tombstone.is_appended = true;
        }
    }

    /// What was appended may be lost: all of them are to be appended again.
    fn doubt(&self) {
        let mut state = self.state.lock();
        state.doubts += 1;
        state.lost += std::mem::take(&mut state.forgotten);
        state.all.iter_mut().for_each(|tombstone| tombstone.is_appended = false);
    }

    /// Those that are to be appended.
    fn waiting(&self) -> Vec<(Number, Header)> {
        let state = self.state.lock();
        let doubts = state.doubts;
        let waiting = state.all.iter().filter(|tombstone| !tombstone.is_appended);
        let numbered = waiting
            .map(|tombstone| (Number { number: tombstone.number, doubts }, tombstone.header));
        numbered.collect()
    }

    /// A sync begins: what it will make last.
    fn mark(&self) -> Mark {
        let state = self.state.lock();
        let appended = state.all.iter().filter(|tombstone| tombstone.is_appended);
        let numbers = appended.map(|tombstone| tombstone.number).collect();
        Mark { numbers, forgotten: state.forgotten }
    }

    /// That sync went well.
    fn settle(&self, mark: &Mark) {
        let mut state = self.state.lock();
        state.all.retain(|tombstone| mark.numbers.binary_search(&tombstone.number).is_err());
        state.forgotten -= mark.forgotten.min(state.forgotten);
    }

    /// How many were forgotten and will not last; each is told once.
    fn take_lost(&self) -> u64 {
        std::mem::take(&mut self.state.lock().lost)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.all.is_empty() && state.forgotten == 0 && state.lost == 0
    }

    /// Whether what is under a key could come back after a loss of power, for all that is known.
    pub(super) fn has(&self, digest: u128) -> bool {
        let state = self.state.lock();
        state.forgotten > 0
            || state.lost > 0
            || state.all.iter().any(|tombstone| tombstone.header.digest == digest)
    }

    /// Nothing is left that could come back.
    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        state.all.clear();
        (state.forgotten, state.lost) = (0, 0);
    }
}

impl Engine {
    /// Appends a tombstone: what it names does not come back. Takes no waiting: where the open segment
    /// has no room it is appended before the next sync, and where the disk is in trouble as soon as that
    /// works again. Says whether the next sync makes it last.
    pub(super) fn bury(&self, header: Header) -> bool {
        let number = self.owed.add(header);
        if !self.is_trusted() {
            return false;
        }
        match self.append_now(&Draft::tombstone(header)) {
            Ok(_) => self.owed.appended(number),
            Err(_full_or_slow) => self.syncer.hurry(),
        }
        true
    }

    /// Appends what is owed, and makes all that was appended survive a loss of power.
    pub(super) fn make_last(&self) -> io::Result<()> {
        let mut handled = self.owed.syncing.lock();
        for _ in 0..TRIES {
            let losses = self.log.losses();
            if losses != *handled {
                self.owed.doubt();
                *handled = losses;
            }
            for (number, header) in self.owed.waiting() {
                self.append_in_place(&Draft::tombstone(header))?;
                self.owed.appended(number);
            }
            let mark = self.owed.mark();
            self.log.sync()?;
            if self.log.losses() == losses {
                self.owed.settle(&mark);
                self.tell_lost();
                return Ok(());
            }
        }
        Err(io::Error::other("what was written was lost again and again"))
    }

    fn tell_lost(&self) {
        let lost = self.owed.take_lost();
        if lost > 0 {
            self.counters.volatile.add();
            tracing::error!(
                "{lost} invalidations may not have been written; a crash may undo them"
            );
        }
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
    fn what_may_be_lost_is_appended_again_even_where_that_is_said_late() {
        let owed = Owed::default();
        let (one, two) = (owed.add(tombstone(1)), owed.add(tombstone(2)));
        owed.appended(one);
        owed.doubt();
        owed.appended(two);
        owed.settle(&owed.mark());
        let waiting = owed.waiting();
        assert_eq!(waiting.len(), 2, "both were appended to what is lost");
        waiting.iter().for_each(|(number, _)| owed.appended(*number));
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
        owed.doubt();
        assert_eq!((owed.waiting().len(), owed.take_lost()), (MOST, 1));
        assert!(!owed.has(0) && owed.has(1));
    }
}
