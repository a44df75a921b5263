//! The disk tier without its threads: each step is a call, so that tests take the steps themselves.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::breaker::Breaker;
use super::buried::Buried;
use super::counters::Counters;
use super::given_up::GivenUp;
use super::index::{Age, Index, Known, Tag, Which};
use super::io::Io;
use super::large::LargeFiles;
use super::log::{Draft, Log, Unwritten};
use super::meanwhile::Meanwhile;
use super::owed::Owed;
use super::pointers::Pointers;
use super::queue::Queue;
use super::record::{self, Header, variant_of};
use super::spot::{LONGEST_SEGMENT, Spot};
use super::syncer::Syncer;
use super::unread::Unread;
use super::witness::Witness;
use crate::store::groups::Epochs;
use crate::store::queries::Queries;
use crate::store::stored::StoredResponse;

/// What was appended is written after so long, or so many bytes.
const FLUSH_AFTER: Duration = Duration::from_millis(250);
const FLUSH_BYTES: usize = 1 << 20;

/// The smallest and the longest segment, in bytes.
const SHORTEST_SEGMENT: u64 = 2 << 20;

/// So many segments are never too many.
const FEWEST: usize = 32;

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

    /// The most segments: each takes a descriptor, and after many short runs most of them are small.
    pub(super) fn most_segments(&self) -> usize {
        let full = self.budget / self.segment.max(1);
        usize::try_from(full.saturating_mul(2)).unwrap_or(usize::MAX).max(FEWEST)
    }
}

/// Says whether memory has the response with this digest and number.
pub(in crate::store) type Resident = Box<dyn Fn(u128, u64) -> bool + Send + Sync>;

/// Makes the directory again after it was deleted under us, before anything is written there.
pub(super) type Restore = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

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
    pub(super) owed: Owed,
    pub(super) given_up: GivenUp,
    pub(super) unread_places: Unread,
    /// Large files of records that were replaced: they go once what replaced them lasts.
    outdated: Mutex<Vec<u64>>,
    restore: Restore,
    /// Who makes room, one at a time.
    pub(super) reclaiming: Mutex<()>,
    /// Whether the directory was deleted, and is not there again.
    is_gone: Mutex<bool>,
    begun: Instant,
    /// Whether the directory is not ours any more.
    is_closed: AtomicBool,
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
    pub(super) restore: Restore,
}

impl Tag {
    /// The tag of a response.
    pub(super) fn of(response: &StoredResponse) -> Self {
        Self::new(response.key().digest(), variant_of(&response.head().nominated))
    }
}

impl Engine {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { limits, io, large, epochs, queries, is_resident, witness, restore } = parts;
        large.limit(limits.budget.saturating_sub(limits.segment));
        Self {
            log: Log::new(Arc::clone(&io), limits.segment),
            index: Index::new(),
            pointers: Pointers::default(),
            queue: Queue::new(limits.waiting),
            syncer: Syncer::default(),
            meanwhile: Meanwhile::default(),
            breaker: Mutex::new(Breaker::new()),
            begun: Instant::now(),
            is_closed: AtomicBool::new(false),
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
            restore,
            is_gone: Mutex::default(),
            reclaiming: Mutex::default(),
            owed: Owed::default(),
            given_up: GivenUp::default(),
            unread_places: Unread::default(),
            outdated: Mutex::default(),
        }
    }

    /// Whether the disk is written to. After a failure it is not, until a try went well.
    pub(super) fn is_trusted(&self) -> bool {
        !self.is_closed() && self.breaker.lock().is_closed()
    }

    /// Whether the directory is not ours any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// From now on nothing is written, and nothing is found: what is there is for the next start.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.meanwhile.end(true);
    }

    /// Whether the disk is read from: not after a failed read, until a try went well.
    pub(super) fn is_readable(&self) -> bool {
        !self.is_suspect.load(Ordering::Acquire) && !self.is_closed()
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
        for (spot, entry) in self.log.take_lost() {
            let known = self.index.at(Tag::new(entry.digest, entry.variant));
            let is_it = |known: &Known| known.spot == spot && known.generation == entry.generation;
            if let Some(known) = known.filter(is_it)
                && self.index.remove(&known)
            {
                self.gone(&known);
            }
        }
        if let Some(warning) = self.breaker.lock().failed(self.begun.elapsed(), error) {
            tracing::warn!("{warning}");
        }
    }

    /// Notes how a write ended; whether it went well.
    pub(super) fn note(&self, result: &io::Result<()>) -> bool {
        if let Err(error) = result {
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
        let tried = || self.probe().and_then(|()| self.make_last());
        let works = self.check_directory() && self.note(&tried());
        if works && self.breaker.lock().succeeded(now) {
            self.is_suspect.store(false, Ordering::Release);
            tracing::info!("The disk works again; responses are stored there");
        }
    }

    /// Appends a record; begins a new segment where the open one is full, after making room for it. Only
    /// for who may wait and gives up nothing itself.
    pub(super) fn append(&self, draft: &Draft<'_>) -> io::Result<Spot> {
        self.append_after(draft, || self.make_room(self.limits.segment))
    }

    /// The same without making room: that is being made, or what is appended is too small to matter.
    pub(super) fn append_in_place(&self, draft: &Draft<'_>) -> io::Result<Spot> {
        self.append_after(draft, || Ok(()))
    }

    fn append_after(
        &self,
        draft: &Draft<'_>,
        make_room: impl Fn() -> io::Result<()>,
    ) -> io::Result<Spot> {
        if self.is_closed() {
            return Err(io::Error::other("the disk tier is closed"));
        }
        for _ in 0..4 {
            let open = self.log.open_number();
            match self.append_now(draft) {
                Ok(spot) => return Ok(spot),
                Err(Unwritten::Full) => {
                    make_room()?;
                    self.roll(open)?;
                }
                Err(Unwritten::Slow) => self.log.flush()?,
            }
        }
        Err(io::Error::other("the log takes nothing"))
    }

    /// Makes sure, before a record is made that speaks of others, that those stay where they are until it
    /// is appended.
    pub(super) fn make_room_for(&self, length: u64) -> io::Result<()> {
        let open = self.log.open_number();
        if length > self.log.longest() || self.log.has_room(length) {
            return Ok(());
        }
        self.make_room(self.limits.segment)?;
        self.roll(open)
    }

    /// Begins a new segment. Where others have filled the device, the oldest one gives way to it.
    fn roll(&self, open: Option<u32>) -> io::Result<()> {
        let is_full = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        };
        match self.log.roll(open) {
            Err(error) if is_full(&error) && self.give_up_oldest()? => self.log.roll(open),
            rolled => rolled,
        }
    }

    /// Appends a record, if the open segment has room.
    pub(super) fn append_now(&self, draft: &Draft<'_>) -> Result<Spot, Unwritten> {
        let spot = self.log.append(draft)?;
        self.unflushed_since.lock().get_or_insert_with(Instant::now);
        if self.log.unflushed() >= FLUSH_BYTES {
            // Else the writer may sleep while the log fills, and what comes then is dropped.
            self.queue.wake();
        }
        Ok(spot)
    }

    /// Takes out of the index what is under a key, and appends the tombstone that keeps it from coming
    /// back. Returns how many could have been found, and whether a crash could bring some of it back
    /// before the next sync.
    pub(super) fn take(&self, digest: u128, which: Which, age: Age) -> (usize, Buried) {
        if self.is_closed() {
            return (0, Buried::Nothing);
        }
        // What is not found yet is of an earlier run.
        let found = match age {
            Age::Any => u64::MAX,
            Age::Below(below) => below,
        };
        let is_recovering = match which {
            Which::All => self.meanwhile.note_key(digest, found),
            Which::Variant(variant) => self.meanwhile.note_variant(digest, variant, found),
        };
        let taken = self.index.take(digest, which, age);
        for response in &taken.pending {
            response.invalidate();
        }
        taken.records.iter().for_each(|known| self.gone(known));
        let variant = match which {
            Which::All => None,
            Which::Variant(variant) => Some(variant),
        };
        let header = Header::tombstone(digest, taken.below, variant);
        if taken.is_empty() && !is_recovering {
            // Somebody else has just taken it out, and still waits for the disk.
            let buried = match (self.owed.has(digest), self.is_trusted()) {
                (false, _) => Buried::Nothing,
                (true, true) => Buried::Appended(header, Vec::new()),
                (true, false) => Buried::Exposed(header, Vec::new()),
            };
            return (0, buried);
        }
        let count = taken.count();
        let is_buried = self.bury(header);
        let buried = if is_buried { Buried::Appended } else { Buried::Exposed };
        (count, buried(header, taken.records))
    }

    /// The tombstone could not be appended: writes it over the records that it is for, which takes no
    /// room. What is older stays hidden by it. Says whether that went well.
    pub(super) fn strike_out(&self, header: &Header, records: &[Known]) -> bool {
        let mut done = true;
        for known in records {
            let Some(segment) = self.log.segment(known.spot) else { continue };
            if !segment.is_flushed(known.spot) {
                // Or it would be written yet.
                self.log.abandon(&segment);
            }
            let tombstone = record::seal(header, segment.head, known.spot.offset, &[]);
            let struck = segment.file.write_at(&tombstone, known.spot.offset);
            done &= struck.and_then(|()| segment.file.sync()).is_ok();
        }
        done
    }

    /// A record is not in the index any more: the files that it pointed to are let go.
    pub(super) fn gone(&self, known: &Known) {
        if self.is_closed() {
            return;
        }
        for file in self.pointers.take(known.generation).into_iter().flatten() {
            self.large.release(file);
        }
    }

    /// A record is damaged, or not what the index says: it goes, and neither it nor what it replaced comes
    /// back.
    pub(super) fn discard(&self, digest: u128, known: &Known) {
        if self.index.remove(known) {
            self.gone(known);
            let below = known.generation.saturating_add(1);
            self.bury(Header::tombstone(digest, below, Some(known.tag.variant())));
        }
    }

    /// Writes what was appended, once it is much or has waited for long. Says whether it did.
    pub(super) fn flush_if_due(&self, now: Instant) -> bool {
        let since = *self.unflushed_since.lock();
        let is_late =
            since.is_some_and(|since| now.saturating_duration_since(since) >= FLUSH_AFTER);
        let is_due = (is_late || self.log.unflushed() >= FLUSH_BYTES) && self.is_trusted();
        if is_due {
            *self.unflushed_since.lock() = None;
            self.note(&self.log.flush());
        }
        is_due
    }

    /// The same for a record that another has replaced, once that lasts.
    pub(super) fn outdated(&self, known: &Known) {
        let files = self.pointers.take(known.generation);
        self.outdated.lock().extend(files.into_iter().flatten());
    }

    /// Makes what was appended survive a loss of power. Says whether it does.
    pub(super) fn sync(&self) -> bool {
        let outdated = std::mem::take(&mut *self.outdated.lock());
        let is_synced = (self.owed.is_empty() && self.log.is_synced())
            || (self.is_trusted() && self.note(&self.make_last()));
        if is_synced {
            outdated.iter().for_each(|file| self.large.release(*file));
        } else {
            self.outdated.lock().extend(outdated);
        }
        is_synced
    }

    /// Notes that the directory was deleted under us, and begins anew. Says whether there is one.
    pub(super) fn check_directory(&self) -> bool {
        let mut is_gone = self.is_gone.lock();
        if matches!(self.log.is_linked(), Ok(false)) && !*is_gone {
            tracing::warn!(
                "the cache directory was removed while it was in use; what was stored there is gone, \
                 and a new one is made"
            );
            *is_gone = true;
            self.log.forget();
            self.index.clear();
            self.owed.clear();
            let outdated = std::mem::take(&mut *self.outdated.lock());
            for file in self.pointers.clear().into_iter().chain(outdated) {
                self.large.release(file);
            }
        }
        if *is_gone {
            *is_gone = !self.note(&(self.restore)());
        }
        !*is_gone
    }

    /// Makes room where large files have grown over the budget.
    pub(super) fn keep_within_budget(&self) {
        if self.bytes() > self.limits.budget && self.is_trusted() {
            self.note(&self.make_room(0));
        }
        self.bury_superseded();
        self.large.tidy();
    }

    /// Lets go of the files of records that were replaced, where room is short.
    pub(super) fn drop_outdated(&self) {
        if !self.outdated.lock().is_empty() {
            self.sync();
        }
    }

    /// Whether nothing is there that could come back.
    pub(super) fn is_empty(&self) -> bool {
        self.log.segments() == 0 && self.meanwhile.is_whole()
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.log.bytes() + self.large.bytes()
    }
}
