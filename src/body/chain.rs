//! Several bodies one after the other: parts of a whole that come from different places.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::{BodyError, Slice, SpoolReader};
use crate::store::Reader;

/// One of the bodies.
#[derive(Debug)]
pub enum Piece {
    /// Bytes that we made.
    Bytes(Bytes),
    /// From the store.
    Stored(Reader),
    /// Being fetched now.
    Following(Slice<SpoolReader>),
}

/// Bodies of known length, one after the other; no trailers.
#[derive(Debug, Default)]
pub struct Chain {
    pieces: VecDeque<Piece>,
    left: u64,
}

impl Chain {
    /// Puts pieces together.
    pub fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().collect();
        let left = pieces.iter().map(Piece::length).fold(0, u64::saturating_add);
        Self { pieces, left }
    }
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stored(reader) => reader.remaining(),
            Self::Following(slice) => slice.size_hint().lower(),
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let frame = match self {
                Self::Bytes(bytes) if bytes.is_empty() => return Poll::Ready(None),
                Self::Bytes(bytes) => return Poll::Ready(Some(Ok(std::mem::take(bytes)))),
                Self::Stored(reader) => {
                    return reader.poll_next(cx).map(|next| Some(next?.map_err(BodyError::from)));
                }
                Self::Following(slice) => ready!(Pin::new(slice).poll_frame(cx)),
            };
            match frame {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }
}

impl http_body::Body for Chain {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while let Some(piece) = self.pieces.front_mut() {
            match ready!(piece.poll_bytes(cx)) {
                Some(Ok(bytes)) => {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Err(error)) => {
                    self.pieces.clear();
                    return Poll::Ready(Some(Err(error)));
                }
                None => drop(self.pieces.pop_front()),
            }
        }
        // A piece that was shorter than it said must not look like the end.
        let missing = std::mem::take(&mut self.left) > 0;
        Poll::Ready(missing.then_some(Err(BodyError::Truncated)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn pieces_come_one_after_the_other_and_their_length_is_known() {
        let pieces =
            ["one", "", "two"].map(|text| Piece::Bytes(Bytes::from_static(text.as_bytes())));
        let chain = Chain::new(pieces);
        assert_eq!(chain.size_hint().exact(), Some(6));
        assert_eq!(chain.collect().await.unwrap().to_bytes(), "onetwo");
        assert!(Chain::default().is_end_stream());
    }

    #[tokio::test]
    async fn what_is_shorter_than_announced_is_an_error() {
        let mut chain = Chain::new([Piece::Bytes(Bytes::from_static(b"one"))]);
        chain.left = 4;
        assert!(matches!(chain.collect().await, Err(BodyError::Truncated)));
    }
}
