//! The way out: lines from every thread, through one bounded queue, to one file or stream.
//!
//! A thread of its own writes, because a full disk or a stopped terminal may block for as long as it
//! likes. When the queue is full, lines are dropped and counted, and the count is written as soon as
//! there is room again: a log may have a gap, but never a gap that nobody sees.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

#[cfg(test)]
mod tests;

/// How long [`Output::close`] waits for the last lines to be written.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// So long after a write the writer waits for more lines: who reads the log sees each within this time, and a
/// busy proxy wakes the writer fifty times a second, not for every line. The first line after a pause is
/// written at once.
const PACE: Duration = Duration::from_millis(20);

/// A batch buffer that a burst blew up beyond this is given back.
const BATCH_KEPT: usize = 256 * 1024;

/// Where lines end up.
pub enum Sink {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file that is appended to and can be opened again.
    File(PathBuf),
    /// Anything else.
    Writer(Box<dyn Write + Send>),
}

/// What an output has to say about itself.
#[derive(Debug)]
pub enum Notice<'a> {
    /// So many lines were dropped, because the queue was full or could not be written.
    Lost(u64),
    /// The file could not be opened again; lines still go to the old one.
    Reopen(&'a Path, &'a io::Error),
    /// Lines cannot be written.
    Write(&'a io::Error),
}

/// Makes the line of a notice, or none when this output is no place for it.
pub type Announce = Box<dyn Fn(&Notice<'_>, &mut Vec<u8>) + Send>;

/// A queue of lines with a writer thread. Clones share it. The thread ends when the output is closed
/// or its last clone is dropped.
#[derive(Clone)]
pub struct Output(Arc<Queue>);

struct Queue(Arc<Shared>);

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.work.notify_one();
    }
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    idle: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    /// The writer has nothing to do, and waits until it is woken.
    parked: bool,
    lost: u64,
    /// Where in `pending` the file changes: what stands before it belongs to the old one.
    reopen_at: Option<usize>,
    closed: bool,
    finished: bool,
}

impl State {
    /// Whether there is something to do that is not to wait for more lines.
    fn is_pressing(&self, limit: usize) -> bool {
        self.closed || self.reopen_at.is_some() || self.pending.len() > limit / 2
    }
}

impl Output {
    /// Opens `sink` and starts its writer; at most `limit` bytes wait. `announce` makes the lines of
    /// notices.
    ///
    /// # Errors
    /// When a file cannot be opened or the thread cannot be started.
    pub fn open(sink: Sink, limit: usize, announce: Announce) -> io::Result<Self> {
        let (path, writer): (_, Box<dyn Write + Send>) = match sink {
            Sink::Stdout => (None, Box::new(io::stdout())),
            Sink::Stderr => (None, Box::new(io::stderr())),
            Sink::File(path) => {
                let file = append_to(&path)?;
                (Some(path), Box::new(file))
            }
            Sink::Writer(writer) => (None, writer),
        };
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            idle: Condvar::new(),
            limit,
        });
        let writer = Writer { shared: Arc::clone(&shared), path, writer, announce, broken: false };
        thread::Builder::new().name("log".into()).spawn(move || writer.run())?;
        Ok(Self(Arc::new(Queue(shared))))
    }

    /// Queues one or more whole lines; drops and counts them when the queue is full. Never waits for
    /// the sink.
    pub fn push(&self, lines: &[u8]) {
        let mut state = self.shared().state.lock();
        if state.closed {
            return;
        }
        if state.pending.len().saturating_add(lines.len()) > self.shared().limit {
            state.lost = state.lost.saturating_add(count_lines(lines));
            return;
        }
        let was_pressing = state.is_pressing(self.shared().limit);
        state.pending.extend_from_slice(lines);
        let is_wanted = std::mem::take(&mut state.parked)
            || (!was_pressing && state.is_pressing(self.shared().limit));
        drop(state);
        if is_wanted {
            self.shared().work.notify_one();
        }
    }

    /// Opens the file again under its name, after the lines that are queued; for a stream, nothing.
    pub fn reopen(&self) {
        let mut state = self.shared().state.lock();
        state.reopen_at = Some(state.pending.len());
        drop(state);
        self.shared().work.notify_one();
    }

    /// Writes what is queued and stops; later lines are dropped. Waits at most 5 s for a sink that
    /// does not move.
    pub fn close(&self) {
        let mut state = self.shared().state.lock();
        state.closed = true;
        self.shared().work.notify_one();
        while !state.finished {
            if self.shared().idle.wait_for(&mut state, CLOSE_WAIT).timed_out() {
                return;
            }
        }
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}

struct Writer {
    shared: Arc<Shared>,
    path: Option<PathBuf>,
    writer: Box<dyn Write + Send>,
    announce: Announce,
    broken: bool,
}

impl Writer {
    fn run(mut self) {
        let mut batch = Vec::new();
        let mut written_at = None;
        loop {
            let (lost, reopen_at, closed) = self.next(&mut batch, written_at);
            let (before, after) = batch.split_at(reopen_at.unwrap_or(batch.len()).min(batch.len()));
            let mut unwritten = self.write(before);
            if reopen_at.is_some() {
                self.reopen();
            }
            unwritten = unwritten.saturating_add(self.write(after));
            unwritten = unwritten.saturating_add(self.report_lost(lost));
            written_at = Some(Instant::now());
            batch.clear();
            batch.shrink_to(BATCH_KEPT);
            let mut state = self.shared.state.lock();
            state.lost = state.lost.saturating_add(unwritten);
            if closed {
                state.finished = true;
                self.shared.idle.notify_all();
                return;
            }
        }
    }

    /// Waits for work, and after a write for more of it; takes all of it.
    fn next(&self, batch: &mut Vec<u8>, written_at: Option<Instant>) -> (u64, Option<usize>, bool) {
        let Shared { state, work, limit, .. } = &*self.shared;
        let mut state = state.lock();
        if let Some(until) = written_at.map(|at| at + PACE) {
            while !state.is_pressing(*limit) && !work.wait_until(&mut state, until).timed_out() {}
        }
        while state.pending.is_empty() && state.reopen_at.is_none() && !state.closed {
            state.parked = true;
            work.wait(&mut state);
        }
        state.parked = false;
        std::mem::swap(&mut state.pending, batch);
        (std::mem::take(&mut state.lost), state.reopen_at.take(), state.closed)
    }

    /// Writes `lines`; returns how many were lost.
    fn write(&mut self, lines: &[u8]) -> u64 {
        if lines.is_empty() {
            return 0;
        }
        match self.writer.write_all(lines).and_then(|()| self.writer.flush()) {
            Ok(()) => {
                self.broken = false;
                0
            }
            Err(error) => {
                // Once per fault: a full disk must not fill standard error as well.
                if !self.broken {
                    self.complain(&Notice::Write(&error));
                }
                self.broken = true;
                count_lines(lines)
            }
        }
    }

    /// Says how many lines were lost; returns the count when that could not be said either.
    fn report_lost(&mut self, lost: u64) -> u64 {
        if lost == 0 {
            return 0;
        }
        let mut line = Vec::new();
        (self.announce)(&Notice::Lost(lost), &mut line);
        if line.is_empty() {
            self.complain(&Notice::Lost(lost));
            return 0;
        }
        if self.write(&line) == 0 { 0 } else { lost }
    }

    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append_to(path) {
            Ok(file) => {
                self.writer = Box::new(file);
                self.broken = false;
            }
            Err(error) => self.complain(&Notice::Reopen(path, &error)),
        }
    }

    /// Says on standard error what the output itself cannot say.
    fn complain(&self, notice: &Notice<'_>) {
        writeln!(io::stderr(), "{notice}").ok();
    }
}

impl std::fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(lines) => {
                write!(f, "{lines} log lines were lost: they could not be written fast enough")
            }
            Self::Reopen(path, error) => {
                let path = path.display();
                write!(f, "cannot open the log file {path} again: {error}; the old one is kept")
            }
            Self::Write(error) => write!(f, "cannot write the log: {error}; lines are lost"),
        }
    }
}
