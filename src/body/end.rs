//! How a body ended: an exchange is over when its body is, not when its head was written.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::BodyError;

/// How a body ended.
#[derive(Clone, Debug)]
pub enum BodyEnd {
    /// It was read to its end.
    Complete,
    /// It broke off.
    Failed(BodyError),
    /// It was dropped before its end: the client went away.
    Cancelled,
}

/// Who wants to know how a body ended.
pub trait Watch {
    /// Called once: with the bytes that were read and how the body ended.
    fn ended(self, bytes: u64, end: BodyEnd);
}

impl<F: FnOnce(u64, BodyEnd)> Watch for F {
    fn ended(self, bytes: u64, end: BodyEnd) {
        self(bytes, end);
    }
}

/// A body that tells its end. hyper does not ask for the end of a body whose last frame said
/// [`Body::is_end_stream`] or whose announced length is reached; both count as complete.
#[derive(Debug)]
pub struct Watched<B: Body<Data = Bytes, Error = BodyError>, W: Watch> {
    body: B,
    watch: Option<W>,
    bytes: u64,
    length: Option<u64>,
}

impl<B: Body<Data = Bytes, Error = BodyError>, W: Watch> Watched<B, W> {
    /// Watches `body`. `length` is the announced length, where one is.
    pub fn new(body: B, length: Option<u64>, watch: W) -> Self {
        Self { body, watch: Some(watch), bytes: 0, length }
    }

    fn tell(&mut self, end: BodyEnd) {
        if let Some(watch) = self.watch.take() {
            watch.ended(self.bytes, end);
        }
    }

    fn is_complete(&self) -> bool {
        self.body.is_end_stream() || self.length == Some(self.bytes)
    }
}

impl<B, W> Body for Watched<B, W>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
    W: Watch + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &next {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.bytes = self.bytes.saturating_add(length as u64);
            }
            Some(Err(error)) => {
                let end = BodyEnd::Failed(error.clone());
                self.tell(end);
            }
            None => self.tell(BodyEnd::Complete),
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body<Data = Bytes, Error = BodyError>, W: Watch> Drop for Watched<B, W> {
    fn drop(&mut self) {
        let end = if self.is_complete() { BodyEnd::Complete } else { BodyEnd::Cancelled };
        self.tell(end);
    }
}
