//! A response body on its way from the origin.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;

use super::exchange::Lease;
use super::patience::Patience;
use crate::http::hop_by_hop::clean_trailers;

/// Why a response body ended before its end.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    /// The origin closed the connection too early.
    #[error("the origin closed the connection before the response was complete")]
    Truncated,
    /// The origin sent nothing for too long.
    #[error("the origin sent nothing for {} s", .0.as_secs_f32())]
    Stalled(Duration),
    /// The framing of the body is broken.
    #[error("the origin sent an invalid body: {0}")]
    Malformed(Arc<str>),
    /// The connection failed.
    #[error("the connection to the origin failed: {0}")]
    Connection(Arc<str>),
}

/// A response body; when it has ended cleanly its connection goes back to the pool. Dropping it
/// before its end closes the connection.
#[derive(Debug)]
pub struct ResponseBody {
    incoming: Incoming,
    lease: Option<Lease>,
    patience: Patience,
}

impl ResponseBody {
    /// `lease` is what the clean end releases; none for a connection that left HTTP.
    pub(super) fn new(incoming: Incoming, lease: Option<Lease>, read_wait: Duration) -> Self {
        let mut body = Self { incoming, lease, patience: Patience::new(read_wait) };
        body.release_at_end();
        body
    }

    /// Content of a known length ends with its last byte: a reader need not ask again.
    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.response_ended();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.incoming).poll_frame(cx);
        if polled.is_pending() {
            ready!(this.patience.poll_end(cx));
            this.lease = None;
            return Poll::Ready(Some(Err(ReadError::Stalled(this.patience.wait()))));
        }
        this.patience.rest();
        Poll::Ready(match ready!(polled) {
            None => {
                this.release();
                None
            }
            Some(Err(error)) => {
                this.lease = None;
                Some(Err(read_error(&error)))
            }
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    clean_trailers(trailers);
                    this.release();
                } else {
                    this.release_at_end();
                }
                Some(Ok(frame))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

fn read_error(error: &hyper::Error) -> ReadError {
    let cause = io_cause(error);
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => ReadError::Truncated,
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            let why = cause.map(ToString::to_string).unwrap_or_default();
            ReadError::Malformed(why.into())
        }
        Some(io::ErrorKind::TimedOut) | None if !error.is_incomplete_message() => {
            ReadError::Connection(error.to_string().into())
        }
        Some(kind) => ReadError::Connection(kind.to_string().into()),
        None => ReadError::Truncated,
    }
}

/// The error of the socket or of the decoder behind hyper's.
pub(super) fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error);
        }
        source = error.source();
    }
    None
}
