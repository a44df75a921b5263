//! A stored response, and what reads its body.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::blocks::Blocks;
use super::tier::Tier;
use crate::net::Scope;
use crate::policy::{CacheKey, StoredHead};

/// What one stored response costs besides head and body: the cache's own nodes and table slots
/// (measured between 280 and 370 bytes) and its place in the list of variants.
const OVERHEAD: usize = 512;

/// Weights are counted in units of this many bytes, so that 32 bits are enough.
pub(super) const UNIT: usize = 64;

/// A complete response that is, or was, in the store. Cheap to clone; readable after its eviction.
#[derive(Clone, Debug)]
pub struct StoredResponse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    key: CacheKey,
    head: StoredHead,
    scope: Scope,
    trailers: Option<Arc<HeaderMap>>,
    body: Blocks,
    length: u64,
    units: u32,
    counted: AtomicBool,
}

/// What a stored response is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) key: CacheKey,
    pub(super) head: StoredHead,
    pub(super) scope: Scope,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) body: Blocks,
}

impl StoredResponse {
    /// Puts a response together; `id` is unique in the process.
    pub(super) fn new(id: u64, parts: Parts) -> Self {
        let trailers = parts.trailers.filter(|fields| !fields.is_empty());
        let trailers = trailers.map(|fields| Arc::new(own_copy(&fields)));
        Self::build(id, parts.key, parts.head, parts.scope, trailers, parts.body)
    }

    /// The same response under another head.
    pub(super) fn with_head(&self, id: u64, head: StoredHead) -> Self {
        let Inner { key, scope, trailers, body, .. } = &*self.0;
        Self::build(id, key.clone(), head, *scope, trailers.clone(), body.clone())
    }

    fn build(
        id: u64,
        key: CacheKey,
        head: StoredHead,
        scope: Scope,
        trailers: Option<Arc<HeaderMap>>,
        body: Blocks,
    ) -> Self {
        let fields = trailers.as_ref().map_or(0, |fields| weight_of(fields));
        // The nominated fields are there twice: in the head and in the list of variants.
        let weight = OVERHEAD
            + size_of::<Inner>()
            + key.uri().as_str().len()
            + head.weight()
            + head.nominated.weight()
            + fields
            + body.weight();
        let units = u32::try_from(weight.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let length = body.length() as u64;
        let counted = AtomicBool::new(false);
        Self(Arc::new(Inner { id, key, head, scope, trailers, body, length, units, counted }))
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

    /// The length of the body in bytes.
    pub fn length(&self) -> u64 {
        self.0.length
    }

    /// The trailer fields (RFC 9110 §6.5).
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.0.trailers.as_deref()
    }

    /// Reads the whole body.
    pub fn reader(&self) -> Reader {
        Reader::new(self.0.body.clone(), 0, self.0.length)
    }

    /// Reads the bytes `first` to `last`, both included, as far as the body has them.
    pub fn reader_range(&self, first: u64, last: u64) -> Reader {
        let end = last.saturating_add(1).min(self.0.length);
        Reader::new(self.0.body.clone(), first, end.saturating_sub(first))
    }

    /// Which tier it was read from.
    pub fn tier(&self) -> Tier {
        Tier::Memory
    }

    /// Unique in the process: a stored response and its freshened successor differ.
    pub(super) fn id(&self) -> u64 {
        self.0.id
    }

    /// What it weighs, in units of [`UNIT`] bytes.
    pub(super) fn units(&self) -> u32 {
        self.0.units
    }

    /// Notes whether it is counted as stored; returns what was noted before.
    pub(super) fn count(&self, counted: bool) -> bool {
        self.0.counted.swap(counted, Ordering::AcqRel)
    }

    /// Whether it is counted as stored.
    pub(super) fn is_counted(&self) -> bool {
        self.0.counted.load(Ordering::Acquire)
    }
}

/// Reads a stored body, block by block. Keeps the body alive, not the response.
#[derive(Clone, Debug)]
pub struct Reader {
    body: Blocks,
    next: usize,
    skip: usize,
    remaining: u64,
    trailers: Option<HeaderMap>,
}

impl Reader {
    fn new(body: Blocks, first: u64, length: u64) -> Self {
        let mut reader = Self { body, next: 0, skip: 0, remaining: length, trailers: None };
        let mut before = usize::try_from(first).unwrap_or(usize::MAX);
        while let Some(block) = reader.body.block(reader.next) {
            if before < block.len() {
                break;
            }
            before -= block.len();
            reader.next += 1;
        }
        reader.skip = before;
        reader
    }

    /// Ends the body with trailer fields. Its length is then no longer announced, since only chunked
    /// framing can carry them (RFC 9112 §7.1.2).
    #[must_use]
    pub fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(trailers).filter(|fields| !fields.is_empty());
        self
    }

    /// Bytes still to be read.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Whether trailer fields follow the last byte.
    pub fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// The trailer fields, once.
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}

impl Iterator for Reader {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.remaining == 0 {
            return None;
        }
        let block = self.body.block(self.next)?;
        let start = std::mem::take(&mut self.skip).min(block.len());
        let left = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let end = block.len().min(start.saturating_add(left));
        let part = block.slice(start..end);
        self.next += 1;
        self.remaining -= part.len() as u64;
        Some(part)
    }
}

/// Copies fields into allocations of their own: values from the wire pin whole read buffers.
fn own_copy(fields: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            copy.append(name, value);
        }
    }
    copy
}

/// About what a map of fields takes.
fn weight_of(fields: &HeaderMap) -> usize {
    let text: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    size_of::<HeaderMap>() + fields.capacity() * 128 + text
}
