//! The log: segments that are only appended to, the newest of them open.

mod pieces;
mod rolling;

use std::collections::{HashMap, VecDeque};
use std::hash::RandomState;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::io::{File, Io, Now, room};
use super::names;
use super::record::ALIGN;
use super::record::{self, Header};
use super::segment::{self, FooterEntry};
use super::spot::{SEQUENCES, Spot};
use crate::store::memory::next_id;
use pieces::Pieces;

/// The most bytes that wait to be written; with more, nothing is appended any more.
const MOST_WAITING: usize = 8 << 20;

/// Records other than tombstones leave so much of a segment free for these.
const RESERVE: u64 = 64 << 10;

/// One segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) seq: u32,
    pub(super) head: segment::Head,
    pub(super) file: Arc<dyn File>,
    /// Where the next record begins.
    end: AtomicU64,
    /// All before this is in the file.
    flushed: AtomicU64,
    /// All before this survives a loss of power.
    synced: AtomicU64,
    /// Bytes on disk, the footer counted.
    size: AtomicU64,
    /// When its last record was appended, in ids of responses.
    youngest: AtomicU64,
}

/// The segments, and what is still to be written to the open one.
#[derive(Debug)]
pub(super) struct Log {
    io: Arc<dyn Io>,
    segment_size: u64,
    segments: RwLock<Segments>,
    open: Mutex<Opened>,
    /// One flush at a time.
    flushing: Mutex<()>,
    /// One new segment at a time: they are found in the order of their numbers.
    rolling: Mutex<()>,
    /// Records that are in no file, and will not be.
    lost: Mutex<Vec<(Spot, FooterEntry)>>,
    /// How often something of what was appended was or may have been lost.
    losses: AtomicU64,
    /// The number of the next segment; numbers are not used twice.
    next: AtomicU32,
    /// Whether segments came or went since the directory was synced.
    is_renamed: AtomicBool,
    randomness: RandomState,
}

#[derive(Debug, Default)]
struct Segments {
    by_place: HashMap<u32, Arc<Segment>>,
    order: VecDeque<u32>,
}

/// What is not in its file yet.
#[derive(Debug, Default)]
struct Opened {
    open: Option<Open>,
    /// The segment before, while its end is being written.
    sealing: Option<Arc<Open>>,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Open {
    segment: Arc<Segment>,
    /// What comes after `segment.flushed`, and what is being written now.
    buffer: Pieces,
    in_flight: Option<Arc<Pieces>>,
    entries: Vec<FooterEntry>,
}

/// Why nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritten {
    /// The open segment is full, or there is none: a new one is to be begun.
    #[error("the segment is full")]
    Full,
    /// Too much waits to be written.
    #[error("the disk is too slow")]
    Slow,
}

/// A record to be appended.
pub(super) struct Draft<'a> {
    pub(super) header: Header,
    pub(super) meta: &'a [u8],
    pub(super) body: &'a [bytes::Bytes],
    /// Whether it must be appended even where only tombstones are.
    pub(super) is_tombstone: bool,
}

impl Draft<'_> {
    /// A record that is a header alone.
    pub(super) fn tombstone(header: Header) -> Self {
        Self { header, meta: &[], body: &[], is_tombstone: true }
    }
}

impl Segment {
    /// One that was there already, all of it in the file. Whether it survives a loss of power is not
    /// known: who wrote it may have been killed.
    pub(super) fn adopted(seq: u32, head: segment::Head, file: Arc<dyn File>, size: u64) -> Self {
        let (all, none) = (|| AtomicU64::new(size), || AtomicU64::new(0));
        let (end, flushed, size) = (all(), all(), all());
        Self { seq, head, file, end, flushed, synced: none(), size, youngest: none() }
    }

    /// When its last record was appended, in ids of responses; never earlier than is said here again.
    pub(super) fn is_as_young_as(&self, id: u64) {
        self.youngest.fetch_max(id, Ordering::AcqRel);
    }

    /// When its last record was appended, in ids of responses.
    pub(super) fn youngest(&self) -> u64 {
        self.youngest.load(Ordering::Acquire)
    }

    /// Bytes on disk.
    pub(super) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Whether these bytes are in the file.
    pub(super) fn is_flushed(&self, spot: Spot) -> bool {
        spot.offset + spot.length <= self.flushed.load(Ordering::Acquire)
    }

    /// Where its records end.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Its name in the directory tree.
    pub(super) fn name(&self) -> String {
        names::segment(self.seq)
    }
}

impl Log {
    /// A log without segments.
    pub(super) fn new(io: Arc<dyn Io>, segment_size: u64) -> Self {
        Self {
            io,
            segment_size,
            segments: RwLock::default(),
            open: Mutex::default(),
            next: AtomicU32::new(0),
            flushing: Mutex::new(()),
            rolling: Mutex::new(()),
            lost: Mutex::default(),
            losses: AtomicU64::new(0),
            is_renamed: AtomicBool::new(false),
            randomness: RandomState::new(),
        }
    }

    /// Takes in segments that were there before, the oldest first. The next one gets the number `next`.
    pub(super) fn adopt(&self, segments: impl IntoIterator<Item = Arc<Segment>>, next: u32) {
        self.next.fetch_max(next, Ordering::AcqRel);
        let mut known = self.segments.write();
        for segment in segments {
            known.add(segment);
        }
    }

    /// Bytes on disk, of all segments.
    pub(super) fn bytes(&self) -> u64 {
        let open = self.open.lock().open.as_ref().map_or(0, |open| open.segment.end());
        let segments = self.segments.read();
        segments.by_place.values().map(|segment| segment.size()).sum::<u64>() + open
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> usize {
        self.segments.read().order.len()
    }

    /// The segment that a record is in.
    pub(super) fn segment(&self, spot: Spot) -> Option<Arc<Segment>> {
        self.segments.read().by_place.get(&spot.seq).cloned()
    }

    /// The oldest segment, unless it is the open one.
    pub(super) fn oldest(&self) -> Option<Arc<Segment>> {
        let open = self.open_number();
        let segments = self.segments.read();
        let oldest = segments.order.front().filter(|seq| Some(**seq) != open)?;
        segments.by_place.get(&(oldest % SEQUENCES)).cloned()
    }

    /// The number of the segment that is appended to.
    pub(super) fn open_number(&self) -> Option<u32> {
        self.open.lock().open.as_ref().map(|open| open.segment.seq)
    }

    /// The longest record that a segment takes.
    pub(super) fn longest(&self) -> u64 {
        (self.segment_size - self.reserve()).saturating_sub(segment::HEAD as u64)
    }

    /// Whether the open segment has room for a record of so many bytes.
    pub(super) fn has_room(&self, length: u64) -> bool {
        let opened = self.open.lock();
        let end = opened.open.as_ref().map(|open| open.segment.end());
        end.is_some_and(|end| {
            end + length.next_multiple_of(ALIGN) + self.reserve() <= self.segment_size
        })
    }

    fn reserve(&self) -> u64 {
        RESERVE.min(self.segment_size / 8)
    }

    /// Copies what is not in the file yet.
    pub(super) fn waiting(&self, segment: &Segment, offset: u64, length: u64) -> Option<Vec<u8>> {
        let opened = self.open.lock();
        let both = opened.open.iter().chain(opened.sealing.as_deref());
        let open = both.into_iter().find(|open| open.segment.seq == segment.seq)?;
        let flushed = segment.flushed.load(Ordering::Acquire);
        let at = usize::try_from(offset.checked_sub(flushed)?).ok()?;
        let in_flight = open.in_flight.as_deref();
        let (pieces, at) = match at.checked_sub(in_flight.map_or(0, Pieces::len)) {
            Some(at) => (&open.buffer, at),
            None => (in_flight?, at),
        };
        pieces.get(at, usize::try_from(length).ok()?)
    }

    /// Reads from the file, or what is not there yet. `None` when that would take waiting and `wait`
    /// says no.
    pub(super) fn read(
        &self,
        segment: &Segment,
        (offset, length): (u64, u64),
        wait: bool,
    ) -> io::Result<Option<Vec<u8>>> {
        let spot = Spot { seq: segment.seq, offset, length };
        if !segment.is_flushed(spot)
            && let Some(bytes) = self.waiting(segment, offset, length)
        {
            return Ok(Some(bytes));
        }
        let mut bytes = room(usize::try_from(length).map_err(io::Error::other)?);
        if segment.file.read_now(&mut bytes, offset)? == Now::Read {
            return Ok(Some(bytes));
        }
        if !wait {
            return Ok(None);
        }
        segment.file.read_at(&mut bytes, offset)?;
        Ok(Some(bytes))
    }

    /// Appends a record. It can be read from now on, and is written by the next flush.
    pub(super) fn append(&self, draft: &Draft<'_>) -> Result<Spot, Unwritten> {
        let body: usize = draft.body.iter().map(bytes::Bytes::len).sum();
        let bare = record::HEADER + draft.meta.len() + body;
        let length = (bare as u64).next_multiple_of(ALIGN);
        let mut opened = self.open.lock();
        let open = opened.open.as_mut().ok_or(Unwritten::Full)?;
        let offset = open.segment.end();
        let (reserve, waiting) =
            if draft.is_tombstone { (0, 2 * MOST_WAITING) } else { (self.reserve(), MOST_WAITING) };
        if offset + length + reserve > self.segment_size {
            return Err(Unwritten::Full);
        }
        if open.buffer.len() > waiting {
            return Err(Unwritten::Slow);
        }
        let sealed = record::seal(&draft.header, open.segment.head, offset, draft.meta);
        open.buffer.copy(&sealed);
        open.buffer.copy(draft.meta);
        draft.body.iter().for_each(|bytes| open.buffer.push(bytes));
        open.buffer.pad(length as usize - bare);
        open.entries.push(FooterEntry::new(&draft.header, offset));
        open.segment.end.store(offset + length, Ordering::Release);
        open.segment.youngest.store(next_id(), Ordering::Release);
        Ok(Spot { seq: open.segment.seq % SEQUENCES, offset, length })
    }

    /// Bytes that wait to be written.
    pub(super) fn unflushed(&self) -> usize {
        self.open.lock().open.as_ref().map_or(0, |open| open.buffer.len())
    }

    /// Writes what waits.
    pub(super) fn flush(&self) -> io::Result<()> {
        let _one_at_a_time = self.flushing.lock();
        let (segment, bytes) = {
            let mut opened = self.open.lock();
            let Some(open) = opened.open.as_mut() else { return Ok(()) };
            if open.in_flight.is_none() {
                if open.buffer.is_empty() {
                    return Ok(());
                }
                open.in_flight = Some(Arc::new(std::mem::take(&mut open.buffer)));
            }
            (Arc::clone(&open.segment), open.in_flight.clone().unwrap_or_default())
        };
        let flushed = segment.flushed.load(Ordering::Acquire);
        let written = segment.file.write_at(&bytes.concat(), flushed);
        if written.is_err() {
            let open = self.open.lock().open.take();
            open.into_iter().for_each(|open| self.lose(&open));
            return written;
        }
        if let Some(open) = self.open.lock().open.as_mut() {
            segment.flushed.fetch_add(bytes.len() as u64, Ordering::AcqRel);
            open.in_flight = None;
        }
        Ok(())
    }

    /// Makes sure that everything that was appended before survives a loss of power. After an error what
    /// was written may be lost although the next sync goes well, so a new segment is begun then.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.flush()?;
        let behind = |segment: &&Arc<Segment>| {
            segment.synced.load(Ordering::Acquire) < segment.flushed.load(Ordering::Acquire)
        };
        let behind: Vec<_> = {
            let segments = self.segments.read();
            segments.by_place.values().filter(behind).cloned().collect()
        };
        for segment in behind {
            let flushed = segment.flushed.load(Ordering::Acquire);
            let synced = segment.file.sync();
            // After an error too: it is told once, and another sync would prove nothing.
            segment.synced.fetch_max(flushed, Ordering::AcqRel);
            if synced.is_err() {
                self.losses.fetch_add(1, Ordering::AcqRel);
                self.abandon(&segment);
                return synced;
            }
        }
        if self.is_renamed.swap(false, Ordering::AcqRel)
            && let Err(error) = self.io.sync_dir(names::SEGMENTS)
        {
            self.is_renamed.store(true, Ordering::Release);
            return Err(error);
        }
        Ok(())
    }

    /// How often something of what was appended was or may have been lost. Only grows.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// Whether everything that was appended survives a loss of power.
    pub(super) fn is_synced(&self) -> bool {
        let segments = self.segments.read();
        let is_synced =
            |segment: &Arc<Segment>| segment.synced.load(Ordering::Acquire) >= segment.end();
        segments.by_place.values().all(is_synced) && !self.is_renamed.load(Ordering::Acquire)
    }

    /// Removes the oldest segment and its file.
    pub(super) fn drop_oldest(&self, segment: &Segment) -> io::Result<()> {
        match self.io.remove(&segment.name()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _gone => self.segments.write().remove(segment.seq),
        }
        // Before anything newer goes: what a tombstone hides must not outlive it.
        self.io.sync_dir(names::SEGMENTS)
    }

    /// Forgets all segments: their files are gone.
    pub(super) fn forget(&self) {
        let _one_at_a_time = self.flushing.lock();
        *self.open.lock() = Opened::default();
        *self.segments.write() = Segments::default();
        self.lost.lock().clear();
    }

    /// Whether the files are where they were: the newest segment has its name, or there is none and its
    /// directory is there.
    pub(super) fn is_linked(&self) -> io::Result<bool> {
        let newest = {
            let segments = self.segments.read();
            let newest = segments.order.back().map(|seq| seq % SEQUENCES);
            newest.and_then(|place| segments.by_place.get(&place).cloned())
        };
        match newest {
            Some(segment) => segment.file.is_linked(),
            None => match self.io.list(names::SEGMENTS) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                listed => listed.map(|_| true),
            },
        }
    }
}

impl Segments {
    fn add(&mut self, segment: Arc<Segment>) {
        self.order.push_back(segment.seq);
        self.by_place.insert(segment.seq % SEQUENCES, segment);
    }

    fn remove(&mut self, seq: u32) {
        self.order.retain(|other| *other != seq);
        self.by_place.remove(&(seq % SEQUENCES));
    }
}
