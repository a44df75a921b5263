//! A disk tier on a model disk, whose steps the tests take themselves.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::engine::{Engine, Limits, Resident, Restore};
use super::index::{Known, Tag};
use super::io::Io as _;
use super::io::faulty::Faulty;
use super::names;
use super::observer::Observer;
use super::pool::Busy;
use super::record::Header;
use super::recovery::Adopted;
use super::tier::{Above, Disk, Durable, engine};
use super::witness::Lane;
use crate::policy::CacheKey;
use crate::store::candidates::Candidates;
use crate::store::opening::Recovered;
use crate::store::stored::StoredResponse;
use crate::store::tier::{Storage, Usage};
use crate::store::under_way::Ticket;

/// Limits for tests: segments of 64 KiB.
pub(super) const SMALL: Limits =
    Limits { budget: 1 << 20, segment: 64 << 10, waiting: 1 << 20, behind: 0 };

/// A tier without threads. What it is given is on disk when the call returns, though not yet in a file.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) disk: Disk,
    pub(super) model: Faulty,
    pub(super) found: Recovered,
}

impl Scene {
    /// On an empty disk.
    pub(super) fn new(limits: Limits) -> Self {
        let model = Faulty::new();
        for directory in names::DIRECTORIES {
            model.make_dir(directory).unwrap();
        }
        Self::on(model, limits)
    }

    /// On what is there, after all of it was found.
    pub(super) fn on(model: Faulty, limits: Limits) -> Self {
        let (mut scene, adopted) = Self::opened(model, limits);
        scene.found = scene.recover(adopted);
        scene
    }

    /// On what is there, before anything of it is found: see [`Scene::recover`].
    pub(super) fn opened(model: Faulty, limits: Limits) -> (Self, Adopted) {
        Self::try_opened(model, limits).unwrap()
    }

    /// The same where it may fail.
    pub(super) fn try_opened(model: Faulty, limits: Limits) -> io::Result<(Self, Adopted)> {
        let is_resident: Resident = Box::new(|_, _| false);
        let above = Above { epochs: Arc::default(), queries: Arc::default(), is_resident };
        Self::try_under(model, limits, above)
    }

    /// The same, below a memory tier.
    pub(super) fn under(model: Faulty, limits: Limits, above: Above) -> (Self, Adopted) {
        Self::try_under(model, limits, above).unwrap()
    }

    fn try_under(model: Faulty, limits: Limits, above: Above) -> io::Result<(Self, Adopted)> {
        let observer = Observer::with(Box::new(AtOnce), Box::new(AtOnce));
        let io = Arc::new(model.clone());
        let (engine, observer) = engine(io, limits, above, restore(&model), observer);
        let adopted = engine.adopt()?;
        let found = Recovered::default();
        Ok((Self { disk: Disk::still(engine, observer), model, found }, adopted))
    }

    /// Finds all that is there.
    pub(super) fn recover(&self, adopted: Adopted) -> Recovered {
        let found = self.engine().recover(adopted, &AtomicBool::new(false));
        self.engine().sync();
        found
    }

    /// The same, but for large files: fast, for tests that start many times.
    pub(super) fn recover_records(&self, adopted: &Adopted) {
        self.engine().find_records(&adopted.segments, &AtomicBool::new(false));
        self.engine().meanwhile.end(true);
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.disk.engine
    }

    /// Writes all that waits.
    pub(super) fn drain(&self) {
        while let Some((job, _)) = self.engine().queue.pop(true, Duration::ZERO) {
            self.engine().write(&job.response);
        }
    }

    /// The same, down to the files.
    pub(super) fn flush(&self) {
        self.drain();
        if !self.engine().owed.is_empty() {
            self.engine().sync();
        }
        self.engine().log.flush().unwrap();
    }

    /// The same, so that it survives a loss of power.
    pub(super) fn sync(&self) {
        self.flush();
        assert!(self.engine().sync());
    }

    /// Stores a response.
    pub(super) fn put(&self, response: &StoredResponse) -> bool {
        self.publish(response, &Ticket::default())
    }

    /// All that is found.
    pub(super) fn find(&self, key: &CacheKey) -> Candidates {
        self.candidates(key)
    }

    /// What is left after `kill -9`, started again.
    pub(super) fn killed(&self) -> Self {
        Self::on(self.model.kill(), self.engine().limits)
    }

    /// What is left after an orderly stop, started again.
    pub(super) fn closed(&self) -> Self {
        self.close();
        Self::on(self.model.kill(), self.engine().limits)
    }

    /// Stops in order.
    pub(super) fn close(&self) {
        self.drain();
        self.engine().log.close().unwrap();
        assert!(self.engine().sync());
    }

    /// Removes all under a key; whether that lasts.
    pub(super) fn invalidate_for_good(&self, key: &CacheKey) -> bool {
        let (_, durable) = self.disk.invalidate_key(key);
        let strike = |header: &Header, records: &[Known]| {
            !records.is_empty() && self.engine().strike_out(header, records)
        };
        match durable {
            Durable::Now => true,
            Durable::Soon(_, header, records) => self.engine().sync() || strike(&header, &records),
            Durable::Never(header, records) => strike(&header, &records),
        }
    }

    /// Where the record of a response is.
    pub(super) fn offset_of(&self, response: &StoredResponse) -> (u32, u64) {
        let spot = self.engine().index.at(Tag::of(response)).unwrap().spot;
        (spot.seq, spot.offset)
    }
}

/// Does at once what others would do while one waits.
#[derive(Debug)]
struct AtOnce;

impl Lane for AtOnce {
    fn run(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        job();
        Ok(())
    }
}

/// Makes the directories again.
pub(super) fn restore(model: &Faulty) -> Restore {
    let model = model.clone();
    Box::new(move || names::DIRECTORIES.iter().try_for_each(|directory| model.make_dir(directory)))
}

impl Storage for Scene {
    fn candidates(&self, key: &CacheKey) -> Candidates {
        self.disk.candidates(key)
    }

    fn used(&self, stored: &StoredResponse) {
        self.disk.used(stored);
    }

    fn publish(&self, response: &StoredResponse, ticket: &Ticket) -> bool {
        let is_taken = self.disk.publish(response, ticket);
        self.drain();
        is_taken
    }

    fn replace(&self, old: &StoredResponse, new: &StoredResponse, ticket: &Ticket) -> bool {
        let is_replaced = self.disk.replace(old, new, ticket);
        self.drain();
        is_replaced
    }

    fn remove(&self, stored: &StoredResponse) {
        self.disk.remove(stored);
    }

    fn invalidate(&self, key: &CacheKey) -> usize {
        self.disk.invalidate(key)
    }

    fn usage(&self) -> Usage {
        self.disk.usage()
    }

    fn maintain(&self) {
        self.disk.maintain();
    }
}
