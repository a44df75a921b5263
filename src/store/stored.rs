//! A stored response: immutable, shared, and readable after it has left the store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use http::HeaderMap;

use super::blocks::Blocks;
use super::extras::Extras;
use super::reader::Reader;
use super::segments::Segments;
use super::tier::Tier;
use crate::http::QueryRule;
use crate::net::Scope;
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
    key: CacheKey,
    head: StoredHead,
    scope: Scope,
    counted: AtomicBool,
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
    pub(super) scope: Scope,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) content: Content,
}

impl StoredResponse {
    /// Puts a response together; `id` is unique in the process.
    pub(super) fn new(id: u64, parts: Parts) -> Self {
        let Parts { key, head, scope, trailers, content } = parts;
        Self::build(id, key, head, scope, trailers.as_ref(), content)
    }

    /// The same response under another head.
    pub(super) fn with_head(&self, id: u64, head: StoredHead) -> Self {
        let content = match &self.0.content {
            Content::Tail(_) => Content::whole(self.whole()),
            other => other.clone(),
        };
        Self::build(id, self.0.key.clone(), head, self.0.scope, self.trailers(), content)
    }

    fn build(
        id: u64,
        key: CacheKey,
        head: StoredHead,
        scope: Scope,
        trailers: Option<&HeaderMap>,
        content: Content,
    ) -> Self {
        let (head, content) = content.behind(head);
        let extras = Extras::of(&key, &head, trailers).map(Box::new);
        let weight = OVERHEAD
            + size_of::<Inner>()
            + key.uri().as_str().len()
            + head.weight()
            + extras.as_ref().map_or(0, |extras| extras.weight())
            + content.weight();
        let units = u32::try_from(weight.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let counted = AtomicBool::new(false);
        Self(Arc::new(Inner { id, key, head, scope, counted, units, extras, content }))
    }

    /// The key that it is stored under.
    pub fn key(&self) -> &CacheKey {
        &self.0.key
    }

    /// Status, fields, times, nominated fields, freshness.
    pub fn head(&self) -> &StoredHead {
        &self.0.head
    }

    /// The kind of address that it came from: a client that may not reach it is not given it.
    pub fn scope(&self) -> Scope {
        self.0.scope
    }

    /// How much of the body is stored.
    pub fn extent(&self) -> Extent<'_> {
        match &self.0.content {
            Content::Parts(segments) if !segments.partial().is_complete() => {
                Extent::Part(segments.partial())
            }
            Content::Whole(_) | Content::Tail(_) | Content::Parts(_) => Extent::Whole,
        }
    }

    /// Which bytes are stored: all of them where it is whole.
    pub fn held(&self) -> Partial {
        match &self.0.content {
            Content::Parts(segments) => segments.partial().clone(),
            Content::Whole(_) | Content::Tail(_) => {
                let length = self.length();
                let mut held = Partial { complete_length: Some(length), ..Partial::default() };
                Interval::whole(length).into_iter().for_each(|whole| held.intervals.add(whole));
                held
            }
        }
    }

    /// Bytes of the body that are stored: where it is whole, its length.
    pub fn length(&self) -> u64 {
        match &self.0.content {
            Content::Whole(blocks) => blocks.length() as u64,
            Content::Tail(length) => u64::from(*length),
            Content::Parts(segments) => segments.length(),
        }
    }

    /// The trailer fields (RFC 9110 §6.5).
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.0.extras.as_ref()?.trailers()
    }

    /// Reads the whole body. Of a body that is not whole it reads nothing.
    pub fn reader(&self) -> Reader {
        let Content::Parts(segments) = &self.0.content else {
            return Reader::new(self.whole(), 0, self.length());
        };
        let all = Interval::whole(segments.length()).filter(|_| self.extent() == Extent::Whole);
        all.and_then(|all| run(segments, all)).unwrap_or_default()
    }

    /// Reads the bytes `first` to `last`, both included. `None` when not all of them are stored.
    pub fn reader_range(&self, first: u64, last: u64) -> Option<Reader> {
        if last < first {
            return None;
        }
        let wanted = Interval { first, last };
        match &self.0.content {
            Content::Parts(segments) => run(segments, wanted),
            _ => (last < self.length()).then(|| Reader::new(self.whole(), first, wanted.length())),
        }
    }

    /// Which tier it was read from.
    pub fn tier(&self) -> Tier {
        Tier::Memory
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
            _ => self.id(),
        }
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

    /// The body in parts; a whole one as the only part of itself.
    pub(super) fn segments(&self) -> Option<Arc<Segments>> {
        match &self.0.content {
            Content::Parts(segments) => Some(Arc::clone(segments)),
            _ => Segments::whole(self.id(), &self.whole()).map(Arc::new),
        }
    }

    /// Whether it is `other`, or came out of it by a new head or by new parts.
    pub(super) fn continues(&self, other: &Self) -> bool {
        let lineage = |response: &Self| match &response.0.content {
            Content::Parts(segments) => segments.lineage(),
            _ => response.id(),
        };
        lineage(self) == lineage(other)
    }

    /// The body where it is not in parts.
    fn whole(&self) -> Blocks {
        match &self.0.content {
            Content::Whole(blocks) => Blocks::clone(blocks),
            Content::Tail(length) => Blocks::One(self.0.head.tail(usize::from(*length))),
            Content::Parts(_) => Blocks::default(),
        }
    }

    /// Notes whether it is counted as stored; returns what was noted before.
    pub(super) fn count(&self, counted: bool) -> bool {
        self.0.counted.swap(counted, Ordering::AcqRel)
    }

    /// Whether it is counted as stored.
    pub(super) fn is_counted(&self) -> bool {
        self.0.counted.load(Ordering::Acquire)
    }

    /// A handle that does not keep it.
    pub(super) fn downgrade(&self) -> WeakResponse {
        WeakResponse(Arc::downgrade(&self.0))
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
        }
    }
}

fn run(segments: &Segments, wanted: Interval) -> Option<Reader> {
    let (at, blocks) = segments.run(wanted)?;
    Some(Reader::new(blocks.clone(), wanted.first - at, wanted.length()))
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
