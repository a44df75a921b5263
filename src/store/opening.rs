//! How a store with a disk tier begins and ends: what was found, and what was saved.

use std::io;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::disk::{Above, Disk, DiskEvents, Limits, OpenError, Press};
use super::early::Notes;
use super::flags::OnDisk;
use super::memory::next_id;
use super::shared::Shared;
use super::tier::{Tier, Usage};
use super::{Config, Store};

/// Responses that wait to be written take this part of the memory tier's budget besides, within these
/// limits.
const WAITING: u64 = 8;
const LEAST_WAITING: u64 = 8 << 20;
const MOST_WAITING: u64 = 64 << 20;

/// While the store is closed, so many wait at most to be written.
const QUEUED_AT_ONCE: usize = 1024;

/// What the disk tier found when it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Stored responses that answer again.
    pub responses: u64,
    /// Bytes of their records and bodies.
    pub bytes: u64,
    /// Records and files that were damaged or unfinished, and are gone.
    pub dropped: u64,
    /// How long it took.
    pub took: Duration,
}

/// What became, at the end, of the responses that only memory held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Responses that were written to disk.
    pub spilled: u64,
    /// Responses for which there was no time.
    pub left: u64,
}

impl Store {
    /// Opens the store. What the disk tier holds is found again behind the first requests: see
    /// [`Store::recovered`]. A disk in trouble makes a store without one, which tries again later.
    ///
    /// # Errors
    /// When the directory is in use, or not ours: the user is to decide.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let store = Self { shared: Arc::new(Shared::new(config)) };
        match store.shared.open_disk() {
            Ok(()) => {}
            Err(error @ OpenError::Io { .. }) => {
                tracing::warn!(%error, "Without a disk tier for now");
                try_again(&store.shared, AGAIN);
            }
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    /// The same, but while another process has the directory this is a store without one, which opens it
    /// as soon as that lets it go.
    ///
    /// # Errors
    /// When the directory is not ours.
    pub fn open_when_free(config: &Config) -> Result<Self, OpenError> {
        let store = Self { shared: Arc::new(Shared::new(config)) };
        match store.shared.open_disk() {
            Ok(()) => {}
            Err(OpenError::InUse { .. }) => {
                store.shared.settled.send_replace(false);
                try_again(&store.shared, SOON);
            }
            Err(error @ OpenError::Io { .. }) => {
                tracing::warn!(%error, "Without a disk tier for now");
                try_again(&store.shared, AGAIN);
            }
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    /// Whether there is a disk tier, and its directory could be opened.
    pub fn has_disk(&self) -> bool {
        self.shared.disk().is_some()
    }

    /// Waits until all that the disk tier holds was found again. May be dropped and called again.
    pub async fn recovered(&self) -> Recovered {
        let mut settled = self.shared.settled.subscribe();
        // The sender lives as long as `self`.
        let _alive = settled.wait_for(|settled| *settled).await;
        match self.shared.disk() {
            Some(disk) => disk.recovered().await,
            None => Recovered::default(),
        }
    }

    /// What a tier holds; a response may be in both.
    pub fn usage_of(&self, tier: Tier) -> Usage {
        self.shared.usage_of(tier)
    }

    /// Bytes of memory that it takes to find what is on disk; 0 without a disk tier.
    pub fn index_memory(&self) -> u64 {
        self.shared.disk().map_or(0, Disk::index_memory)
    }

    /// What happened on disk so far.
    pub fn disk_events(&self) -> Option<DiskEvents> {
        self.shared.disk().map(Disk::events)
    }

    /// Writes to disk what only memory holds, up to `deadline`, and closes the disk tier: from then on
    /// nothing is stored there, and another store may open the directory.
    pub async fn close(&self, deadline: Instant) -> Closed {
        let (tell, told) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // Who does not wait any more does not want it.
            tell.send(shared.close_disk(deadline)).ok();
        };
        if Builder::new().name("larder-close".to_owned()).spawn(work).is_err() {
            return Closed::default();
        }
        told.await.unwrap_or_default()
    }
}

/// A directory that could not be opened is tried again after so long.
const AGAIN: Duration = Duration::from_secs(30);

/// One that another process is about to let go, after so long.
const SOON: Duration = Duration::from_millis(50);

/// Tries again to open the directory, in a thread of its own, until it is open or the store is gone.
/// Another process is waited for only when the first try is to come `SOON`.
fn try_again(shared: &Arc<Shared>, mut pause: Duration) {
    let waits = pause == SOON;
    let weak = Arc::downgrade(shared);
    let work = move || {
        loop {
            std::thread::park_timeout(pause);
            let Some(shared) = weak.upgrade() else { return };
            match shared.open_disk() {
                Err(OpenError::InUse { .. }) if waits => continue,
                Err(OpenError::Io { .. }) => pause = AGAIN,
                Ok(()) => {
                    tracing::info!("The cache directory is open; responses are stored there");
                    shared.settled.send_replace(true);
                    return;
                }
                Err(error) => {
                    tracing::error!("{error}");
                    shared.settled.send_replace(true);
                    return;
                }
            }
            // Nobody lets it go: it is in trouble.
            shared.settled.send_replace(true);
        }
    };
    if let Err(error) = Builder::new().name("larder-open".to_owned()).spawn(work) {
        tracing::error!("The cache directory is not tried again: {error}");
        shared.settled.send_replace(true);
    }
}

impl Shared {
    /// Opens the directory, if there is to be a disk tier and it is not open.
    pub(super) fn open_disk(self: &Arc<Self>) -> Result<(), OpenError> {
        let (Some(config), None) = (&self.config.disk, self.disk()) else { return Ok(()) };
        let waiting = (self.config.memory / WAITING).clamp(LEAST_WAITING, MOST_WAITING);
        let limits = Limits::new(config.budget, waiting, config.write_behind_rate);
        let memory = Arc::downgrade(self);
        let is_resident =
            move |digest, id| memory.upgrade().is_some_and(|shared| shared.memory.has(digest, id));
        let above = Above {
            epochs: Arc::clone(&self.epochs),
            queries: Arc::clone(&self.queries),
            is_resident: Box::new(is_resident),
        };
        let before = self.early.so_far();
        let disk = Disk::open(&config.dir, config.reset || before.are_full, limits, above)?;
        self.bury_early(&disk, &before);
        // What is left is little. Whoever stores or invalidates waits for it.
        let mut early = self.early.lock();
        if let Some(notes) = &mut *early {
            notes.add_under_way(&self.under_way);
            if notes.are_full && !before.are_full {
                let source =
                    io::Error::other("too much has happened meanwhile; it is emptied first");
                return Err(OpenError::Io { dir: config.dir.clone(), source });
            }
            self.bury_early(&disk, &notes.since(&before));
        }
        self.set_large(disk.bodies());
        // Nobody else opens the directory: it is locked.
        self.disk.set(disk).ok();
        *early = None;
        Ok(())
    }

    /// What was stored or invalidated before the directory was open hides what is in there, at the next
    /// start too.
    fn bury_early(&self, disk: &Disk, notes: &Notes) {
        disk.bury_keys(notes.keys.iter());
        // Their epochs are older than what is there.
        let groups: Vec<_> = notes.groups.iter().map(|group| (*group, next_id())).collect();
        groups.iter().for_each(|(group, epoch)| self.epochs.recover(*group, *epoch));
        // Nobody waits: it is as if it was invalidated now.
        drop(disk.bury_groups(&groups));
    }

    fn close_disk(&self, deadline: Instant) -> Closed {
        let Some(disk) = self.disk() else { return Closed::default() };
        let before = disk.events().written;
        let mut left = 0;
        for stored in self.memory.all() {
            while Instant::now() < deadline && disk.waiting() > QUEUED_AT_ONCE {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            if Instant::now() >= deadline {
                left += u64::from(stored.on_disk() != OnDisk::Written);
            } else {
                disk.save(&stored, Press::Now);
            }
        }
        left += disk.close(deadline) as u64;
        Closed { spilled: disk.events().written.saturating_sub(before), left }
    }
}
