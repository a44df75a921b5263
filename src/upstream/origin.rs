//! One origin's connections: what rests, what is open, who waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::pool::{Connection, Limits};
use crate::net::Reach;

/// One scheme, host and port.
#[derive(Debug)]
pub(super) struct Origin {
    limits: Arc<Limits>,
    idle_total: Arc<AtomicUsize>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Sockets that exist, and permits to make one.
    open: usize,
    /// The one used last is at the end, and is used first.
    idle: Vec<Connection>,
    /// First come, first served; bounded by `queue_per_origin`.
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    reach: Reach,
    fresh: bool,
    grant: oneshot::Sender<Acquired>,
}

/// What a request gets to go to its origin.
#[derive(Debug)]
pub(super) enum Acquired {
    /// A connection that has carried an exchange before and is ready for another.
    Reused(Connection),
    /// The right to make a new one.
    Dial(Permit),
}

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueFailure {
    Full,
    Timeout,
}

enum Place {
    Got(Acquired),
    Wait(oneshot::Receiver<Acquired>, Option<Connection>),
    Full,
}

impl Origin {
    /// An origin without connections; `idle_total` counts what rests anywhere.
    pub(super) fn new(limits: Arc<Limits>, idle_total: Arc<AtomicUsize>) -> Self {
        Self { limits, idle_total, state: Mutex::default() }
    }

    /// Moves what rested for too long to `expired`; false when nothing is left to remember.
    pub(super) fn sweep(&self, expired: &mut Vec<Connection>) -> bool {
        let mut state = self.state.lock();
        let over = |connection: &mut Connection| {
            connection.is_closed() || connection.rested() >= self.limits.idle_wait
        };
        let before = expired.len();
        expired.extend(state.idle.extract_if(.., over));
        self.idle_total.fetch_sub(expired.len() - before, Ordering::AcqRel);
        state.waiters.retain(|waiter| !waiter.grant.is_closed());
        state.open > 0 || !state.waiters.is_empty() || !state.idle.is_empty()
    }

    /// How long a request may wait in the queue.
    pub(super) fn queue_wait(&self) -> Duration {
        self.limits.queue_wait
    }

    /// A connection or the right to make one; `fresh` takes no used one. Waits in the queue at the cap.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        reach: &Reach,
        fresh: bool,
    ) -> Result<Acquired, QueueFailure> {
        let mut deadline = None;
        loop {
            let acquired = match self.place(reach, fresh) {
                Place::Got(acquired) => acquired,
                Place::Full => return Err(QueueFailure::Full),
                Place::Wait(granted, surplus) => {
                    drop(surplus);
                    let limit = self.limits.queue_wait;
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + limit);
                    match timeout_at(deadline, granted).await {
                        Ok(Ok(acquired)) => acquired,
                        Ok(Err(_)) | Err(_) => return Err(QueueFailure::Timeout),
                    }
                }
            };
            match acquired {
                Acquired::Reused(mut connection) => {
                    if connection.settled().await {
                        return Ok(Acquired::Reused(connection));
                    }
                }
                Acquired::Dial(permit) => return Ok(Acquired::Dial(permit)),
            }
        }
    }

    fn place(self: &Arc<Self>, reach: &Reach, fresh: bool) -> Place {
        let mut state = self.state.lock();
        if !fresh {
            let usable = |idle: &Connection| reach.allows(idle.whence()) && !idle.is_closed();
            if let Some(place) = state.idle.iter().rposition(usable) {
                self.idle_total.fetch_sub(1, Ordering::AcqRel);
                return Place::Got(Acquired::Reused(state.idle.remove(place)));
            }
        }
        if state.open < self.limits.connections_per_origin {
            state.open += 1;
            return Place::Got(Acquired::Dial(Permit(Some(Arc::clone(self)))));
        }
        if state.waiters.len() >= self.limits.queue_per_origin {
            state.waiters.retain(|waiter| !waiter.grant.is_closed());
            if state.waiters.len() >= self.limits.queue_per_origin {
                return Place::Full;
            }
        }
        let (grant, granted) = oneshot::channel();
        state.waiters.push_back(Waiter { reach: reach.clone(), fresh, grant });
        // An idle connection that this request may not use makes room for one that it may.
        let surplus = state.idle.pop();
        if surplus.is_some() {
            self.idle_total.fetch_sub(1, Ordering::AcqRel);
        }
        Place::Wait(granted, surplus)
    }

    /// Takes back a connection whose exchange has ended cleanly in both directions.
    pub(super) fn put(&self, mut connection: Connection) {
        connection.rest();
        loop {
            let mut state = self.state.lock();
            let Some(waiter) = state.waiters.pop_front() else {
                let room = state.idle.len() < self.limits.idle_per_origin
                    && self.idle_total.load(Ordering::Acquire) < self.limits.idle_total;
                if room && !connection.is_closed() {
                    self.idle_total.fetch_add(1, Ordering::AcqRel);
                    state.idle.push(connection);
                } else {
                    drop(state);
                    drop(connection);
                }
                return;
            };
            if waiter.fresh || !waiter.reach.allows(connection.whence()) {
                // Closing this one gives the first in the queue the right to make its own.
                state.waiters.push_front(waiter);
                drop(state);
                drop(connection);
                return;
            }
            drop(state);
            match waiter.grant.send(Acquired::Reused(connection)) {
                Err(Acquired::Reused(back)) => connection = back,
                Ok(()) | Err(Acquired::Dial(_)) => return,
            }
        }
    }

    /// A socket is gone, or was never made: its place goes to the first in the queue.
    fn release(self: Arc<Self>) {
        loop {
            let mut state = self.state.lock();
            let Some(waiter) = state.waiters.pop_front() else {
                state.open = state.open.saturating_sub(1);
                return;
            };
            drop(state);
            match waiter.grant.send(Acquired::Dial(Permit(Some(Arc::clone(&self))))) {
                Err(Acquired::Dial(mut permit)) => permit.0 = None,
                Ok(()) | Err(Acquired::Reused(_)) => return,
            }
        }
    }
}

#[cfg(test)]
impl Origin {
    /// How many sockets there are.
    pub(super) fn open(&self) -> usize {
        self.state.lock().open
    }

    /// How many connections rest.
    pub(super) fn resting(&self) -> usize {
        self.state.lock().idle.len()
    }

    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiters.len()
    }
}

/// One of the connections that an origin may have; lives as long as the socket.
#[derive(Debug)]
pub(super) struct Permit(Option<Arc<Origin>>);

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(origin) = self.0.take() {
            origin.release();
        }
    }
}
