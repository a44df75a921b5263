//! Bytes in motion.
//!
//! Three paths, three names: [`Body::Upstream`] goes straight through with back-pressure,
//! [`Body::Following`] reads the spool of a body that is being stored or shared now, [`Body::Stored`]
//! comes from the store.

mod chain;
mod end;
mod error;
mod slice;
mod spool;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::store::Reader;
use crate::upstream::ResponseBody;
pub use chain::{Chain, Piece};
pub use end::{BodyEnd, Watch, Watched};
pub use error::BodyError;
pub use slice::Slice;
pub use spool::{Abandoned, Budget, Pushed, Spool, SpoolConfig, SpoolReader, SpoolWriter, spool};

/// The one response body: no boxes.
#[derive(Debug, Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// A body that we made; given out once.
    Full(Bytes),
    /// Straight from the origin.
    Upstream(ResponseBody),
    /// Being fetched now, by whomever.
    Following(SpoolReader),
    /// A byte range of a body that is being fetched now.
    Part(Slice<SpoolReader>),
    /// From the store: whole or a byte range.
    Stored(Reader),
    /// Several of these, one after the other.
    Chain(Chain),
}

impl Body {
    /// A body that we made.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }

    /// The bytes `first` to `last`, both included, of a body that is being fetched.
    pub fn part(mut reader: SpoolReader, first: u64, last: u64) -> Self {
        let skipped = if first <= last { reader.skip(first) } else { 0 };
        Self::Part(Slice::new(reader, first - skipped, last - skipped))
    }
}

impl From<ResponseBody> for Body {
    fn from(body: ResponseBody) -> Self {
        Self::Upstream(body)
    }
}

impl From<SpoolReader> for Body {
    fn from(reader: SpoolReader) -> Self {
        Self::Following(reader)
    }
}

impl From<Chain> for Body {
    fn from(chain: Chain) -> Self {
        Self::Chain(chain)
    }
}

impl From<Reader> for Body {
    fn from(reader: Reader) -> Self {
        Self::Stored(reader)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Upstream(body) => {
                Pin::new(body).poll_frame(cx).map(|next| Some(next?.map_err(BodyError::upstream)))
            }
            Self::Following(reader) => Pin::new(reader).poll_frame(cx),
            Self::Part(slice) => Pin::new(slice).poll_frame(cx),
            Self::Chain(chain) => Pin::new(chain).poll_frame(cx),
            Self::Stored(reader) => Poll::Ready(match ready!(reader.poll_next(cx)) {
                Some(read) => Some(read.map(Frame::data).map_err(BodyError::from)),
                None => reader.take_trailers().map(|fields| Ok(Frame::trailers(fields))),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Upstream(body) => body.is_end_stream(),
            Self::Following(reader) => reader.is_end_stream(),
            Self::Part(slice) => slice.is_end_stream(),
            Self::Chain(chain) => chain.is_end_stream(),
            Self::Stored(reader) => reader.remaining() == 0 && !reader.has_trailers(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Upstream(body) => body.size_hint(),
            Self::Following(reader) => reader.size_hint(),
            Self::Part(slice) => slice.size_hint(),
            Self::Chain(chain) => chain.size_hint(),
            Self::Stored(reader) if reader.has_trailers() => at_least(reader.remaining()),
            Self::Stored(reader) => SizeHint::with_exact(reader.remaining()),
        }
    }
}

/// A hint without an upper bound.
fn at_least(length: u64) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(length);
    hint
}
