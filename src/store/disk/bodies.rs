//! Bodies that are written to a file while they come, as the writer of a response sees them.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::engine::Engine;
use super::extents::{Extents, Run};
use super::large::{GrowingFile, GrowingWriter};
use super::observer::Observer;
use super::queue::Job;
use super::witness::{Origin, Witness as _};
use crate::policy::Partial;
use crate::store::growing::{Growing, Grows};
use crate::store::reader::Reader;
use crate::store::sink::{Broken, GrowingSink, LargeBodies, Pending};
use crate::store::stored::{Content, StoredResponse};

/// Takes bodies that are too long for memory.
#[derive(Debug)]
pub(super) struct Bodies {
    pub(super) engine: Arc<Engine>,
    pub(super) observer: Arc<Observer>,
}

/// A body that grows in a file.
#[derive(Debug)]
struct Body {
    id: u64,
    writer: GrowingWriter,
    file: Arc<GrowingFile>,
}

impl Bodies {
    /// Gives up what is old in the place of what begins to grow, behind its first bytes. Where that fails
    /// the file breaks.
    fn make_room(&self, file: &Arc<GrowingFile>) -> Result<(), Broken> {
        let (engine, file) = (Arc::clone(&self.engine), Arc::clone(file));
        let job = move || {
            // Its room counts already.
            if !engine.note(&engine.make_room(0)) {
                file.give_up();
            }
        };
        self.observer.writes().run(Box::new(job)).map_err(|_busy| Broken)
    }
}

impl LargeBodies for Bodies {
    fn begin(
        &self,
        id: u64,
        digest: u128,
        expected: Option<u64>,
    ) -> Pending<'_, Result<Box<dyn GrowingSink>, Broken>> {
        Box::pin(async move {
            if !self.engine.is_trusted() {
                return Err(Broken);
            }
            let begun = self.engine.large.begin_within(id, digest, expected);
            let (writer, file) = begun.ok_or(Broken)?;
            if expected.is_some() {
                self.make_room(&file)?;
            }
            Ok(Box::new(Body { id, writer, file }) as Box<dyn GrowingSink>)
        })
    }
}

/// A response that is to be written once its files last. Dropped, it is handed to who writes, however that
/// went.
#[derive(Debug)]
pub(super) struct Settling {
    engine: Arc<Engine>,
    response: StoredResponse,
}

impl Settling {
    /// `None` when all its files last already, or nothing is written any more.
    pub(super) fn new(engine: &Arc<Engine>, response: &StoredResponse) -> Option<Self> {
        let is_new = files_of(response).any(|id| !engine.large.is_settled(id));
        (is_new && engine.queue.promise())
            .then(|| Self { engine: Arc::clone(engine), response: response.clone() })
    }

    /// Makes its files last. Waits for the device.
    pub(super) fn settle(self) {
        for id in files_of(&self.response) {
            match self.engine.large.settle(id) {
                // Nobody wants it any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                settled => {
                    self.engine.note(&settled);
                }
            }
        }
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.engine.queue.keep(Job { response: self.response.clone() });
    }
}

/// The large files that its body is in.
fn files_of(response: &StoredResponse) -> impl Iterator<Item = u64> {
    let runs = response.extents().map_or(&[][..], |extents| extents.runs());
    runs.iter().filter_map(|run| match *run.dense.origin() {
        Origin::Large { id, .. } | Origin::Growing { id } => Some(id),
        Origin::Record { .. } => None,
    })
}

impl GrowingSink for Body {
    fn write(&mut self, bytes: Bytes) -> Pending<'_, Result<(), Broken>> {
        Box::pin(async move { self.writer.write(bytes).await.map_err(|_broken| Broken) })
    }

    fn finish(self: Box<Self>, held: Partial) -> Pending<'static, Result<Content, Broken>> {
        Box::pin(async move {
            let dense = self.writer.finish().await.map_err(|_broken| Broken)?;
            let run = Run { length: dense.length(), dense, first: 0 };
            let extents = Extents::new(self.id, self.id, held, vec![run]).ok_or(Broken)?;
            Ok(Content::Spilled(Arc::new(extents)))
        })
    }

    fn growing(&self) -> Growing {
        Growing::new(Arc::clone(&self.file) as Arc<dyn Grows>)
    }
}

impl Grows for GrowingFile {
    fn written(&self) -> u64 {
        Self::written(self)
    }

    fn reader(&self, first: u64, last: u64) -> Option<Reader> {
        Self::reader(self, first, last)
    }
}
