//! How a response gets from disk: its record is read, verified and compared with the key.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::checksum;
use super::dense::{Checksums, Dense, Why};
use super::engine::Engine;
use super::extents::{Extents, Run};
use super::index::Known;
use super::log::Segment;
use super::record::{self, Damaged, Header, Meta, Place};
use super::spot::Spot;
use super::witness::Origin;
use crate::policy::{CacheKey, Interval, Partial};
use crate::store::blocks::Blocks;
use crate::store::candidates::Candidates;
use crate::store::segments::Segments;
use crate::store::stored::{Content, Parts, StoredResponse};

/// Records up to this length are read at once. Bodies up to 64 KiB come with them.
const AT_ONCE: u64 = 80 << 10;

/// Of a longer record so much is read at first: its head, mostly.
const FIRST: u64 = 8 << 10;

/// A body up to this length is kept in memory while it is used.
const SMALL: u64 = 64 << 10;

/// Why a record gives no response.
enum Miss {
    /// That would take waiting.
    Later,
    /// It is that of another key, or has just gone.
    Other,
    /// It is not what was written, from here on.
    Damaged(Origin, u64, Damaged),
    /// It could not be read.
    Failed(io::Error),
}

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Engine {
    /// All that is on disk under a key, and what waits to be written. `known` says which of them need not
    /// be read. `None` when that would take waiting, and `wait` says no.
    pub(super) fn find(
        &self,
        key: &CacheKey,
        known: impl Fn(&Known) -> bool,
        wait: bool,
    ) -> Option<Candidates> {
        let found = self.index.look_beside(key.digest(), known);
        let mut candidates: Candidates =
            found.pending.into_iter().filter(|response| response.key() == key).collect();
        if !self.is_readable() {
            return Some(candidates);
        }
        for record in found.records {
            match self.load(key, &record, wait) {
                Ok(response) => candidates.push(response),
                Err(Miss::Later) => return None,
                Err(Miss::Other) => {}
                Err(Miss::Damaged(origin, offset, why)) => {
                    self.report_damage(key, &record, (&origin, offset), why);
                }
                Err(Miss::Failed(error)) => self.report_failure(key, &record, &error),
            }
        }
        Some(candidates)
    }

    fn load(&self, key: &CacheKey, known: &Known, wait: bool) -> Result<StoredResponse, Miss> {
        let segment = self.log.segment(known.spot).ok_or(Miss::Other)?;
        let bytes = self.head_bytes(&segment, known.spot, wait)?.ok_or(Miss::Later)?;
        // What is small stays in this one allocation, head and body.
        let bytes = Bytes::from(bytes);
        let offset = known.spot.offset;
        let origin = || Origin::Record { segment: segment.seq, offset, digest: key.digest() };
        let damaged = |why| Miss::Damaged(origin(), offset, why);
        let (header, meta, body) = record::verify(&bytes, segment.head, offset).map_err(damaged)?;
        if header.generation != known.generation || !header.kind.is_response() {
            return Err(Miss::Other);
        }
        let meta = match Meta::decode_of(key, meta, &header, &bytes) {
            Some(meta) => meta,
            None if Meta::decode(meta, &header).is_some() => return Err(Miss::Other),
            None => return Err(damaged(Damaged::Meta)),
        };
        let (lineage, begun) = (header.lineage, header.generation);
        let held = meta.partial.clone();
        let content = match &meta.body {
            Place::Here { crcs } => {
                let is_whole = body.len() == header.body_len as usize;
                let have = is_whole.then(|| bytes.slice_ref(body));
                let at = At { segment: &segment, record: known.spot, header: &header, crcs };
                self.content(&at, have, held, (lineage, begun), wait)?
            }
            Place::Base { seq, offset, meta_len, body_len, crcs } => {
                let length = record::HEADER as u64 + u64::from(*meta_len) + u64::from(*body_len);
                let spot = Spot { length, ..Spot::at(*seq, *offset) };
                let segment = self.log.segment(spot).filter(|there| there.seq == *seq);
                let segment = segment.ok_or(Miss::Other)?;
                let header = Header { meta_len: *meta_len, body_len: *body_len, ..header };
                let at = At { segment: &segment, record: spot, header: &header, crcs };
                self.content(&at, None, held, (lineage, begun), wait)?
            }
            Place::Files(runs) => {
                let mut found = Vec::with_capacity(runs.len());
                for run in runs {
                    let dense = self.file(run.file, header.digest, wait)?;
                    found.push(Run { dense, first: run.offset, length: run.length });
                }
                Content::Spilled(extents(held, (lineage, begun), found).ok_or(Miss::Other)?)
            }
        };
        let Meta { key, head, whence, trailers, .. } = meta;
        let parts = Parts { key, head, whence, trailers, content };
        Ok(StoredResponse::of_disk(header.generation, lineage, parts))
    }

    /// A file that a record names.
    fn file(&self, id: u64, digest: u128, wait: bool) -> Result<Arc<Dense>, Miss> {
        if let Some(dense) = self.large.opened(id, digest) {
            return Ok(dense);
        }
        if !wait {
            return Err(Miss::Later);
        }
        // Asked before: what is not known then may be found yet.
        let may_be_found = !self.meanwhile.is_whole();
        self.large.open(id, digest).map_err(|unread| match unread.why {
            Why::Damaged if may_be_found && !self.large.is_known(id) => Miss::Other,
            Why::Damaged => {
                Miss::Damaged(Origin::Large { id, digest }, unread.offset, Damaged::Body)
            }
            Why::Failed(error) => Miss::Failed(error),
        })
    }

    /// The first bytes of a record, header and meta at least, or all of them where that is little.
    pub(super) fn head_bytes(
        &self,
        segment: &Segment,
        spot: Spot,
        wait: bool,
    ) -> io::Result<Option<Vec<u8>>> {
        // What is not in the file yet is read whole: it is in memory.
        let length = if spot.length <= AT_ONCE || !segment.is_flushed(spot) {
            spot.length
        } else {
            FIRST.min(spot.length)
        };
        let Some(bytes) = self.log.read(segment, (spot.offset, length), wait)? else {
            return Ok(None);
        };
        let needed = record::open(&bytes, segment.head)
            .map_or(0, |header| record::HEADER as u64 + u64::from(header.meta_len));
        if needed <= length {
            return Ok(Some(bytes));
        }
        self.log.read(segment, (spot.offset, needed.min(spot.length)), wait)
    }

    /// The body of a record: in memory where it is small, else to be read when it is wanted.
    fn content(
        &self,
        at: &At<'_>,
        have: Option<Bytes>,
        held: Option<(Partial, u64)>,
        ids: (u64, u64),
        wait: bool,
    ) -> Result<Content, Miss> {
        let origin = Origin::Record {
            segment: at.segment.seq,
            offset: at.record.offset,
            digest: at.header.digest,
        };
        let base = at.record.offset + record::HEADER as u64 + u64::from(at.header.meta_len);
        let length = u64::from(at.header.body_len);
        let is_waiting = !at.segment.is_flushed(at.record);
        let bytes = match have {
            Some(bytes) => Some(bytes),
            None if length <= SMALL || is_waiting => {
                let read = self.log.read(at.segment, (base, length), wait)?;
                Some(Bytes::from(read.ok_or(Miss::Later)?))
            }
            None => None,
        };
        if let Some(bytes) = bytes {
            if !checksum::matches(&bytes, at.crcs) {
                return Err(Miss::Damaged(origin, base, Damaged::Body));
            }
            return parts(held, ids, bytes).ok_or(Miss::Other);
        }
        let file = Arc::clone(&at.segment.file);
        let sums = Checksums::All(at.crcs.into());
        let witness = Arc::downgrade(&self.witness);
        let dense = Dense::new(file, base, length, sums, origin, witness);
        let dense = Arc::new(dense.ok_or(Miss::Damaged(origin, base, Damaged::Meta))?);
        let run = Run { dense, first: 0, length };
        Ok(Content::Spilled(extents(held, ids, vec![run]).ok_or(Miss::Other)?))
    }

    fn report_damage(
        &self,
        key: &CacheKey,
        known: &Known,
        (file, offset): (&Origin, u64),
        why: Damaged,
    ) {
        // It may have gone, and its segment with it, while it was read.
        if self.index.is_current(known) {
            self.counters.damaged.add();
            tracing::warn!(%file, offset, url = %key.uri(), "A stored response is damaged and goes: {why}");
            self.discard(key.digest(), known);
        }
    }

    fn report_failure(&self, key: &CacheKey, known: &Known, error: &io::Error) {
        if error.kind() == io::ErrorKind::UnexpectedEof || error.kind() == io::ErrorKind::NotFound {
            if self.index.is_current(known) {
                self.counters.damaged.add();
                tracing::warn!(url = %key.uri(), "A stored response is cut off or its file is gone: {error}");
                self.discard(key.digest(), known);
            }
            return;
        }
        let Spot { seq, offset, .. } = known.spot;
        if self.is_bad(Origin::Record { segment: seq, offset, digest: key.digest() }, error) {
            self.discard(key.digest(), known);
        }
    }
}

/// A body in a segment.
struct At<'a> {
    segment: &'a Segment,
    record: Spot,
    header: &'a Header,
    crcs: &'a [u32],
}

/// A body on disk.
fn extents(
    held: Option<(Partial, u64)>,
    (lineage, begun): (u64, u64),
    runs: Vec<Run>,
) -> Option<Arc<Extents>> {
    let length = runs.iter().map(|run| run.length).sum();
    let (partial, begun) = held.unwrap_or_else(|| {
        let mut whole = Partial { complete_length: Some(length), ..Partial::default() };
        Interval::whole(length).into_iter().for_each(|all| whole.intervals.add(all));
        (whole, begun)
    });
    Extents::new(lineage, begun, partial, runs).map(Arc::new)
}

/// A body in memory.
fn parts(held: Option<(Partial, u64)>, (lineage, _): (u64, u64), bytes: Bytes) -> Option<Content> {
    match held {
        None => Some(Content::whole(Blocks::One(bytes))),
        Some((partial, begun)) => {
            let segments = Segments::of_disk(lineage, begun, partial, bytes)?;
            Some(Content::Parts(Arc::new(segments)))
        }
    }
}
