//! How a response gets to disk.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::dense::Dense;
use super::engine::Engine;
use super::extents;
use super::index::{Gone, Known, Tag};
use super::log::Draft;
use super::record::{self, Header, Kind, LONGEST_BODY, Meta, Place, Run};
use super::spot::Spot;
use super::witness::Origin;
use super::{checksum, waiting};
use crate::policy::Partial;
use crate::store::flags::OnDisk;
use crate::store::stored::{Extent, StoredResponse, UNIT};

/// A body, and where it is or will be.
struct Body {
    place: Place,
    /// What follows the head.
    bytes: Vec<Bytes>,
    /// The number under which it was first written.
    lineage: u64,
    /// A file that was made for it, and would go if nobody had this before a record names it.
    _file: Option<Arc<Dense>>,
}

impl Engine {
    /// Writes one response, if it is still wanted.
    pub(super) fn write(&self, response: &StoredResponse) {
        let tag = Tag::of(response);
        if self.index.is_pending(response, tag) {
            let written = if self.is_trusted() {
                self.record(response, tag, true).map_err(|error| self.failed(&error))
            } else {
                Err(())
            };
            if written.is_err() {
                self.counters.refused.add();
            }
            self.index.give_up(response, tag);
            if written != Ok(true) {
                self.give_up_for_good(response);
            }
        }
        if response.on_disk() == OnDisk::Queued {
            response.change_on_disk(OnDisk::Queued, OnDisk::No);
        }
    }

    /// Writes one response now, if that takes no waiting: it is not on disk in any form yet, and the
    /// open segment has room. Says whether it is written.
    pub(super) fn write_at_once(&self, response: &StoredResponse) -> bool {
        let is_new = response.lineage() == response.id() && !response.is_spilled();
        let is_small = response.length() <= self.longest_inline();
        is_new
            && is_small
            && self.is_trusted()
            && self.record(response, Tag::of(response), false).is_ok_and(|written| written)
    }

    /// The longest body that is put into a segment.
    fn longest_inline(&self) -> u64 {
        u64::from(LONGEST_BODY).min(self.limits.segment / 2)
    }

    /// Appends a record, and puts it into the index. False when it is not wanted any more, or cannot be
    /// a record.
    fn record(&self, response: &StoredResponse, tag: Tag, wait: bool) -> io::Result<bool> {
        if self.epochs.are_over_for(response) {
            return Ok(false);
        }
        let body = if wait {
            // What is given up for it is given up before the record says where its body is.
            let weight = u64::from(response.units()) * UNIT as u64;
            self.make_room_for(record::HEADER as u64 + weight + record::ALIGN)?;
            self.body_of(response, tag)?
        } else {
            Some(here(response.frames(), response.lineage()))
        };
        let Some(body) = body else { return Ok(false) };
        let Body { place, bytes, lineage, _file } = body;
        let files: Vec<u64> = runs_in(&place).iter().map(|run| run.file).collect();
        let is_update = matches!(place, Place::Base { .. });
        let partial = partial_of(response).map(|partial| (partial, response.begun()));
        let meta = Meta {
            key: response.key().clone(),
            head: response.head().clone(),
            whence: response.whence(),
            trailers: response.trailers().cloned(),
            partial,
            body: place,
        };
        let length: usize = bytes.iter().map(Bytes::len).sum();
        let (Some(encoded), Ok(body_len)) = (meta.encode(), u32::try_from(length)) else {
            return Ok(false);
        };
        let meta_len = u32::try_from(encoded.len()).map_err(io::Error::other)?;
        let header = meta.header(response.id(), lineage, meta_len, body_len);
        if header.length() > self.log.longest() {
            return Ok(false);
        }
        for run in runs_in(&meta.body) {
            self.large.retain(run.file, header.digest, run.offset.saturating_add(run.length));
        }
        let draft = Draft { header, meta: &encoded, body: &bytes, is_tombstone: false };
        let appended = if wait {
            self.append(&draft)
        } else {
            self.append_now(&draft).map_err(io::Error::other)
        };
        let spot = match appended {
            Ok(spot) => spot,
            Err(error) => {
                files.iter().for_each(|file| self.large.release(*file));
                return Err(error);
            }
        };
        match self.index.settle(response, tag, spot, is_update) {
            Ok(old) if self.is_outdated(response, &meta.body) => {
                let known = self.index.at(tag).filter(|known| known.generation == response.id());
                known.iter().for_each(|known| self.discard(header.digest, known));
                files.iter().for_each(|file| self.large.release(*file));
                old.iter().for_each(|old| self.outdated(old));
                Ok(false)
            }
            Ok(old) => {
                self.point(tag, response.id(), files);
                old.iter().for_each(|old| self.outdated(old));
                if let Some(first) = self.index.one_too_many(tag) {
                    self.discard(header.digest, &first);
                }
                response.change_on_disk(OnDisk::Queued, OnDisk::Written);
                response.change_on_disk(OnDisk::No, OnDisk::Written);
                let count =
                    if is_update { &self.counters.freshened } else { &self.counters.written };
                count.add();
                Ok(true)
            }
            Err(Gone) => {
                files.iter().for_each(|file| self.large.release(*file));
                // Behind the record, so that it goes before its tombstone does.
                let below = header.generation.saturating_add(1);
                self.bury(Header::tombstone(header.digest, below, Some(header.variant)));
                Ok(false)
            }
        }
    }

    /// Notes which files the record of this number names. It may have been copied or taken out already.
    pub(super) fn point(&self, tag: Tag, generation: u64, files: Vec<u64>) {
        if files.is_empty() {
            return;
        }
        let known = || self.index.at(tag).filter(|known| known.generation == generation);
        let Some(there) = known() else {
            return files.iter().for_each(|file| self.large.release(*file));
        };
        self.pointers.add(there, files.into(), generation);
        match known() {
            Some(now) if now.spot == there.spot => {}
            Some(now) => self.pointers.relocate(now),
            None => self.gone(&there),
        }
    }

    /// Whether, while it was appended, its group was invalidated or its body given up.
    fn is_outdated(&self, response: &StoredResponse, place: &Place) -> bool {
        let is_there = match *place {
            Place::Base { seq, offset, .. } => {
                self.log.segment(Spot::at(seq, offset)).is_some_and(|there| there.seq == seq)
            }
            Place::Here { .. } | Place::Files(_) => true,
        };
        !is_there || self.epochs.are_over_for(response)
    }

    /// Where the body of a response is, or what is to be written of it. `None` when it is gone.
    fn body_of(&self, response: &StoredResponse, tag: Tag) -> io::Result<Option<Body>> {
        let lineage = response.lineage();
        let there = |place| Body { place, bytes: Vec::new(), lineage, _file: None };
        if let Some(extents) = response.extents() {
            if let Some(place) = self.place_of(response, extents.runs())? {
                return Ok(Some(there(place)));
            }
            // Its base is being reclaimed, and who has it can still read it.
            if response.length() > self.longest_inline() {
                return Ok(None);
            }
            let bytes = waiting::read_all(response)?;
            return Ok(bytes.map(|bytes| here(bytes, lineage)));
        }
        if let Some(place) = self.place_of_same(response, tag) {
            return Ok(Some(there(place)));
        }
        if response.length() <= self.longest_inline() {
            return Ok(Some(here(response.frames(), lineage)));
        }
        self.make_room(response.length())?;
        let (id, length) = (response.id(), response.length());
        let digest = response.key().digest();
        let written = waiting::write_file(&self.large, (id, digest), length, response.frames())?;
        self.large.settle(id)?;
        let runs = runs_of(&response.held(), id);
        Ok(Some(Body { _file: Some(written), ..there(Place::Files(runs)) }))
    }

    /// The place of a body that is on disk. `None` where its record is not there any more.
    fn place_of(
        &self,
        response: &StoredResponse,
        runs: &[extents::Run],
    ) -> io::Result<Option<Place>> {
        let mut files = Vec::with_capacity(runs.len());
        for run in runs {
            match *run.dense.origin() {
                Origin::Record { segment, offset, .. } => {
                    let spot = Spot::at(segment, offset);
                    let is_there = self.log.segment(spot).is_some_and(|there| there.seq == segment);
                    let meta_len = run.dense.base().checked_sub(offset + record::HEADER as u64);
                    let (Some(meta_len), true, [_only]) = (meta_len, is_there, runs) else {
                        return Ok(None);
                    };
                    let length = (u32::try_from(meta_len), u32::try_from(run.dense.length()));
                    let (Ok(meta_len), Ok(body_len)) = length else { return Ok(None) };
                    let crcs = run.dense.checksums();
                    return Ok(Some(Place::Base {
                        seq: segment,
                        offset,
                        meta_len,
                        body_len,
                        crcs,
                    }));
                }
                Origin::Large { id, .. } | Origin::Growing { id } => {
                    match self.large.settle(id) {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                        settled => settled?,
                    }
                    files.push(Run { file: id, offset: run.first, length: run.length });
                }
            }
        }
        Ok(Some(Place::Files(split(&response.held(), files))))
    }

    /// Where the same body is already, under an older head.
    fn place_of_same(&self, response: &StoredResponse, tag: Tag) -> Option<Place> {
        let known = self.index.at(tag)?;
        let (header, meta) = self.head_of(&known)?;
        let partial = meta.partial.as_ref().map(|(partial, _)| partial);
        let is_same = header.lineage == response.lineage()
            && meta.key == *response.key()
            && partial == partial_of(response).as_ref();
        if !is_same {
            return None;
        }
        match meta.body {
            Place::Here { crcs } => Some(Place::Base {
                seq: self.log.segment(known.spot)?.seq,
                offset: known.spot.offset,
                meta_len: header.meta_len,
                body_len: header.body_len,
                crcs,
            }),
            place @ Place::Files(_) => Some(place),
            place @ Place::Base { seq, offset, .. } => {
                let spot = Spot::at(seq, offset);
                self.log.segment(spot).filter(|segment| segment.seq == seq).map(|_| place)
            }
        }
    }

    /// Header and meta of a record, verified.
    pub(super) fn head_of(&self, known: &Known) -> Option<(Header, Meta)> {
        let segment = self.log.segment(known.spot)?;
        let bytes = self.head_bytes(&segment, known.spot, true).ok()??;
        let (header, meta, _) = record::verify(&bytes, segment.head, known.spot.offset).ok()?;
        (header.generation == known.generation && header.kind != Kind::Tombstone)
            .then(|| Meta::decode(meta, &header).map(|meta| (header, meta)))?
    }
}

/// A body behind its head.
fn here(bytes: Vec<Bytes>, lineage: u64) -> Body {
    let crcs = checksum::of(bytes.iter().map(|bytes| &bytes[..]));
    Body { place: Place::Here { crcs }, bytes, lineage, _file: None }
}

/// Which bytes of a response are there, where it is not whole.
fn partial_of(response: &StoredResponse) -> Option<Partial> {
    match response.extent() {
        Extent::Whole => None,
        Extent::Part(partial) => Some(partial.clone()),
    }
}

/// The parts of files that a place names.
fn runs_in(place: &Place) -> &[Run] {
    match place {
        Place::Files(runs) => runs,
        Place::Here { .. } | Place::Base { .. } => &[],
    }
}

/// One file with all bytes that are there, a run for each interval.
fn runs_of(partial: &Partial, file: u64) -> Box<[Run]> {
    let mut offset = 0;
    let runs = partial.intervals.as_slice().iter().map(|interval| {
        let run = Run { file, offset, length: interval.length() };
        offset += run.length;
        run
    });
    runs.collect()
}

/// The same runs, none with bytes of two intervals.
fn split(partial: &Partial, runs: Vec<Run>) -> Box<[Run]> {
    let mut split = Vec::with_capacity(runs.len());
    let mut ends = partial.intervals.as_slice().iter().map(|interval| interval.length());
    let mut left = ends.next().unwrap_or_default();
    for mut run in runs {
        while run.length > 0 {
            let length = run.length.min(left);
            if length == 0 {
                match ends.next() {
                    Some(next) => left = next,
                    None => break,
                }
                continue;
            }
            split.push(Run { length, ..run });
            run.offset += length;
            run.length -= length;
            left -= length;
        }
    }
    split.into()
}
