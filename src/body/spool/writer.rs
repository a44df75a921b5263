//! The one writer of a spool.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;
use tokio::time::timeout_at;

use super::state::{Room, State};
use super::{Shared, Spool, SpoolConfig};
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
        self.shared().state.lock().announce(length);
    }

    /// Waits until there is room, before the next part is asked of the origin: what is not asked for
    /// stays in the origin's window. Cancel-safe.
    ///
    /// # Errors
    /// [`Abandoned`] when nobody is left to read and nobody can join.
    pub async fn room(&mut self) -> Result<(), Abandoned> {
        self.wait(State::room).await
    }

    /// Adds a part of the body, when there is room. The caller has copied it: a slice of a read buffer
    /// would keep that whole buffer in memory. Where the budget is used up the spool stops being
    /// joinable, and says so. Not cancel-safe: the part is lost with the future.
    ///
    /// # Errors
    /// [`Abandoned`] when nobody is left to read and nobody can join.
    pub async fn push(&mut self, bytes: Bytes) -> Result<Pushed, Abandoned> {
        if !bytes.is_empty() {
            self.wait(|state, config, waker| state.add(&bytes, config, waker)).await?;
            let wakers = self.shared().state.lock().wake_readers();
            wake(wakers);
        }
        Ok(if self.joinable() { Pushed::Kept } else { Pushed::Window })
    }

    /// Stops being joinable: from now on a window, at the pace of the slowest reader.
    pub fn stop_joining(&mut self) {
        self.shared().state.lock().stop_joining();
    }

    /// Stops being joinable when nobody reads; false, and nothing is changed, when somebody does.
    /// Nobody can join between the question and the answer.
    #[must_use]
    pub fn stop_joining_if_unread(&mut self) -> bool {
        self.shared().state.lock().stop_joining_if_unread()
    }

    /// Whether the spool holds everything since the first byte, and may be joined.
    pub fn joinable(&self) -> bool {
        self.shared().state.lock().joinable()
    }

    /// Waits until no reader is there: whoever fetches then decides whether to go on. Others may
    /// still join, until [`SpoolWriter::stop_joining_if_unread`].
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

    /// Repeats `step` whenever the spool wakes the writer, until it is done, and cuts slow readers
    /// off at the moment that it names. A step that says to wait has left the waker.
    async fn wait(
        &self,
        mut step: impl FnMut(&mut State, &SpoolConfig, &Waker) -> Room,
    ) -> Result<(), Abandoned> {
        let Shared { config, state } = &*self.spool.shared;
        let mut deadline = None;
        loop {
            let next = poll_fn(|cx| match step(&mut state.lock(), config, cx.waker()) {
                Room::Wait(until) if until == deadline => Poll::Pending,
                next => Poll::Ready(next),
            });
            let next = match deadline {
                None => next.await,
                Some(at) => match timeout_at(at, next).await {
                    Ok(next) => next,
                    Err(_elapsed) => {
                        let wakers = state.lock().cut_off(config);
                        wake(wakers);
                        continue;
                    }
                },
            };
            match next {
                Room::Free => return Ok(()),
                Room::Nobody => return Err(Abandoned),
                Room::Wait(until) => deadline = until,
            }
        }
    }

    fn shared(&self) -> &Shared {
        &self.spool.shared
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        // Has no effect after an end.
        self.break_off(BodyError::Truncated);
    }
}

fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
