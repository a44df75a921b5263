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

    /// Waits until somebody waits, at most so long. `None` once it was stopped and nobody waits.
    pub(super) fn wait(&self, most: Duration) -> Option<Vec<oneshot::Sender<bool>>> {
        let mut state = self.state.lock();
        if state.waiting.is_empty() && !state.is_stopped {
            self.wanted.wait_for(&mut state, most);
        }
        let waiting = std::mem::take(&mut state.waiting);
        (!state.is_stopped || !waiting.is_empty()).then_some(waiting)
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.wanted.notify_all();
    }
}
