//! Whom the bodies on disk tell what they met, and who waits for devices in their stead.

use std::fmt;
use std::io;

use super::names;
use super::pool::{Busy, Pool};

/// Threads that may wait for a device, behind a bounded queue.
pub(in crate::store) trait Lane: fmt::Debug + Send + Sync {
    /// Runs a job as soon as a thread is free.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full; the job is dropped.
    fn run(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy>;
}

impl Lane for Pool {
    fn run(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        // Who waits for the job has a receiver of its own.
        Self::run(self, job).map(drop)
    }
}

/// Told what happens to bodies on disk: counts and logs it, and takes damaged records out. Never
/// called by a thread of a [`Lane`].
pub(in crate::store) trait Witness: fmt::Debug + Send + Sync {
    /// What is at `offset` of this file, or should be, is not what was written.
    fn damaged(&self, origin: &Origin, offset: u64);

    /// What is at `offset` of this file could not be read. [`io::ErrorKind::ResourceBusy`] when nobody
    /// had the time to try.
    fn unreadable(&self, origin: &Origin, offset: u64, error: &io::Error);

    /// A large file could not be made or written.
    fn unwritable(&self, origin: &Origin, error: &io::Error);

    /// The threads that read.
    fn reads(&self) -> &dyn Lane;

    /// The threads that write large files.
    fn writes(&self) -> &dyn Lane;
}

/// Where bytes on disk come from. Its text is the name of the file in the cache directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Origin {
    /// A record in a segment.
    Record {
        /// The segment's number.
        segment: u32,
        /// Where the record begins, in bytes.
        offset: u64,
        /// The digest of its key.
        digest: u128,
    },
    /// A large file.
    Large {
        /// Its number.
        id: u64,
        /// The digest of the key that it was made for.
        digest: u128,
    },
    /// A large file that is not finished.
    Growing {
        /// Its number.
        id: u64,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { segment, .. } => f.write_str(&names::segment(*segment)),
            Self::Large { id, digest } => f.write_str(&names::large(*digest, *id)),
            Self::Growing { id } => f.write_str(&names::part(*id)),
        }
    }
}
