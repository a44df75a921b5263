//! Who waits until what was appended survives a loss of power.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

/// Those who wait, served all together by one sync.
#[derive(Debug, Default)]
pub(super) struct Syncer {
    state: Mutex<State>,
    wanted: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<oneshot::Sender<bool>>,
    /// Something waits for a sync, though nobody does.
    is_wanted: bool,
    is_stopped: bool,
}

impl Syncer {
    /// Tells, as soon as a sync that begins from now on has ended, whether it went well. As many wait as
    /// there are unsafe requests in flight.
    pub(super) fn durable(&self) -> oneshot::Receiver<bool> {
        let (tell, told) = oneshot::channel();
        let mut state = self.state.lock();
        if !state.is_stopped {
            state.waiting.push(tell);
        }
        drop(state);
        self.wanted.notify_one();
        told
    }

    /// Has a sync begun soon that nobody waits for.
    pub(super) fn hurry(&self) {
        self.state.lock().is_wanted = true;
        self.wanted.notify_one();
    }

    /// Waits until somebody waits, at most so long. `None` once it was stopped and nobody waits.
    pub(super) fn wait(&self, most: Duration) -> Option<Vec<oneshot::Sender<bool>>> {
        let mut state = self.state.lock();
        if state.waiting.is_empty() && !state.is_stopped && !state.is_wanted {
            self.wanted.wait_for(&mut state, most);
        }
        state.is_wanted = false;
        let waiting = std::mem::take(&mut state.waiting);
        (!state.is_stopped || !waiting.is_empty()).then_some(waiting)
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.wanted.notify_all();
    }

    /// The thread has this for as long as it serves.
    pub(super) fn serve(&self) -> Serving<'_> {
        Serving(self)
    }
}

/// Somebody syncs. When nobody does any more, whoever waits is told so, and so is who comes later.
#[derive(Debug)]
pub(super) struct Serving<'a>(&'a Syncer);

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.is_stopped = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        // Dropped unanswered: what they wait for does not last.
        drop(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::wait;

    #[test]
    fn nobody_waits_for_who_does_not_serve_any_more() {
        let syncer = Syncer::default();
        let serving = syncer.serve();
        let before = syncer.durable();
        drop(serving);
        let after = syncer.durable();
        assert!(wait(before).is_err() && wait(after).is_err());
        assert!(syncer.wait(Duration::ZERO).is_none());
    }
}
