//! The answer to one request, given already or still to come.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Response;

use super::exchange::Observed;

/// Resolves to the answer. One that is done takes no allocation, and is small to move.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is nearly every hit: a box would cost it"
)]
pub enum Answering {
    /// It was given without waiting; none once it was taken.
    Done(Option<Response<Observed>>),
    /// It is still to come.
    Later(Pin<Box<dyn Future<Output = Response<Observed>> + Send>>),
}

impl Future for Answering {
    type Output = Response<Observed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            // Whoever asks again after the end waits for ever, as with any future.
            Self::Done(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Later(answer) => answer.as_mut().poll(cx),
        }
    }
}
