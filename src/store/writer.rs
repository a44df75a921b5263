//! Writes one response; nobody sees it before it is finished.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;

use super::Shared;
use super::blocks::Blocks;
use super::memory::next_id;
use super::stored::{Parts, StoredResponse};
use super::tier::Storage;
use super::under_way::Ticket;
use crate::net::Scope;
use crate::policy::{CacheKey, StoredHead};

/// Why a response is not stored at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Its announced length is over what is stored.
    #[error("the response is longer than what is stored; raise --memory or --max-object")]
    TooLarge,
}

/// The body turned out longer than what is stored. What was written is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body outgrew what is stored")]
pub struct Overflow;

/// A response that is about to be asked for. Announced before the request is sent: an invalidation
/// from then on reaches it, because the origin may have made it before the change (RFC 9111 §4.4).
#[derive(Debug)]
pub struct Announced {
    shared: Arc<Shared>,
    ticket: Arc<Ticket>,
    key: CacheKey,
}

impl Announced {
    pub(super) fn new(shared: &Arc<Shared>, key: CacheKey) -> Self {
        let ticket = shared.under_way.enter(key.digest());
        Self { shared: Arc::clone(shared), ticket, key }
    }

    /// Begins to store it. It came from an address of `scope`, and `content_length` is what its
    /// `Content-Length` promised.
    ///
    /// # Errors
    /// [`Refused::TooLarge`] when so long a body is not stored.
    pub fn begin(
        self,
        head: StoredHead,
        scope: Scope,
        content_length: Option<u64>,
    ) -> Result<Writer, Refused> {
        if content_length.is_some_and(|length| length > self.shared.config.max_stored()) {
            return Err(Refused::TooLarge);
        }
        let (frames, length) = (Vec::new(), 0);
        Ok(Writer { announced: self, head: Some(head), scope, content_length, frames, length })
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.shared.under_way.leave(self.key.digest(), &self.ticket);
    }
}

/// Writes one response. Dropping it abandons what was written; only [`Writer::finish`] stores.
#[derive(Debug)]
pub struct Writer {
    announced: Announced,
    head: Option<StoredHead>,
    scope: Scope,
    content_length: Option<u64>,
    frames: Vec<Bytes>,
    length: u64,
}

impl Writer {
    /// Adds a part of the body. The caller has copied it: a slice of a read buffer would keep that
    /// whole buffer in memory. The spool may hold the same bytes; nothing is copied here.
    ///
    /// # Errors
    /// [`Overflow`] when the body is now longer than what is stored; the writer is then of no use.
    pub fn write(&mut self, bytes: Bytes) -> Result<(), Overflow> {
        let length = self.length.saturating_add(bytes.len() as u64);
        if self.head.is_none() || length > self.announced.shared.config.max_stored() {
            self.head = None;
            self.frames = Vec::new();
            return Err(Overflow);
        }
        self.length = length;
        if !bytes.is_empty() {
            self.frames.push(bytes);
        }
        Ok(())
    }

    /// The body ended cleanly: stores the response and returns it. `None` when its length is not the
    /// one that `Content-Length` promised, when its key was invalidated since it was announced, or when
    /// a response to a later exchange was stored meanwhile.
    pub fn finish(mut self, trailers: Option<HeaderMap>) -> Option<StoredResponse> {
        let head = self.head.take()?;
        let disagrees = self.content_length.is_some_and(|length| length != self.length);
        let Announced { shared, ticket, key } = &self.announced;
        if disagrees || ticket.is_cancelled() {
            return None;
        }
        let body = Blocks::compact(std::mem::take(&mut self.frames));
        let parts = Parts { key: key.clone(), head, scope: self.scope, trailers, body };
        let response = StoredResponse::new(next_id(), parts);
        shared.memory.publish(&response, ticket).then_some(response)
    }

    /// Bytes written so far.
    pub fn length(&self) -> u64 {
        self.length
    }
}
