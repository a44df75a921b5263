//! The owner of every task: counts what is in flight, and brings it to an end in order.
//!
//! Stages: serving; draining ([`Drain::begin`]: no new work, idle connections close); tunnels closing
//! (nothing but tunnels is left); now (a second `begin`, or the limit: tunnels close by themselves, and
//! what is left is cut).

mod seen_through;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

pub use seen_through::SeenThrough;

/// What a task or a guard stands for, and so what a drain does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A client connection: the drain waits for it.
    Connection,
    /// A request in flight, or a fill: the drain waits for it.
    Exchange,
    /// A tunnel: told to close when nothing else is in flight.
    Tunnel,
    /// Accept loops, tickers: never waited for, stopped at the end.
    Background,
}

const CLASSES: usize = 4;

const SHARDS: usize = 32;

/// How long what is cut has to come to its end: once for tunnels that are told, once for tasks that are
/// aborted. What they hold writes its last line then.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// How far the stop has come; only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Serving,
    Draining,
    TunnelsClosing,
    Now,
}

/// Cheap to clone; every clone is the same drain.
#[derive(Clone, Debug, Default)]
pub struct Drain(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stage: watch::Sender<Stage>,
    /// Says the same as `stage`, for those who ask with every request.
    begun: AtomicBool,
    tasks: [AtomicUsize; CLASSES],
    guards: [AtomicUsize; CLASSES],
    ended: [AtomicU64; CLASSES],
    served: AtomicU64,
    next: AtomicU64,
    /// By the number of the task, so that tasks that begin and end at once seldom meet. None while it is
    /// being spawned.
    running: [Mutex<HashMap<u64, Option<AbortHandle>>>; SHARDS],
    changed: watch::Sender<()>,
}

/// What a stop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Exchanges that were guarded and ended, since the start.
    pub served: u64,
    /// Client connections that ended, since the start.
    pub connections: u64,
    /// Tunnels that ended, since the start.
    pub tunnels: u64,
    /// Exchanges and tunnels that were still in flight and were cut off.
    pub cut: usize,
}

impl Drain {
    /// A drain that serves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` as a task of its own that this drain owns. Must be called inside a runtime.
    pub fn spawn<F>(&self, name: &'static str, class: Class, future: F) -> AbortHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.count(&self.0.tasks, class);
        // In a box, because what is spawned is moved several times; in this order, because a task counts
        // until its future has been dropped.
        let task = (Box::pin(future), Owned { drain: self.clone(), name, class, id });
        self.0.shard(id).lock().insert(id, None);
        // No lock is held: in a runtime that is shutting down the task ends in here.
        let handle = tokio::spawn(async move {
            let (future, _owned) = task;
            future.await;
        })
        .abort_handle();
        if let Some(running) = self.0.shard(id).lock().get_mut(&id) {
            *running = Some(handle.clone());
        }
        if self.draining() && self.stage() == Stage::Now {
            handle.abort();
        }
        handle
    }

    /// Counts something of `class` as in flight until the guard is dropped.
    pub fn guard(&self, class: Class) -> InFlight {
        self.0.count(&self.0.guards, class);
        InFlight { drain: self.clone(), class }
    }

    /// Starts to drain; a second call cuts off what is left.
    pub fn begin(&self) {
        self.0.begun.store(true, Ordering::Release);
        self.0.stage.send_modify(|stage| {
            *stage = if *stage == Stage::Serving { Stage::Draining } else { Stage::Now };
        });
        self.0.settle();
    }

    /// Whether [`begin`](Self::begin) was called.
    pub fn draining(&self) -> bool {
        self.0.begun.load(Ordering::Acquire)
    }

    /// Resolves once [`begin`](Self::begin) was called.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Stage::Draining)
    }

    /// Resolves when tunnels are to close: the drain has begun and nothing but tunnels is in flight.
    pub fn tunnels_close(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Stage::TunnelsClosing)
    }

    /// Requests in flight: the guards of [`Class::Exchange`].
    pub fn exchanges(&self) -> usize {
        self.0.guards.of(Class::Exchange)
    }

    /// Waits for the end of everything but background tasks, `limit` at most (not at all after a
    /// second [`begin`](Self::begin)), then tells tunnels to close, and aborts every task that is left.
    /// Returns when all of them are gone, which takes those that do not block no time.
    pub async fn finished(&self, limit: Duration) -> DrainReport {
        // Waiting for less than everything is what the limit is for: the outcome is counted below.
        let _elapsed = timeout(limit, self.emptied()).await;
        let shared = &self.0;
        let cut = shared.guards.of(Class::Exchange) + shared.of(Class::Tunnel);
        let report = DrainReport {
            served: shared.served.load(Ordering::Acquire),
            connections: shared.ended.of(Class::Connection),
            tunnels: shared.ended.of(Class::Tunnel),
            cut,
        };
        shared.begun.store(true, Ordering::Release);
        shared.stage.send_modify(|stage| *stage = Stage::Now);
        let _elapsed =
            timeout(LAST_MOMENT, self.settled(|shared| shared.of(Class::Tunnel) == 0)).await;
        for shard in &shared.running {
            let left: Vec<_> = shard.lock().values().flatten().cloned().collect();
            for task in left {
                task.abort();
            }
        }
        let _elapsed = timeout(LAST_MOMENT, self.settled(Shared::all_gone)).await;
        report
    }

    /// Resolves when nothing is left to wait for, or no wait is left.
    async fn emptied(&self) {
        let begun = |shared: &Shared| shared.begun.load(Ordering::Acquire);
        tokio::select! {
            () = self.settled(|shared| begun(shared) && shared.empty()) => {}
            () = self.reached(Stage::Now) => {}
        }
    }

    /// Resolves when `settled` holds; looks whenever something has ended or a stage is reached.
    async fn settled(&self, settled: impl Fn(&Shared) -> bool) {
        let mut changed = self.0.changed.subscribe();
        while !settled(&self.0) {
            // The sender lives as long as `self`.
            let _alive = changed.changed().await;
        }
    }

    fn stage(&self) -> Stage {
        *self.0.stage.borrow()
    }

    fn reached(&self, wanted: Stage) -> impl Future<Output = ()> + Send + use<> {
        let mut stage = self.0.stage.subscribe();
        async move {
            // The drain itself being gone is the end of everything too.
            let _gone = stage.wait_for(|stage| *stage >= wanted).await;
        }
    }
}

impl Shared {
    fn count(&self, counters: &[AtomicUsize; CLASSES], class: Class) {
        if let Some(counter) = counters.get(class as usize) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn uncount(&self, counters: &[AtomicUsize; CLASSES], class: Class) {
        if let Some(counter) = counters.get(class as usize) {
            counter.fetch_sub(1, Ordering::AcqRel);
        }
        self.settle();
    }

    fn shard(&self, id: u64) -> &Mutex<HashMap<u64, Option<AbortHandle>>> {
        let [first, ..] = &self.running;
        let at = usize::try_from(id % SHARDS as u64).unwrap_or_default();
        self.running.get(at).unwrap_or(first)
    }

    /// Whether no task is left, of whatever class.
    fn all_gone(&self) -> bool {
        self.running.iter().all(|shard| shard.lock().is_empty())
    }

    /// Tasks and guards of one class.
    fn of(&self, class: Class) -> usize {
        self.tasks.of(class) + self.guards.of(class)
    }

    fn busy(&self) -> bool {
        self.of(Class::Connection) + self.of(Class::Exchange) > 0
    }

    fn empty(&self) -> bool {
        !self.busy() && self.of(Class::Tunnel) == 0
    }

    /// Something ended, or the stage changed: what follows from it.
    fn settle(&self) {
        if !self.begun.load(Ordering::Acquire) {
            return;
        }
        if !self.busy() {
            self.stage.send_if_modified(|stage| {
                let due = *stage == Stage::Draining;
                if due {
                    *stage = Stage::TunnelsClosing;
                }
                due
            });
        }
        self.changed.send_replace(());
    }
}

/// Reads the counter of one class.
trait PerClass {
    type Count;
    fn of(&self, class: Class) -> Self::Count;
}

impl PerClass for [AtomicUsize; CLASSES] {
    type Count = usize;
    fn of(&self, class: Class) -> usize {
        self.get(class as usize).map_or(0, |count| count.load(Ordering::Acquire))
    }
}

impl PerClass for [AtomicU64; CLASSES] {
    type Count = u64;
    fn of(&self, class: Class) -> u64 {
        self.get(class as usize).map_or(0, |count| count.load(Ordering::Acquire))
    }
}

/// In flight until dropped.
#[derive(Debug)]
#[must_use = "nothing is in flight once this is dropped"]
pub struct InFlight {
    drain: Drain,
    class: Class,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.class == Class::Exchange {
            self.drain.0.served.fetch_add(1, Ordering::AcqRel);
        }
        self.drain.0.uncount(&self.drain.0.guards, self.class);
    }
}

/// Lives in the task: its drop is the task's end, however it came about.
struct Owned {
    drain: Drain,
    name: &'static str,
    class: Class,
    id: u64,
}

impl Drop for Owned {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.name, "A task panicked");
        }
        let shared = &self.drain.0;
        shared.shard(self.id).lock().remove(&self.id);
        if let Some(ended) = shared.ended.get(self.class as usize) {
            ended.fetch_add(1, Ordering::AcqRel);
        }
        shared.uncount(&shared.tasks, self.class);
    }
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
