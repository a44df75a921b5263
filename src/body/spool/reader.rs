//! One reader of a spool.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, SizeHint};

use super::Shared;
use super::state::Next;
use crate::body::{BodyError, at_least};

/// Reads a spool from the first byte. Dropping it frees what it held back.
#[derive(Debug)]
pub struct SpoolReader {
    shared: Arc<Shared>,
    seat: usize,
    read: u64,
}

impl SpoolReader {
    pub(super) fn new(shared: Arc<Shared>, seat: usize) -> Self {
        Self { shared, seat, read: 0 }
    }
}

impl Body for SpoolReader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Next {
        let (next, waker) = self.shared.state.lock().read(self.seat, cx.waker());
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Poll::Ready(Some(Ok(frame))) = &next {
            self.read += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.shared.state.lock().is_over(self.seat)
    }

    fn size_hint(&self) -> SizeHint {
        match self.shared.state.lock().length() {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.read)),
            None => at_least(0),
        }
    }
}

impl Drop for SpoolReader {
    fn drop(&mut self) {
        let wakers = self.shared.state.lock().leave(self.seat);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }
}
