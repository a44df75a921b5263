//! What happened on disk, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares counters that only grow, and what they are at a moment.
macro_rules! counters {
    ($( $(#[$doc:meta])+ $name:ident; )+) => {
        /// What happened on disk since the start.
        #[derive(Debug, Default)]
        pub(in crate::store) struct Counters { $( $(#[$doc])+ pub(in crate::store) $name: Count, )+ }

        /// What happened on disk since the start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct DiskEvents { $( $(#[$doc])+ pub $name: u64, )+ }

        impl Counters {
            /// What they are now.
            pub(in crate::store) fn now(&self) -> DiskEvents {
                DiskEvents { $( $name: self.$name.get(), )+ }
            }
        }
    };
}

counters! {
    /// Responses written: body and head.
    written;
    /// Heads written for bodies that were there already.
    freshened;
    /// Responses that were to be written and were not, as there was no room in the queue.
    dropped;
    /// Responses that were to be written and were not, as the disk was in trouble.
    refused;
    /// Records whose bytes were not what was written.
    damaged;
    /// Reads that failed.
    unreadable;
    /// Writes that failed.
    unwritable;
    /// Invalidations that could not be made to survive a crash.
    volatile;
    /// Segments that were reclaimed.
    reclaimed;
    /// Records that got a second chance.
    spared;
    /// Responses that went with a reclaimed segment, and large ones.
    evicted;
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(in crate::store) struct Count(AtomicU64);

impl Count {
    /// One more.
    pub(in crate::store) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// What it is.
    pub(in crate::store) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
