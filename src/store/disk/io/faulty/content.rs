//! What a file holds now, and what it may hold after a loss of power.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::chance::Chance;

const PAGE: usize = 4096;
const SECTOR: usize = 512;
/// How many states of a page that is not synced are remembered, the oldest always.
const STATES: usize = 8;
/// One in so many pages is torn.
const TORN: u64 = 8;

type Page = [u8; PAGE];

/// A page that is not saved: what it was before each write, from the one that is saved on. What was
/// never written is `None`.
#[derive(Clone, Debug, Default)]
struct Dirty {
    before: Vec<Option<Arc<Page>>>,
    /// A sync has failed since the last write: no other sync will save it.
    given_up: bool,
}

/// Pages by their number, shared between copies of a file until they change.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    length: u64,
    pages: BTreeMap<u64, Arc<Page>>,
    dirty: BTreeMap<u64, Dirty>,
    /// The shortest and the longest length since the last sync.
    shortest: u64,
    longest: u64,
}

/// The pages that a run of bytes touches: number, bytes in the page, bytes in the run.
fn pages_of(offset: u64, length: usize) -> impl Iterator<Item = (u64, Range<usize>, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let start = usize::try_from(at % PAGE as u64).unwrap();
        let here = (PAGE - start).min(length - done);
        done += here;
        Some((at / PAGE as u64, start..start + here, done - here..done))
    })
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, run) in pages_of(offset, buffer.len()) {
            match self.pages.get(&number) {
                Some(page) => buffer[run].copy_from_slice(&page[within]),
                None => buffer[run].fill(0),
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        for (number, within, run) in pages_of(offset, bytes.len()) {
            self.change(number)[within].copy_from_slice(&bytes[run]);
        }
        if !bytes.is_empty() {
            self.grow(offset + bytes.len() as u64);
        }
    }

    pub(super) fn set_len(&mut self, length: u64) {
        for number in self.beyond(length) {
            self.remember(number);
        }
        self.cut(length);
        self.shortest = self.shortest.min(length);
        self.length = 0;
        self.grow(length);
    }

    /// Saves all but what an earlier sync gave up.
    pub(super) fn sync(&mut self) {
        self.dirty.retain(|_, dirty| dirty.given_up);
        (self.shortest, self.longest) = (self.length, self.length);
    }

    /// Saves nothing, now or later.
    pub(super) fn fail_to_sync(&mut self) {
        self.dirty.values_mut().for_each(|dirty| dirty.given_up = true);
    }

    /// Turns a bit; its page is saved.
    pub(super) fn flip(&mut self, bit: u64) {
        assert!(bit / 8 < self.length, "there is no bit {bit} in {} bytes", self.length);
        let within = usize::try_from(bit / 8 % PAGE as u64).unwrap();
        let number = bit / 8 / PAGE as u64;
        self.dirty.remove(&number);
        let page = self.pages.entry(number).or_insert_with(|| Arc::new([0; PAGE]));
        Arc::make_mut(page)[within] ^= 1 << (bit % 8);
    }

    /// Cuts for good: what remains is saved.
    pub(super) fn truncate(&mut self, length: u64) {
        self.cut(length);
        self.length = length;
        self.dirty.clear();
        self.sync();
    }

    /// What is left after a loss of power.
    pub(super) fn crash(&self, mut chance: Chance) -> Self {
        let length = match chance.below(4) {
            0 => self.shortest,
            1 => self.length,
            2 => self.longest,
            _ => chance.between(self.shortest, self.longest),
        };
        let kept_of_four = chance.below(5);
        let mut pages = self.pages.clone();
        for (number, dirty) in &self.dirty {
            let now = self.pages.get(number);
            let is_kept = chance.below(4) < kept_of_four;
            let states = if kept_of_four == 0 { 1 } else { dirty.before.len() };
            let other = dirty.before[chance.index(states)].as_ref();
            let left = if is_kept { now } else { other }.cloned();
            // Of a file that keeps all or nothing, nothing is torn.
            let may_tear = (1..4).contains(&kept_of_four);
            let is_torn = chance.below(TORN) == 0 && may_tear;
            match if is_torn { Some(tear(now, other, &mut chance)) } else { left } {
                Some(page) => pages.insert(*number, page),
                None => pages.remove(number),
            };
        }
        let mut left = Self { pages, ..Self::default() };
        left.truncate(length);
        left
    }

    /// A page that is about to be written to.
    fn change(&mut self, number: u64) -> &mut Page {
        self.remember(number);
        Arc::make_mut(self.pages.entry(number).or_insert_with(|| Arc::new([0; PAGE])))
    }

    fn remember(&mut self, number: u64) {
        let dirty = self.dirty.entry(number).or_default();
        dirty.given_up = false;
        if dirty.before.len() == STATES {
            dirty.before.remove(1);
        }
        dirty.before.push(self.pages.get(&number).cloned());
    }

    /// The pages that have bytes from `length` on.
    fn beyond(&self, length: u64) -> Vec<u64> {
        self.pages.range(length / PAGE as u64..).map(|(number, _)| *number).collect()
    }

    /// Takes away what lies beyond `length`.
    fn cut(&mut self, length: u64) {
        let within = usize::try_from(length % PAGE as u64).unwrap();
        for number in self.beyond(length) {
            if number == length / PAGE as u64 && within > 0 {
                let page = self.pages.get_mut(&number).unwrap();
                if page[within..].iter().any(|byte| *byte != 0) {
                    Arc::make_mut(page)[within..].fill(0);
                }
            } else {
                self.pages.remove(&number);
            }
        }
    }

    fn grow(&mut self, length: u64) {
        self.length = self.length.max(length);
        self.longest = self.longest.max(self.length);
    }
}

/// A page of which some sectors are of one state and some of another.
fn tear(a: Option<&Arc<Page>>, b: Option<&Arc<Page>>, chance: &mut Chance) -> Arc<Page> {
    let mut torn = a.map_or([0; PAGE], |page| **page);
    for (number, sector) in torn.chunks_mut(SECTOR).enumerate() {
        if chance.below(2) == 0 {
            let start = number * SECTOR;
            match b {
                Some(page) => sector.copy_from_slice(&page[start..start + SECTOR]),
                None => sector.fill(0),
            }
        }
    }
    Arc::new(torn)
}
