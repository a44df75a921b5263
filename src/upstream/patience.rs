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
            let since = *self.since.get_or_insert(now);
            match ring(since, now, wait) {
                Ring::Early(deadline) => timer.as_mut().reset(deadline),
                Ring::Late => {
                    self.since = Some(now);
                    timer.as_mut().reset(now + wait);
                }
                Ring::Over => return Poll::Ready(()),
            }
        }
    }
}

/// What it means that the timer rang.
#[derive(Debug, PartialEq, Eq)]
enum Ring {
    /// It was set for an earlier step.
    Early(Instant),
    /// Nobody was there to hear it: the wait begins anew.
    Late,
    /// The wait is over.
    Over,
}

fn ring(since: Instant, now: Instant, wait: Duration) -> Ring {
    let deadline = since + wait;
    if now < deadline {
        Ring::Early(deadline)
    } else if now > deadline + LATE {
        Ring::Late
    } else {
        Ring::Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_over_only_for_somebody_who_waited() {
        let (since, wait) = (Instant::now(), Duration::from_secs(300));
        let at = |millis| ring(since, since + Duration::from_millis(millis), wait);
        assert_eq!(at(0), Ring::Early(since + wait));
        assert_eq!(at(299_999), Ring::Early(since + wait));
        assert_eq!(at(300_000), Ring::Over);
        assert_eq!(at(300_900), Ring::Over);
        assert_eq!(at(301_100), Ring::Late);
    }
}
