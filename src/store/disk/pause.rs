//! A pause that is awaited by tasks and by threads that have no runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
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

/// What is told within this time; false when nothing is.
pub(super) async fn within(most: Duration, told: oneshot::Receiver<bool>) -> bool {
    tokio::select! {
        biased;
        told = told => told.unwrap_or(false),
        () = Pause::new(most) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::waiting::wait_for;

    const SHORT: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn nobody_waits_for_ever_for_what_is_not_told() {
        let (tell, told) = oneshot::channel();
        assert!(!within(SHORT, told).await);
        drop(tell);
        let (tell, told) = oneshot::channel();
        tell.send(true).unwrap();
        assert!(within(LONG, told).await);
        let (tell, told) = oneshot::channel::<bool>();
        drop(tell);
        assert!(!within(LONG, told).await, "nobody will tell");
    }

    #[test]
    fn a_thread_without_a_runtime_does_not_either() {
        let (_tell, told) = oneshot::channel();
        assert!(!wait_for(within(SHORT, told)));
    }
}
