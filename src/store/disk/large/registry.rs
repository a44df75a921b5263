//! Which large files there are, who names them, and which are to go.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::format::file_length;
use super::growing::GrowingFile;
use crate::store::disk::dense::{Dense, Keep};
use crate::store::disk::io::Io;
use crate::store::disk::witness::{Origin, Witness};

/// Which large files there are.
#[derive(Debug)]
pub(in crate::store) struct Registry {
    pub(super) io: Arc<dyn Io>,
    pub(super) witness: Weak<dyn Witness>,
    entries: Mutex<HashMap<u64, Entry>>,
    bytes: AtomicU64,
    /// Of these, those of files that have not their last name. Changes with the entries' lock held.
    unsettled: AtomicU64,
    /// How many those may be.
    most_unsettled: AtomicU64,
    /// Names of files that nobody names any more and that are still there.
    doomed: Mutex<Doomed>,
}

#[derive(Debug, Default)]
struct Doomed {
    names: Vec<String>,
    /// Whether a thread has been asked to remove them: one is enough.
    is_asked: bool,
}

#[derive(Debug)]
struct Entry {
    digest: u128,
    /// What it takes on the device.
    bytes: u64,
    /// Records that name it.
    references: u32,
    /// Until it survives under its last name.
    growing: Option<Arc<GrowingFile>>,
    is_renamed: bool,
    open: Weak<Dense>,
}

impl Entry {
    /// A file that is finished.
    fn of(digest: u128) -> Self {
        let (growing, open) = (None, Weak::new());
        Self { digest, bytes: 0, references: 0, growing, is_renamed: true, open }
    }

    fn origin(&self, id: u64) -> Origin {
        match self.is_renamed {
            false => Origin::Growing { id },
            true => Origin::Large { id, digest: self.digest },
        }
    }
}

/// Where a large file is.
pub(super) enum Place {
    /// Somebody reads it.
    Open(Arc<Dense>),
    /// There.
    Named(Origin),
}

impl Registry {
    pub(super) fn new(io: Arc<dyn Io>, witness: Weak<dyn Witness>) -> Self {
        Self {
            io,
            witness,
            entries: Mutex::default(),
            bytes: AtomicU64::new(0),
            unsettled: AtomicU64::new(0),
            most_unsettled: AtomicU64::new(u64::MAX),
            doomed: Mutex::default(),
        }
    }

    /// Files that have not their last name take at most so many bytes together.
    pub(super) fn limit(&self, most: u64) {
        self.most_unsettled.store(most, Ordering::Release);
    }

    /// A file is going to be written. Its room counts from the start where it is known. False when that
    /// would be too much, and `is_bounded`.
    pub(super) fn begin(
        &self,
        id: u64,
        digest: u128,
        (bytes, is_bounded): (u64, bool),
        growing: &Arc<GrowingFile>,
    ) -> bool {
        let mut entries = self.entries.lock();
        let all = self.unsettled.load(Ordering::Acquire).saturating_add(bytes);
        if is_bounded && all > self.most_unsettled.load(Ordering::Acquire) {
            return false;
        }
        let growing = Some(Arc::clone(growing));
        let mut entry = Entry { growing, is_renamed: false, ..Entry::of(digest) };
        self.add(&mut entry, bytes);
        entries.insert(id, entry);
        true
    }

    /// A file takes so many bytes, at least. False, and nothing counted, when that would be too much and
    /// `is_bounded`.
    pub(super) fn grows(&self, id: u64, bytes: u64, is_bounded: bool) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&id) else { return true };
        let more = bytes.saturating_sub(entry.bytes);
        let all = self.unsettled.load(Ordering::Acquire).saturating_add(more);
        if is_bounded && all > self.most_unsettled.load(Ordering::Acquire) {
            return false;
        }
        self.add(entry, more);
        true
    }

    fn add(&self, entry: &mut Entry, more: u64) {
        entry.bytes = entry.bytes.saturating_add(more);
        self.bytes.fetch_add(more, Ordering::AcqRel);
        if entry.growing.is_some() {
            self.unsettled.fetch_add(more, Ordering::AcqRel);
        }
    }

    /// Its entry was taken out.
    fn subtract(&self, entry: &Entry) {
        self.bytes.fetch_sub(entry.bytes, Ordering::AcqRel);
        if entry.growing.is_some() {
            self.unsettled.fetch_sub(entry.bytes, Ordering::AcqRel);
        }
    }

    /// A file has been written to its end.
    pub(super) fn finished(self: &Arc<Self>, file: &GrowingFile) -> Option<Arc<Dense>> {
        let dense = self.kept(file.id(), file.ended()?);
        let mut entries = self.entries.lock();
        entries.get_mut(&file.id())?.open = Arc::downgrade(&dense);
        drop(entries);
        Some(dense)
    }

    /// The same, as long as somebody reads it.
    fn kept(self: &Arc<Self>, id: u64, dense: Dense) -> Arc<Dense> {
        Arc::new(dense.keeping(Box::new(Reading { registry: Arc::downgrade(self), id })))
    }

    /// Remembers that a file was opened; the one that was opened before counts where there is one.
    pub(super) fn opened(self: &Arc<Self>, id: u64, dense: Dense) -> Option<Arc<Dense>> {
        let length = dense.length();
        let dense = self.kept(id, dense);
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(&id);
        let found = entry.map(|entry| {
            entry.open.upgrade().unwrap_or_else(|| {
                entry.open = Arc::downgrade(&dense);
                Arc::clone(&dense)
            })
        });
        drop(entries);
        self.grows(id, file_length(length), false);
        found
    }

    /// Where a file is that was made for a key of this digest.
    pub(super) fn place(&self, id: u64, digest: u128) -> Option<Place> {
        let entries = self.entries.lock();
        let entry = entries.get(&id).filter(|entry| entry.digest == digest)?;
        Some(match entry.open.upgrade() {
            Some(dense) => Place::Open(dense),
            None => Place::Named(entry.origin(id)),
        })
    }

    /// The file and its key's digest, while it has not its last name; `None` in it when it has.
    pub(super) fn unsettled(&self, id: u64) -> Option<(u128, Option<Arc<GrowingFile>>)> {
        self.entries.lock().get(&id).map(|entry| (entry.digest, entry.growing.clone()))
    }

    /// Gives it its last name, once.
    pub(super) fn rename(
        self: &Arc<Self>,
        id: u64,
        name: &str,
        rename: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let is_renamed = self.entries.lock().get(&id).map(|entry| entry.is_renamed);
        if is_renamed.ok_or(io::ErrorKind::NotFound)? {
            return Ok(());
        }
        rename()?;
        let mut entries = self.entries.lock();
        let wanted = entries.get_mut(&id).map(|entry| entry.is_renamed = true);
        drop(entries);
        if wanted.is_none() {
            // It went meanwhile, under its old name.
            self.doom(Some(name.to_owned()));
        }
        wanted.ok_or(io::ErrorKind::NotFound.into())
    }

    /// It survives under its last name.
    pub(super) fn settled(&self, id: u64) {
        let mut entries = self.entries.lock();
        let growing = entries.get_mut(&id).and_then(|entry| {
            let growing = entry.growing.take()?;
            self.unsettled.fetch_sub(entry.bytes, Ordering::AcqRel);
            Some(growing)
        });
        drop(entries);
        drop(growing);
    }

    pub(super) fn retain(&self, id: u64, digest: u128, end: u64) {
        let mut entries = self.entries.lock();
        let entry = entries.entry(id).or_insert_with(|| Entry::of(digest));
        entry.references = entry.references.saturating_add(1);
        drop(entries);
        self.grows(id, file_length(end), false);
    }

    pub(super) fn release(self: &Arc<Self>, id: u64) {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&id) else { return };
        entry.references = entry.references.saturating_sub(1);
        let is_last = entry.references == 0;
        drop(entries);
        if is_last {
            self.drop_unnamed(id, |_| true);
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.entries.lock().len()
    }

    pub(super) fn is_known(&self, id: u64) -> bool {
        self.entries.lock().contains_key(&id)
    }

    /// Takes a file away that no record names, if `may` agrees.
    fn drop_unnamed(self: &Arc<Self>, id: u64, may: impl FnOnce(&Entry) -> bool) {
        let mut entries = self.entries.lock();
        let found = entries.get(&id).filter(|entry| entry.references == 0 && may(entry));
        let name = found.map(|entry| entry.origin(id).to_string());
        let gone = name.is_some().then(|| entries.remove(&id)).flatten();
        gone.iter().for_each(|entry| self.subtract(entry));
        drop(entries);
        if gone.is_some() {
            self.doom(name);
        }
    }

    /// A file will not be finished; it has this name if it was made.
    pub(super) fn forget(self: &Arc<Self>, id: u64, name: Option<String>) {
        let mut entries = self.entries.lock();
        let gone = entries.remove(&id);
        gone.iter().for_each(|entry| self.subtract(entry));
        drop(entries);
        drop(gone);
        self.doom(name);
    }

    /// Has a file removed by a thread that may wait: to remove many gigabytes takes a while. When no
    /// thread has the time it is removed with the next one.
    fn doom(self: &Arc<Self>, name: Option<String>) {
        let Some(name) = name else { return };
        let mut doomed = self.doomed.lock();
        doomed.names.push(name);
        if std::mem::replace(&mut doomed.is_asked, true) {
            return;
        }
        drop(doomed);
        let registry = Arc::clone(self);
        match self.witness.upgrade() {
            Some(witness) => {
                if witness.writes().run(Box::new(move || registry.clear())).is_err() {
                    self.doomed.lock().is_asked = false;
                }
            }
            None => self.clear(),
        }
    }

    /// Removes what nobody names any more. What cannot be removed is tried again the next time.
    pub(super) fn clear(&self) {
        let mut left = Vec::new();
        loop {
            let name = {
                let mut doomed = self.doomed.lock();
                let Some(name) = doomed.names.pop() else {
                    doomed.is_asked = false;
                    doomed.names = left;
                    return;
                };
                name
            };
            match self.io.remove(&name) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::debug!(file = name, %error, "a large file could not be removed");
                    left.push(name);
                }
            }
        }
    }
}

/// Somebody reads a file.
#[derive(Debug)]
struct Reading {
    registry: Weak<Registry>,
    id: u64,
}

impl Keep for Reading {}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.drop_unnamed(self.id, |entry| entry.open.strong_count() == 0);
        }
    }
}
