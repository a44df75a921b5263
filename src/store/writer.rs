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

/// Writes one response. Dropping it abandons what was written; only [`Writer::finish`] stores.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    ticket: Arc<Ticket>,
    key: CacheKey,
    head: Option<StoredHead>,
    scope: Scope,
    content_length: Option<u64>,
    frames: Vec<Bytes>,
    length: u64,
}

impl Writer {
    pub(super) fn begin(
        shared: &Arc<Shared>,
        key: CacheKey,
        head: StoredHead,
        scope: Scope,
        content_length: Option<u64>,
    ) -> Result<Self, Refused> {
        if content_length.is_some_and(|length| length > shared.config.max_stored()) {
            return Err(Refused::TooLarge);
        }
        let ticket = shared.under_way.enter(key.digest());
        Ok(Self {
            shared: Arc::clone(shared),
            ticket,
            key,
            head: Some(head),
            scope,
            content_length,
            frames: Vec::new(),
            length: 0,
        })
    }

    /// Adds a part of the body. The caller has copied it: a slice of a read buffer would keep that
    /// whole buffer in memory. The spool may hold the same bytes; nothing is copied here.
    ///
    /// # Errors
    /// [`Overflow`] when the body is now longer than what is stored; the writer is then of no use.
    pub fn write(&mut self, bytes: Bytes) -> Result<(), Overflow> {
        let length = self.length.saturating_add(bytes.len() as u64);
        if self.head.is_none() || length > self.shared.config.max_stored() {
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
    /// one that `Content-Length` promised, when its key was invalidated since the beginning, or when
    /// a response to a later exchange was stored meanwhile.
    pub fn finish(mut self, trailers: Option<HeaderMap>) -> Option<StoredResponse> {
        let head = self.head.take()?;
        let disagrees = self.content_length.is_some_and(|length| length != self.length);
        if disagrees || self.ticket.is_cancelled() {
            return None;
        }
        let body = Blocks::compact(std::mem::take(&mut self.frames));
        let parts = Parts { key: self.key.clone(), head, scope: self.scope, trailers, body };
        let response = StoredResponse::new(next_id(), parts);
        self.shared.memory.publish(&response, &self.ticket).then_some(response)
    }

    /// Bytes written so far.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.under_way.leave(self.key.digest(), &self.ticket);
    }
}
