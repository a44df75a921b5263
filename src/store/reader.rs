//! Reads a stored body.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;

use super::blocks::Blocks;
use super::disk::Chunks;

/// Why a stored body cannot be read on. Its store knows, and has taken it out where it has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Damaged {
    /// What is on disk is not what was written.
    #[error("the stored response is damaged")]
    Content,
    /// The disk does not answer, or not in time.
    #[error("the stored response could not be read")]
    Unreadable,
}

/// Reads a stored body, block by block. Keeps the body alive, not the response.
#[derive(Debug, Default)]
pub struct Reader {
    source: Source,
    trailers: Option<HeaderMap>,
}

#[derive(Debug)]
enum Source {
    Memory(Walk),
    Disk(Box<Chunks>),
}

impl Default for Source {
    fn default() -> Self {
        Self::Memory(Walk::default())
    }
}

impl Reader {
    /// Reads `length` bytes from `first` on, all of which `body` has.
    pub(super) fn new(body: Blocks, first: u64, length: u64) -> Self {
        let source = Source::Memory(Walk::new(body, first, length));
        Self { source, trailers: None }
    }

    /// Reads from disk.
    pub(super) fn of_disk(chunks: Chunks) -> Self {
        Self { source: Source::Disk(Box::new(chunks)), trailers: None }
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
        match &self.source {
            Source::Memory(walk) => walk.remaining,
            Source::Disk(chunks) => chunks.remaining(),
        }
    }

    /// Whether trailer fields follow the last byte.
    pub fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// The trailer fields, once.
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// The next bytes, verified; what is in memory is ready at once. Nothing follows an error.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Damaged>>> {
        let next = match &mut self.source {
            Source::Memory(walk) => return Poll::Ready(walk.next().map(Ok)),
            Source::Disk(chunks) => ready!(chunks.poll_next(cx)),
        };
        if let Some(Err(_)) = &next {
            self.trailers = None;
        }
        Poll::Ready(next)
    }

    /// The next bytes.
    pub async fn next(&mut self) -> Option<Result<Bytes, Damaged>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Reads the first bytes, verifies and keeps them: whoever sends a head afterwards knows that a body
    /// follows it. What is in memory is ready.
    ///
    /// # Errors
    /// [`Damaged`] when they cannot be read; then nothing can.
    pub async fn prime(&mut self) -> Result<(), Damaged> {
        match &mut self.source {
            Source::Memory(_) => Ok(()),
            Source::Disk(chunks) => poll_fn(|cx| chunks.poll_ready(cx)).await,
        }
    }
}

/// Walks through blocks in memory.
#[derive(Debug, Default)]
struct Walk {
    body: Blocks,
    next: usize,
    skip: usize,
    remaining: u64,
}

impl Walk {
    fn new(body: Blocks, first: u64, length: u64) -> Self {
        let mut walk = Self { body, next: 0, skip: 0, remaining: length };
        let mut before = usize::try_from(first).unwrap_or(usize::MAX);
        while let Some(block) = walk.body.block(walk.next) {
            if before < block.len() {
                break;
            }
            before -= block.len();
            walk.next += 1;
        }
        walk.skip = before;
        walk
    }

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
