//! The one writer of a spool.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::state::{Room, Take};
use super::{Shared, Spool};
use crate::body::BodyError;

/// Nobody reads the spool and nobody can join it: there is nothing left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the last reader has left")]
pub struct Abandoned;

/// How a push went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The spool holds everything since the first byte and may be joined.
    Kept,
    /// The spool is a window. Whoever is storing the same bytes gives that up now: while the spool
    /// kept everything they were in the budget, from now on they would not be.
    Window,
}

/// Writes a body for all readers. Dropping it truncates the body for all of them.
#[derive(Debug)]
pub struct SpoolWriter {
    spool: Arc<Spool>,
}

impl SpoolWriter {
    pub(super) fn new(spool: Arc<Spool>) -> Self {
        Self { spool }
    }

    /// Announces the length of the body, for the readers' size hints.
    pub fn expect_length(&mut self, length: u64) {
        self.shared().state.lock().expect(length);
    }

    /// Waits until there is room, before the next part is asked of the origin: what is not asked for
    /// stays in the origin's window. Cancel-safe.
    ///
    /// # Errors
    /// [`Abandoned`] when nobody is left to read and nobody can join.
    pub async fn room(&mut self) -> Result<(), Abandoned> {
        let shared = Arc::clone(self.shared());
        wait(&shared, |waker| match shared.state.lock().room(&shared.config, waker) {
            Room::Free => Step::Done(Ok(())),
            Room::Wait(until) => Step::Wait(until),
            Room::Nobody => Step::Done(Err(Abandoned)),
        })
        .await
    }

    /// Adds a part of the body, when there is room. The caller has copied it: a slice of a read buffer
    /// would keep that whole buffer in memory. Where the budget is used up the spool stops being
    /// joinable, and says so. Not cancel-safe: the part is lost with the future.
    ///
    /// # Errors
    /// [`Abandoned`] when nobody is left to read and nobody can join.
    pub async fn push(&mut self, bytes: Bytes) -> Result<Pushed, Abandoned> {
        let shared = Arc::clone(self.shared());
        if !bytes.is_empty() {
            wait(&shared, |waker| {
                let mut state = shared.state.lock();
                match state.take(&bytes, &shared.config, waker) {
                    Take::Taken => {
                        let wakers = state.wake_readers();
                        drop(state);
                        wake(wakers);
                        Step::Done(Ok(()))
                    }
                    Take::Wait(until) => Step::Wait(until),
                    Take::Nobody => Step::Done(Err(Abandoned)),
                }
            })
            .await?;
        }
        Ok(if self.joinable() { Pushed::Kept } else { Pushed::Window })
    }

    /// Stops being joinable: from now on a window, at the pace of the slowest reader.
    pub fn stop_joining(&mut self) {
        self.shared().state.lock().stop_joining();
    }

    /// Whether the spool holds everything since the first byte, and may be joined.
    pub fn joinable(&self) -> bool {
        self.shared().state.lock().joinable()
    }

    /// Readers that are there now, without those that were cut off.
    pub fn readers(&self) -> usize {
        self.shared().state.lock().readers()
    }

    /// Bytes pushed so far.
    pub fn pushed(&self) -> u64 {
        self.shared().state.lock().pushed()
    }

    /// Waits until no reader is there: whoever fetches then decides whether to go on. Others may
    /// still join.
    pub async fn readers_gone(&self) {
        let shared = self.shared();
        poll_fn(|cx| match shared.state.lock().gone(cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// The body ended cleanly.
    pub fn finish(self, trailers: Option<HeaderMap>) {
        let mut state = self.shared().state.lock();
        state.finish(trailers);
        let wakers = state.wake_readers();
        drop(state);
        wake(wakers);
    }

    /// The body broke off: every reader gets what is there, then the error.
    pub fn fail(self, error: BodyError) {
        self.break_off(error);
    }

    fn break_off(&self, error: BodyError) {
        let mut state = self.shared().state.lock();
        state.fail(error);
        let wakers = state.wake_readers();
        drop(state);
        wake(wakers);
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.spool.shared
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        // Has no effect after an end.
        self.break_off(BodyError::Truncated);
    }
}

enum Step<T> {
    Done(T),
    Wait(Option<Instant>),
}

/// Repeats `step` whenever the spool wakes the writer, and cuts slow readers off at the moment that
/// `step` names. A step that says to wait has left the waker.
async fn wait<T>(shared: &Shared, mut step: impl FnMut(Option<&Waker>) -> Step<T>) -> T {
    let mut deadline = None;
    loop {
        let next = poll_fn(|cx| match step(Some(cx.waker())) {
            Step::Wait(until) if until == deadline => Poll::Pending,
            next => Poll::Ready(next),
        });
        let next = match deadline {
            None => next.await,
            Some(at) => match timeout_at(at, next).await {
                Ok(next) => next,
                Err(_elapsed) => {
                    let wakers = shared.state.lock().cut_off(&shared.config);
                    wake(wakers);
                    continue;
                }
            },
        };
        match next {
            Step::Done(value) => return value,
            Step::Wait(until) => deadline = until,
        }
    }
}

fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
