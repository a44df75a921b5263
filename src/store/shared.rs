//! The two tiers as one: memory before disk, and what goes from one to the other.
//!
//! Whatever takes something out asks memory, disk, and memory again: what is on its way from one to the
//! other at that moment is met in one of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::Config;
use super::candidates::{Candidates, Found};
use super::disk::{Disk, Durable, Press};
use super::early::Early;
use super::flags::OnDisk;
use super::groups::Epochs;
use super::memory::Memory;
use super::offers::Offers;
use super::queries::{self, Queries};
use super::same::is_same_variant;
use super::sink::LargeBodies;
use super::stored::{Extent, StoredResponse};
use super::tier::{Storage, Tier, Usage};
use super::under_way::{Ticket, UnderWay};
use crate::policy::CacheKey;

/// Bodies up to this length are put into memory when they are read from disk the second time.
const PROMOTED: u64 = 64 << 10;

/// Bodies up to this length are written to a segment, all at once; longer ones to a file, as they come.
const LONGEST_IN_SEGMENT: u64 = 1 << 20;

/// A part of memory is offered to the disk again at each of so many turns of the maintenance.
const OFFERED_EVERY: usize = 5;

/// What the store and its writers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) memory: Memory,
    pub(super) disk: Arc<OnceLock<Disk>>,
    pub(super) under_way: UnderWay,
    pub(super) epochs: Arc<Epochs>,
    pub(super) queries: Arc<Queries>,
    /// Takes what is too long for memory.
    large: OnceLock<Arc<dyn LargeBodies>>,
    offers: Offers,
    /// What happens before the cache directory is open.
    pub(super) early: Early,
    /// Whether nobody waits for the cache directory any more.
    pub(super) settled: watch::Sender<bool>,
    /// Which part of memory is offered to the disk again next.
    turn: AtomicUsize,
}

/// What became of a response that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// It is stored.
    Stored,
    /// Something else is, or it was invalidated.
    Refused,
    /// The disk does not take it.
    Dropped,
}

impl Shared {
    /// An empty store. With a disk tier, what memory evicts goes there.
    pub(super) fn new(config: &Config) -> Self {
        let disk = Arc::new(OnceLock::<Disk>::new());
        let memory = match &config.disk {
            None => Memory::new(config.memory),
            Some(_) => {
                let below = Arc::clone(&disk);
                let spill = move |stored: &StoredResponse| {
                    if let Some(disk) = below.get() {
                        disk.save(stored, Press::Now);
                    }
                };
                Memory::over_disk(config.memory, config.max_memory_object, Box::new(spill))
            }
        };
        Self {
            config: config.clone(),
            memory,
            disk,
            under_way: UnderWay::default(),
            epochs: Arc::default(),
            queries: Arc::default(),
            large: OnceLock::new(),
            offers: Offers::new(),
            early: Early::new(config.disk.is_some()),
            settled: watch::Sender::new(true),
            turn: AtomicUsize::new(0),
        }
    }

    /// What takes bodies that are too long for memory.
    pub(super) fn large(&self) -> Option<&dyn LargeBodies> {
        self.large.get().map(Arc::as_ref)
    }

    /// From now on bodies that are too long for memory go here.
    pub(super) fn set_large(&self, large: Arc<dyn LargeBodies>) {
        self.large.set(large).ok();
    }

    /// The longest body that is stored, in bytes.
    pub(super) fn max_stored(&self) -> u64 {
        match (self.large(), &self.config.disk) {
            (Some(_), None) => self.config.max_object,
            (Some(_), Some(_)) => self.config.max_stored(),
            (None, _) => Config { disk: None, ..self.config.clone() }.max_stored(),
        }
    }

    /// The longest body that is held in memory while it is written, in bytes.
    pub(super) fn max_in_memory(&self) -> u64 {
        match (self.large(), &self.config.disk) {
            (Some(_), Some(_)) => self.config.max_memory_object.max(LONGEST_IN_SEGMENT),
            _ => Config { disk: None, ..self.config.clone() }.max_stored(),
        }
    }

    pub(super) fn disk(&self) -> Option<&Disk> {
        self.disk.get()
    }

    /// The disk tier; before it is open, what it has under this key is not to be found any more.
    fn disk_for(&self, key: &CacheKey) -> Option<&Disk> {
        if self.disk().is_none() {
            self.early.note(key);
        }
        // While that was noted, it may have opened.
        self.disk()
    }

    /// All that is stored under `key` and of no group that was invalidated.
    pub(super) async fn find(&self, key: &CacheKey) -> Candidates {
        self.look(key).await.candidates
    }

    /// The same. `None` when there may be more, which cannot be read now.
    pub(super) async fn find_all(&self, key: &CacheKey) -> Option<Candidates> {
        if let Some(disk) = self.disk() {
            disk.recovered().await;
        }
        let found = self.look(key).await;
        let is_all = found.is_all && self.disk().is_none_or(Disk::is_readable);
        is_all.then_some(found.candidates)
    }

    /// The same, where nothing need be waited for.
    pub(super) fn find_at_once(&self, key: &CacheKey) -> Option<Candidates> {
        let resident = self.memory.candidates(key);
        let below = match self.disk() {
            Some(disk) => Some(disk.find_at_once(key, resident.as_slice())?),
            None => None,
        };
        Some(self.found(resident, below).candidates)
    }

    async fn look(&self, key: &CacheKey) -> Found {
        let resident = self.memory.candidates(key);
        let below = match self.disk() {
            Some(disk) => Some(disk.find(key, resident.as_slice()).await),
            None => None,
        };
        self.found(resident, below)
    }

    /// What both tiers have, without what is of a group that was invalidated.
    fn found(&self, resident: Candidates, below: Option<Found>) -> Found {
        let (candidates, is_all) = match below {
            Some(below) => (merged(resident, &below.candidates), below.is_all),
            None => (resident, true),
        };
        let is_over = |response: &&StoredResponse| self.epochs.are_over_for(response);
        if candidates.iter().find(is_over).is_none() {
            return Found { candidates, is_all };
        }
        candidates.iter().filter(is_over).for_each(|response| self.remove(response));
        let stays = |response: &&StoredResponse| !is_over(response);
        Found { candidates: candidates.iter().filter(stays).cloned().collect(), is_all }
    }

    /// Makes a part visible. `seen` is what was found under its key: the part takes the place of nothing
    /// else.
    pub(super) fn publish_part(
        &self,
        part: &StoredResponse,
        ticket: &Ticket,
        seen: &Candidates,
    ) -> Published {
        if self.disk().is_some_and(|disk| disk.has_unseen(part, seen.as_slice())) {
            return Published::Refused;
        }
        self.publish(part, ticket)
    }

    /// Makes a response visible.
    pub(super) fn publish(&self, response: &StoredResponse, ticket: &Ticket) -> Published {
        self.indexed(response, || self.publish_in_tiers(response, ticket), Published::is_stored)
    }

    fn publish_in_tiers(&self, response: &StoredResponse, ticket: &Ticket) -> Published {
        if self.epochs.are_over_for(response) {
            return Published::Refused;
        }
        let Some(disk) = self.disk_for(response.key()) else {
            return Published::of(self.memory.publish(response, ticket));
        };
        if disk.has_later(response) {
            return Published::Refused;
        }
        if self.is_for_memory(response) {
            if !self.memory.publish(response, ticket) {
                return Published::Refused;
            }
            disk.supersede(response);
            // What does not fit into the queue is written when it is evicted.
            disk.save(response, Press::Behind);
            return Published::Stored;
        }
        if !disk.admit(response, ticket) {
            return Published::Refused;
        }
        // Before memory is looked at: what is put there from disk asks afterwards whether it still may.
        disk.supersede(response);
        for older in self.memory.candidates(response.key()).iter() {
            if is_same_variant(older, response) && older.begun() <= response.begun() {
                self.memory.remove(older);
            }
        }
        if disk.write(response) { Published::Stored } else { Published::Dropped }
    }

    /// Puts `new`, whose number is younger than this call's look at `old`, in the place of that.
    pub(super) fn replace(
        &self,
        old: &StoredResponse,
        new: &StoredResponse,
        ticket: &Ticket,
    ) -> bool {
        self.indexed(new, || self.replace_in_tiers(old, new, ticket), |replaced| *replaced)
    }

    fn replace_in_tiers(
        &self,
        old: &StoredResponse,
        new: &StoredResponse,
        ticket: &Ticket,
    ) -> bool {
        if self.epochs.are_over_for(old) {
            return false;
        }
        let Some(disk) = self.disk_for(new.key()) else {
            return self.memory.replace(old, new, ticket);
        };
        if !self.is_for_memory(new) {
            let is_resident = old.is_counted() && !old.is_void();
            let is_done = disk.replace(old, new, ticket)
                || (is_resident && disk.admit(new, ticket) && disk.write(new));
            self.memory.remove(old);
            return is_done;
        }
        if !old.is_counted() {
            // What was read from disk; memory would only make `new` void.
            let is_done = disk.replace(old, new, ticket);
            if is_done {
                // It may have been put into memory meanwhile.
                self.memory.remove(old);
            }
            return is_done;
        }
        if self.memory.replace(old, new, ticket) {
            disk.supersede(new);
            disk.save(new, Press::Behind);
            return true;
        }
        // Memory does not have the old one; it has marked the new one as not to be written.
        disk.replace(old, &new.unmarked(), ticket)
    }

    /// Removes one stored response.
    pub(super) fn remove(&self, stored: &StoredResponse) {
        self.memory.remove(stored);
        if let Some(disk) = self.disk() {
            disk.remove(stored);
            self.memory.remove(stored);
        }
    }

    /// Notes a use.
    pub(super) fn used(&self, stored: &StoredResponse) {
        if stored.tier() == Tier::Memory {
            return self.memory.used(stored);
        }
        let Some(disk) = self.disk() else { return };
        let is_second = disk.touch(stored);
        if is_second && stored.length() <= PROMOTED && self.is_for_memory(stored) {
            self.promote(disk, stored);
        }
    }

    /// Puts what is on disk into memory too. What memory refuses is offered again after a minute.
    fn promote(&self, disk: &Disk, stored: &StoredResponse) {
        if !self.offers.may_offer(stored.key().digest(), stored.id()) {
            return;
        }
        let resident = stored.promoted();
        let is_in = self.memory.publish(&resident, &Ticket::default());
        // An invalidation may have looked into memory before it was there.
        if is_in && !disk.has(stored) {
            self.memory.remove(&resident);
        }
    }

    /// Removes all under a key, and all under keys of which something would answer it, and says how many
    /// there were. Nothing is read for it: the disk may be in trouble. What was there does not come back
    /// once `Durable` has been awaited.
    pub(super) fn invalidate(&self, key: &CacheKey) -> (usize, Vec<Durable>) {
        // Writers first: what is published before they are told is removed by the lines below.
        self.under_way.cancel(key);
        let (mut count, mut waits) = (0, Vec::new());
        for key in self.queries.like(key).iter().chain([key]) {
            let resident = self.memory.invalidate(key);
            count += match self.disk_for(key) {
                Some(disk) => {
                    let (below, durable) = disk.invalidate_key(key);
                    waits.push(durable);
                    resident.max(below) + self.memory.invalidate(key)
                }
                None => resident,
            };
        }
        (count, waits)
    }

    /// All that is stored for other queries and answers this one too.
    pub(super) async fn equivalents(&self, key: &CacheKey) -> Candidates {
        let mut equivalents = Candidates::None;
        for other in self.queries.like(key) {
            let answers = |response: &&StoredResponse| {
                let rule = response.rule();
                rule.is_some_and(|rule| queries::are_equivalent(rule, response.key(), key))
            };
            let stored = self.find(&other).await;
            stored.iter().filter(answers).for_each(|response| equivalents.push(response.clone()));
        }
        equivalents
    }

    /// Whether a response is still stored, as it is.
    pub(super) fn has(&self, stored: &StoredResponse) -> bool {
        let is_resident = stored.is_counted() && !stored.is_void();
        let is_on_disk = |disk: &Disk| disk.has(stored) || disk.has_waiting(stored);
        let is_there = is_resident || self.disk().is_some_and(is_on_disk);
        is_there && !self.epochs.are_over_for(stored)
    }

    /// What a tier holds.
    pub(super) fn usage_of(&self, tier: Tier) -> Usage {
        match (tier, self.disk()) {
            (Tier::Memory, _) => self.memory.usage(),
            (Tier::Disk, Some(disk)) => disk.usage(),
            (Tier::Disk, None) => Usage::default(),
        }
    }

    /// Does the work that was put off.
    pub(super) fn maintain(&self) {
        self.memory.maintain();
        self.offer_again();
        self.queries.tidy(|key, rule| {
            let resident = self.memory.candidates(key);
            resident.iter().any(|stored| stored.rule() == Some(rule))
                || self.disk().is_some_and(|disk| disk.may_have(key, resident.as_slice()))
        });
    }

    /// Has some of that written which is in memory alone, because there was no room to wait, the disk was
    /// in trouble, or was not there yet. Only while nothing waits.
    fn offer_again(&self) {
        let Some(disk) = self.disk().filter(|disk| disk.is_idle()) else { return };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if !turn.is_multiple_of(OFFERED_EVERY) {
            return;
        }
        let Some(part) = self.memory.part(turn / OFFERED_EVERY) else {
            return self.turn.store(0, Ordering::Relaxed);
        };
        for stored in part.iter().filter(|stored| stored.on_disk() == OnDisk::No) {
            if !disk.has_room() {
                // This part again, after what waits is written.
                return self.turn.store(turn, Ordering::Relaxed);
            }
            disk.save(stored, Press::Behind);
        }
    }

    /// Whether memory takes it. A memory tier of no bytes takes not even what has no body.
    fn is_for_memory(&self, response: &StoredResponse) -> bool {
        let takes = self.config.memory > 0 && response.length() <= self.config.max_memory_object;
        takes && !response.is_spilled()
    }

    /// Has what makes a response visible done, with the response in the index of queries. It is put there
    /// before it is visible: an invalidation that does not find it there has told its writer. And again
    /// after that: the tidying may have met the key when nothing was stored under it yet.
    pub(super) fn indexed<T>(
        &self,
        response: &StoredResponse,
        make_visible: impl FnOnce() -> T,
        is_visible: impl FnOnce(&T) -> bool,
    ) -> T {
        let Some(rule) = response.rule() else { return make_visible() };
        self.queries.add(response.key(), rule);
        let made = make_visible();
        if is_visible(&made) {
            self.queries.add(response.key(), rule);
        }
        made
    }
}

impl Published {
    fn of(stored: bool) -> Self {
        if stored { Self::Stored } else { Self::Refused }
    }

    fn is_stored(&self) -> bool {
        matches!(self, Self::Stored)
    }
}

/// What is in memory and what is on disk: of the same variant the later one.
fn merged(resident: Candidates, below: &Candidates) -> Candidates {
    if below.is_empty() {
        return resident;
    }
    let is_older = |one: &StoredResponse, other: &StoredResponse| {
        is_same_variant(one, other) && (one.begun(), one.id()) <= (other.begun(), other.id())
    };
    let stays = |stored: &&StoredResponse| {
        !below.iter().any(|other| {
            is_older(stored, other) && stored.id() != other.id() && !is_part_of(other, stored)
        })
    };
    let mut all: Candidates = resident.iter().filter(stays).cloned().collect();
    let comes = |stored: &&StoredResponse| !resident.iter().any(|other| is_older(stored, other));
    below.iter().filter(comes).for_each(|stored| all.push(stored.clone()));
    all
}

/// Whether one is a part, and the other whole.
fn is_part_of(one: &StoredResponse, other: &StoredResponse) -> bool {
    one.extent() != Extent::Whole && other.extent() == Extent::Whole
}
