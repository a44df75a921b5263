//! How hyper tells that it waits for a request head: it sets its timer for heads.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use super::exchange::Exchanges;

/// Passes on that a head is waited for, and never fires: the clocks of the connection do that. Nothing
/// else shows when a request body has ended that outlives its answer.
#[derive(Debug)]
pub(super) struct HeadTimer {
    exchanges: Arc<Exchanges>,
    /// What hyper gets for the present moment, which nothing depends on.
    now: Instant,
}

impl HeadTimer {
    pub(super) fn new(exchanges: &Arc<Exchanges>) -> Self {
        Self { exchanges: Arc::clone(exchanges), now: Instant::now() }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, _wait: Duration) -> Pin<Box<dyn Sleep>> {
        self.exchanges.head_awaited();
        Box::pin(Never)
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(Duration::ZERO)
    }

    fn now(&self) -> Instant {
        self.now
    }
}

/// Without a size, so that a box of it allocates nothing.
struct Never;

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Never {}
