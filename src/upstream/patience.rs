//! A wait between two steps that costs no timer per step.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A timer that rings this late was not being waited for: nobody polled meanwhile.
const LATE: Duration = Duration::from_secs(1);

/// The longest wait between two steps; it runs only while somebody waits for the next one.
#[derive(Debug)]
pub(super) struct Patience {
    wait: Duration,
    since: Option<Instant>,
    /// Kept from step to step and set again only when it rings.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, since: None, timer: None }
    }

    /// How long this waits.
    pub(super) fn wait(&self) -> Duration {
        self.wait
    }

    /// A step was made.
    pub(super) fn rest(&mut self) {
        self.since = None;
    }

    /// Ready when the wait is over.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let wait = self.wait;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(wait)));
        if timer.deadline() < since {
            timer.as_mut().reset(since + wait);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            let deadline = *self.since.get_or_insert(now) + wait;
            if now < deadline {
                timer.as_mut().reset(deadline);
            } else if now > deadline + LATE {
                self.since = Some(now);
                timer.as_mut().reset(now + wait);
            } else {
                return Poll::Ready(());
            }
        }
    }
}
