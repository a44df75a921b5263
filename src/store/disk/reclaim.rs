//! Room is made by giving up the oldest segment, or the oldest large file. What was used since it was
//! written gets a second chance.

use std::io;

use bytes::Bytes;

use super::engine::Engine;
use super::index::{Known, Tag};
use super::log::{Draft, Segment};
use super::record::{self, Header, Kind, Meta, Place};
use super::segment::{FooterEntry, footer, scan};
use super::spot::{SEQUENCES, Spot};
use crate::store::memory::next_id;

/// What gets a second chance takes at most this part of the segment that is given up.
const SPARED: u64 = 5;

/// In place of so many bytes: everything gets one.
const ALL: u64 = u64::MAX;

impl Engine {
    /// Makes room for so many bytes. Stops when nothing is left that could be given up.
    pub(super) fn make_room(&self, wanted: u64) -> io::Result<()> {
        // What is not found yet is not known to be wanted.
        if self.meanwhile.is_running() {
            return Ok(());
        }
        let _one_at_a_time = self.reclaiming.lock();
        if self.bytes().saturating_add(wanted) > self.limits.budget {
            self.drop_outdated();
        }
        // Each large file may be spared once.
        let mut chances = self.pointers.len();
        let mut steps = self.log.segments() + 2 * chances + 2;
        while steps > 0 {
            let has_room = self.bytes().saturating_add(wanted) <= self.limits.budget;
            if has_room && self.log.segments() <= self.limits.most_segments() {
                break;
            }
            steps -= 1;
            let segment = self.log.oldest();
            // Where there are too many segments, no large file makes them fewer.
            let oldest = if has_room { None } else { self.pointers.oldest() };
            match (segment, oldest) {
                (None, None) => return Ok(()),
                // There is room for what is in it: only its file goes.
                (Some(segment), _) if has_room => self.reclaim(&segment, ALL)?,
                (Some(segment), Some((turn, _))) if segment.youngest() < turn => {
                    self.reclaim(&segment, segment.end() / SPARED)?;
                }
                (Some(segment), None) => self.reclaim(&segment, segment.end() / SPARED)?,
                (_, Some((_, known))) => {
                    if known_uses(self, &known) > 0 && chances > 0 {
                        chances -= 1;
                        self.index.forget_uses(&known);
                        self.pointers.spare(known.generation, next_id());
                        self.counters.spared.add();
                    } else {
                        self.give_up(&known)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives up a large response.
    fn give_up(&self, known: &Known) -> io::Result<()> {
        self.index.remove(known);
        self.gone(known);
        self.counters.evicted.add();
        // The files are gone; a pointer to nothing would be found again at the next start.
        if let Some(header) = self.header_of(known) {
            let below = known.generation.saturating_add(1);
            self.bury(Header::tombstone(header.digest, below, Some(header.variant)));
        }
        Ok(())
    }

    /// Gives up a segment, after what is still wanted of it was copied, so many bytes at most.
    fn reclaim(&self, segment: &Segment, mut room: u64) -> io::Result<()> {
        let (entries, is_listed) = entries_of(segment);
        for entry in entries.iter().filter(|entry| entry.kind.is_response()) {
            let tag = Tag::new(entry.digest, entry.variant);
            let Some(known) = self.index.at(tag) else { continue };
            let is_here = known.generation == entry.generation
                && known.spot.offset == entry.offset
                && known.spot.seq == segment.seq % SEQUENCES;
            let is_based = known.is_update && entry.kind == Kind::Object;
            let copied = if is_here {
                self.copy(segment, entry, &known, &mut room)
            } else if is_based {
                self.unite(segment, entry, &known, &mut room)
            } else {
                Ok(true)
            };
            if !copied? && self.index.remove(&known) {
                self.gone(&known);
                self.counters.evicted.add();
                if is_based && !is_here {
                    // Its head stays behind.
                    let below = known.generation.saturating_add(1);
                    self.bury(Header::tombstone(entry.digest, below, Some(entry.variant)));
                }
            }
        }
        // What was copied lasts before that goes which it was copied from.
        self.make_last()?;
        self.log.drop_oldest(segment)?;
        if !is_listed {
            self.index.forget_segment(segment.seq).iter().for_each(|known| self.gone(known));
        }
        self.counters.reclaimed.add();
        Ok(())
    }

    /// Gives up the oldest segment that is not open, without copying anything: there is no room. False when
    /// there is none.
    pub(super) fn give_up_oldest(&self) -> io::Result<bool> {
        let oldest = if self.meanwhile.is_running() { None } else { self.log.oldest() };
        let Some(segment) = oldest else { return Ok(false) };
        let based = entries_of(&segment).0.into_iter().filter_map(|entry| {
            // Its head is elsewhere, and of no use without the body.
            let known = self.index.at(Tag::new(entry.digest, entry.variant))?;
            let may_be = known.is_update && entry.kind == Kind::Object;
            (may_be && self.is_based(&known, segment.seq, entry.offset)).then_some(known)
        });
        let based: Vec<_> = based.filter(|known| self.index.remove(known)).collect();
        for known in self.index.forget_segment(segment.seq).iter().chain(&based) {
            self.gone(known);
            self.counters.evicted.add();
        }
        self.log.drop_oldest(&segment)?;
        self.counters.reclaimed.add();
        Ok(true)
    }

    /// Copies a record that was used, or that points to files. False when it is to go.
    fn copy(
        &self,
        segment: &Segment,
        entry: &FooterEntry,
        known: &Known,
        room: &mut u64,
    ) -> io::Result<bool> {
        let is_pointer = entry.kind == Kind::Pointer;
        let is_wanted = is_pointer || self.is_spared(known, entry, *room);
        if known.is_superseded || known.is_update || !is_wanted {
            return Ok(false);
        }
        let Ok(Some(bytes)) = self.log.read(segment, (entry.offset, entry.length), true) else {
            return Ok(false);
        };
        let Ok((header, meta, body)) = record::verify(&bytes, segment.head, entry.offset) else {
            return Ok(false);
        };
        let Some(decoded) =
            Meta::decode(meta, &header).filter(|meta| self.is_wanted(meta, &header))
        else {
            return Ok(false);
        };
        drop(decoded);
        let body = [Bytes::copy_from_slice(body)];
        let draft = Draft { header, meta, body: &body, is_tombstone: false };
        let spot = self.append_in_place(&draft)?;
        if !self.moved(entry, known, spot) {
            return Ok(true);
        }
        if is_pointer {
            self.pointers.relocate(Known { spot, ..*known });
        } else {
            spend(room, entry.length);
            self.counters.spared.add();
        }
        Ok(true)
    }

    /// A copy was appended. Whether it counts: if the record has gone meanwhile, the copy is behind the
    /// tombstone, and gets one of its own.
    fn moved(&self, entry: &FooterEntry, known: &Known, spot: Spot) -> bool {
        let is_moved = self.index.relocate(known, spot, false);
        let is_there = |now: Known| now.generation == known.generation;
        // Where somebody else has copied it, that counts.
        if !is_moved && !self.index.at(known.tag).is_some_and(is_there) {
            let below = known.generation.saturating_add(1);
            self.bury(Header::tombstone(entry.digest, below, Some(entry.variant)));
        }
        is_moved
    }

    /// The body is here and its head in a newer record: puts them together. False when they are to go.
    fn unite(
        &self,
        segment: &Segment,
        entry: &FooterEntry,
        known: &Known,
        room: &mut u64,
    ) -> io::Result<bool> {
        let Some((header, meta)) = self.head_of(known) else { return Ok(true) };
        let Place::Base { seq, offset, ref crcs, .. } = meta.body else { return Ok(true) };
        if (seq, offset) != (segment.seq, entry.offset) {
            return Ok(true);
        }
        let is_wanted = self.is_spared(known, entry, *room) && self.is_wanted(&meta, &header);
        if known.is_superseded || !is_wanted {
            return Ok(false);
        }
        let Ok(Some(bytes)) = self.log.read(segment, (entry.offset, entry.length), true) else {
            return Ok(false);
        };
        let Ok((base, _, body)) = record::verify(&bytes, segment.head, entry.offset) else {
            return Ok(false);
        };
        let body = [Bytes::copy_from_slice(body)];
        let united = Meta { body: Place::Here { crcs: crcs.clone() }, ..meta.clone() };
        let Some(encoded) = united.encode() else { return Ok(false) };
        let meta_len = u32::try_from(encoded.len()).map_err(io::Error::other)?;
        let header = united.header(header.generation, header.lineage, meta_len, base.body_len);
        let draft = Draft { header, meta: &encoded, body: &body, is_tombstone: false };
        let spot = self.append_in_place(&draft)?;
        if self.moved(entry, known, spot) {
            spend(room, entry.length);
            self.counters.spared.add();
        }
        Ok(true)
    }

    /// Whether a record gets a second chance.
    fn is_spared(&self, known: &Known, entry: &FooterEntry, room: u64) -> bool {
        room == ALL || (self.is_used(known, entry) && entry.length <= room)
    }

    /// Whether a response was used since it was written: from disk, or, as it is in memory still, there.
    fn is_used(&self, known: &Known, entry: &FooterEntry) -> bool {
        known.uses > 0 || (self.is_resident)(entry.digest, known.generation)
    }

    /// Whether no group that it belongs to was invalidated.
    fn is_wanted(&self, meta: &Meta, header: &Header) -> bool {
        !self.epochs.are_over_head(&meta.key, &meta.head, header.generation)
    }
}

/// What a segment has, and whether its footer says so.
fn entries_of(segment: &Segment) -> (Vec<FooterEntry>, bool) {
    match footer::read(&*segment.file, segment.head) {
        Ok(entries) => (entries, true),
        Err(_none) => (scan::scan(&*segment.file, segment.head, segment.end()).entries, false),
    }
}

fn known_uses(engine: &Engine, known: &Known) -> u8 {
    engine
        .index
        .at(known.tag)
        .filter(|now| now.generation == known.generation)
        .map_or(0, |now| now.uses)
}

/// So many bytes were copied.
fn spend(room: &mut u64, length: u64) {
    if *room != ALL {
        *room = room.saturating_sub(length);
    }
}
