//! The one writer of a spool.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;
use tokio::time::timeout_at;

use super::backing::Backing;
use super::state::{Room, State, WhenFull};
use super::{Shared, Spool, SpoolConfig};
use crate::body::BodyError;
use crate::store::Growing;

/// Nobody reads the spool and nobody can join it: there is nothing left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the last reader has left")]
pub struct Abandoned;

/// How a push went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Everything since the first byte is there, and the spool may be joined.
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
        self.wait(State::room).await?;
        Ok(())
    }

    /// Adds a part of the body, when there is room. The caller has copied it: a slice of a read buffer
    /// would keep that whole buffer in memory. Where the budget is used up the spool stops being
    /// joinable, and says so. Not cancel-safe: the part is lost with the future.
    ///
    /// # Errors
    /// [`Abandoned`] when nobody is left to read and nobody can join.
    pub async fn push(&mut self, bytes: Bytes) -> Result<Pushed, Abandoned> {
        self.add(&bytes, WhenFull::Window).await?;
        Ok(if self.joinable() { Pushed::Kept } else { Pushed::Window })
    }

    /// Adds a part of the body as [`SpoolWriter::push`] does, but gives it back where the budget is used
    /// up and the spool would stop being joinable for it: perhaps it can be [backed](Self::back) now.
    /// Not cancel-safe.
    ///
    /// # Errors
    /// [`Abandoned`] when nobody is left to read and nobody can join.
    pub async fn offer(&mut self, bytes: Bytes) -> Result<Option<Bytes>, Abandoned> {
        let is_added = self.add(&bytes, WhenFull::Tell).await?;
        Ok((!is_added).then_some(bytes))
    }

    async fn add(&self, bytes: &Bytes, when_full: WhenFull) -> Result<bool, Abandoned> {
        if bytes.is_empty() {
            return Ok(true);
        }
        let add = |state: &mut State, config: &SpoolConfig, waker: &Waker| {
            state.add(bytes, when_full, config, waker)
        };
        let is_added = self.wait(add).await?;
        if is_added {
            let wakers = self.shared().state.lock().wake_readers();
            wake(wakers);
        }
        Ok(is_added)
    }

    /// From now on `growing`, whose first byte is that of the body, gets all that is pushed, before it is
    /// pushed or soon after. The spool then lets go what is written there and who is not close behind
    /// reads the file: it stays joinable whatever its length, and nobody holds anybody up. When the file
    /// breaks: [`SpoolWriter::stop_joining`]. Has no effect on a spool that is not joinable, or that is
    /// backed already.
    pub fn back(&mut self, growing: Growing) {
        let Shared { config, state } = self.shared();
        state.lock().back(Backing::new(growing, config.read_ahead));
    }

    /// Stops being joinable: from now on a window, at the pace of the slowest reader. A file that backs
    /// it takes nothing more; who is behind reads there what was written, and the window waits for it.
    pub fn stop_joining(&mut self) {
        self.shared().state.lock().stop_joining();
    }

    /// Stops being joinable when nobody reads; false, and nothing is changed, when somebody does.
    /// Nobody can join between the question and the answer.
    #[must_use]
    pub fn stop_joining_if_unread(&mut self) -> bool {
        self.shared().state.lock().stop_joining_if_unread()
    }

    /// Whether everything since the first byte is there, in the spool or in its file, and it may be joined.
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
    /// off at the moment that it names. A step that says to wait has left the waker. False when the
    /// budget is used up.
    async fn wait(
        &self,
        mut step: impl FnMut(&mut State, &SpoolConfig, &Waker) -> Room,
    ) -> Result<bool, Abandoned> {
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
                Room::Free => return Ok(true),
                Room::Full => return Ok(false),
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
