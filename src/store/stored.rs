//! A stored response: immutable, shared, and readable after it has left the store.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::HeaderMap;

use super::blocks::Blocks;
use super::disk::Extents;
use super::extras::Extras;
use super::flags::{Flags, OnDisk};
use super::reader::Reader;
use super::segments::Segments;
use super::tier::Tier;
use crate::http::QueryRule;
use crate::net::{Scope, Whence};
use crate::policy::select::Variant;
use crate::policy::{CacheKey, Interval, Partial, StoredHead};

/// What one stored response costs besides head and body: the cache's own nodes and table slots, its place
/// in the list of variants, and what the allocator rounds up. Measured by `benches/memory.rs`: together
/// with what is counted exactly, not less than what is resident.
const OVERHEAD: usize = 480;

/// Weights are counted in units of this many bytes, so that 32 bits are enough.
pub(super) const UNIT: usize = 64;

/// A response that is, or was, in the store, complete or in parts. Cheap to clone; readable after its
/// eviction.
#[derive(Clone, Debug)]
pub struct StoredResponse(Arc<Inner>);

/// A stored response that is not kept by this: gone when it has been evicted and nobody reads it.
#[derive(Clone, Debug)]
pub(super) struct WeakResponse(Weak<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    lineage: u64,
    key: CacheKey,
    head: StoredHead,
    scope: Scope,
    tier: Tier,
    flags: Flags,
    units: u32,
    extras: Option<Box<Extras>>,
    content: Content,
}

/// The longest body that is kept behind the head, in one allocation with it.
const TAIL: usize = 4096;

/// The body.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// As one response brought it.
    Whole(Box<Blocks>),
    /// As one response brought it, so many bytes: they are behind the head.
    Tail(u16),
    /// As several brought it, or one that had only a part.
    Parts(Arc<Segments>),
    /// On disk, whole or in parts: too long to be kept in memory.
    Spilled(Arc<Extents>),
}

/// How much of a body is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// All of it.
    Whole,
    /// These parts.
    Part(&'a Partial),
}

/// What a stored response is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) key: CacheKey,
    pub(super) head: StoredHead,
    pub(super) whence: Whence,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) content: Content,
}

impl StoredResponse {
    /// Puts a response together; `id` is unique in the process.
    pub(super) fn new(id: u64, parts: Parts) -> Self {
        Self::build(id, id, Tier::Memory, parts)
    }

    /// The same response under another head. Not yet on disk, whatever became of this one.
    pub(super) fn with_head(&self, id: u64, head: StoredHead) -> Self {
        Self::build(id, self.0.lineage, self.0.tier, self.parts(head))
    }

    /// What it is made of, under this head.
    fn parts(&self, head: StoredHead) -> Parts {
        let (key, whence) = (self.0.key.clone(), self.whence());
        let content = match &self.0.content {
            Content::Tail(_) => Content::whole(self.whole()),
            other => other.clone(),
        };
        Parts { key, head, whence, trailers: self.trailers().cloned(), content }
    }

    fn build(id: u64, lineage: u64, tier: Tier, parts: Parts) -> Self {
        let Parts { key, head, whence, trailers, content } = parts;
        let Whence { scope, address } = whence;
        let lineage = match &content {
            Content::Parts(segments) => segments.lineage(),
            Content::Spilled(extents) => extents.lineage(),
            Content::Whole(_) | Content::Tail(_) => lineage,
        };
        let tier = match &content {
            Content::Spilled(_) => Tier::Disk,
            _ => tier,
        };
        // What was read from disk is in one allocation already.
        let (head, content) = match tier {
            Tier::Memory => content.behind(head),
            Tier::Disk => (head, content),
        };
        let extras = Extras::of(&key, &head, trailers.as_ref(), address).map(Box::new);
        let weight = OVERHEAD
            + size_of::<Inner>()
            + key.uri().as_str().len()
            + head.weight()
            + extras.as_ref().map_or(0, |extras| extras.weight())
            + content.weight();
        let units = u32::try_from(weight.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let flags = Flags::default();
        let inner = Inner { id, lineage, key, head, scope, tier, flags, units, extras, content };
        Self(Arc::new(inner))
    }

    /// The key that it is stored under.
    pub fn key(&self) -> &CacheKey {
        &self.0.key
    }

    /// Status, fields, times, nominated fields, freshness.
    pub fn head(&self) -> &StoredHead {
        &self.0.head
    }

    /// Where it came from: a client that may not reach that is not given it.
    pub fn whence(&self) -> Whence {
        let address = self.0.extras.as_ref().and_then(|extras| extras.address());
        Whence { scope: self.0.scope, address }
    }

    /// How much of the body is stored.
    pub fn extent(&self) -> Extent<'_> {
        match self.in_parts() {
            Some(partial) if !partial.is_complete() => Extent::Part(partial),
            _ => Extent::Whole,
        }
    }

    /// Which bytes are stored: all of them where it is whole.
    pub fn held(&self) -> Partial {
        match self.in_parts() {
            Some(partial) => partial.clone(),
            None => {
                let length = self.length();
                let mut held = Partial { complete_length: Some(length), ..Partial::default() };
                Interval::whole(length).into_iter().for_each(|whole| held.intervals.add(whole));
                held
            }
        }
    }

    /// What a body in parts consists of.
    fn in_parts(&self) -> Option<&Partial> {
        match &self.0.content {
            Content::Parts(segments) => Some(segments.partial()),
            Content::Spilled(extents) => Some(extents.partial()),
            Content::Whole(_) | Content::Tail(_) => None,
        }
    }

    /// Bytes of the body that are stored: where it is whole, its length.
    pub fn length(&self) -> u64 {
        match &self.0.content {
            Content::Whole(blocks) => blocks.length() as u64,
            Content::Tail(length) => u64::from(*length),
            Content::Parts(segments) => segments.length(),
            Content::Spilled(extents) => extents.length(),
        }
    }

    /// The trailer fields (RFC 9110 §6.5).
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.0.extras.as_ref()?.trailers()
    }

    /// Reads the whole body. Of a body that is not whole it reads nothing.
    pub fn reader(&self) -> Reader {
        let Some(partial) = self.in_parts() else {
            return Reader::new(self.whole(), 0, self.length());
        };
        let all = partial.complete_length.filter(|_| partial.is_complete());
        let all = all.and_then(Interval::whole).and_then(|all| self.read(all));
        all.unwrap_or_default()
    }

    /// Reads the bytes `first` to `last`, both included. `None` when not all of them are stored.
    pub fn reader_range(&self, first: u64, last: u64) -> Option<Reader> {
        if last < first {
            return None;
        }
        self.read(Interval { first, last })
    }

    fn read(&self, wanted: Interval) -> Option<Reader> {
        match &self.0.content {
            Content::Parts(segments) => {
                let (at, blocks) = segments.run(wanted)?;
                Some(Reader::new(blocks.clone(), wanted.first - at, wanted.length()))
            }
            Content::Spilled(extents) => extents.reader(wanted).map(Reader::of_disk),
            Content::Whole(_) | Content::Tail(_) => (wanted.last < self.length())
                .then(|| Reader::new(self.whole(), wanted.first, wanted.length())),
        }
    }

    /// Which tier it was read from. Under a new head, the one that its body was read from.
    pub fn tier(&self) -> Tier {
        if self.is_counted() { Tier::Memory } else { self.0.tier }
    }

    /// Unique in the process: a stored response and its freshened successor differ. Whatever was begun
    /// later has a larger one.
    pub(super) fn id(&self) -> u64 {
        self.0.id
    }

    /// When the exchange was announced that it comes from, of several the latest: the numbers are those of
    /// [`id`](Self::id), which a response that was put together gets only then.
    pub(super) fn begun(&self) -> u64 {
        match &self.0.content {
            Content::Parts(segments) => segments.begun(),
            Content::Spilled(extents) => extents.begun(),
            Content::Whole(_) | Content::Tail(_) => self.id(),
        }
    }

    /// The number under which the first byte of its body was written: a new head, or new parts, do not
    /// change it.
    pub(super) fn lineage(&self) -> u64 {
        self.0.lineage
    }

    /// What it weighs, in units of [`UNIT`] bytes.
    pub(super) fn units(&self) -> u32 {
        self.0.units
    }

    /// The digests of the groups that it belongs to.
    pub(super) fn groups(&self) -> &[u128] {
        self.0.extras.as_ref().map_or(&[], |extras| extras.groups())
    }

    /// Which queries ask for the same.
    pub(super) fn rule(&self) -> Option<&QueryRule> {
        self.0.extras.as_ref()?.rule()
    }

    /// The body in parts; a whole one as the only part of itself. `None` when it is empty or on disk.
    pub(super) fn segments(&self) -> Option<Arc<Segments>> {
        match &self.0.content {
            Content::Parts(segments) => Some(Arc::clone(segments)),
            Content::Whole(_) | Content::Tail(_) => {
                let (lineage, begun) = (self.lineage(), self.begun());
                Segments::whole(lineage, begun, &self.whole()).map(Arc::new)
            }
            Content::Spilled(_) => None,
        }
    }

    /// Whether it is `other`, or both have their body from one that one of them came out of by a new
    /// head or by new parts.
    pub(super) fn continues(&self, other: &Self) -> bool {
        self.lineage() == other.lineage()
    }

    /// The body where it is in memory, and not in parts.
    fn whole(&self) -> Blocks {
        match &self.0.content {
            Content::Whole(blocks) => Blocks::clone(blocks),
            Content::Tail(length) => Blocks::One(self.0.head.tail(usize::from(*length))),
            Content::Parts(_) | Content::Spilled(_) => Blocks::default(),
        }
    }

    /// Notes whether it is counted as stored; returns what was noted before.
    pub(super) fn count(&self, counted: bool) -> bool {
        self.0.flags.count(counted)
    }

    /// Whether it is counted as stored.
    pub(super) fn is_counted(&self) -> bool {
        self.0.flags.is_counted()
    }

    /// A handle that does not keep it.
    pub(super) fn downgrade(&self) -> WeakResponse {
        WeakResponse(Arc::downgrade(&self.0))
    }
}

impl StoredResponse {
    /// Puts a response together that was read from disk: its numbers are those that it was written
    /// under.
    pub(super) fn of_disk(id: u64, lineage: u64, parts: Parts) -> Self {
        let read = Self::build(id, lineage, Tier::Disk, parts);
        read.0.flags.change(OnDisk::No, OnDisk::Written);
        read
    }

    /// The same response under the same number, with nothing noted of what became of it.
    pub(super) fn unmarked(&self) -> Self {
        Self::build(self.0.id, self.0.lineage, self.0.tier, self.parts(self.0.head.clone()))
    }

    /// The same response, read from disk, as memory keeps it: the same number, and on disk already.
    pub(super) fn promoted(&self) -> Self {
        let kept =
            Self::build(self.0.id, self.0.lineage, Tier::Memory, self.parts(self.0.head.clone()));
        kept.0.flags.change(OnDisk::No, OnDisk::Written);
        kept
    }

    /// The body where it is on disk.
    pub(super) fn extents(&self) -> Option<&Arc<Extents>> {
        match &self.0.content {
            Content::Spilled(extents) => Some(extents),
            _ => None,
        }
    }

    /// Whether its body is on disk, and not in memory.
    pub(super) fn is_spilled(&self) -> bool {
        self.extents().is_some()
    }

    /// The bytes of the body that are there, in order, where they are in memory.
    pub(super) fn frames(&self) -> Vec<Bytes> {
        let frames: Vec<Bytes> = match &self.0.content {
            Content::Parts(segments) => segments.frames().cloned().collect(),
            Content::Whole(_) | Content::Tail(_) => self.whole().iter().cloned().collect(),
            Content::Spilled(_) => Vec::new(),
        };
        frames.into_iter().filter(|frame| !frame.is_empty()).collect()
    }

    /// Notes that it must not be used any more: it was invalidated, replaced or removed, not just
    /// evicted. Returns whether that is news.
    pub(super) fn invalidate(&self) -> bool {
        self.0.flags.invalidate()
    }

    /// Whether it must not be used any more.
    pub(super) fn is_void(&self) -> bool {
        self.0.flags.is_void()
    }

    /// Whether it is on disk, as it is.
    pub(super) fn on_disk(&self) -> OnDisk {
        self.0.flags.on_disk()
    }

    /// Notes how far it has come on its way to the disk, if it is where it is said to be. Of several
    /// that try one is told that it was it.
    pub(super) fn change_on_disk(&self, from: OnDisk, to: OnDisk) -> bool {
        self.0.flags.change(from, to)
    }
}

impl WeakResponse {
    /// The response, if it is still stored.
    pub(super) fn stored(&self) -> Option<StoredResponse> {
        self.0.upgrade().map(StoredResponse).filter(StoredResponse::is_counted)
    }
}

impl Content {
    /// A whole body.
    pub(super) fn whole(blocks: Blocks) -> Self {
        Self::Whole(Box::new(blocks))
    }

    /// Puts a small body behind the head.
    fn behind(self, head: StoredHead) -> (StoredHead, Self) {
        match &self {
            Self::Whole(blocks) if blocks.length() <= TAIL => {
                let (block, length) = (blocks.block(0), u16::try_from(blocks.length()));
                match (block, length) {
                    (Some(block), Ok(length)) => (head.with_tail(block), Self::Tail(length)),
                    _ => (head, self),
                }
            }
            _ => (head, self),
        }
    }

    /// Bytes of memory that this holds besides itself.
    fn weight(&self) -> usize {
        match self {
            Self::Whole(blocks) => size_of::<Blocks>() + blocks.weight(),
            // The head weighs it.
            Self::Tail(_) => 0,
            Self::Parts(segments) => segments.weight(),
            Self::Spilled(extents) => extents.weight(),
        }
    }
}

impl Variant for StoredResponse {
    fn head(&self) -> &StoredHead {
        self.head()
    }

    fn partial(&self) -> Option<&Partial> {
        match self.extent() {
            Extent::Part(partial) => Some(partial),
            Extent::Whole => None,
        }
    }

    fn complete_length(&self) -> Option<u64> {
        match self.extent() {
            Extent::Part(partial) => partial.complete_length,
            Extent::Whole => Some(self.length()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_response_takes_no_more_than_it_has_to() {
        assert_eq!(size_of::<Inner>(), 192);
        assert_eq!(size_of::<Content>(), 16);
    }
}
