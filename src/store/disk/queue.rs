//! What waits to be written: two bounded queues. A full one takes nothing more, and counts.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::store::stored::{StoredResponse, UNIT};

/// The most responses that wait in each queue.
const MOST: usize = 64 << 10;

/// One response to be written.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) response: StoredResponse,
}

/// How pressing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Press {
    /// It is nowhere else, or will not be for long.
    Now,
    /// It is in memory too, and is written behind as the rate allows.
    Behind,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What waits.
#[derive(Debug)]
pub(super) struct Queue {
    /// The most bytes that wait in each queue.
    most: u64,
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct State {
    now: Line,
    behind: Line,
    /// How many come yet: at most as many as jobs of the threads that write large files wait.
    promised: usize,
    is_stopped: bool,
    is_abandoned: bool,
}

#[derive(Debug, Default)]
struct Line {
    jobs: VecDeque<Job>,
    bytes: u64,
}

impl Line {
    fn push(&mut self, job: Job, most: u64) -> Result<(), Full> {
        let bytes = job.weight();
        // A response alone is always taken, however large.
        let is_full = self.jobs.len() >= MOST || (self.bytes > 0 && self.bytes + bytes > most);
        if is_full {
            return Err(Full);
        }
        self.add(job);
        Ok(())
    }

    fn add(&mut self, job: Job) {
        self.bytes += job.weight();
        self.jobs.push_back(job);
    }

    fn pop(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.bytes = self.bytes.saturating_sub(job.weight());
        Some(job)
    }
}

impl Job {
    /// Bytes that the response keeps in memory.
    pub(super) fn weight(&self) -> u64 {
        u64::from(self.response.units()) * UNIT as u64
    }
}

impl Queue {
    /// Two queues of at most `most` bytes each.
    pub(super) fn new(most: u64) -> Self {
        Self { most, state: Mutex::default(), came: Condvar::new() }
    }

    /// Puts a response at the end of a queue.
    pub(super) fn push(&self, job: Job, press: Press) -> Result<(), Full> {
        let mut state = self.state.lock();
        if state.is_stopped {
            return Err(Full);
        }
        match press {
            Press::Now => state.now.push(job, self.most),
            Press::Behind => state.behind.push(job, self.most),
        }?;
        drop(state);
        self.came.notify_one();
        Ok(())
    }

    /// The next response, and whether it is written behind: that only if `behind` says so. Waits for one at
    /// most so long.
    pub(super) fn pop(&self, behind: bool, wait: Duration) -> Option<(Job, bool)> {
        let mut state = self.state.lock();
        if let Some(job) = state.pop(behind) {
            return Some(job);
        }
        if !wait.is_zero() && (!state.is_stopped || state.promised > 0) {
            self.came.wait_for(&mut state, wait);
        }
        state.pop(behind)
    }

    /// Wakes who waits in [`Queue::pop`], though nothing came.
    pub(super) fn wake(&self) {
        self.came.notify_one();
    }

    /// How many responses wait.
    pub(super) fn len(&self) -> usize {
        let state = self.state.lock();
        state.now.jobs.len() + state.behind.jobs.len() + state.promised
    }

    /// Whether what is written behind takes up less than half of its room.
    pub(super) fn has_room(&self) -> bool {
        let state = self.state.lock();
        state.behind.jobs.len() < MOST / 2 && state.behind.bytes < self.most / 2
    }

    /// Takes nothing more from now on.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.came.notify_all();
    }

    /// Forgets all that waits.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.now = Line::default();
        state.behind = Line::default();
        state.is_abandoned = true;
        drop(state);
        self.came.notify_all();
    }

    /// Whether it takes nothing more, and nothing comes yet.
    pub(super) fn is_stopped(&self) -> bool {
        let state = self.state.lock();
        state.is_stopped && (state.promised == 0 || state.is_abandoned)
    }

    /// Says that a pressing response comes, even behind the stop. False after that.
    pub(super) fn promise(&self) -> bool {
        let mut state = self.state.lock();
        let is_taken = !state.is_stopped && state.promised < MOST;
        state.promised += usize::from(is_taken);
        is_taken
    }

    /// It has come.
    pub(super) fn keep(&self, job: Job) {
        let mut state = self.state.lock();
        state.promised = state.promised.saturating_sub(1);
        if !state.is_abandoned {
            state.now.add(job);
        }
        drop(state);
        self.came.notify_one();
    }
}

impl State {
    fn pop(&mut self, behind: bool) -> Option<(Job, bool)> {
        let behind = behind || self.is_stopped;
        let now = self.now.pop().map(|job| (job, false));
        now.or_else(|| Some((behind.then(|| self.behind.pop()).flatten()?, true)))
    }
}
