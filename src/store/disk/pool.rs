//! Threads that wait for the device, so that the runtime's never do: a few, with a bounded queue.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use thiserror::Error;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The queue is full, or the pool is going: the job was not taken, and never runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too much waits for the disk")]
pub(in crate::store) struct Busy;

/// Threads that do jobs in the order in which they come. Dropping it waits for the jobs that are being
/// done and forgets those that wait: their receivers fail. So does that of a job that panics.
#[derive(Debug)]
pub(in crate::store) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    limit: usize,
    refused: AtomicU64,
    panicked: AtomicU64,
}

#[derive(Default)]
struct State {
    /// At most [`Shared::limit`]; a job too many is refused and counted.
    queue: VecDeque<Job>,
    is_closed: bool,
}

/// How a pool is doing, for the metrics.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct PoolUsage {
    /// Jobs that wait for a thread.
    pub waiting: usize,
    /// Jobs that were refused since the start because the queue was full.
    pub refused: u64,
    /// Jobs that panicked since the start.
    pub panicked: u64,
}

impl Pool {
    /// Starts `threads` threads, at least one, called `name` and a number (Linux shows 15 characters).
    /// At most `queue` jobs wait.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(in crate::store) fn new(name: &str, threads: usize, queue: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            limit: queue,
            refused: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        });
        let mut pool = Self { shared, threads: Vec::new() };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let builder = thread::Builder::new().name(format!("{name}-{number}"));
            pool.threads.push(builder.spawn(move || shared.work())?);
        }
        Ok(pool)
    }

    /// Gives a job to the next free thread. Its result comes by the receiver; who drops that does not
    /// stop the job.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full. Then `job` is dropped, by the caller.
    pub(in crate::store) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Busy> {
        let (sender, receiver) = oneshot::channel();
        let job = move || {
            // Who does not wait any more does not want it.
            drop(sender.send(job()));
        };
        let mut state = self.shared.state.lock();
        if state.queue.len() >= self.shared.limit {
            drop(state);
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Busy);
        }
        state.queue.push_back(Box::new(job));
        drop(state);
        self.shared.work.notify_one();
        Ok(receiver)
    }

    /// How it is doing.
    #[cfg(test)]
    pub(in crate::store) fn usage(&self) -> PoolUsage {
        PoolUsage {
            waiting: self.shared.state.lock().queue.len(),
            refused: self.shared.refused.load(Ordering::Relaxed),
            panicked: self.shared.panicked.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let forgotten = {
            let mut state = self.shared.state.lock();
            state.is_closed = true;
            std::mem::take(&mut state.queue)
        };
        self.shared.work.notify_all();
        drop(forgotten);
        let own = thread::current().id();
        // A job may hold the last reference to its pool: its thread does not wait for itself.
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != own) {
            if thread.join().is_err() {
                tracing::error!("a thread of the disk tier panicked");
            }
        }
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
                self.panicked.fetch_add(1, Ordering::Relaxed);
                tracing::error!(panic = words(&*panic), "a job of the disk tier panicked");
            }
        }
    }

    /// The next job, as soon as there is one; `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        self.work.wait_while(&mut state, |state| state.queue.is_empty() && !state.is_closed);
        state.queue.pop_front()
    }
}

/// What a panic says.
pub(super) fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
