//! The start: what earlier runs have left is found again, the newest first, while requests are answered.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::engine::Engine;
use super::index::{Known, Tag, Which};
use super::io::File;
use super::log::Segment;
use super::meanwhile::{Meanwhile, Notes};
use super::names;
use super::record::{self, HAS_RULE, Header, Kind, ONE, Place, Run};
use super::segment::footer::{self, FooterEntry, NoFooter};
use super::segment::{self, scan};
use super::spot::{SEQUENCES, Spot};
use super::unread::EIO;
use super::uses;
use crate::http::QueryRule;
use crate::policy::CacheKey;
use crate::store::memory;
use crate::store::opening::Recovered;

/// How many records are put into the index without letting go of the notes.
const BATCH: usize = 512;

/// Runs are told apart by the bits of ids from this one on.
const RUN_SHIFT: u32 = 38;

impl Engine {
    /// Takes in the segments that are there, without reading their records, and makes ids that are
    /// larger than theirs. To be called before anything is stored.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn adopt(&self) -> io::Result<Adopted> {
        let names = self.io.list(names::SEGMENTS)?;
        let mut numbers: Vec<u32> =
            names.iter().filter_map(|name| names::segment_number(name)).collect();
        numbers.sort_unstable();
        let run = numbers.last().map_or(0, |last| u64::from(*last) + 1);
        memory::raise_ids(run.min(u64::MAX >> RUN_SHIFT) << RUN_SHIFT);
        let dropped = self.large.clear_parts()? as u64;
        let mut adopted = Adopted { segments: Vec::new(), dropped, is_whole: true };
        for seq in numbers {
            match self.open_segment(seq) {
                Ok(Some(segment)) => adopted.segments.push(Arc::new(segment)),
                Ok(None) => {
                    adopted.dropped += 1;
                    self.io.remove(&names::segment(seq)).ok();
                }
                // What the device cannot read is damaged.
                Err(error) if error.raw_os_error() == Some(EIO) => {
                    adopted.dropped += 1;
                    adopted.is_whole = false;
                    tracing::warn!(file = names::segment(seq), "A segment cannot be read: {error}");
                }
                // What it would say of others must not be missed.
                Err(error) => return Err(error),
            }
        }
        self.log.adopt(adopted.segments.iter().cloned(), u32::try_from(run).unwrap_or(u32::MAX));
        Ok(adopted)
    }

    /// Opens a segment; `None` when it is none, or not the one that its name says.
    fn open_segment(&self, seq: u32) -> io::Result<Option<Segment>> {
        let file = self.io.open(&names::segment(seq))?;
        let length = file.len()?;
        let mut bytes = [0; segment::HEAD];
        if length < segment::HEAD as u64 {
            return Ok(None);
        }
        file.read_at(&mut bytes, 0)?;
        let head = segment::Head::decode(&bytes).filter(|head| head.seq == seq);
        let head = match head {
            Some(head) => head,
            None => match lost_head(&*file, seq, length)? {
                Some(head) => head,
                None => return Ok(None),
            },
        };
        // A process that was killed leaves the room that it had asked for.
        file.set_len(length).ok();
        Ok(Some(Segment::adopted(seq, head, file, length)))
    }

    /// Finds the records of all segments again, and the large files that they point to. Ends early when
    /// `stop` says so. What a process that was killed had written is to be synced then.
    pub(super) fn recover(&self, adopted: Adopted, stop: &AtomicBool) -> Recovered {
        let begin = Instant::now();
        let Adopted { segments, mut dropped, is_whole } = adopted;
        // Whatever happens: nothing is reclaimed before that.
        let mut ending = Ending { meanwhile: &self.meanwhile, is_whole: false };
        let found = self.find_records(&segments, stop);
        self.index.recover_uses(&uses::read(&*self.io));
        self.io.remove(names::USES).ok();
        dropped += found.damaged + self.find_files(&found.pointers, stop);
        let is_whole = is_whole && found.is_whole && !stop.load(Ordering::Acquire);
        if is_whole {
            // Files of this run are known. What no record names is of no use.
            dropped += self.large.sweep(u64::MAX).map_or(0, |swept| swept as u64);
        }
        ending.is_whole = is_whole;
        drop(ending);
        Recovered {
            responses: self.index.len(),
            bytes: self.bytes(),
            dropped,
            took: begin.elapsed(),
        }
    }

    /// Finds the records of these segments again, the oldest of which is the first.
    pub(super) fn find_records(&self, segments: &[Arc<Segment>], stop: &AtomicBool) -> Records {
        let mut found = Records { pointers: Vec::new(), damaged: 0, is_whole: true };
        for segment in segments.iter().rev() {
            if stop.load(Ordering::Acquire) {
                found.is_whole = false;
                break;
            }
            let entries = match footer::read(&*segment.file, segment.head) {
                Ok(entries) => entries,
                Err(why) => {
                    let scan = scan::scan(&*segment.file, segment.head, segment.end());
                    found.damaged += u64::from(scan.damaged > 0);
                    if let (NoFooter::Io(error), _) | (_, Some(error)) = (why, scan.error) {
                        found.is_whole = false;
                        tracing::warn!(file = segment.name(), "A segment cannot be read: {error}");
                    }
                    scan.entries
                }
            };
            self.take_in(segment, &entries, &mut found);
        }
        found
    }

    /// Puts the records of a segment into the index, the newest first.
    fn take_in(&self, segment: &Segment, entries: &[FooterEntry], found: &mut Records) {
        for batch in entries.rchunks(BATCH) {
            let rules = self.rules_of(segment, batch);
            let mut invalidated = Vec::new();
            let mut notes = self.meanwhile.lock();
            for entry in batch.iter().rev() {
                memory::raise_ids(entry.generation.saturating_add(1));
                segment.is_as_young_as(entry.generation);
                match entry.kind {
                    Kind::Tombstone => self.recover_tombstone(&mut notes, entry),
                    Kind::GroupTombstone => self.epochs.recover(entry.digest, entry.generation),
                    Kind::Object | Kind::Update | Kind::Pointer => {
                        if notes.are_against(entry.digest, entry.variant, entry.generation) {
                            continue;
                        }
                        match rules.get(&entry.offset) {
                            Some(Some((key, rule))) if notes.are_against_rule(key, rule) => {
                                invalidated.push(entry);
                                continue;
                            }
                            // Nobody knows what it answers.
                            Some(None) => {
                                found.is_whole = false;
                                continue;
                            }
                            Some(Some(_)) | None => {}
                        }
                        let (tag, seq) = (Tag::new(entry.digest, entry.variant), segment.seq);
                        let (offset, length) = (entry.offset, entry.length);
                        let spot = Spot { seq: seq % SEQUENCES, offset, length };
                        let is_update = entry.kind == Kind::Update;
                        if self.index.recover(tag, spot, entry.generation, is_update).is_err() {
                            continue;
                        }
                        if let Some(first) = self.index.one_too_many(tag)
                            && self.index.remove(&first)
                        {
                            self.gone(&first);
                        }
                        if entry.kind == Kind::Pointer {
                            found.pointers.extend(self.index.at(tag));
                        }
                    }
                }
            }
            drop(notes);
            for entry in invalidated {
                let below = entry.generation.saturating_add(1);
                self.bury(Header::tombstone(entry.digest, below, Some(entry.variant)));
            }
        }
    }

    /// Makes known which other queries these records answer, before they are found, and returns it by their
    /// offsets: nothing for those that cannot be read. Once too many are known, no more are looked at.
    fn rules_of(&self, segment: &Segment, batch: &[FooterEntry]) -> HashMap<u64, Option<Rule>> {
        let mut rules = HashMap::new();
        for entry in batch.iter().filter(|entry| entry.flags & HAS_RULE != 0) {
            let is_old = {
                let notes = self.meanwhile.lock();
                notes.are_against(entry.digest, entry.variant, entry.generation)
            };
            if is_old || !entry.kind.is_response() || self.queries.is_full() {
                continue;
            }
            let (offset, length) = (entry.offset, entry.length);
            let known = Known {
                tag: Tag::new(entry.digest, entry.variant),
                generation: entry.generation,
                spot: Spot { seq: segment.seq % SEQUENCES, offset, length },
                is_update: entry.kind == Kind::Update,
                is_superseded: false,
                uses: 0,
            };
            let head = self.head_of(&known);
            let rule = head.and_then(|(_, meta)| Some((meta.head.query_rule()?, meta.key)));
            let rule = rule.map(|(rule, key)| (key, rule));
            rule.iter().for_each(|(key, rule)| self.queries.add(key, rule));
            rules.insert(offset, rule);
        }
        rules
    }

    /// What a tombstone names is gone: what is found later, and what was appended behind it by somebody
    /// who did not know of it yet.
    fn recover_tombstone(&self, notes: &mut Notes, entry: &FooterEntry) {
        let which = if entry.flags & ONE != 0 {
            notes.bury(entry.digest, Some(entry.variant), entry.generation);
            Which::Variant(entry.variant)
        } else {
            notes.bury(entry.digest, None, entry.generation);
            Which::All
        };
        let taken = self.index.take_records(entry.digest, which, entry.generation);
        taken.iter().for_each(|known| self.gone(known));
    }

    /// Reads which files the pointers name. Returns how many pointed to nothing.
    fn find_files(&self, pointers: &[Known], stop: &AtomicBool) -> u64 {
        let mut dropped = 0;
        let there = if pointers.is_empty() { HashSet::new() } else { self.large_files() };
        for known in pointers.iter().rev() {
            if stop.load(Ordering::Acquire) {
                return dropped;
            }
            if !self.index.is_current(known) {
                continue;
            }
            let named = self.head_of(known).and_then(|(header, meta)| match meta.body {
                Place::Files(runs) => Some((header, runs)),
                Place::Here { .. } | Place::Base { .. } => None,
            });
            let is_there = |run: &Run| there.contains(&run.file);
            let Some((header, runs)) = named.filter(|(_, runs)| runs.iter().all(is_there)) else {
                dropped += 1;
                self.index.remove(known);
                continue;
            };
            for run in &runs {
                self.large.retain(run.file, header.digest, run.offset.saturating_add(run.length));
            }
            let files = runs.iter().map(|run| run.file).collect();
            self.pointers.add(*known, files, known.generation);
            // It may have gone meanwhile.
            if !self.index.is_current(known) {
                self.gone(known);
            }
        }
        dropped
    }

    /// The numbers of the large files that are there.
    fn large_files(&self) -> HashSet<u64> {
        let directories = (0..=u8::MAX).map(|byte| names::large_directory(u128::from(byte) << 120));
        let names = directories.flat_map(|directory| self.io.list(&directory).unwrap_or_default());
        names.filter_map(|name| Some(names::large_id(&name)?.1)).collect()
    }
}

/// A key, and which other queries what is stored under it answers.
type Rule = (CacheKey, QueryRule);

/// The records that were found again.
#[derive(Debug)]
pub(super) struct Records {
    /// Those that point to large files.
    pointers: Vec<Known>,
    /// Bytes that belong to no record.
    damaged: u64,
    /// Whether all could be read.
    is_whole: bool,
}

/// The head of a segment whose own is damaged: what its first record says, if that is one. Its
/// tombstones still count.
fn lost_head(file: &dyn File, seq: u32, length: u64) -> io::Result<Option<segment::Head>> {
    let first = segment::HEAD as u64;
    let longest = (record::HEADER as u64 + u64::from(record::LONGEST_META)).min(length - first);
    let mut bytes = vec![0; usize::try_from(longest).map_err(io::Error::other)?];
    file.read_at(&mut bytes, first)?;
    let Some(nonce) = bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) else {
        return Ok(None);
    };
    let head = segment::Head { seq, nonce };
    Ok(record::verify(&bytes, head, first).is_ok().then_some(head))
}

/// What is to be found again.
#[derive(Debug)]
pub(super) struct Adopted {
    /// The oldest first.
    pub(super) segments: Vec<Arc<Segment>>,
    /// Files that are no segments.
    dropped: u64,
    /// Whether all segments could be read.
    is_whole: bool,
}

/// The end of the recovery, however it comes.
struct Ending<'a> {
    meanwhile: &'a Meanwhile,
    is_whole: bool,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.meanwhile.end(self.is_whole);
    }
}
