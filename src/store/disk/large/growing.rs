//! A large file while it grows: written in order by one job at a time, readable as far as it is written.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::format;
use super::registry::Registry;
use crate::policy::Interval;
use crate::store::disk::dense::{Checksums, Dense};
use crate::store::disk::extents::Extents;
use crate::store::disk::io::{File, Io};
use crate::store::disk::pool::Busy;
use crate::store::disk::witness::{Origin, Witness};
use crate::store::reader::Reader;

/// Bytes that one job writes before others have their turn.
const TURN: u64 = 8 << 20;

/// Bytes after which what was written is made to last.
const SYNC_EVERY: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// A large file that is not finished. What was written can be read for as long as anybody has this,
/// whatever becomes of its writer and of its name.
#[derive(Debug)]
pub(in crate::store) struct GrowingFile {
    id: u64,
    digest: u128,
    expected: Option<u64>,
    io: Arc<dyn Io>,
    registry: Weak<Registry>,
    witness: Weak<dyn Witness>,
    /// Made by the first job.
    file: OnceLock<Arc<dyn File>>,
    /// Those of the bytes that are written: never fewer than `written` says.
    checksums: Arc<Mutex<Vec<u32>>>,
    /// Whole blocks, until the body has ended.
    written: AtomicU64,
    state: Mutex<State>,
    pub(super) changed: Notify,
    synced: AtomicU64,
    syncing: AtomicBool,
    /// Held while the file is synced: of two at once only one is told of an error.
    sync: Mutex<()>,
    was_read: AtomicBool,
    /// Held while it gets its last name.
    pub(super) settling: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// At most what the writer lets pile up.
    queue: VecDeque<Run>,
    /// All is queued.
    is_ending: bool,
    /// All is written, the end too.
    has_ended: bool,
    /// A job has been given to a thread.
    is_running: bool,
    is_abandoned: bool,
    broken: Option<io::Error>,
    is_broken: bool,
}

/// Bytes that are written at once: whole blocks, but at the end.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) frames: Vec<Bytes>,
    pub(super) checksums: Vec<u32>,
}

/// How far the writer is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Written(u64),
    Ended,
}

impl GrowingFile {
    pub(super) fn new(
        id: u64,
        digest: u128,
        expected: Option<u64>,
        registry: &Arc<Registry>,
    ) -> Self {
        Self {
            id,
            digest,
            expected,
            io: Arc::clone(&registry.io),
            registry: Arc::downgrade(registry),
            witness: Weak::clone(&registry.witness),
            file: OnceLock::new(),
            checksums: Arc::default(),
            written: AtomicU64::new(0),
            state: Mutex::default(),
            changed: Notify::new(),
            synced: AtomicU64::new(0),
            syncing: AtomicBool::new(false),
            sync: Mutex::default(),
            was_read: AtomicBool::new(false),
            settling: Mutex::default(),
        }
    }

    /// The number under which it was begun.
    pub(in crate::store) fn id(&self) -> u64 {
        self.id
    }

    /// All bytes before this can be read; it only grows.
    pub(in crate::store) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Reads the bytes `first` to `last`, both included. `None` when not all of them are written. Waits
    /// for nothing.
    pub(in crate::store) fn reader(&self, first: u64, last: u64) -> Option<Reader> {
        let written = self.written();
        if last < first || last >= written {
            return None;
        }
        self.was_read.store(true, Ordering::Relaxed);
        let dense = Arc::new(self.dense(written, Origin::Growing { id: self.id })?);
        let extents = Arc::new(Extents::whole(self.id, self.id, dense));
        extents.reader(Interval { first, last }).map(Reader::of_disk)
    }

    /// The first so many bytes, all of which are written.
    fn dense(&self, length: u64, origin: Origin) -> Option<Dense> {
        let file = Arc::clone(self.file.get()?);
        let checksums = Checksums::Growing(Arc::clone(&self.checksums));
        Dense::new(file, 0, length, checksums, origin, Weak::clone(&self.witness))
    }

    /// The body, once it has ended.
    pub(super) fn ended(&self) -> Option<Dense> {
        let length = self.written();
        self.checksums.lock().shrink_to_fit();
        self.dense(length, Origin::Large { id: self.id, digest: self.digest })
    }

    /// Takes bytes to be written; `ends` when they are the last ones.
    pub(super) fn queue(&self, run: Run, ends: bool) {
        let mut state = self.state.lock();
        state.queue.push_back(run);
        state.is_ending = ends;
    }

    /// How far it has come. `Err` when it broke: whoever asks first is told why.
    pub(super) fn progress(&self) -> Result<Progress, Option<io::Error>> {
        let mut state = self.state.lock();
        if state.is_broken {
            return Err(state.broken.take());
        }
        Ok(if state.has_ended { Progress::Ended } else { Progress::Written(self.written()) })
    }

    pub(super) fn break_off(&self, error: io::Error) {
        let mut state = self.state.lock();
        if !state.is_broken {
            (state.is_broken, state.broken) = (true, Some(error));
        }
        state.queue.clear();
    }

    /// Goes no further, though nothing failed.
    pub(in crate::store) fn give_up(&self) {
        let mut state = self.state.lock();
        state.is_broken = true;
        state.queue.clear();
        drop(state);
        self.changed.notify_waiters();
    }

    pub(super) fn witness(&self) -> &Weak<dyn Witness> {
        &self.witness
    }

    /// Has what is queued written, if there is anything and nobody does it yet.
    pub(super) fn start(self: &Arc<Self>) -> Result<(), Busy> {
        {
            let mut state = self.state.lock();
            let is_idle = state.queue.is_empty() && !state.is_ending || state.has_ended;
            if state.is_running || state.is_broken || is_idle {
                return Ok(());
            }
            state.is_running = true;
        }
        let Some(witness) = self.witness.upgrade() else {
            self.break_off(io::ErrorKind::BrokenPipe.into());
            return Ok(());
        };
        let turn = Arc::new(Turn {
            file: Arc::clone(self),
            was_refused: AtomicBool::new(false),
            was_done: AtomicBool::new(false),
        });
        let job = Arc::clone(&turn);
        let taken = witness.writes().run(Box::new(move || job.take()));
        turn.was_refused.store(taken.is_err(), Ordering::Release);
        taken
    }

    /// Writes what is queued, for a while.
    fn write(&self) -> io::Result<()> {
        let file = self.opened()?;
        let mut done = 0;
        while done < TURN {
            let next = {
                let mut state = self.state.lock();
                if state.is_abandoned {
                    return Ok(());
                }
                (state.queue.pop_front(), state.is_ending)
            };
            match next {
                (Some(run), _) => done += self.write_run(&**file, run)?,
                (None, true) => {
                    let (length, checksums) = (self.written(), self.checksums.lock().clone());
                    let end = format::end(self.id, self.digest, length, &checksums);
                    file.write_at(&end, length)?;
                    self.state.lock().has_ended = true;
                    break;
                }
                (None, false) => break,
            }
        }
        Ok(())
    }

    fn write_run(&self, file: &dyn File, run: Run) -> io::Result<u64> {
        let bytes = match <[Bytes; 1]>::try_from(run.frames) {
            Ok([only]) => only,
            Err(frames) => frames.concat().into(),
        };
        let (at, length) = (self.written(), bytes.len() as u64);
        let (will_take, is_bounded) = (format::file_length(at + length), self.expected.is_none());
        if let Some(registry) = self.registry.upgrade()
            && !registry.grows(self.id, will_take, is_bounded)
        {
            self.give_up();
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        file.write_at(&bytes, at)?;
        // Before what they belong to is said to be there.
        self.checksums.lock().extend(run.checksums);
        self.written.store(at + length, Ordering::Release);
        self.changed.notify_waiters();
        Ok(length)
    }

    /// The file, made if it is not there yet.
    fn opened(&self) -> io::Result<&Arc<dyn File>> {
        if self.file.get().is_none() {
            let file = self.io.create(&self.name())?;
            let file = self.file.get_or_init(|| file);
            if let Some(length) = self.expected {
                file.reserve(format::file_length(length))?;
            }
        }
        self.file.get().ok_or(io::ErrorKind::NotFound.into())
    }

    /// Makes what was written last, now and then, while more is written.
    fn sync_behind(self: &Arc<Self>) {
        let from = self.synced.load(Ordering::Acquire);
        let to = self.written();
        if to.saturating_sub(from) < SYNC_EVERY || self.syncing.swap(true, Ordering::AcqRel) {
            return;
        }
        let file = Arc::clone(self);
        let job = move || {
            if file.sync().is_ok()
                && !file.was_read.swap(false, Ordering::Relaxed)
                && let Some(open) = file.file.get()
            {
                // Nobody came for it while it was new: others need the memory more.
                open.forget(from, to - from);
            }
            file.synced.store(to, Ordering::Release);
            file.syncing.store(false, Ordering::Release);
        };
        let taken = self.witness.upgrade().map(|witness| witness.writes().run(Box::new(job)));
        if taken != Some(Ok(())) {
            // At the end of the next turn.
            self.syncing.store(false, Ordering::Release);
        }
    }

    /// Makes sure that what was written survives a loss of power.
    pub(super) fn sync(&self) -> io::Result<()> {
        let _alone = self.sync.lock();
        if self.state.lock().is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let file = self.file.get().ok_or(io::ErrorKind::NotFound)?;
        file.sync().inspect_err(|error| self.break_off(error.kind().into()))
    }

    /// Nobody finishes it.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.is_abandoned = true;
        state.queue.clear();
        let is_running = state.is_running;
        drop(state);
        if !is_running {
            self.remove();
        }
    }

    /// No job writes any more.
    fn rest(&self) {
        let mut state = self.state.lock();
        state.is_running = false;
        let is_abandoned = state.is_abandoned;
        drop(state);
        if is_abandoned {
            self.remove();
        }
        self.changed.notify_waiters();
    }

    /// Takes its name away.
    fn remove(&self) {
        match self.registry.upgrade() {
            Some(registry) => registry.forget(self.id, self.file.get().map(|_| self.name())),
            None => drop(self.io.remove(&self.name())),
        }
    }

    fn name(&self) -> String {
        Origin::Growing { id: self.id }.to_string()
    }
}

/// One job of writing. Whatever becomes of it, others may follow it.
#[derive(Debug)]
struct Turn {
    file: Arc<GrowingFile>,
    was_refused: AtomicBool,
    was_done: AtomicBool,
}

impl Turn {
    fn take(&self) {
        if let Err(error) = self.file.write() {
            self.file.break_off(error);
        }
        self.file.sync_behind();
        self.was_done.store(true, Ordering::Release);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let was_lost = !*self.was_done.get_mut() && !*self.was_refused.get_mut();
        if was_lost {
            self.file.break_off(io::ErrorKind::BrokenPipe.into());
        }
        self.file.rest();
    }
}
