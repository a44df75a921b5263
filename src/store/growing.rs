//! A body in a file that is still being written.

#[cfg(test)]
pub(crate) mod in_memory;

use std::fmt::Debug;
use std::sync::Arc;

use super::reader::Reader;

/// A body in a file that is still being written: what is written can be read. Cheap to clone; it can
/// be read for as long as a clone is there, whatever became of its writer.
#[derive(Clone, Debug)]
pub struct Growing(Arc<dyn Grows>);

/// What grows. None of this waits, and none of it takes a lock that is held while waiting: it is called
/// under the lock of a spool.
pub(super) trait Grows: Debug + Send + Sync {
    /// All bytes before this can be read.
    fn written(&self) -> u64;

    /// Reads the bytes `first` to `last`, both included and before [`Grows::written`].
    fn reader(&self, first: u64, last: u64) -> Option<Reader>;
}

impl Growing {
    pub(super) fn new(grows: Arc<dyn Grows>) -> Self {
        Self(grows)
    }

    /// All bytes before this can be read. It only grows.
    pub fn written(&self) -> u64 {
        self.0.written()
    }

    /// Reads the bytes `first` to `last`, both included. `None` when they are not all written, when there
    /// are none, or when the file cannot be read.
    pub fn reader(&self, first: u64, last: u64) -> Option<Reader> {
        if first > last || last >= self.written() {
            return None;
        }
        self.0.reader(first, last)
    }
}
