//! Bodies that are written to a file while they come, as the writer of a response sees them.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::engine::Engine;
use super::extents::{Extents, Run};
use super::large::{GrowingFile, GrowingWriter};
use super::observer::Observer;
use super::witness::Witness as _;
use crate::policy::Partial;
use crate::store::growing::{Growing, Grows};
use crate::store::reader::Reader;
use crate::store::sink::{Broken, GrowingSink, LargeBodies, Pending};
use crate::store::stored::Content;

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
    /// Gives up what is old, where a body of this length would be too much.
    async fn make_room(&self, length: u64) -> Result<(), Broken> {
        let (tell, told) = oneshot::channel();
        let engine = Arc::clone(&self.engine);
        let job = move || {
            let is_done = engine.note(&engine.make_room(length));
            // Who does not wait any more does not want it.
            tell.send(is_done).ok();
        };
        self.observer.writes().run(Box::new(job)).map_err(|_busy| Broken)?;
        told.await.unwrap_or(false).then_some(()).ok_or(Broken)
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
            if let Some(length) = expected {
                self.make_room(length).await?;
            }
            let (writer, file) = self.engine.large.begin(id, digest, expected);
            Ok(Box::new(Body { id, writer, file }) as Box<dyn GrowingSink>)
        })
    }
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
