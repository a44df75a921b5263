//! The log: segments that are only appended to, the newest of them open.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::io::{File, Io, Now};
use super::names;
use super::record::ALIGN;
use super::record::{self, Header};
use super::segment::{self, FooterEntry, footer};
use super::spot::{SEQUENCES, Spot};
use crate::store::memory::next_id;

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
    buffer: Vec<u8>,
    in_flight: Option<Arc<Vec<u8>>>,
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

impl Segment {
    /// One that was there already, all of it in the file.
    pub(super) fn sealed(seq: u32, head: segment::Head, file: Arc<dyn File>, size: u64) -> Self {
        let all = || AtomicU64::new(size);
        let youngest = AtomicU64::new(0);
        Self { seq, head, file, end: all(), flushed: all(), synced: all(), size: all(), youngest }
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
            is_renamed: AtomicBool::new(false),
            randomness: RandomState::new(),
        }
    }

    /// How long a segment gets, its footer not counted.
    pub(super) fn segment_size(&self) -> u64 {
        self.segment_size
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
        let segments = self.segments.read();
        if segments.order.len() < 2 {
            return None;
        }
        segments.by_place.get(&(segments.order.front()? % SEQUENCES)).cloned()
    }

    /// Copies what is not in the file yet.
    pub(super) fn waiting(&self, segment: &Segment, offset: u64, length: u64) -> Option<Vec<u8>> {
        let opened = self.open.lock();
        let both = opened.open.iter().chain(opened.sealing.as_deref());
        let open = both.into_iter().find(|open| open.segment.seq == segment.seq)?;
        let flushed = segment.flushed.load(Ordering::Acquire);
        let at = usize::try_from(offset.checked_sub(flushed)?).ok()?;
        let in_flight = open.in_flight.as_ref().map_or(&[][..], |bytes| bytes.as_slice());
        let (bytes, at) = match at.checked_sub(in_flight.len()) {
            Some(at) => (open.buffer.as_slice(), at),
            None => (in_flight, at),
        };
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        bytes.get(at..end).map(<[u8]>::to_vec)
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
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
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
        let reserve = if draft.is_tombstone { 0 } else { RESERVE.min(self.segment_size / 8) };
        if offset + length + reserve > self.segment_size {
            return Err(Unwritten::Full);
        }
        if open.buffer.len() > MOST_WAITING {
            return Err(Unwritten::Slow);
        }
        let sealed = record::seal(&draft.header, open.segment.head, offset, draft.meta);
        open.buffer.extend_from_slice(&sealed);
        open.buffer.extend_from_slice(draft.meta);
        draft.body.iter().for_each(|bytes| open.buffer.extend_from_slice(bytes));
        let padding = length as usize - bare;
        open.buffer.extend(std::iter::repeat_n(0, padding));
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
        // What failed is tried again with the next flush.
        segment.file.write_at(&bytes, segment.flushed.load(Ordering::Acquire))?;
        if let Some(open) = self.open.lock().open.as_mut() {
            segment.flushed.fetch_add(bytes.len() as u64, Ordering::AcqRel);
            open.in_flight = None;
        }
        Ok(())
    }

    /// Makes sure that everything that was appended before survives a loss of power.
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
            segment.file.sync()?;
            segment.synced.fetch_max(flushed, Ordering::AcqRel);
        }
        if self.is_renamed.swap(false, Ordering::AcqRel)
            && let Err(error) = self.io.sync_dir(names::SEGMENTS)
        {
            self.is_renamed.store(true, Ordering::Release);
            return Err(error);
        }
        Ok(())
    }

    /// Whether everything that was appended survives a loss of power.
    pub(super) fn is_synced(&self) -> bool {
        let segments = self.segments.read();
        let is_synced =
            |segment: &Arc<Segment>| segment.synced.load(Ordering::Acquire) >= segment.end();
        segments.by_place.values().all(is_synced) && !self.is_renamed.load(Ordering::Acquire)
    }

    /// Begins a new segment, and writes the footer of the one before.
    pub(super) fn roll(&self) -> io::Result<()> {
        self.flush()?;
        let seq = self.next.fetch_add(1, Ordering::AcqRel);
        let mut hasher = self.randomness.build_hasher();
        hasher.write_u32(seq);
        let head = segment::Head { seq, nonce: hasher.finish() };
        let file = self.io.create(&names::segment(seq))?;
        let bytes = head.encode();
        file.write_at(&bytes, 0)?;
        let start = bytes.len() as u64;
        // Room is asked for so that a full disk is met here; what cannot say is written to as it is.
        file.reserve(self.segment_size)?;
        let at = || AtomicU64::new(start);
        let segment = Arc::new(Segment {
            seq,
            head,
            file,
            end: at(),
            flushed: at(),
            synced: AtomicU64::new(0),
            size: AtomicU64::new(0),
            youngest: AtomicU64::new(next_id()),
        });
        self.is_renamed.store(true, Ordering::Release);
        self.segments.write().add(Arc::clone(&segment));
        let new = Open { segment, buffer: Vec::new(), in_flight: None, entries: Vec::new() };
        let _one_at_a_time = self.flushing.lock();
        let old = {
            let mut opened = self.open.lock();
            let old = opened.open.replace(new).map(Arc::new);
            opened.sealing.clone_from(&old);
            old
        };
        let sealed = old.map_or(Ok(()), |old| self.seal(&old));
        self.open.lock().sealing = None;
        sealed
    }

    /// Ends the open segment: a start reads its footer only.
    pub(super) fn close(&self) -> io::Result<()> {
        self.flush()?;
        let _one_at_a_time = self.flushing.lock();
        let old = self.open.lock().open.take();
        old.map_or(Ok(()), |old| self.seal(&old))
    }

    /// Writes what was appended since the last flush, and the footer.
    fn seal(&self, old: &Open) -> io::Result<()> {
        let segment = &old.segment;
        let mut bytes = old.in_flight.as_ref().map(|bytes| bytes.to_vec()).unwrap_or_default();
        bytes.extend_from_slice(&old.buffer);
        // Without one, a start reads the records.
        bytes.extend(
            footer::encode(&old.entries, segment.head, segment.end()).into_iter().flatten(),
        );
        let flushed = segment.flushed.load(Ordering::Acquire);
        segment.size.store(flushed + bytes.len() as u64, Ordering::Release);
        segment.file.write_at(&bytes, flushed)?;
        segment.file.set_len(flushed + bytes.len() as u64)?;
        segment.flushed.fetch_add(bytes.len() as u64, Ordering::AcqRel);
        Ok(())
    }

    /// Removes the oldest segment and its file.
    pub(super) fn drop_oldest(&self, segment: &Segment) -> io::Result<()> {
        self.segments.write().remove(segment.seq);
        self.io.remove(&segment.name())?;
        // Before anything newer goes: what a tombstone hides must not outlive it.
        self.io.sync_dir(names::SEGMENTS)
    }

    /// Forgets all segments: their files are gone.
    pub(super) fn forget(&self) {
        let _one_at_a_time = self.flushing.lock();
        *self.open.lock() = Opened::default();
        *self.segments.write() = Segments::default();
    }

    /// Whether the open segment's file has a name.
    pub(super) fn is_linked(&self) -> io::Result<bool> {
        let segment = self.open.lock().open.as_ref().map(|open| Arc::clone(&open.segment));
        segment.map_or(Ok(true), |segment| segment.file.is_linked())
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
