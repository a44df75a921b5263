//! A disk in memory that can do what machines seldom do, the same each time.
//!
//! # The model
//! A tree has directories, and names in them that are bound to files. A file has a length and pages of
//! 4 KiB; what was never written reads as zeros. Programs see what was written last. What survives is
//! less, and `crash` and `kill` make another disk of it; this one goes on, so that one state may be
//! crashed with many seeds.
//!
//! **`kill`** (`kill -9`): all that was written is there, synced or not. What was not synced may still
//! be lost by a later `crash`. Files that are open and have no name are gone.
//!
//! **`crash(seed)`** (loss of power), decided by the seed and by nothing else:
//! - A page that was not written since the file's last `sync` is as it was. Each other page is, on its
//!   own, as it is now or as it was after any of the (last eight) writes since, or before them; now and
//!   then it is a mixture of two of these, by sectors of 512 bytes. Some files keep all their pages,
//!   some none.
//! - The length is any between the shortest and the longest since the last `sync`; pages that are in it
//!   but were not kept are zeros.
//! - A name is bound as it was at the last `sync_dir` of its directory or after any change since, each
//!   name on its own: so a new file may have no name, a removed one have its name again. One promise
//!   of all file systems is kept: what was renamed has one of its names, or both. When the directory
//!   that it left is synced, its arrival in the other is, too.
//! - A file keeps its name but not its bytes, or its bytes but no name: `sync` does not save the name,
//!   `sync_dir` not the bytes. Directories are saved when they are made.
//!
//! **A `sync` that fails** is as on Linux: what was not saved by then is no more written to the device.
//! A later `sync` succeeds without it; only what is written again is saved again.
//!
//! **A write that fails** leaves the first half of its bytes in the file.
//!
//! **Damage** (`flip`, `truncate`, `swap`) is there at once, for open files, too, and survives.
//!
//! **`remove_tree`**: all names and directories are gone, for good. Open files go on, without a name;
//! nothing can be made until `make_dir`.
//!
//! **`hold(op)`** makes operations of a kind wait until it is dropped: a device that is slow, for tests
//! that need to know that something is not done yet.

mod chance;
mod content;
mod faults;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{File, Io, Now};
use faults::Faults;
pub(in crate::store) use faults::{Fault, Hold, Op, When};
use tree::{Node, Tree};

/// Whether reads that do not wait find all in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) enum PageCache {
    /// They find all.
    #[default]
    Warm,
    /// They find nothing.
    Cold,
    /// They find every other time.
    Mixed,
}

/// A disk in memory that obeys a test. Clones are one disk.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Faulty {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    tree: Mutex<Tree>,
    faults: Faults,
    page_cache: Mutex<PageCache>,
    tries: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
}

impl Faulty {
    /// An empty disk without faults. There is no directory but the tree's own.
    pub(in crate::store) fn new() -> Self {
        Self::default()
    }

    fn of(tree: Tree, page_cache: PageCache) -> Self {
        let (tree, page_cache) = (Mutex::new(tree), Mutex::new(page_cache));
        Self { shared: Arc::new(Shared { tree, page_cache, ..Shared::default() }) }
    }

    /// Makes operations fail from now on.
    pub(in crate::store) fn fail(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Takes all faults away. What they did remains.
    pub(in crate::store) fn clear(&self) {
        self.shared.faults.clear();
    }

    /// Makes operations of a kind wait until the [`Hold`] is dropped.
    pub(in crate::store) fn hold(&self, op: Op) -> Hold {
        self.shared.faults.hold(op)
    }

    /// How many operations of a kind there were, those that failed included.
    pub(in crate::store) fn calls(&self, op: Op) -> u64 {
        self.shared.faults.calls(op)
    }

    /// How many bytes were read so far, at once or not.
    pub(in crate::store) fn bytes_read(&self) -> u64 {
        self.shared.read.load(Ordering::Acquire)
    }

    /// How many bytes were written so far.
    pub(in crate::store) fn bytes_written(&self) -> u64 {
        self.shared.written.load(Ordering::Acquire)
    }

    /// What reads that do not wait find.
    pub(in crate::store) fn set_page_cache(&self, page_cache: PageCache) {
        *self.shared.page_cache.lock() = page_cache;
    }

    /// What is left after a loss of power: another disk, without faults.
    pub(in crate::store) fn crash(&self, seed: u64) -> Self {
        Self::of(self.shared.tree.lock().crash(seed), *self.shared.page_cache.lock())
    }

    /// What is left when the process is killed: another disk, without faults.
    pub(in crate::store) fn kill(&self) -> Self {
        Self::of(self.shared.tree.lock().copy(), *self.shared.page_cache.lock())
    }

    /// The names of all files with their lengths, in order.
    pub(in crate::store) fn files(&self) -> BTreeMap<String, u64> {
        let tree = self.shared.tree.lock();
        tree.files().map(|(name, node)| (name.to_owned(), node.content.lock().len())).collect()
    }

    /// What a file holds.
    pub(in crate::store) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let node = self.shared.tree.lock().find(name).ok()?;
        let content = node.content.lock();
        let mut bytes = vec![0; usize::try_from(content.len()).unwrap()];
        content.read(&mut bytes, 0).unwrap();
        Some(bytes)
    }

    /// Turns one bit of a file: bit `n % 8` of byte `n / 8`.
    ///
    /// # Panics
    /// When there is no such file or bit.
    pub(in crate::store) fn flip(&self, name: &str, bit: u64) {
        self.node(name).content.lock().flip(bit);
    }

    /// Cuts a file, for good.
    ///
    /// # Panics
    /// When there is no such file.
    pub(in crate::store) fn truncate(&self, name: &str, length: u64) {
        self.node(name).content.lock().truncate(length);
    }

    /// Gives each of two files what the other holds.
    ///
    /// # Panics
    /// When one of them is not there.
    pub(in crate::store) fn swap(&self, a: &str, b: &str) {
        let (a, b) = (self.node(a), self.node(b));
        if !Arc::ptr_eq(&a, &b) {
            let mut held = std::mem::take(&mut *a.content.lock());
            std::mem::swap(&mut held, &mut *b.content.lock());
            *a.content.lock() = held;
        }
    }

    /// Takes all names and directories away, the tree's own included.
    pub(in crate::store) fn remove_tree(&self) {
        self.shared.tree.lock().clear();
    }

    fn node(&self, name: &str) -> Arc<Node> {
        self.shared.tree.lock().find(name).unwrap()
    }

    fn check(&self, op: Op, name: &str) -> io::Result<()> {
        self.shared.faults.check(op, name)
    }

    fn file(&self, name: &str, node: Arc<Node>) -> Arc<dyn File> {
        Arc::new(FaultyFile { shared: Arc::clone(&self.shared), name: name.to_owned(), node })
    }
}

impl Io for Faulty {
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.check(Op::Open, name)?;
        let node = self.shared.tree.lock().find(name)?;
        Ok(self.file(name, node))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.check(Op::Create, name)?;
        let node = self.shared.tree.lock().create(name)?;
        Ok(self.file(name, node))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check(Op::Rename, from)?;
        self.shared.tree.lock().rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check(Op::Remove, name)?;
        self.shared.tree.lock().remove(name)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.check(Op::List, directory)?;
        self.shared.tree.lock().list(directory)
    }

    fn make_dir(&self, directory: &str) -> io::Result<()> {
        self.check(Op::MakeDir, directory)?;
        self.shared.tree.lock().make_dir(directory)
    }

    fn sync_dir(&self, directory: &str) -> io::Result<()> {
        self.check(Op::SyncDir, directory)?;
        self.shared.tree.lock().sync_dir(directory)
    }
}

#[derive(Debug)]
struct FaultyFile {
    shared: Arc<Shared>,
    /// The name under which it was opened.
    name: String,
    node: Arc<Node>,
}

impl FaultyFile {
    fn check(&self, op: Op) -> io::Result<()> {
        self.shared.faults.check(op, &self.name)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.node.content.lock().read(buffer, offset)?;
        self.shared.read.fetch_add(buffer.len() as u64, Ordering::AcqRel);
        Ok(())
    }

    fn write(&self, bytes: &[u8], offset: u64) {
        self.node.content.lock().write(bytes, offset);
        self.shared.written.fetch_add(bytes.len() as u64, Ordering::AcqRel);
    }

    fn is_in_memory(&self) -> bool {
        match *self.shared.page_cache.lock() {
            PageCache::Warm => true,
            PageCache::Cold => false,
            PageCache::Mixed => self.shared.tries.fetch_add(1, Ordering::AcqRel).is_multiple_of(2),
        }
    }
}

impl File for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.check(Op::Read)?;
        self.read(buffer, offset)
    }

    fn read_now(&self, buffer: &mut [u8], offset: u64) -> io::Result<Now> {
        if !self.is_in_memory() {
            return Ok(Now::WouldWait);
        }
        self.check(Op::ReadNow)?;
        // As a short read of the system: only one that waits says that the file ends.
        Ok(self.read(buffer, offset).map_or(Now::WouldWait, |()| Now::Read))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let allowed = self.check(Op::Write);
        let written = if allowed.is_ok() { bytes.len() } else { bytes.len() / 2 };
        self.write(&bytes[..written], offset);
        allowed
    }

    fn sync(&self) -> io::Result<()> {
        let allowed = self.check(Op::Sync);
        let mut content = self.node.content.lock();
        match allowed {
            Ok(()) => content.sync(),
            Err(_) => content.fail_to_sync(),
        }
        allowed
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.check(Op::SetLen)?;
        self.node.content.lock().set_len(length);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.check(Op::Len)?;
        Ok(self.node.content.lock().len())
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        self.check(Op::Reserve)
    }

    fn is_linked(&self) -> io::Result<bool> {
        self.check(Op::Len)?;
        Ok(self.shared.tree.lock().is_bound(&self.node))
    }

    fn forget(&self, _: u64, _: u64) {}
}
