//! Large bodies: a file each, written while they are fetched, readable as far as they are written.
//!
//! A file begins in `part/` and is moved to `obj/` by [`LargeFiles::settle`]. It is named by records in
//! the segments; when the last of them goes, or when it has none and nobody reads it any more, it is
//! removed. Whoever reads it then reads on.

pub(in crate::store) mod format;
mod growing;
mod registry;
mod writer;

use std::io;
use std::sync::{Arc, Weak};

use super::dense::{Checksums, Dense, Unread, Why};
use super::io::Io;
use super::names;
use super::witness::{Origin, Witness};
pub(in crate::store) use growing::GrowingFile;
use registry::{Place, Registry};
#[cfg(test)]
pub(in crate::store) use writer::Broken;
pub(in crate::store) use writer::GrowingWriter;
#[cfg(test)]
pub(in crate::store) use writer::UNWRITTEN;

/// The large files of a cache directory. Cheap to clone; clones are the same.
#[derive(Clone, Debug)]
pub(in crate::store) struct LargeFiles(Arc<Registry>);

impl LargeFiles {
    /// Knows of no file yet; those that records name are told by [`LargeFiles::retain`].
    pub(in crate::store) fn new(io: Arc<dyn Io>, witness: Weak<dyn Witness>) -> Self {
        Self(Arc::new(Registry::new(io, witness)))
    }

    /// Begins a file for a body that is fetched under `id`, for a key of this digest; `expected` is its
    /// length where that was announced. Nothing waits here: the file is made with the first bytes, and
    /// what fails then is found by whoever writes.
    pub(in crate::store) fn begin(
        &self,
        id: u64,
        digest: u128,
        expected: Option<u64>,
    ) -> (GrowingWriter, Arc<GrowingFile>) {
        let file = Arc::new(GrowingFile::new(id, digest, expected, &self.0));
        let bytes = expected.map_or(0, format::file_length);
        self.0.begin(id, digest, (bytes, false), &file);
        (GrowingWriter::new(Arc::clone(&file), Arc::clone(&self.0)), file)
    }

    /// The same. `None` when files that nobody can give up would take too much room: see
    /// [`LargeFiles::limit`].
    pub(in crate::store) fn begin_within(
        &self,
        id: u64,
        digest: u128,
        expected: Option<u64>,
    ) -> Option<(GrowingWriter, Arc<GrowingFile>)> {
        let file = Arc::new(GrowingFile::new(id, digest, expected, &self.0));
        let bytes = expected.map_or(0, format::file_length);
        self.0
            .begin(id, digest, (bytes, true), &file)
            .then(|| (GrowingWriter::new(Arc::clone(&file), Arc::clone(&self.0)), file))
    }

    /// Files that grow, or have grown and are named by no record yet, take at most so many bytes together:
    /// one more is not begun, and one whose length nobody knew breaks.
    pub(in crate::store) fn limit(&self, most: u64) {
        self.0.limit(most);
    }

    /// Makes a finished file survive a loss of power, under its last name; afterwards a record may name
    /// it. Waits for the device. Nothing to do where that has been done.
    ///
    /// # Errors
    /// Those of the system; `NotFound` when nobody wanted it any more.
    pub(in crate::store) fn settle(&self, id: u64) -> io::Result<()> {
        let (digest, growing) = self.0.unsettled(id).ok_or(io::ErrorKind::NotFound)?;
        let Some(growing) = growing else { return Ok(()) };
        let _one_at_a_time = growing.settling.lock();
        if self.is_settled(id) {
            return Ok(());
        }
        growing.sync()?;
        let directory = names::large_directory(digest);
        self.0.rename(id, &names::large(digest, id), || self.move_in(id, digest, &directory))?;
        // In this order: it has always one of its names.
        self.0.io.sync_dir(&directory)?;
        self.0.io.sync_dir(names::PARTS)?;
        self.0.settled(id);
        Ok(())
    }

    /// Whether [`LargeFiles::settle`] has nothing more to do.
    pub(in crate::store) fn is_settled(&self, id: u64) -> bool {
        self.0.unsettled(id).is_some_and(|(_, growing)| growing.is_none())
    }

    fn move_in(&self, id: u64, digest: u128, directory: &str) -> io::Result<()> {
        let (from, to, io) = (names::part(id), names::large(digest, id), &self.0.io);
        match io.rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                io.make_dir(directory)?;
                io.rename(&from, &to)
            }
            renamed => renamed,
        }
    }

    /// A file that somebody reads already; takes no waiting.
    pub(in crate::store) fn opened(&self, id: u64, digest: u128) -> Option<Arc<Dense>> {
        match self.0.place(id, digest)? {
            Place::Open(dense) => Some(dense),
            Place::Named(_) => None,
        }
    }

    /// Opens a file that a record names, and checks the table by which its bytes are checked. Waits for
    /// the device.
    ///
    /// # Errors
    /// [`Why::Damaged`] when it is not what was written, or not there.
    pub(in crate::store) fn open(&self, id: u64, digest: u128) -> Result<Arc<Dense>, Unread> {
        let gone = || Unread { offset: 0, why: Why::Damaged };
        let origin = match self.0.place(id, digest).ok_or_else(gone)? {
            Place::Open(dense) => return Ok(dense),
            Place::Named(origin) => origin,
        };
        let file = self.0.io.open(&origin.to_string());
        let file = file.map_err(|error| Unread::from_system(0, error))?;
        let (length, checksums) = format::read(&file, id, digest)?;
        let witness = Weak::clone(&self.0.witness);
        let origin = Origin::Large { id, digest };
        let dense = Dense::new(file, 0, length, Checksums::All(checksums), origin, witness);
        self.0.opened(id, dense.ok_or_else(gone)?).ok_or_else(gone)
    }

    /// A record names the file, which was made for a key of this digest: bytes up to `end` of its body.
    pub(in crate::store) fn retain(&self, id: u64, digest: u128, end: u64) {
        self.0.retain(id, digest, end);
    }

    /// A record that named the file is gone. With the last of them the file goes.
    pub(in crate::store) fn release(&self, id: u64) {
        self.0.release(id);
    }

    /// Bytes that large files take on the device, those that grow included, with the room that is kept
    /// for them.
    pub(in crate::store) fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    /// Whether a record names it, or it grows.
    pub(in crate::store) fn is_known(&self, id: u64) -> bool {
        self.0.is_known(id)
    }

    /// How many there are.
    #[cfg(test)]
    pub(in crate::store) fn count(&self) -> usize {
        self.0.count()
    }

    /// Removes what nobody names any more and could not be removed before. Waits for the device.
    pub(in crate::store) fn tidy(&self) {
        self.0.clear();
    }

    /// Removes what was never finished; before the first file is begun. Waits for the device.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(in crate::store) fn clear_parts(&self) -> io::Result<usize> {
        let is_ours = |name: &&String| names::part_id(name).is_some();
        let names = self.0.io.list(names::PARTS)?;
        let removed = names.iter().filter(is_ours);
        let removed = removed.map(|name| self.0.io.remove(&format!("{}/{name}", names::PARTS)));
        Ok(removed.filter(Result::is_ok).count())
    }

    /// Removes finished files that no record names, once all records are known. Those that are not named
    /// as ours are left alone, and so are those begun at `before` or later. Waits for the device.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub(in crate::store) fn sweep(&self, before: u64) -> io::Result<usize> {
        let mut removed = 0;
        for byte in 0..=u8::MAX {
            let directory = names::large_directory(u128::from(byte) << 120);
            let names = match self.0.io.list(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                names => names?,
            };
            for name in names {
                let orphaned = |&(_, id): &(u128, u64)| id < before && !self.0.is_known(id);
                if names::large_id(&name).filter(orphaned).is_some() {
                    let gone = self.0.io.remove(&format!("{directory}/{name}"));
                    removed += usize::from(gone.is_ok());
                }
            }
        }
        Ok(removed)
    }
}
