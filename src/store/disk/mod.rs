//! The disk tier: small responses in segments that are only appended to, large ones in a file each, and
//! a compact index in memory.
//!
//! ```text
//! tier        what the store sees                    threads, queue, rate   who writes, and when
//! engine      the tier without its threads           syncer                 who waits for the disk
//!   write     a response gets to disk                observer               is told of damage
//!   load      a response gets from disk              breaker, unread, counters
//!   reclaim   the oldest gives way                   directory, names       whose files these are
//!   recovery  what earlier runs left                 io, pool               files, threads that wait
//! index       where each response is                 record, segment        the bytes on disk
//! log         segments, the open one                 dense, extents, chunks bodies that are read
//! owed        tombstones that may not last       given_up               what nothing took the place of
//! large       a file for each long body              uses                   what was used, over a stop
//! ```

mod bodies;
mod breaker;
mod buried;
pub(in crate::store) mod checksum;
mod chunks;
mod counters;
pub(in crate::store) mod dense;
pub(in crate::store) mod directory;
mod engine;
pub(in crate::store) mod extents;
mod given_up;
mod index;
pub(in crate::store) mod io;
pub(in crate::store) mod large;
mod load;
mod log;
mod meanwhile;
pub(in crate::store) mod names;
mod observer;
mod owed;
mod pause;
mod pointers;
mod pool;
mod queue;
mod rate;
mod reclaim;
pub(in crate::store) mod record;
mod recovery;
#[cfg(test)]
mod scene;
pub(in crate::store) mod segment;
mod spot;
mod syncer;
#[cfg(test)]
mod tests;
mod threads;
mod tier;
mod unread;
pub(in crate::store) mod uses;
mod waiting;
pub(in crate::store) mod witness;
mod write;

pub(in crate::store) use chunks::Chunks;
pub use counters::DiskEvents;
pub use directory::OpenError;
pub(in crate::store) use engine::Limits;
pub(in crate::store) use extents::Extents;
pub(in crate::store) use queue::Press;
pub(in crate::store) use tier::{Above, Disk, Durable};
