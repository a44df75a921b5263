//! The disk tier without its threads: each step is a call, so that tests take the steps themselves.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::breaker::Breaker;
use super::counters::Counters;
use super::index::{Index, Known, Tag, Which};
use super::io::Io;
use super::large::LargeFiles;
use super::log::{Draft, Log, Unwritten};
use super::meanwhile::Meanwhile;
use super::names;
use super::pointers::Pointers;
use super::queue::Queue;
use super::record::{Header, variant_of};
use super::spot::Spot;
use super::syncer::Syncer;
use super::witness::Witness;
use crate::store::groups::Epochs;
use crate::store::queries::Queries;
use crate::store::stored::StoredResponse;

/// What was appended is written after so long, or so many bytes.
const FLUSH_AFTER: Duration = Duration::from_millis(250);
const FLUSH_BYTES: usize = 1 << 20;

/// The smallest and the longest segment, in bytes.
const SHORTEST_SEGMENT: u64 = 2 << 20;
const LONGEST_SEGMENT: u64 = 256 << 20;

/// A segment takes this part of the budget.
const SEGMENTS: u64 = 16;

/// What the disk tier may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Limits {
    /// Bytes of all files.
    pub(in crate::store) budget: u64,
    /// Bytes of a segment, its footer not counted.
    pub(in crate::store) segment: u64,
    /// Bytes of responses that wait to be written.
    pub(in crate::store) waiting: u64,
    /// Bytes a second that are written behind; 0 for no limit.
    pub(in crate::store) behind: u64,
}

impl Limits {
    /// The limits of a tier of this budget.
    pub(in crate::store) fn new(budget: u64, waiting: u64, behind: u64) -> Self {
        let segment = (budget / SEGMENTS).clamp(SHORTEST_SEGMENT, LONGEST_SEGMENT);
        Self { budget, segment, waiting, behind }
    }
}

/// Says whether memory has the response with this digest and number.
pub(in crate::store) type Resident = Box<dyn Fn(u128, u64) -> bool + Send + Sync>;

/// The disk tier.
pub(super) struct Engine {
    pub(super) limits: Limits,
    pub(super) io: Arc<dyn Io>,
    pub(super) index: Index,
    pub(super) log: Log,
    pub(super) large: LargeFiles,
    pub(super) pointers: Pointers,
    pub(super) queue: Queue,
    pub(super) syncer: Syncer,
    pub(super) meanwhile: Meanwhile,
    pub(super) breaker: Mutex<Breaker>,
    pub(super) counters: Counters,
    pub(super) epochs: Arc<Epochs>,
    pub(super) queries: Arc<Queries>,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) is_resident: Resident,
    begun: Instant,
    /// Whether a read failed.
    is_suspect: AtomicBool,
    /// Since when something waits to be flushed.
    unflushed_since: Mutex<Option<Instant>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What an engine is made of.
pub(super) struct Parts {
    pub(super) limits: Limits,
    pub(super) io: Arc<dyn Io>,
    pub(super) large: LargeFiles,
    pub(super) epochs: Arc<Epochs>,
    pub(super) queries: Arc<Queries>,
    pub(super) is_resident: Resident,
    pub(super) witness: Arc<dyn Witness>,
}

impl Tag {
    /// The tag of a response.
    pub(super) fn of(response: &StoredResponse) -> Self {
        Self::new(response.key().digest(), variant_of(&response.head().nominated))
    }
}

impl Engine {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { limits, io, large, epochs, queries, is_resident, witness } = parts;
        Self {
            log: Log::new(Arc::clone(&io), limits.segment),
            index: Index::new(),
            pointers: Pointers::default(),
            queue: Queue::new(limits.waiting),
            syncer: Syncer::default(),
            meanwhile: Meanwhile::default(),
            breaker: Mutex::new(Breaker::new()),
            begun: Instant::now(),
            is_suspect: AtomicBool::new(false),
            counters: Counters::default(),
            unflushed_since: Mutex::new(None),
            limits,
            io,
            large,
            epochs,
            queries,
            is_resident,
            witness,
        }
    }

    /// Whether the disk is written to. After a failure it is not, until a try went well.
    pub(super) fn is_trusted(&self) -> bool {
        self.breaker.lock().is_closed()
    }

    /// Whether the disk is read from: not after a failed read, until a try went well.
    pub(super) fn is_readable(&self) -> bool {
        !self.is_suspect.load(Ordering::Acquire)
    }

    /// A write failed: for some time nothing is written, and the first time it is said why.
    pub(super) fn failed(&self, error: &io::Error) {
        self.counters.unwritable.add();
        self.trip(error);
    }

    /// A read failed: for some time nothing is read or written, and the first time it is said why.
    pub(super) fn unread(&self, error: &io::Error) {
        self.counters.unreadable.add();
        self.is_suspect.store(true, Ordering::Release);
        self.trip(error);
    }

    fn trip(&self, error: &io::Error) {
        if let Some(warning) = self.breaker.lock().failed(self.begun.elapsed(), error) {
            tracing::warn!("{warning}");
        }
    }

    /// Notes how a write ended; whether it went well.
    pub(super) fn note(&self, result: io::Result<()>) -> bool {
        if let Err(error) = &result {
            self.failed(error);
        }
        result.is_ok()
    }

    /// After a failure: tries whether the disk works again, when that is due.
    pub(super) fn retry_if_due(&self, now: Instant) {
        let now = now.saturating_duration_since(self.begun);
        let mut breaker = self.breaker.lock();
        if breaker.is_closed() || !breaker.allows(now) {
            return;
        }
        drop(breaker);
        if self.note(self.log.flush().and_then(|()| self.probe()))
            && self.breaker.lock().succeeded(now)
        {
            self.is_suspect.store(false, Ordering::Release);
            tracing::info!("The disk works again; responses are stored there");
        }
    }

    /// Writes, syncs, reads and removes a file.
    fn probe(&self) -> io::Result<()> {
        let name = names::probe();
        self.io.remove(&name).ok();
        let file = self.io.create(&name)?;
        let (written, mut read) = ([0x5a; 4096], [0; 4096]);
        let tried = file.write_at(&written, 0).and_then(|()| file.sync());
        let tried = tried.and_then(|()| file.read_at(&mut read, 0));
        self.io.remove(&name)?;
        tried
    }

    /// Appends a record; begins a new segment where the open one is full, after making room for it.
    pub(super) fn append(&self, draft: &Draft<'_>) -> io::Result<Spot> {
        for _ in 0..3 {
            match self.append_now(draft) {
                Ok(spot) => return Ok(spot),
                Err(Unwritten::Full) => {
                    self.make_room(self.limits.segment)?;
                    self.log.roll()?;
                }
                Err(Unwritten::Slow) => self.log.flush()?,
            }
        }
        Err(io::Error::other("the log takes nothing"))
    }

    /// Appends a record, if the open segment has room.
    pub(super) fn append_now(&self, draft: &Draft<'_>) -> Result<Spot, Unwritten> {
        let spot = self.log.append(draft)?;
        self.unflushed_since.lock().get_or_insert_with(Instant::now);
        Ok(spot)
    }

    /// Appends a tombstone: what it names does not come back.
    pub(super) fn bury(&self, header: Header) -> io::Result<()> {
        let draft = Draft { header, meta: &[], body: &[], is_tombstone: true };
        self.append(&draft).map(drop)
    }

    /// Takes out of the index what is under a key, and appends the tombstone that keeps it from coming
    /// back. Returns how many could have been found, and whether a crash could bring some of it back
    /// before the next sync.
    pub(super) fn take(&self, digest: u128, which: Which, below: u64) -> (usize, Buried) {
        let is_recovering = match which {
            Which::All => self.meanwhile.note_key(digest, below),
            Which::Variant(variant) => self.meanwhile.note_variant(digest, variant, below),
        };
        let taken = self.index.take(digest, which, below);
        taken.pending.iter().for_each(|response| drop(response.invalidate()));
        taken.records.iter().for_each(|known| self.gone(known));
        if taken.is_empty() && !is_recovering {
            return (0, Buried::Nothing);
        }
        let variant = match which {
            Which::All => None,
            Which::Variant(variant) => Some(variant),
        };
        let header = Header::tombstone(digest, below, variant);
        let is_buried = self.is_trusted() && self.note(self.bury(header));
        let count = taken.count();
        (count, if is_buried { Buried::Appended } else { Buried::Exposed(taken.records) })
    }

    /// The tombstone could not be written: makes the records unreadable where they are, which takes no
    /// room. Says whether that went well.
    pub(super) fn strike_out(&self, records: &[Known]) -> bool {
        let mut done = true;
        for known in records {
            let Some(segment) = self.log.segment(known.spot) else { continue };
            let zeros = [0; 64];
            let struck = segment.file.write_at(&zeros, known.spot.offset);
            done &= struck.and_then(|()| segment.file.sync()).is_ok();
        }
        done
    }

    /// A record is not in the index any more: the files that it pointed to are let go.
    pub(super) fn gone(&self, known: &Known) {
        for file in self.pointers.take(known.generation).into_iter().flatten() {
            self.large.release(file);
        }
    }

    /// A record is damaged, or not what the index says: it goes, and does not come back.
    pub(super) fn discard(&self, digest: u128, variant: Option<u32>, known: &Known) {
        if self.index.remove(known) {
            self.gone(known);
            let below = known.generation.saturating_add(1);
            if self.is_trusted() {
                self.note(self.bury(Header::tombstone(digest, below, variant)));
            }
        }
    }

    /// Writes what was appended, once it is much or has waited for long.
    pub(super) fn flush_if_due(&self, now: Instant) {
        let since = *self.unflushed_since.lock();
        let is_late =
            since.is_some_and(|since| now.saturating_duration_since(since) >= FLUSH_AFTER);
        if (is_late || self.log.unflushed() >= FLUSH_BYTES) && self.is_trusted() {
            *self.unflushed_since.lock() = None;
            self.note(self.log.flush());
        }
    }

    /// Makes what was appended survive a loss of power. Says whether it does.
    pub(super) fn sync(&self) -> bool {
        self.log.is_synced() || (self.is_trusted() && self.note(self.log.sync()))
    }

    /// Notes that the directory was deleted under us, and begins anew.
    pub(super) fn check_directory(&self) {
        if !matches!(self.log.is_linked(), Ok(false)) {
            return;
        }
        tracing::warn!(
            "the cache directory was removed while it was in use; what was stored there is gone, \
             and a new one is made"
        );
        self.log.forget();
        self.index.clear();
        for file in self.pointers.clear() {
            self.large.release(file);
        }
        for directory in names::DIRECTORIES {
            self.note(self.io.make_dir(directory));
        }
    }

    /// Makes room where large files have grown over the budget.
    pub(super) fn keep_within_budget(&self) {
        if self.bytes() > self.limits.budget && self.is_trusted() {
            self.note(self.make_room(0));
        }
    }

    /// Whether nothing is there that could come back.
    pub(super) fn is_empty(&self) -> bool {
        self.log.segments() == 0 && !self.meanwhile.is_running()
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.log.bytes() + self.large.bytes()
    }
}

/// What became of a tombstone.
#[derive(Debug)]
pub(super) enum Buried {
    /// There was nothing to bury.
    Nothing,
    /// It is appended, and survives a crash once it is synced.
    Appended,
    /// It could not be appended; these records are still on disk.
    Exposed(Vec<Known>),
}
