//! One segment after the other: how one begins and ends, and what is lost with one that cannot be
//! written.

use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pieces::Pieces;
use super::{Log, Open, Segment};
use crate::store::disk::names;
use crate::store::disk::segment::{self, FooterEntry, footer};
use crate::store::disk::spot::{SEQUENCES, Spot};
use crate::store::memory::next_id;

impl Log {
    /// Begins a new segment in the place of the one with this number, and writes the footer of that. Does
    /// nothing where another is open already.
    pub(in crate::store::disk) fn roll(&self, full: Option<u32>) -> io::Result<()> {
        let _one_after_the_other = self.rolling.lock();
        if self.open_number() != full {
            return Ok(());
        }
        self.flush()?;
        let segment = Arc::new(self.begin()?);
        self.is_renamed.store(true, Ordering::Release);
        self.segments.write().add(Arc::clone(&segment));
        let new = Open { segment, buffer: Pieces::default(), in_flight: None, entries: Vec::new() };
        let _one_at_a_time = self.flushing.lock();
        let old = {
            let mut opened = self.open.lock();
            let old = opened.open.replace(new).map(Arc::new);
            opened.sealing.clone_from(&old);
            old
        };
        self.seal(old)
    }

    /// Makes the file of a new segment.
    fn begin(&self) -> io::Result<Segment> {
        let seq = self.next.fetch_add(1, Ordering::AcqRel);
        let mut hasher = self.randomness.build_hasher();
        hasher.write_u32(seq);
        let head = segment::Head { seq, nonce: hasher.finish() };
        let file = self.io.create(&names::segment(seq))?;
        let bytes = head.encode();
        // Room is asked for so that a full disk is met here; what cannot say is written to as it is.
        let begun = file.write_at(&bytes, 0).and_then(|()| file.reserve(self.segment_size));
        if let Err(error) = begun {
            self.io.remove(&names::segment(seq)).ok();
            return Err(error);
        }
        let at = || AtomicU64::new(bytes.len() as u64);
        let (end, flushed) = (at(), at());
        let (synced, size) = (AtomicU64::new(0), AtomicU64::new(0));
        let youngest = AtomicU64::new(next_id());
        Ok(Segment { seq, head, file, end, flushed, synced, size, youngest })
    }

    /// Ends the open segment: a start reads its footer only.
    pub(in crate::store::disk) fn close(&self) -> io::Result<()> {
        let _one_after_the_other = self.rolling.lock();
        self.flush()?;
        let _one_at_a_time = self.flushing.lock();
        let old = {
            let mut opened = self.open.lock();
            let old = opened.open.take().map(Arc::new);
            opened.sealing.clone_from(&old);
            old
        };
        self.seal(old)
    }

    /// Writes what was appended since the last flush, and the footer.
    fn seal(&self, old: Option<Arc<Open>>) -> io::Result<()> {
        let Some(old) = old else { return Ok(()) };
        let sealed = self.write_end(&old);
        if sealed.is_err() {
            self.lose(&old);
        }
        self.open.lock().sealing = None;
        sealed
    }

    fn write_end(&self, old: &Open) -> io::Result<()> {
        let segment = &old.segment;
        let mut bytes = old.in_flight.as_ref().map(|bytes| bytes.concat()).unwrap_or_default();
        bytes.extend(old.buffer.concat());
        // Without one, a start reads the records.
        bytes.extend(
            footer::encode(&old.entries, segment.head, segment.end()).into_iter().flatten(),
        );
        let flushed = segment.flushed.load(Ordering::Acquire);
        segment.size.store(flushed + bytes.len() as u64, Ordering::Release);
        segment.file.write_at(&bytes, flushed)?;
        segment.flushed.fetch_add(bytes.len() as u64, Ordering::AcqRel);
        segment.file.set_len(flushed + bytes.len() as u64)
    }

    /// Appends nothing more to this segment: its file cannot be trusted. What is not in it is lost.
    pub(in crate::store::disk) fn abandon(&self, segment: &Segment) {
        let _one_at_a_time = self.flushing.lock();
        let is_it = |open: &mut Open| open.segment.seq == segment.seq;
        let open = self.open.lock().open.take_if(is_it);
        open.into_iter().for_each(|open| self.lose(&open));
    }

    pub(super) fn lose(&self, open: &Open) {
        self.losses.fetch_add(1, Ordering::AcqRel);
        let segment = &open.segment;
        let flushed = segment.flushed.load(Ordering::Acquire);
        segment.end.store(flushed, Ordering::Release);
        segment.size.store(flushed, Ordering::Release);
        let lost = open.entries.iter().filter(|entry| entry.end() > flushed);
        let spot = |entry: &FooterEntry| {
            let (offset, length) = (entry.offset, entry.length);
            Spot { seq: segment.seq % SEQUENCES, offset, length }
        };
        self.lost.lock().extend(lost.map(|entry| (spot(entry), *entry)));
        // What was written by half goes, and the room that was asked for.
        segment.file.set_len(flushed).ok();
    }

    /// Records that are in no file, and will not be; each is told once.
    pub(in crate::store::disk) fn take_lost(&self) -> Vec<(Spot, FooterEntry)> {
        std::mem::take(&mut *self.lost.lock())
    }
}
