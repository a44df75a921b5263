//! A pause that is awaited by tasks and by threads that have no runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

/// Ready after a while. In a thread without a runtime nobody is woken by it: who waits there looks again
/// now and then, see [`wait_for`](super::waiting::wait_for).
#[derive(Debug)]
pub(super) struct Pause {
    until: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pause {
    /// Ends after so long.
    pub(super) fn new(length: Duration) -> Self {
        let timer = Handle::try_current().is_ok().then(|| Box::pin(sleep(length)));
        Self { until: Instant::now() + length, timer }
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.until {
            return Poll::Ready(());
        }
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }
}
