//! Writes one response; nobody sees it before it is finished.

mod parts;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;

use super::Shared;
use super::blocks::Blocks;
use super::memory::next_id;
use super::segments::Segment;
use super::stored::{Content, Parts, StoredResponse};
use super::under_way::Ticket;
use super::validity::Validity;
use crate::net::Scope;
use crate::policy::{CacheKey, Interval, StoredHead};

/// Why a response is not stored at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Its announced length is over what is stored.
    #[error("the response is longer than what is stored; raise --memory or --max-object")]
    TooLarge,
    /// It is a part of a whole that does not have these bytes.
    #[error("the part is not within the whole")]
    Misplaced,
}

/// The body turned out longer than what is stored. What was written is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body outgrew what is stored")]
pub struct Overflow;

/// Why a response that was written is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotStored {
    /// Its key or one of its groups was invalidated since it was announced.
    #[error("it was invalidated while it was written")]
    Invalidated,
    /// Another response is stored that says more, or is to a later exchange.
    #[error("another response has taken its place")]
    Superseded,
    /// Its length is not the one that was promised, or is over what is stored.
    #[error("not all of the body was written")]
    Truncated,
}

/// A response that is about to be asked for. Announced before the request is sent: an invalidation
/// from then on reaches it, because the origin may have made it before the change (RFC 9111 §4.4).
#[derive(Debug)]
pub struct Announced {
    shared: Arc<Shared>,
    ticket: Arc<Ticket>,
    /// Names the response, and says when it was announced.
    id: u64,
    key: CacheKey,
}

impl Announced {
    pub(super) fn new(shared: &Arc<Shared>, key: CacheKey) -> Self {
        let ticket = shared.under_way.enter(&key);
        Self { shared: Arc::clone(shared), ticket, id: next_id(), key }
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
        self.writer(head, scope, content_length, None)
    }

    /// Begins to store a part of a body. When it is written it is added to `onto`, where the two have the
    /// same strong validator (RFC 9111 §3.4), and `head` becomes the head of both: that of a 206, which
    /// turns into a 200 when nothing is missing any more. Where both have a byte, the new one counts. When
    /// parts were added to `onto` meanwhile, they stay. When it is not stored any more, or never was, the
    /// part is added to what is stored of the same representation, else stored alone; of two heads that of
    /// the later exchange counts.
    ///
    /// # Errors
    /// [`Refused::TooLarge`] when so long a part is not stored; [`Refused::Misplaced`] when it ends
    /// before it begins or behind the end of the whole.
    pub fn begin_part(
        self,
        head: StoredHead,
        scope: Scope,
        part: Interval,
        complete_length: Option<u64>,
        onto: Option<StoredResponse>,
    ) -> Result<Writer, Refused> {
        let ends_behind = complete_length.is_some_and(|length| part.last >= length);
        if part.last < part.first || part.last == u64::MAX || ends_behind {
            return Err(Refused::Misplaced);
        }
        let promised = Some(part.length());
        self.writer(head, scope, promised, Some(Part { interval: part, complete_length, onto }))
    }

    fn writer(
        self,
        head: StoredHead,
        scope: Scope,
        promised: Option<u64>,
        part: Option<Part>,
    ) -> Result<Writer, Refused> {
        if promised.is_some_and(|length| length > self.shared.config.max_stored()) {
            return Err(Refused::TooLarge);
        }
        let (frames, length) = (Vec::new(), 0);
        Ok(Writer { announced: self, head: Some(head), scope, promised, part, frames, length })
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.shared.under_way.leave(&self.ticket);
    }
}

/// Writes one response. Dropping it abandons what was written; only [`Writer::finish`] stores.
#[derive(Debug)]
pub struct Writer {
    announced: Announced,
    head: Option<StoredHead>,
    scope: Scope,
    /// How long the body has to be.
    promised: Option<u64>,
    part: Option<Part>,
    frames: Vec<Bytes>,
    length: u64,
}

/// Which part of a body is written.
#[derive(Debug)]
struct Part {
    interval: Interval,
    complete_length: Option<u64>,
    /// What it is added to.
    onto: Option<StoredResponse>,
}

impl Writer {
    /// Tells, from now on, whether this response is still good for whoever joins its readers; `head` is
    /// what it is stored under.
    pub fn validity(&self, head: &StoredHead) -> Validity {
        let Announced { shared, ticket, id, key } = &self.announced;
        Validity::new(shared, ticket, *id, key, head)
    }

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

    /// The body ended cleanly: stores the response and returns it. Parts have no trailer fields.
    ///
    /// # Errors
    /// [`NotStored`], with the reason.
    pub fn finish(mut self, trailers: Option<HeaderMap>) -> Result<StoredResponse, NotStored> {
        let head = self.head.take().ok_or(NotStored::Truncated)?;
        if self.promised.is_some_and(|length| length != self.length) {
            return Err(NotStored::Truncated);
        }
        let Announced { shared, ticket, id, .. } = &self.announced;
        if ticket.is_cancelled() {
            return Err(NotStored::Invalidated);
        }
        let blocks = Blocks::compact(std::mem::take(&mut self.frames));
        match self.part.take() {
            None => {
                let response = self.response(*id, head, trailers, Content::whole(blocks));
                if shared.publish(&response, ticket) {
                    return Ok(response);
                }
                Err(self.refusal(&response))
            }
            Some(Part { interval, complete_length, onto }) => {
                let segment = Segment { begun: *id, interval, complete_length, blocks };
                self.finish_part(onto.as_ref(), &head, &segment)
            }
        }
    }

    /// Why this was not stored.
    fn refusal(&self, response: &StoredResponse) -> NotStored {
        let Announced { shared, ticket, id: begun, .. } = &self.announced;
        let is_over = shared.epochs.are_over(response.groups(), *begun);
        if is_over || ticket.is_void_for(response) {
            NotStored::Invalidated
        } else {
            NotStored::Superseded
        }
    }

    /// Puts the response together. When all of a body is there, its head says so.
    fn response(
        &self,
        id: u64,
        head: StoredHead,
        trailers: Option<HeaderMap>,
        content: Content,
    ) -> StoredResponse {
        let is_complete = match &content {
            Content::Parts(segments) => segments.partial().is_complete(),
            _ => false,
        };
        let head = if is_complete { head.completed() } else { head };
        let (key, scope) = (self.announced.key.clone(), self.scope);
        StoredResponse::new(id, Parts { key, head, scope, trailers, content })
    }
}
