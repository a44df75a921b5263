//! Is told what the bodies on disk meet, takes out what is damaged, and has the threads that wait for the
//! disk.

use std::io;
use std::sync::{Arc, OnceLock, Weak};

use super::engine::Engine;
use super::index::Known;
use super::pool::Pool;
use super::record::Place;
use super::witness::{Lane, Origin, Witness};

/// Threads that read, and threads that write large files. A disk does more at once the more it is
/// asked; a hit from memory needs none of them.
const READERS: usize = 4;
const WRITERS: usize = 2;

/// Reads and writes that may wait for a thread.
const QUEUED: usize = 1024;

/// Watches over the bodies on disk.
#[derive(Debug)]
pub(super) struct Observer {
    engine: OnceLock<Weak<Engine>>,
    reads: Box<dyn Lane>,
    writes: Box<dyn Lane>,
}

impl Observer {
    /// With its threads, and nothing to watch yet.
    pub(super) fn new() -> io::Result<Self> {
        let reads = Pool::new("larder-read", READERS, QUEUED)?;
        let writes = Pool::new("larder-body", WRITERS, QUEUED)?;
        Ok(Self::with(Box::new(reads), Box::new(writes)))
    }

    /// With others to wait for the disk.
    pub(super) fn with(reads: Box<dyn Lane>, writes: Box<dyn Lane>) -> Self {
        Self { engine: OnceLock::new(), reads, writes }
    }

    /// Watches over this engine from now on.
    pub(super) fn watch(&self, engine: &Arc<Engine>) {
        self.engine.set(Arc::downgrade(engine)).ok();
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.get()?.upgrade()
    }

    /// Takes out what has its body here, at once: nobody else is given it. A head whose body is in an older
    /// record has to be read to be known, which is left to a thread that may wait.
    fn discard(&self, engine: Arc<Engine>, origin: Origin) {
        match origin {
            Origin::Record { segment, offset, digest } => {
                if engine.discard_body(segment, offset, digest) {
                    let job = move || engine.discard_based(segment, offset, digest);
                    self.reads.run(Box::new(job)).ok();
                }
            }
            Origin::Large { id, digest } => {
                for known in engine.pointers.naming(id) {
                    engine.discard(digest, &known);
                }
            }
            Origin::Growing { .. } => {}
        }
    }
}

impl Witness for Observer {
    fn damaged(&self, origin: &Origin, offset: u64) {
        tracing::warn!(file = %origin, offset, "A stored response is damaged and goes");
        let Some(engine) = self.engine() else { return };
        engine.counters.damaged.add();
        self.discard(engine, *origin);
    }

    fn unreadable(&self, origin: &Origin, offset: u64, error: &io::Error) {
        let Some(engine) = self.engine() else { return };
        tracing::debug!(file = %origin, offset, "A stored response could not be read: {error}");
        if error.kind() != io::ErrorKind::ResourceBusy && engine.is_bad(*origin, error) {
            self.discard(engine, *origin);
        }
    }

    fn unwritable(&self, origin: &Origin, error: &io::Error) {
        let Some(engine) = self.engine() else { return };
        tracing::debug!(file = %origin, "A large response could not be written: {error}");
        engine.failed(error);
    }

    fn reads(&self) -> &dyn Lane {
        &*self.reads
    }

    fn writes(&self) -> &dyn Lane {
        &*self.writes
    }
}

impl Engine {
    /// Takes out what has head and body in this record. Whether there are others that may have their body
    /// here.
    fn discard_body(&self, seq: u32, offset: u64, digest: u128) -> bool {
        let is_same = |segment: &super::log::Segment| segment.seq == seq;
        let is_here = |known: &Known| {
            known.spot.offset == offset
                && self.log.segment(known.spot).is_some_and(|segment| is_same(&segment))
        };
        let records = self.index.look(digest).records;
        for known in records.iter().filter(|known| is_here(known)) {
            self.discard(digest, known);
        }
        records.iter().any(|known| known.is_update)
    }

    /// Takes out what has its body alone in this record. Waits for the device.
    fn discard_based(&self, seq: u32, offset: u64, digest: u128) {
        for known in self.index.look(digest).records {
            if known.is_update && self.is_based(&known, seq, offset) {
                self.discard(digest, &known);
            }
        }
    }

    /// Whether the body of a record is in this one.
    pub(super) fn is_based(&self, known: &Known, seq: u32, offset: u64) -> bool {
        let meta = self.head_of(known).map(|(_, meta)| meta.body);
        matches!(meta, Some(Place::Base { seq: s, offset: o, .. }) if (s, o) == (seq, offset))
    }
}
