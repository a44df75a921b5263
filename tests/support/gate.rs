//! Order instead of sleeping: gates that hold a task until a test opens them, deadlines for events.

use std::fmt::Display;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// How long an event may take before its test fails.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// How long something that must not happen is given to happen.
pub const QUIET: Duration = Duration::from_millis(50);
/// How often a condition that announces nothing is looked at.
const GLANCE: Duration = Duration::from_millis(2);

/// Holds whoever waits at it until it is opened. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    passes: Semaphore,
    arrivals: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(Arc::new(Inner { passes: Semaphore::new(0), arrivals: watch::Sender::new(0) }))
    }

    /// Opens for everybody and for good.
    pub fn open(&self) {
        self.0.passes.close();
    }

    /// Lets `count` pass, now or when they come.
    pub fn pass(&self, count: usize) {
        self.0.passes.add_permits(count);
    }

    /// Waits until let through. No deadline: whoever is held is not at fault.
    pub async fn wait(&self) {
        self.0.arrivals.send_modify(|count| *count += 1);
        if let Ok(permit) = self.0.passes.acquire().await {
            permit.forget();
        }
    }

    /// Waits until `count` have arrived at the gate, counting those who have passed.
    #[track_caller]
    pub fn reached(&self, count: usize) -> impl Future<Output = ()> {
        let mut arrivals = self.0.arrivals.subscribe();
        let arrived = async move {
            arrivals.wait_for(|arrived| *arrived >= count).await.expect("the gate is kept");
        };
        within(format!("{count} to arrive at the gate"), arrived)
    }
}

/// When an event that begins now is late.
pub fn deadline() -> Instant {
    Instant::now() + DEADLINE
}

/// Waits for `event`; fails the test, naming the caller and `what`, when it does not come in time.
#[track_caller]
pub fn within<F: Future>(what: impl Display, event: F) -> impl Future<Output = F::Output> {
    within_span(DEADLINE, what, event)
}

/// [`within`] with a deadline of its own.
#[track_caller]
pub fn within_span<F: Future>(
    span: Duration,
    what: impl Display,
    event: F,
) -> impl Future<Output = F::Output> {
    let caller = Location::caller();
    async move {
        match timeout(span, event).await {
            Ok(output) => output,
            Err(_) => panic!("{caller}: waited {span:?} in vain for {what}"),
        }
    }
}

/// Fails the test when `event` happens within 50 ms: a glance, no proof. Open the gate next and
/// assert what came of it.
#[track_caller]
pub fn not_yet<F: Future>(what: impl Display, event: F) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        assert!(timeout(QUIET, event).await.is_err(), "{caller}: too early: {what}");
    }
}

/// Lets so much time pass: for what happens at a moment that nobody announces, as a crash does.
pub fn moment(span: Duration) -> impl Future<Output = ()> {
    sleep(span)
}

/// Waits until `look` sees something, for conditions that nobody announces.
#[track_caller]
pub fn eventually<T>(
    what: impl Display,
    mut look: impl FnMut() -> Option<T>,
) -> impl Future<Output = T> {
    within(what, async move {
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            sleep(GLANCE).await;
        }
    })
}
