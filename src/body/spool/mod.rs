//! One writer, many readers, bounded: a body while it is being fetched.
//!
//! While a spool may be *joined* it keeps everything, and runs at most `read_ahead` ahead of its
//! fastest reader: a late joiner starts from the first byte, a slow one costs memory and nobody's
//! time. Once it may not be joined (the body outgrew what is stored, or the budget is used up, of which
//! an eighth is kept for bodies no longer than `read_ahead`) it is a
//! *window*: it keeps `read_ahead`, runs at the pace of its slowest reader, and cuts off a reader that
//! holds others up for too long. No task stands behind it; writer and readers wake each other.
//!
//! A *backed* spool has a growing file behind it that gets the same bytes. It may be joined to the end,
//! whatever its length: it keeps what is not written yet, and what somebody reads who is not farther than
//! `read_ahead` behind; everybody else reads the file, and holds nobody up. Should the file break, the
//! spool becomes a window, and who still reads the file counts as standing at the first frame held.

mod backing;
mod budget;
mod frames;
mod reader;
mod seats;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

pub use budget::Budget;
pub use reader::SpoolReader;
use state::State;
pub use writer::{Abandoned, Pushed, SpoolWriter};

/// How far a spool runs ahead, and how long it bears with a slow reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Bytes that the writer may be ahead: of the fastest reader while the spool may be joined, of
    /// the slowest afterwards. One frame more may be there.
    pub read_ahead: u64,
    /// How long a reader may hold others up, once the spool may not be joined.
    pub cutoff: Duration,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { read_ahead: 256 << 10, cutoff: Duration::from_secs(60) }
    }
}

/// Makes a spool and its writer. Let the first reader join before anything is pushed: without a reader
/// there is nobody to wait for.
pub fn spool(config: SpoolConfig, budget: Arc<Budget>) -> (SpoolWriter, Arc<Spool>) {
    let shared = Arc::new(Shared { config, state: Mutex::new(State::new(budget)) });
    let spool = Arc::new(Spool { shared });
    (SpoolWriter::new(Arc::clone(&spool)), spool)
}

/// What may be joined. A finished spool holds its bytes until the last `Arc` of this is dropped; from
/// then on what all readers have read is let go.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: SpoolConfig,
    state: Mutex<State>,
}

impl Spool {
    /// A reader that starts from the first byte. `None` when that is gone, or the body has failed.
    pub fn join(self: &Arc<Self>) -> Option<SpoolReader> {
        let seat = self.shared.state.lock().join()?;
        Some(SpoolReader::new(Arc::clone(&self.shared), seat))
    }

    /// Readers that are there now, without those that were cut off.
    pub fn readers(&self) -> usize {
        self.shared.state.lock().readers()
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // The writer holds one of these: the last is dropped after the end.
        self.shared.state.lock().stop_joining();
    }
}
