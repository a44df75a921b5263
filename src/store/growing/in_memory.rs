//! Growing bodies without files, that a test writes at its own pace.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Growing, Grows};
use crate::policy::Partial;
use crate::store::blocks::Blocks;
use crate::store::reader::Reader;
use crate::store::segments::{Segment, Segments};
use crate::store::sink::{Broken, GrowingSink, LargeBodies, Pending};
use crate::store::stored::Content;
use crate::store::{Config, Store};

/// What grows: nothing can be read before the test says that it is written. Clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    written: u64,
    unreadable: bool,
    /// Whether a writer waits.
    held: bool,
    /// Whether a writer is told that the file broke.
    broken: bool,
    waker: Option<Waker>,
    /// Bodies that were begun, the length that was announced for each, and those that were dropped.
    begun: Vec<Option<u64>>,
    dropped: usize,
    /// What was read, from and to.
    asked: Vec<(u64, u64)>,
}

impl Script {
    /// What the spool is backed with.
    pub(crate) fn growing(&self) -> Growing {
        Growing::new(Arc::new(self.clone()))
    }

    /// Takes bytes that are not written yet.
    pub(crate) fn take(&self, bytes: &Bytes) {
        self.0.lock().bytes.extend_from_slice(bytes);
    }

    /// Writes what comes before `offset`.
    pub(crate) fn write_up_to(&self, offset: u64) {
        let mut state = self.0.lock();
        assert!(offset <= state.bytes.len() as u64, "it was not taken yet");
        state.written = state.written.max(offset);
    }

    /// Writes all that was taken.
    pub(crate) fn write_all(&self) {
        let mut state = self.0.lock();
        state.written = state.bytes.len() as u64;
    }

    /// Makes a writer wait, or lets it go on.
    pub(crate) fn hold(&self, held: bool) {
        let mut state = self.0.lock();
        state.held = held;
        state.waker.take().into_iter().for_each(Waker::wake);
    }

    /// From now on it takes nothing.
    pub(crate) fn break_down(&self) {
        self.0.lock().broken = true;
    }

    /// The lengths that were announced of all bodies that were begun.
    pub(crate) fn begun(&self) -> Vec<Option<u64>> {
        self.0.lock().begun.clone()
    }

    /// How many bodies were begun and are not being written any more.
    pub(crate) fn dropped(&self) -> usize {
        self.0.lock().dropped
    }

    /// From now on it cannot be read.
    pub(crate) fn lose(&self) {
        self.0.lock().unreadable = true;
    }

    /// All that was asked for since this was last called: the first byte and the last.
    pub(crate) fn asked(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.0.lock().asked)
    }

    /// All that was taken.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().bytes.clone()
    }
}

/// A store whose long bodies go to `script`, one at a time.
pub(crate) fn store(config: &Config, script: &Script) -> Store {
    Store::with_large(config, Some(Arc::new(script.clone())))
}

/// The one who writes.
#[derive(Debug)]
struct Sink(Script);

impl Sink {
    async fn gate(&self) -> Result<(), Broken> {
        poll_fn(|cx| {
            let mut state = self.0.0.lock();
            match state.held {
                _ if state.broken => Poll::Ready(Err(Broken)),
                false => Poll::Ready(Ok(())),
                true => {
                    state.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.0.lock().dropped += 1;
    }
}

impl LargeBodies for Script {
    fn begin(
        &self,
        _id: u64,
        _digest: u128,
        expected: Option<u64>,
    ) -> Pending<'_, Result<Box<dyn GrowingSink>, Broken>> {
        Box::pin(async move {
            let sink = Sink(self.clone());
            sink.gate().await?;
            let mut state = self.0.lock();
            (state.bytes, state.written) = (Vec::new(), 0);
            state.begun.push(expected);
            drop(state);
            Ok(Box::new(sink) as Box<dyn GrowingSink>)
        })
    }
}

impl GrowingSink for Sink {
    fn write(&mut self, bytes: Bytes) -> Pending<'_, Result<(), Broken>> {
        Box::pin(async move {
            self.gate().await?;
            self.0.take(&bytes);
            Ok(())
        })
    }

    fn finish(self: Box<Self>, held: Partial) -> Pending<'static, Result<Content, Broken>> {
        Box::pin(async move {
            self.gate().await?;
            self.0.write_all();
            let blocks = Blocks::compact(vec![self.0.bytes().into()]);
            let interval = *held.intervals.as_slice().first().ok_or(Broken)?;
            if held.is_complete() {
                return Ok(Content::whole(blocks));
            }
            let complete_length = held.complete_length;
            let segment = Segment { begun: 0, interval, complete_length, blocks };
            Ok(Content::Parts(Arc::new(Segments::first(0, &segment))))
        })
    }

    fn growing(&self) -> Growing {
        self.0.growing()
    }
}

impl Grows for Script {
    fn written(&self) -> u64 {
        self.0.lock().written
    }

    fn reader(&self, first: u64, last: u64) -> Option<Reader> {
        let mut state = self.0.lock();
        if state.unreadable {
            return None;
        }
        state.asked.push((first, last));
        let run = state.bytes.get(usize::try_from(first).ok()?..=usize::try_from(last).ok()?)?;
        // Not the frames that were pushed: chunks of its own.
        let chunks = run.chunks(run.len().div_ceil(10)).map(Bytes::copy_from_slice).collect();
        Some(Reader::new(Blocks::Many(chunks), 0, last - first + 1))
    }
}
