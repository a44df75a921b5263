//! Where the bytes of one body go while it is written: to memory, or to a file of its own.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::blocks::Blocks;
use super::growing::Growing;
use super::segments::{Segment, Segments};
use super::stored::Content;
use super::writer::NotStored;
use crate::policy::{Part, Partial};

/// What is done elsewhere, and waited for.
pub(super) type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The file did not take the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the file did not take the body")]
pub(super) struct Broken;

/// What takes bodies that are too long for memory.
pub(super) trait LargeBodies: Debug + Send + Sync {
    /// Begins a file for the body of the response `id` to a key of this digest; `expected` is its length,
    /// where it is known.
    fn begin(
        &self,
        id: u64,
        digest: u128,
        expected: Option<u64>,
    ) -> Pending<'_, Result<Box<dyn GrowingSink>, Broken>>;
}

/// A file that one body is written to. Dropping it removes the file; who reads it reads on.
pub(super) trait GrowingSink: Debug + Send + Sync {
    /// Adds bytes; waits while too many are not written yet.
    fn write(&mut self, bytes: Bytes) -> Pending<'_, Result<(), Broken>>;

    /// All bytes are there, and are those of `held`. When this is done they can all be read.
    fn finish(self: Box<Self>, held: Partial) -> Pending<'static, Result<Content, Broken>>;

    /// What reads along.
    fn growing(&self) -> Growing;
}

/// Where the bytes of one body go. Once one of them did not get there it is of no use.
#[derive(Debug)]
pub(super) enum Sink {
    /// To memory, as they come.
    Memory(Vec<Bytes>),
    /// To a file.
    File(Box<dyn GrowingSink>),
    /// Nowhere any more.
    Lost(NotStored),
}

/// A body, or a part of one, of which all bytes got to their place.
#[derive(Debug)]
pub(super) enum Finished {
    Memory(Blocks),
    File(Content),
}

/// A part of a body.
#[derive(Debug)]
pub(super) struct Written {
    /// The part, alone.
    pub(super) content: Content,
    /// What can be put together with other parts: it is in memory.
    pub(super) segment: Option<Segment>,
}

impl Sink {
    /// Takes what there is out. What is left behind is of no use: whoever waits in between and is dropped
    /// leaves nothing that could be taken for whole.
    pub(super) fn take(&mut self) -> Self {
        let left = match self {
            Self::Lost(why) => *why,
            Self::Memory(_) | Self::File(_) => NotStored::Truncated,
        };
        std::mem::replace(self, Self::Lost(left))
    }

    /// Lets go what was written, for the first reason given.
    pub(super) fn give_up(&mut self, why: NotStored) {
        if !matches!(self, Self::Lost(_)) {
            *self = Self::Lost(why);
        }
    }

    /// Whether it is of use.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn check(&self) -> Result<(), NotStored> {
        match self {
            Self::Lost(why) => Err(*why),
            Self::Memory(_) | Self::File(_) => Ok(()),
        }
    }

    /// Adds bytes.
    pub(super) async fn write(mut self, bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return self;
        }
        let broken = match &mut self {
            Self::Memory(frames) => {
                frames.push(bytes);
                return self;
            }
            Self::File(file) => file.write(bytes).await.is_err(),
            Self::Lost(_) => false,
        };
        if broken { Self::Lost(NotStored::Broken) } else { self }
    }

    /// Goes on in a file that begins with what is in memory.
    pub(super) async fn into_file(
        self,
        large: &dyn LargeBodies,
        (id, digest): (u64, u128),
        expected: Option<u64>,
    ) -> Self {
        let Self::Memory(frames) = self else { return self };
        match large.begin(id, digest, expected).await {
            Ok(file) => {
                let mut sink = Self::File(file);
                for frame in frames {
                    sink = sink.write(frame).await;
                }
                sink
            }
            Err(Broken) => Self::Lost(NotStored::Broken),
        }
    }

    /// What reads along, when it is a file.
    pub(super) fn growing(&self) -> Option<Growing> {
        match self {
            Self::File(file) => Some(file.growing()),
            Self::Memory(_) | Self::Lost(_) => None,
        }
    }

    /// All bytes are there, and are those of `held`.
    ///
    /// # Errors
    /// Why not all of them got to their place.
    pub(super) async fn finish(self, held: Partial) -> Result<Finished, NotStored> {
        match self {
            Self::Memory(frames) => Ok(Finished::Memory(Blocks::compact(frames))),
            Self::File(file) => match file.finish(held).await {
                Ok(content) => Ok(Finished::File(content)),
                Err(Broken) => Err(NotStored::Broken),
            },
            Self::Lost(why) => Err(why),
        }
    }
}

impl Finished {
    /// As a whole body.
    pub(super) fn content(self) -> Content {
        match self {
            Self::Memory(blocks) => Content::whole(blocks),
            Self::File(content) => content,
        }
    }

    /// As a part that was asked for at `begun`.
    pub(super) fn part(self, begun: u64, part: Part) -> Written {
        match self {
            Self::Memory(blocks) => {
                let Part { interval, complete_length } = part;
                let segment = Segment { begun, interval, complete_length, blocks };
                let content = Content::Parts(Arc::new(Segments::first(begun, &segment)));
                Written { content, segment: Some(segment) }
            }
            Self::File(content) => Written { content, segment: None },
        }
    }
}
