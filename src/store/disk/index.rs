//! Where each stored response is on disk: 24 bytes each, and what is still on its way there.
//!
//! The index only finds. What a record says, its full key included, decides.

mod pending;
mod shard;
mod uses;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;
use parking_lot::{Mutex, MutexGuard};

use super::spot::{Place, SEQUENCES, Spot};
use crate::store::memory::next_id;
use crate::store::stored::StoredResponse;
use crate::store::variants::VARIANTS;

/// Locks over which the keys are spread; a power of two. So many that nobody waits long for a table that
/// grows: of ten million entries each has ten thousand.
const SHARDS: usize = 1024;

/// The bits of a tag that are of the nominated fields.
const VARIANT: u64 = 0xff_ffff;

/// Which responses are on disk, and which wait to be written.
///
/// Nothing is called while one of its locks is held, except the questions that are passed in.
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[Mutex<Shard>]>,
    count: AtomicU64,
    /// Of all records that are named.
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    table: HashTable<Entry>,
    pending: HashMap<u64, Vec<StoredResponse>>,
}

/// One response: 24 bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// 40 bits of the key's digest, 24 of the nominated fields'.
    tag: u64,
    place: Place,
    /// The id of the response.
    generation: u64,
}

/// Finds the records of one variant of one key. Two with one tag displace each other: a miss, never a
/// wrong answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    shard: usize,
    bits: u64,
}

/// A record that the index names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Known {
    pub(super) tag: Tag,
    pub(super) generation: u64,
    pub(super) spot: Spot,
    /// Whether the record has a head only; its body is in an older one.
    pub(super) is_update: bool,
    /// Whether a newer response is in memory, so that this is not to be found any more.
    pub(super) is_superseded: bool,
    /// How often it was used, up to three.
    pub(super) uses: u8,
}

/// What is there under a key.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Waiting to be written.
    pub(super) pending: Vec<StoredResponse>,
    /// Written.
    pub(super) records: Vec<Known>,
}

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All variants.
    All,
    /// This one.
    Variant(u32),
}

/// How old it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It does not matter.
    Any,
    /// Older than this.
    Below(u64),
}

/// What was taken out.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// All of it is older than this, and nothing is that comes later.
    pub(super) below: u64,
    /// Written ones; those that were superseded are among them.
    pub(super) records: Vec<Known>,
    /// Ones that waited to be written.
    pub(super) pending: Vec<StoredResponse>,
}

impl Taken {
    /// Whether there was anything.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.pending.is_empty()
    }

    /// How many could have been found.
    pub(super) fn count(&self) -> usize {
        let found = self.records.iter().filter(|known| !known.is_superseded).count();
        found + self.pending.len()
    }
}

impl Which {
    fn tag(self, digest: u128) -> Tag {
        match self {
            Self::All => Tag::new(digest, 0),
            Self::Variant(variant) => Tag::new(digest, variant),
        }
    }
}

impl Tag {
    /// The tag of one variant under a key's digest.
    pub(super) fn new(digest: u128, variant: u32) -> Self {
        // Multiplied, as HEAD's digest and GET's differ in the lowest bit only.
        let low = (digest as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = (low & !VARIANT) | (u64::from(variant) & VARIANT);
        let shard = usize::try_from(digest >> 96).unwrap_or_default() % SHARDS;
        Self { shard, bits }
    }

    /// The bits that tell the variant.
    pub(super) fn variant(self) -> u32 {
        u32::try_from(self.bits & VARIANT).unwrap_or_default()
    }

    fn key_bits(self) -> u64 {
        self.bits & !VARIANT
    }
}

impl Index {
    /// An empty index.
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, count: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// How many responses are on disk.
    pub(super) fn len(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Bytes of all records that it names.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    fn came(&self, spot: Spot, old: Option<&Known>) {
        self.bytes.fetch_add(spot.length, Ordering::AcqRel);
        match old {
            Some(old) => drop(self.bytes.fetch_sub(old.spot.length, Ordering::AcqRel)),
            None => drop(self.count.fetch_add(1, Ordering::AcqRel)),
        }
    }

    fn went(&self, known: &Known) {
        self.bytes.fetch_sub(known.spot.length, Ordering::AcqRel);
        self.count.fetch_sub(1, Ordering::AcqRel);
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().table.allocation_size()).sum()
    }

    /// What may be there under a key. Superseded ones are not.
    pub(super) fn look(&self, digest: u128) -> Found {
        self.look_beside(digest, |_| false)
    }

    /// The same without the records for which `is_known` says yes.
    pub(super) fn look_beside(&self, digest: u128, is_known: impl Fn(&Known) -> bool) -> Found {
        let tag = Tag::new(digest, 0);
        let Some(shard) = self.shard(tag) else { return Found::default() };
        let pending = shard.pending.get(&tag.key_bits()).map_or(&[][..], Vec::as_slice);
        let pending = pending.iter().filter(|response| !response.is_void()).cloned().collect();
        let is_found =
            |known: &Known| !known.is_superseded && !shard.is_hidden(known) && !is_known(known);
        let records = shard.of_key(tag).filter(is_found).collect();
        Found { pending, records }
    }

    /// Whether a record is still the one that its variant has.
    pub(super) fn is_current(&self, known: &Known) -> bool {
        let Some(shard) = self.shard(known.tag) else { return false };
        shard.of(known.tag).is_some_and(|now| {
            now.generation == known.generation && !now.is_superseded && now.spot == known.spot
        })
    }

    /// Whether the record of this number is found: nothing that comes after it is there.
    pub(super) fn has(&self, tag: Tag, generation: u64) -> bool {
        let Some(shard) = self.shard(tag) else { return false };
        shard.of(tag).is_some_and(|known| {
            known.generation == generation && !known.is_superseded && !shard.is_hidden(&known)
        })
    }

    /// The record of a variant, superseded or not.
    pub(super) fn at(&self, tag: Tag) -> Option<Known> {
        self.shard(tag)?.of(tag)
    }

    /// The variant stored first of a key that has one too many.
    pub(super) fn one_too_many(&self, tag: Tag) -> Option<Known> {
        let shard = self.shard(tag)?;
        if shard.of_key(tag).count() <= VARIANTS {
            return None;
        }
        shard.of_key(tag).min_by_key(|known| known.generation)
    }

    /// A newer response of the variant is in memory: what is on disk is not found any more, and stays
    /// only to be known of. What waits is not written any more.
    pub(super) fn supersede(&self, by: &StoredResponse, tag: Tag) {
        let Some(mut shard) = self.shard(tag) else { return };
        shard.change(tag, |entry| {
            if entry.generation < by.id() {
                entry.place = entry.place.superseded();
            }
        });
        let displaced = shard.displace(by, tag);
        drop(shard);
        drop(displaced);
    }

    /// The records that are superseded.
    pub(super) fn superseded(&self) -> Vec<Known> {
        let mut all = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            let shard = shard.lock();
            let superseded = shard.table.iter().filter(|entry| entry.place.is_superseded());
            all.extend(superseded.map(|entry| entry.known(number)));
        }
        all
    }

    /// Takes out the records that are older than `below`.
    pub(super) fn take_records(&self, digest: u128, which: Which, below: u64) -> Vec<Known> {
        let tag = which.tag(digest);
        let taken = self.shard(tag).map(|mut shard| shard.take(tag, which, below));
        let taken = taken.unwrap_or_default();
        taken.iter().for_each(|known| self.went(known));
        taken
    }

    /// Takes out what is so old.
    pub(super) fn take(&self, digest: u128, which: Which, age: Age) -> Taken {
        let tag = which.tag(digest);
        let Some(mut shard) = self.shard(tag) else { return Taken::default() };
        let below = match age {
            Age::Any => u64::MAX,
            Age::Below(below) => below,
        };
        let records = shard.take(tag, which, below);
        let mut taken = Taken { below, records, pending: Vec::new() };
        taken.pending = shard.take_pending(tag, |response| {
            let key = response.key().digest();
            let is_meant = match which {
                Which::All => key == digest,
                Which::Variant(variant) => {
                    key == digest && Tag::of(response) == Tag::new(digest, variant)
                }
            };
            is_meant && response.id() < below
        });
        if age == Age::Any {
            // While nothing else can come: what has a number already is met here, or not let in.
            let records = taken.records.iter().map(|known| known.generation);
            let all = records.chain(taken.pending.iter().map(StoredResponse::id));
            let last = all.max().map_or(0, |last| last.saturating_add(1));
            taken.below = next_id().max(last);
        }
        taken.records.iter().for_each(|known| self.went(known));
        taken
    }

    /// Takes out what is in a segment that is gone.
    pub(super) fn forget_segment(&self, seq: u32) -> Vec<Known> {
        let mut gone = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            shard.lock().table.retain(|entry| {
                let known = entry.known(number);
                let stays = known.spot.seq != seq % SEQUENCES;
                gone.extend((!stays).then_some(known));
                stays
            });
        }
        gone.iter().for_each(|known| self.went(known));
        gone
    }

    /// Takes out one record, if it is still the one that its variant has.
    pub(super) fn remove(&self, known: &Known) -> bool {
        let Some(mut shard) = self.shard(known.tag) else { return false };
        let removed = shard.remove(known);
        if removed {
            self.went(known);
        }
        removed
    }

    /// The record was copied; its uses are counted anew.
    pub(super) fn relocate(&self, known: &Known, spot: Spot, is_update: bool) -> bool {
        let Some(mut shard) = self.shard(known.tag) else { return false };
        let mut moved = false;
        shard.change(known.tag, |entry| {
            if entry.generation == known.generation && entry.place.spot() == known.spot {
                let place = Place::new(spot, is_update);
                let is_superseded = entry.place.is_superseded();
                entry.place = if is_superseded { place.superseded() } else { place };
                moved = true;
            }
        });
        if moved {
            self.bytes.fetch_add(spot.length, Ordering::AcqRel);
            self.bytes.fetch_sub(known.spot.length, Ordering::AcqRel);
        }
        moved
    }

    /// A record was found at the start. Not taken when a later one of its variant is there already;
    /// `Ok` has the one that it takes the place of.
    pub(super) fn recover(
        &self,
        tag: Tag,
        spot: Spot,
        generation: u64,
        is_update: bool,
    ) -> Result<Option<Known>, Gone> {
        let mut shard = self.shard(tag).ok_or(Gone)?;
        if shard.of(tag).is_some_and(|known| known.generation >= generation) {
            return Err(Gone);
        }
        let waiting = shard.pending.get(&tag.key_bits()).into_iter().flatten();
        if waiting.into_iter().any(|other| Tag::of(other) == tag && other.id() >= generation) {
            return Err(Gone);
        }
        let entry = Entry { tag: tag.bits, place: Place::new(spot, is_update), generation };
        let old = shard.put(tag, entry);
        self.came(spot, old.as_ref());
        Ok(old)
    }

    /// Forgets everything that is written: its files are gone. What waits, waits on.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let gone = shard.table.iter().map(|entry| entry.known(0)).collect::<Vec<_>>();
            gone.iter().for_each(|known| self.went(known));
            shard.table = HashTable::new();
        }
    }

    fn shard(&self, tag: Tag) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(tag.shard).map(Mutex::lock)
    }
}

/// What was to be written, or to be found, is not there any more, or something later is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Entry {
    fn known(&self, shard: usize) -> Known {
        Known {
            tag: Tag { shard, bits: self.tag },
            generation: self.generation,
            spot: self.place.spot(),
            is_update: self.place.is_update(),
            is_superseded: self.place.is_superseded(),
            uses: self.place.uses(),
        }
    }
}
