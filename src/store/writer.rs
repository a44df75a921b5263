//! Writes one response; nobody sees it before it is finished.

mod parts;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;

use super::growing::Growing;
use super::memory::next_id;
use super::same::{gives_way, is_same_variant};
use super::shared::{Published, Shared};
use super::sink::Sink;
use super::stored::{Content, Parts, StoredResponse};
use super::under_way::Ticket;
use super::validity::Validity;
use crate::net::Whence;
use crate::policy::{self, CacheKey, Interval, Partial, StoredHead};

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

/// Why a response that was written is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotStored {
    /// Its key or one of its groups was invalidated since it was announced.
    #[error("it was invalidated while it was written")]
    Invalidated,
    /// Another response is stored that says more, or is to a later exchange.
    #[error("another response has taken its place")]
    Superseded,
    /// Its length is not the one that was promised.
    #[error("not all of the body was written")]
    Truncated,
    /// The body turned out longer than what is stored.
    #[error("the body outgrew what is stored")]
    TooLarge,
    /// It is a part, and what it may belong to cannot be read now.
    #[error("what is stored of it already cannot be read now")]
    Unknown,
    /// The file broke that it was written to.
    #[error("the disk did not take the body")]
    Broken,
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

    /// Begins to store it. It came from `whence`, and `content_length` is what its
    /// `Content-Length` promised.
    ///
    /// # Errors
    /// [`Refused::TooLarge`] when so long a body is not stored.
    pub fn begin(
        self,
        head: StoredHead,
        whence: impl Into<Whence>,
        content_length: Option<u64>,
    ) -> Result<Writer, Refused> {
        self.writer(head, whence.into(), content_length, None)
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
        whence: impl Into<Whence>,
        part: Interval,
        complete_length: Option<u64>,
        onto: Option<StoredResponse>,
    ) -> Result<Writer, Refused> {
        let ends_behind = complete_length.is_some_and(|length| part.last >= length);
        if part.last < part.first || part.last == u64::MAX || ends_behind {
            return Err(Refused::Misplaced);
        }
        let promised = Some(part.length());
        self.writer(
            head,
            whence.into(),
            promised,
            Some(Part { interval: part, complete_length, onto }),
        )
    }

    /// Puts a new head on a stored response that a 304 has freshened (RFC 9111 §4.3.4); the body is
    /// shared, not copied. The result answers the request at hand in any case; it is stored only when
    /// `stored` still is, and nothing of it was invalidated since this was announced.
    pub fn freshen(&self, stored: &StoredResponse, head: StoredHead) -> StoredResponse {
        let fresh = stored.with_head(next_id(), head);
        if !self.shared.epochs.are_over(fresh.groups(), self.id) {
            self.shared.replace(stored, &fresh, &self.ticket);
        }
        fresh
    }

    /// Stores the body of `stored` under another head too: the origin says that it answers a request
    /// with other nominated fields as well. Under the same conditions as [`Announced::freshen`].
    pub fn beside(&self, stored: &StoredResponse, head: StoredHead) -> StoredResponse {
        let other = stored.with_head(next_id(), head);
        // Who invalidates tells the ticket first, and takes out what is there after that.
        if self.shared.has(stored) && !self.shared.epochs.are_over(other.groups(), self.id) {
            self.shared.publish(&other, &self.ticket);
        }
        other
    }

    /// What an invalidation tells.
    #[cfg(test)]
    pub(super) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    fn writer(
        self,
        head: StoredHead,
        whence: Whence,
        promised: Option<u64>,
        part: Option<Part>,
    ) -> Result<Writer, Refused> {
        if promised.is_some_and(|length| length > self.shared.max_stored()) {
            return Err(Refused::TooLarge);
        }
        let (sink, length) = (Sink::Memory(Vec::new()), 0);
        Ok(Writer { announced: self, head: Some(head), whence, promised, part, sink, length })
    }

    /// Goes on in a file, if there is a tier of files.
    async fn to_file(&self, sink: Sink, promised: Option<u64>) -> Sink {
        match self.shared.large() {
            Some(large) => sink.into_file(large, (self.id, self.key.digest()), promised).await,
            None => sink,
        }
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
    whence: Whence,
    /// How long the body has to be.
    promised: Option<u64>,
    part: Option<Part>,
    sink: Sink,
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
    /// whole buffer in memory. The spool may hold the same bytes; nothing is copied here. What memory does
    /// not take goes to a file, if there is a disk tier; this then waits while too much is not written yet.
    /// Not cancel-safe: a writer whose write was dropped stores nothing.
    ///
    /// # Errors
    /// [`NotStored::TooLarge`] when the body is now longer than what is stored, [`NotStored::Broken`] when
    /// the file did not take it. The writer is then of no use, and what was written is gone.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), NotStored> {
        let shared = &self.announced.shared;
        let length = self.length.saturating_add(bytes.len() as u64);
        let mut sink = self.sink.take();
        if length > shared.max_stored() {
            sink.give_up(NotStored::TooLarge);
        }
        if length.max(self.promised.unwrap_or(0)) > shared.max_in_memory() {
            sink = self.announced.to_file(sink, self.promised).await;
        }
        self.sink = sink.write(bytes).await;
        self.length = length;
        self.sink.check()
    }

    /// Goes on in a file even where memory would take the body, so that what reads along can read it
    /// there; returns that. `None` where there is no disk tier. Not cancel-safe, as [`Writer::write`].
    ///
    /// # Errors
    /// [`NotStored::Broken`] when the file did not take what was written so far, or the reason why the
    /// writer is of no use already.
    pub async fn leave_memory(&mut self) -> Result<Option<Growing>, NotStored> {
        let sink = self.sink.take();
        self.sink = self.announced.to_file(sink, self.promised).await;
        self.sink.check()?;
        Ok(self.growing())
    }

    /// What is written, once it is written to a file: to be read along.
    pub fn growing(&self) -> Option<Growing> {
        self.sink.growing()
    }

    /// The body ended cleanly: stores the response and returns it. Parts have no trailer fields. When this
    /// is dropped before it is done, nothing is stored.
    ///
    /// # Errors
    /// [`NotStored`], with the reason.
    pub async fn finish(
        mut self,
        trailers: Option<HeaderMap>,
    ) -> Result<StoredResponse, NotStored> {
        let head = self.head.take().ok_or(NotStored::Truncated)?;
        self.sink.check()?;
        if self.promised.is_some_and(|length| length != self.length) {
            return Err(NotStored::Truncated);
        }
        if self.announced.ticket.is_cancelled() {
            return Err(NotStored::Invalidated);
        }
        let sink = self.sink.take();
        match self.part.take() {
            None => {
                let content = sink.finish(Partial::whole(self.length)).await?.content();
                self.finish_whole(head, trailers, content).await
            }
            Some(Part { interval, complete_length, onto }) => {
                let part = policy::Part { interval, complete_length };
                let written = sink.finish(part.into()).await?.part(self.announced.id, part);
                self.finish_part(onto.as_ref(), &head, &written).await
            }
        }
    }

    async fn finish_whole(
        &self,
        head: StoredHead,
        trailers: Option<HeaderMap>,
        content: Content,
    ) -> Result<StoredResponse, NotStored> {
        let Announced { shared, ticket, id, .. } = &self.announced;
        let response = self.response(*id, head, trailers, content);
        match shared.publish(&response, ticket) {
            Published::Stored => Ok(response),
            Published::Refused => {
                let stored = self.in_place_of_a_part(&response).await;
                stored.ok_or_else(|| self.refusal(&response))
            }
            Published::Dropped => Err(NotStored::Broken),
        }
    }

    /// Where only a part of the same representation is later, the whole takes its place, as later as that.
    /// The disk tier, which knows what is later and not what it is, has refused it.
    async fn in_place_of_a_part(&self, response: &StoredResponse) -> Option<StoredResponse> {
        let Announced { shared, ticket, id: begun, key } = &self.announced;
        shared.disk()?;
        // Before all that is looked at: what is invalidated from here on has a larger number.
        let id = next_id();
        let stored = shared.find(key).await;
        let is_part = |other: &&StoredResponse| {
            is_same_variant(other, response) && gives_way(other, response)
        };
        let part = stored.iter().find(is_part)?;
        let whole = response.with_head(id, response.head().clone());
        let is_over = shared.epochs.are_over(response.groups(), *begun);
        (!is_over && shared.replace(part, &whole, ticket)).then_some(whole)
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
            Content::Spilled(extents) => extents.partial().is_complete(),
            Content::Whole(_) | Content::Tail(_) => false,
        };
        let head = if is_complete { head.completed() } else { head };
        let (key, whence) = (self.announced.key.clone(), self.whence);
        StoredResponse::new(id, Parts { key, head, whence, trailers, content })
    }
}
