//! Writes a large file as its body comes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use super::growing::{GrowingFile, Progress, Run};
use super::registry::Registry;
use crate::store::disk::checksum::{BLOCK, Sums};
use crate::store::disk::dense::{CHUNK, Dense};
use crate::store::disk::pause::Pause;
use crate::store::disk::witness::Origin;

/// Bytes that may wait to be written before whoever brings more has to.
pub(in crate::store) const UNWRITTEN: u64 = 4 << 20;

/// The time between two attempts, and their number, when no thread takes what is to be written.
const PAUSE: Duration = Duration::from_millis(20);
const ATTEMPTS: u32 = if cfg!(test) { 5 } else { 500 };

/// A large file could not be written on; it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the file that the body is written to broke")]
pub(in crate::store) struct Broken;

/// Writes a large file. Dropping it takes the file away; only [`GrowingWriter::finish`] keeps it.
#[derive(Debug)]
pub(in crate::store) struct GrowingWriter {
    file: Arc<GrowingFile>,
    registry: Arc<Registry>,
    frames: Vec<Bytes>,
    held: usize,
    sums: Sums,
    length: u64,
    is_kept: bool,
}

impl GrowingWriter {
    pub(super) fn new(file: Arc<GrowingFile>, registry: Arc<Registry>) -> Self {
        let (frames, sums) = (Vec::new(), Sums::default());
        Self { file, registry, frames, held: 0, sums, length: 0, is_kept: false }
    }

    /// Bytes of the body so far.
    #[cfg(test)]
    pub(in crate::store) fn length(&self) -> u64 {
        self.length
    }

    /// Adds a part of the body. Waits while too much is not written yet.
    ///
    /// # Errors
    /// [`Broken`]; the writer is then of no use.
    pub(in crate::store) async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        self.sums.add(&bytes);
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.held += bytes.len();
        self.frames.push(bytes);
        if self.held >= CHUNK {
            self.queue_blocks();
        }
        self.wait(|progress, length| match progress {
            Progress::Ended => true,
            Progress::Written(written) => length.saturating_sub(*written) <= UNWRITTEN,
        })
        .await
    }

    /// The body has ended: writes what is left, and what it is checked by. It can be read at once, and
    /// for as long as somebody has it; [`LargeFiles::settle`](super::LargeFiles::settle) and
    /// [`retain`](super::LargeFiles::retain) make it last.
    ///
    /// # Errors
    /// [`Broken`].
    pub(in crate::store) async fn finish(mut self) -> Result<Arc<Dense>, Broken> {
        let (frames, sums) = (std::mem::take(&mut self.frames), std::mem::take(&mut self.sums));
        self.file.queue(Run { frames, checksums: sums.end() }, true);
        self.wait(|progress, _| *progress == Progress::Ended).await?;
        let dense = self.registry.finished(&self.file).ok_or(Broken)?;
        self.is_kept = true;
        Ok(dense)
    }

    /// Whole blocks are written; the rest stays until it is one.
    fn queue_blocks(&mut self) {
        let mut rest = self.held % BLOCK;
        self.held = rest;
        let mut frames = std::mem::take(&mut self.frames);
        while rest > 0 {
            let Some(mut last) = frames.pop() else { break };
            let cut = last.len().saturating_sub(rest);
            let tail = last.split_off(cut);
            rest -= tail.len();
            self.frames.push(tail);
            if !last.is_empty() {
                frames.push(last);
            }
        }
        self.frames.reverse();
        self.file.queue(Run { frames, checksums: self.sums.take_full() }, false);
    }

    async fn wait(&self, is_enough: impl Fn(&Progress, u64) -> bool) -> Result<(), Broken> {
        let mut attempts = 0;
        loop {
            let changed = self.file.changed.notified();
            let busy = self.file.start().is_err();
            match self.file.progress() {
                Err(error) => {
                    if let Some((error, witness)) = error.zip(self.file.witness().upgrade()) {
                        witness.unwritable(&Origin::Growing { id: self.file.id() }, &error);
                    }
                    return Err(Broken);
                }
                Ok(progress) if is_enough(&progress, self.length) => return Ok(()),
                Ok(_) if !busy => changed.await,
                Ok(_) if attempts < ATTEMPTS => {
                    attempts += 1;
                    Pause::new(PAUSE).await;
                }
                Ok(_) => self.file.break_off(std::io::ErrorKind::ResourceBusy.into()),
            }
        }
    }
}

impl Drop for GrowingWriter {
    fn drop(&mut self) {
        if !self.is_kept {
            self.file.abandon();
        }
    }
}
