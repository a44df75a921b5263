//! What the disk tier asks of an operating system: a tree of files below one directory. A trait, so
//! that tests can break what machines seldom break.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

#[cfg(test)]
pub(in crate::store) mod faulty;
mod system;

pub(in crate::store) use system::System;

/// A tree of files. Names are relative, with `/` between their parts; that of the tree itself is empty.
pub(in crate::store) trait Io: Debug + Send + Sync {
    /// Opens a file that is there, to read and write it.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Makes a file that must not be there yet, to read and write it.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, in place of what has that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; one that is open can still be read.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of the files in a directory, without its own, in no order. Directories in it and
    /// links are left out.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;

    /// Makes a directory, and those above it, so that they survive a loss of power; no error when it
    /// is there.
    fn make_dir(&self, directory: &str) -> io::Result<()>;

    /// Makes sure that what was created in, renamed in or removed from a directory survives a loss of
    /// power.
    fn sync_dir(&self, directory: &str) -> io::Result<()>;
}

/// What was read at once, without waiting for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Now {
    /// All of it.
    Read,
    /// Not all of it was in memory, or the system cannot tell: read it where waiting harms nobody.
    WouldWait,
}

/// An open file. All calls may be made by several threads at once.
pub(in crate::store) trait File: Debug + Send + Sync {
    /// Fills `buffer` from `offset` on; `UnexpectedEof` when the file ends before that.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// The same if it takes no waiting.
    fn read_now(&self, buffer: &mut [u8], offset: u64) -> io::Result<Now>;

    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes sure that what was written, and the length, survive a loss of power. After an error, what
    /// was written before may be lost although a later call succeeds: write it again, elsewhere.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file, or makes it longer.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// How long it is.
    fn len(&self) -> io::Result<u64>;

    /// Asks for room on the device, without making the file longer. What cannot do that says nothing.
    fn reserve(&self, length: u64) -> io::Result<()>;

    /// Whether it still has a name.
    fn is_linked(&self) -> io::Result<bool>;

    /// Says that these bytes will not be read soon. An offer: nothing depends on it.
    fn forget(&self, offset: u64, length: u64);
}

/// Room to read so many bytes into. It is zeroed here and not by the allocator: jemalloc has the system zero a
/// large block, which takes its pages away and faults each of them in anew.
pub(in crate::store) fn room(length: usize) -> Vec<u8> {
    let mut room = Vec::with_capacity(length);
    // Else the compiler makes one call for zeroed memory of the two.
    std::hint::black_box(&mut room).resize(length, 0);
    room
}
