//! A byte range of another body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::BodyError;

/// The bytes `first` to `last` of another body, without its trailers. The other body is dropped as
/// soon as the last byte has been read, so that what follows holds nobody up.
#[derive(Debug)]
pub struct Slice<B> {
    body: Option<B>,
    skip: u64,
    left: u64,
}

impl<B> Slice<B> {
    /// The bytes `first` to `last`, both included, which the body is known to have: a body that ends
    /// earlier is [`BodyError::Truncated`]. No byte when `last` is before `first`.
    pub fn new(body: B, first: u64, last: u64) -> Self {
        let left = last.saturating_add(1).saturating_sub(first);
        Self { body: (left > 0).then_some(body), skip: first, left }
    }

    /// The part of `bytes` that belongs to the range.
    fn cut(&mut self, mut bytes: Bytes) -> Bytes {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        drop(bytes.split_to(skipped));
        self.skip -= skipped as u64;
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        bytes
    }
}

impl<B: Body<Data = Bytes, Error = BodyError> + Unpin> Body for Slice<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            let frame = match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                broken => {
                    self.body = None;
                    let error = broken.and_then(Result::err).unwrap_or(BodyError::Truncated);
                    return Poll::Ready(Some(Err(error)));
                }
            };
            let Ok(bytes) = frame.into_data() else { continue };
            let bytes = self.cut(bytes);
            if self.left == 0 {
                self.body = None;
            }
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
