//! A growing body without a file, that a test writes at its own pace.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Growing, Grows};
use crate::store::blocks::Blocks;
use crate::store::reader::Reader;

/// What grows: nothing can be read before the test says that it is written. Clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    written: u64,
    unreadable: bool,
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
        // Not the frames that were pushed: chunks of their own.
        let chunks = run.chunks(7000).map(Bytes::copy_from_slice).collect();
        Some(Reader::new(Blocks::compact(chunks), 0, last - first + 1))
    }
}
