//! Reads a stored body.

use bytes::Bytes;
use http::HeaderMap;

use super::blocks::Blocks;

/// Reads a stored body, block by block. Keeps the body alive, not the response.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    body: Blocks,
    next: usize,
    skip: usize,
    remaining: u64,
    trailers: Option<HeaderMap>,
}

impl Reader {
    /// Reads `length` bytes from `first` on, all of which `body` has.
    pub(super) fn new(body: Blocks, first: u64, length: u64) -> Self {
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
