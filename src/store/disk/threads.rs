//! The threads of the disk tier: one writes, one syncs, one finds what was there at the start.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::engine::Engine;
use super::index::Tag;
use super::pool::words;
use super::rate::Rate;
use super::recovery::Adopted;
use crate::store::opening::Recovered;

/// How long the writer waits for something to write before it looks after what it has written.
const TICK: Duration = Duration::from_millis(100);

/// What was appended is synced after so long at most.
const SYNC: Duration = Duration::from_secs(2);

/// Who has nothing more to do has so long to end, whatever the deadline.
const GRACE: Duration = Duration::from_millis(500);

/// The threads.
#[derive(Debug)]
pub(super) struct Threads {
    engine: Arc<Engine>,
    all: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts them. What was found is told through `tell`.
    pub(super) fn start(
        engine: &Arc<Engine>,
        adopted: Adopted,
        tell: watch::Sender<Option<Recovered>>,
        stop: &Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            Builder::new().name(name.to_owned()).spawn(work)
        };
        let (finder, halt) = (Arc::clone(engine), Arc::clone(stop));
        let find = move || {
            // Who does not wait any more does not want it.
            tell.send(survive(|| finder.recover(adopted, &halt))).ok();
            // What a process that was killed had written is to last; nobody waits for that.
            survive(|| finder.sync());
        };
        let (writer, syncer) = (Arc::clone(engine), Arc::clone(engine));
        let all = vec![
            start("larder-find", Box::new(find))?,
            start("larder-write", Box::new(move || write(&writer)))?,
            start("larder-sync", Box::new(move || sync(&syncer)))?,
        ];
        Ok(Self { engine: Arc::clone(engine), all })
    }

    /// Waits for their end, up to `deadline`; the queue must have been stopped. Who hangs in a device is
    /// left to itself.
    pub(super) fn finish(self, deadline: Instant) {
        while self.engine.queue.len() > 0 && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        self.engine.queue.abandon();
        self.engine.syncer.stop();
        let deadline = deadline.max(Instant::now() + GRACE);
        for thread in self.all {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            if thread.is_finished() {
                // It has said already what it died of.
                thread.join().ok();
            } else {
                let thread = thread.thread().name().unwrap_or_default();
                tracing::warn!(thread, "a thread of the disk tier hangs, and is not waited for");
            }
        }
    }
}

/// Writes what waits, until the queue is stopped and empty.
fn write(engine: &Engine) {
    let mut rate = Rate::new(engine.limits.behind, Instant::now());
    loop {
        let now = Instant::now();
        let job = engine.queue.pop(rate.allows(now), TICK);
        let is_idle = job.is_none();
        match job {
            Some((job, is_behind)) => {
                if is_behind {
                    rate.spend(job.weight());
                }
                if survive(|| engine.write(&job.response)).is_none() {
                    engine.index.give_up(&job.response, Tag::of(&job.response));
                }
            }
            None if engine.queue.is_stopped() => break,
            None => {}
        }
        survive(|| {
            if engine.flush_if_due(Instant::now()) || is_idle {
                engine.keep_within_budget();
            }
            engine.retry_if_due(now);
        });
    }
}

/// Syncs when somebody waits for it, else now and then.
fn sync(engine: &Engine) {
    let _serving = engine.syncer.serve();
    while let Some(waiting) = engine.syncer.wait(SYNC) {
        let is_asked = !waiting.is_empty();
        let synced = survive(|| {
            if !is_asked {
                engine.check_directory();
            }
            engine.sync()
        });
        let is_durable = synced == Some(true);
        for tell in waiting {
            tell.send(is_durable).ok();
        }
    }
}

/// Does one step; a panic ends that alone, and is said.
fn survive<T>(step: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(step));
    done.inspect_err(|panic| {
        let thread = std::thread::current();
        let (thread, panic) = (thread.name().unwrap_or_default(), words(&**panic));
        tracing::error!(thread, panic, "a thread of the disk tier panicked, and goes on");
    })
    .ok()
}
