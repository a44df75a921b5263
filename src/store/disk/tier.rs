//! The disk tier as the store sees it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use super::bodies::{Bodies, Settling};
use super::buried::Buried;
use super::directory::{Directory, OpenError};
use super::engine::{Engine, Limits, Parts, Resident, Restore};
use super::index::{Age, Known, Tag, Which};
use super::io::Io;
use super::large::LargeFiles;
use super::observer::Observer;
use super::pause::within;
use super::queue::{Job, Press};
use super::record::{Header, variant_of};
use super::threads::Threads;
use super::uses;
use super::witness::Witness;
use crate::policy::CacheKey;
use crate::store::candidates::{Candidates, Found};
use crate::store::flags::OnDisk;
use crate::store::groups::Epochs;
use crate::store::opening::Recovered;
use crate::store::queries::Queries;
use crate::store::sink::LargeBodies;
use crate::store::stored::StoredResponse;
use crate::store::tier::{Storage, Usage};
use crate::store::under_way::Ticket;

/// Nobody waits longer for an invalidation to last: a device that takes so long has failed.
const LONGEST_SYNC: Duration = Duration::from_secs(30);

/// Of so many tombstones at once it is known whether they last.
const BURIED_AT_ONCE: usize = 4 << 10;

/// The disk tier.
#[derive(Debug)]
pub(in crate::store) struct Disk {
    pub(super) engine: Arc<Engine>,
    pub(super) observer: Arc<Observer>,
    threads: Mutex<Option<Threads>>,
    stop: Arc<AtomicBool>,
    recovered: watch::Receiver<Option<Recovered>>,
    /// Locks the directory until this is closed.
    directory: Mutex<Option<Arc<Directory>>>,
}

/// What a tier shares with the store above it.
pub(in crate::store) struct Above {
    pub(in crate::store) epochs: Arc<Epochs>,
    pub(in crate::store) queries: Arc<Queries>,
    /// Whether memory has the response with this digest and number.
    pub(in crate::store) is_resident: Resident,
}

impl Disk {
    /// Opens a directory; makes it if it is missing. What is in it is found behind the first requests.
    ///
    /// # Errors
    /// When it is in use, is not ours, or cannot be read or written.
    pub(in crate::store) fn open(
        root: &Path,
        reset: bool,
        limits: Limits,
        above: Above,
    ) -> Result<Self, OpenError> {
        let directory = Directory::open(root, reset)?;
        let io = Arc::new(directory.io());
        let failed = |source| OpenError::Io { dir: root.to_owned(), source };
        let directory = Arc::new(directory);
        let ours = Arc::downgrade(&directory);
        let restore = move || match ours.upgrade() {
            Some(directory) => directory.restore().map_err(io::Error::other),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let disk = Self::with_io(io, limits, above, Box::new(restore)).map_err(failed)?;
        *disk.directory.lock() = Some(directory);
        Ok(disk)
    }

    /// The same in another tree of files, with the threads that serve it.
    pub(super) fn with_io(
        io: Arc<dyn Io>,
        limits: Limits,
        above: Above,
        restore: Restore,
    ) -> io::Result<Self> {
        let (engine, observer) = engine(io, limits, above, restore, Observer::new()?);
        let adopted = engine.adopt()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, recovered) = watch::channel(None);
        let threads = Threads::start(&engine, adopted, tell, &stop)?;
        let threads = Mutex::new(Some(threads));
        Ok(Self { engine, observer, threads, stop, recovered, directory: Mutex::default() })
    }

    /// Without threads: whoever has it takes the steps.
    #[cfg(test)]
    pub(super) fn still(engine: Arc<Engine>, observer: Arc<Observer>) -> Self {
        let (_, recovered) = watch::channel(None);
        let (threads, stop) = (Mutex::default(), Arc::default());
        Self { engine, observer, threads, stop, recovered, directory: Mutex::default() }
    }

    /// Takes bodies that are too long for memory.
    pub(in crate::store) fn bodies(&self) -> Arc<dyn LargeBodies> {
        let (engine, observer) = (Arc::clone(&self.engine), Arc::clone(&self.observer));
        Arc::new(Bodies { engine, observer })
    }

    /// Waits until everything that earlier runs left was found again.
    pub(in crate::store) async fn recovered(&self) -> Recovered {
        let mut recovered = self.recovered.clone();
        let found = recovered.wait_for(Option::is_some).await;
        found.ok().and_then(|found| *found).unwrap_or_default()
    }

    /// All that is on disk under a key, without what `resident` says need not be read. `None` where the
    /// system does not have it in memory, so that it must be waited for.
    pub(in crate::store) fn find_at_once(
        &self,
        key: &CacheKey,
        resident: &[StoredResponse],
    ) -> Option<Found> {
        let is_known = |record: &Known| {
            let is_it = |stored: &StoredResponse| {
                stored.id() >= record.generation && Tag::of(stored) == record.tag
            };
            resident.iter().any(is_it)
        };
        let candidates = self.engine.find(key, is_known, false)?;
        Some(Found { candidates, is_all: self.engine.is_readable() })
    }

    /// The same, and waits for what the system does not have in memory.
    pub(in crate::store) async fn find(
        &self,
        key: &CacheKey,
        resident: &[StoredResponse],
    ) -> Found {
        if let Some(found) = self.find_at_once(key, resident) {
            return found;
        }
        let known: Vec<_> = resident.iter().map(|stored| (Tag::of(stored), stored.id())).collect();
        let is_known = move |record: &Known| {
            known.iter().any(|(tag, id)| *tag == record.tag && *id >= record.generation)
        };
        let (tell, told) = oneshot::channel();
        let (engine, key) = (Arc::clone(&self.engine), key.clone());
        let job = move || {
            let candidates = engine.find(&key, is_known, true).unwrap_or_default();
            drop(tell.send(Found { candidates, is_all: engine.is_readable() }));
        };
        // Nobody has the time: a miss.
        match self.observer.reads().run(Box::new(job)) {
            Ok(()) => told.await.unwrap_or_default(),
            Err(_busy) => Found::default(),
        }
    }

    /// Whether everything that is there can be found and read.
    pub(in crate::store) fn is_readable(&self) -> bool {
        self.engine.is_readable() && !self.engine.meanwhile.is_running()
    }

    /// Whether something is there of the variant of `part` that is younger than what was seen of it.
    pub(in crate::store) fn has_unseen(
        &self,
        part: &StoredResponse,
        seen: &[StoredResponse],
    ) -> bool {
        let (tag, found) = (Tag::of(part), self.engine.index.look(part.key().digest()));
        let of_variant = |stored: &&StoredResponse| Tag::of(stored) == tag;
        let latest = seen.iter().filter(of_variant).map(StoredResponse::id).max();
        let is_unseen = |id: u64| latest.is_none_or(|latest| id > latest);
        found.pending.iter().filter(of_variant).any(|stored| is_unseen(stored.id()))
            || found.records.iter().any(|known| known.tag == tag && is_unseen(known.generation))
    }

    /// Whether anything may be there under a key that need be read.
    pub(in crate::store) fn may_have(&self, key: &CacheKey, resident: &[StoredResponse]) -> bool {
        let is_known = |id: u64| resident.iter().any(|stored| stored.id() == id);
        let is_it = |record: &Known| is_known(record.generation);
        let found = self.engine.index.look_beside(key.digest(), is_it);
        found.pending.iter().any(|stored| !is_known(stored.id())) || !found.records.is_empty()
    }

    /// Has a response written that is in memory too, or was until now. Not when it is on disk already.
    pub(in crate::store) fn save(&self, stored: &StoredResponse, press: Press) -> bool {
        let tag = Tag::of(stored);
        if stored.on_disk() == OnDisk::Written && !self.has(stored) {
            // Its segment was reclaimed.
            stored.change_on_disk(OnDisk::Written, OnDisk::No);
        }
        if !stored.change_on_disk(OnDisk::No, OnDisk::Queued) {
            return false;
        }
        let is_waiting = self.engine.index.enqueue(stored, tag, || !stored.is_void());
        if is_waiting && self.push(stored, press) {
            return true;
        }
        stored.change_on_disk(OnDisk::Queued, OnDisk::No);
        false
    }

    /// A newer response is in memory: older ones of the same variant are not to be found any more.
    pub(in crate::store) fn supersede(&self, by: &StoredResponse) {
        let variant = variant_of(&by.head().nominated);
        self.engine.meanwhile.note_variant(by.key().digest(), variant, by.id());
        self.engine.index.supersede(by, Tag::of(by));
    }

    /// Whether a later response of the same variant is there.
    pub(in crate::store) fn has_later(&self, stored: &StoredResponse) -> bool {
        let known = self.engine.index.at(Tag::of(stored));
        known.is_some_and(|known| known.generation > stored.id())
    }

    /// Puts a response where it is found, before it is written: see [`Disk::write`].
    pub(in crate::store) fn admit(&self, stored: &StoredResponse, ticket: &Ticket) -> bool {
        let tag = Tag::of(stored);
        self.engine.index.enqueue(stored, tag, || !ticket.is_void_for(stored) && !stored.is_void())
    }

    /// Writes what was admitted: at once where that takes no waiting, else soon. False when there is no
    /// room to wait.
    pub(in crate::store) fn write(&self, stored: &StoredResponse) -> bool {
        self.engine.write_at_once(stored) || self.push(stored, Press::Now)
    }

    fn push(&self, stored: &StoredResponse, press: Press) -> bool {
        if let Some(settling) = Settling::new(&self.engine, stored) {
            // Where no thread has the time, who writes does that too.
            self.observer.writes().run(Box::new(move || settling.settle())).ok();
            return true;
        }
        let is_taken = self.engine.queue.push(Job { response: stored.clone() }, press).is_ok();
        if !is_taken {
            self.engine.counters.dropped.add();
            self.engine.index.give_up(stored, Tag::of(stored));
            if press == Press::Now {
                self.engine.give_up_for_good(stored);
            }
        }
        is_taken
    }

    /// Notes a use; whether the response had been used before.
    pub(in crate::store) fn touch(&self, stored: &StoredResponse) -> bool {
        let before = self.engine.index.touch(Tag::of(stored), stored.id());
        before.is_some_and(|uses| uses > 0)
    }

    /// Whether the response is what is found of its variant on disk.
    pub(in crate::store) fn has(&self, stored: &StoredResponse) -> bool {
        self.engine.index.has(Tag::of(stored), stored.id())
    }

    /// Whether the response waits to be written.
    pub(in crate::store) fn has_waiting(&self, stored: &StoredResponse) -> bool {
        self.engine.index.is_pending(stored, Tag::of(stored))
    }

    /// Takes out all under a key. Returns how many there were, and what to wait for before the client is
    /// told.
    pub(in crate::store) fn invalidate_key(&self, key: &CacheKey) -> (usize, Durable) {
        let engine = &self.engine;
        // In this order: what is found meanwhile looks here once it can be looked for below.
        engine.meanwhile.note_query(key);
        let (count, mut buried) = engine.take(key.digest(), Which::All, Age::Any);
        if engine.meanwhile.is_running() {
            for other in engine.queries.like(key) {
                buried = buried.and(engine.take(other.digest(), Which::All, Age::Any).1);
            }
        }
        (count, self.durable(buried))
    }

    /// Takes out all under these keys, which may be many, and makes that last.
    pub(in crate::store) fn bury_keys<'a>(&self, keys: impl Iterator<Item = &'a CacheKey>) {
        for (number, key) in keys.enumerate() {
            drop(self.invalidate_key(key));
            if number % BURIED_AT_ONCE == BURIED_AT_ONCE - 1 {
                self.engine.sync();
            }
        }
    }

    /// Makes it known that groups were invalidated.
    pub(in crate::store) fn bury_groups(&self, groups: &[(u128, u64)]) -> Durable {
        if self.engine.is_empty() || self.engine.is_closed() {
            return Durable::Now;
        }
        let mut durable = Durable::Now;
        for (digest, epoch) in groups {
            let header = Header::group_tombstone(*digest, *epoch);
            // All of them, whatever becomes of one.
            let is_buried = self.engine.bury(header);
            if !is_buried {
                durable = Durable::Never(header, Vec::new());
            }
        }
        match durable {
            Durable::Now => groups.last().map_or(Durable::Now, |(digest, epoch)| {
                let header = Header::group_tombstone(*digest, *epoch);
                self.durable(Buried::Appended(header, Vec::new()))
            }),
            durable => durable,
        }
    }

    fn durable(&self, buried: Buried) -> Durable {
        match buried {
            Buried::Nothing => Durable::Now,
            Buried::Appended(header, records) => {
                Durable::Soon(self.engine.syncer.durable(), header, records)
            }
            Buried::Exposed(header, records) => Durable::Never(header, records),
        }
    }

    /// Waits until an invalidation survives a crash. Where the disk does not let it, what is left there is
    /// made unreadable; where that fails too, it is counted and said.
    pub(in crate::store) async fn await_durable(&self, durable: Durable) {
        let begun = Instant::now();
        let (is_durable, header, records) = match durable {
            Durable::Now => return,
            Durable::Soon(told, header, records) => {
                (within(LONGEST_SYNC, told).await, header, records)
            }
            Durable::Never(header, records) => (false, header, records),
        };
        let left = LONGEST_SYNC.saturating_sub(begun.elapsed());
        if !is_durable && !self.strike_out(header, records, left).await {
            self.engine.counters.volatile.add();
            tracing::error!("An invalidation could not be written to disk; a crash may undo it");
        }
    }

    /// Makes records unreadable; whether that went well within this time.
    async fn strike_out(&self, header: Header, records: Vec<Known>, most: Duration) -> bool {
        if records.is_empty() {
            return false;
        }
        let (tell, told) = oneshot::channel();
        let engine = Arc::clone(&self.engine);
        let job = move || {
            // Who does not wait any more does not want it.
            tell.send(engine.strike_out(&header, &records)).ok();
        };
        self.observer.writes().run(Box::new(job)).is_ok() && within(most, told).await
    }

    /// Writes what waits, up to `deadline`, ends the segment and lets the directory go; once. From then on
    /// nothing is written, and nothing is found. Returns how many responses wait still.
    pub(in crate::store) fn close(&self, deadline: Instant) -> usize {
        self.stop.store(true, Ordering::Release);
        self.engine.queue.stop();
        if self.engine.is_closed() {
            return self.engine.queue.len();
        }
        let threads = self.threads.lock().take();
        if let Some(threads) = threads {
            threads.finish(deadline);
        }
        let left = self.engine.queue.len();
        if Instant::now() < deadline {
            if self.engine.is_trusted() {
                self.engine.bury_all_superseded();
                if !self.engine.owed.is_empty() {
                    // In the segment that ends, not behind it.
                    self.engine.sync();
                }
                self.engine.note(&self.engine.log.close());
                self.engine.note(&uses::save(&*self.engine.io, &self.engine.index.uses()));
            }
            self.engine.sync();
        }
        self.engine.close();
        // Another process may have it now.
        drop(self.directory.lock().take());
        left
    }

    /// What happened so far.
    pub(in crate::store) fn events(&self) -> super::DiskEvents {
        self.engine.counters.now()
    }

    /// Bytes of memory that the index takes.
    pub(in crate::store) fn index_memory(&self) -> u64 {
        self.engine.index.memory() as u64
    }

    /// Whether nothing waits to be written, and the disk takes it.
    pub(in crate::store) fn is_idle(&self) -> bool {
        self.engine.is_trusted() && self.engine.queue.len() == 0
    }

    /// Whether what is written behind still has room to wait.
    pub(in crate::store) fn has_room(&self) -> bool {
        self.engine.queue.has_room()
    }

    /// How many responses wait to be written.
    pub(in crate::store) fn waiting(&self) -> usize {
        self.engine.queue.len()
    }
}

/// Makes the engine and who watches over it.
pub(super) fn engine(
    io: Arc<dyn Io>,
    limits: Limits,
    above: Above,
    restore: Restore,
    observer: Observer,
) -> (Arc<Engine>, Arc<Observer>) {
    let observer = Arc::new(observer);
    let witness: Arc<dyn Witness> = Arc::clone(&observer) as Arc<dyn Witness>;
    let large = LargeFiles::new(Arc::clone(&io), Arc::downgrade(&witness));
    let Above { epochs, queries, is_resident } = above;
    let parts = Parts { limits, io, large, epochs, queries, is_resident, witness, restore };
    let engine = Arc::new(Engine::new(parts));
    observer.watch(&engine);
    (engine, observer)
}

/// When an invalidation survives a crash.
#[derive(Debug)]
pub(in crate::store) enum Durable {
    /// There was nothing on disk.
    Now,
    /// As soon as this says so; until then these records are still there.
    Soon(oneshot::Receiver<bool>, Header, Vec<Known>),
    /// The disk does not take this tombstone: these records are still there.
    Never(Header, Vec<Known>),
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.close(Instant::now() + Duration::from_secs(5));
    }
}

impl Storage for Disk {
    fn candidates(&self, key: &CacheKey) -> Candidates {
        self.engine.find(key, |_| false, true).unwrap_or_default()
    }

    fn used(&self, stored: &StoredResponse) {
        self.touch(stored);
    }

    fn publish(&self, response: &StoredResponse, ticket: &Ticket) -> bool {
        self.admit(response, ticket) && self.push(response, Press::Now)
    }

    fn replace(&self, old: &StoredResponse, new: &StoredResponse, ticket: &Ticket) -> bool {
        let (from, to) = (Tag::of(old), Tag::of(new));
        self.engine.index.replace(old, from, new, to, || !ticket.is_void_for(new))
            && self.push(new, Press::Now)
    }

    fn remove(&self, stored: &StoredResponse) {
        let which = Which::Variant(variant_of(&stored.head().nominated));
        let below = stored.id().saturating_add(1);
        // Nobody waits: what a crash brings back is what was there before.
        drop(self.engine.take(stored.key().digest(), which, Age::Below(below)));
    }

    fn invalidate(&self, key: &CacheKey) -> usize {
        self.invalidate_key(key).0
    }

    fn usage(&self) -> Usage {
        Usage { responses: self.engine.index.len(), bytes: self.engine.index.bytes() }
    }

    fn maintain(&self) {}
}
