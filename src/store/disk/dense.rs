//! A run of bytes in a file, with a checksum for each block of them.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

use super::checksum::BLOCK;
use super::io::{File, Now, room};
use super::witness::{Origin, Witness};

/// The most that is read at once, in bytes: whole blocks.
pub(in crate::store) const CHUNK: usize = 4 * BLOCK;

/// A run of bytes in a file: a body, or a part of one. What leaves it has been verified.
#[derive(Debug)]
pub(in crate::store) struct Dense {
    file: Arc<dyn File>,
    base: u64,
    length: u64,
    checksums: Checksums,
    origin: Origin,
    witness: Weak<dyn Witness>,
    /// Dropped when nobody reads any more.
    keep: Option<Box<dyn Keep>>,
}

/// What lasts as long as the bytes are read.
pub(in crate::store) trait Keep: std::fmt::Debug + Send + Sync {}

/// CRC-32C of each block, in order.
#[derive(Clone, Debug)]
pub(in crate::store) enum Checksums {
    /// Of a body that is finished.
    All(Box<[u32]>),
    /// Of a body that grows; those of the blocks that are written are there.
    Growing(Arc<Mutex<Vec<u32>>>),
}

impl Checksums {
    fn of(&self, block: usize) -> Option<u32> {
        match self {
            Self::All(all) => all.get(block).copied(),
            Self::Growing(some) => some.lock().get(block).copied(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::All(all) => all.len(),
            Self::Growing(some) => some.lock().len(),
        }
    }
}

/// Why bytes could not be read.
#[derive(Debug)]
pub(in crate::store) struct Unread {
    /// Where in the file.
    pub(in crate::store) offset: u64,
    pub(in crate::store) why: Why,
}

/// Whose fault it is.
#[derive(Debug)]
pub(in crate::store) enum Why {
    /// They are not what was written, or the file ends before them.
    Damaged,
    /// The device, or the system.
    Failed(io::Error),
}

impl Unread {
    /// It is not known what is there.
    pub(in crate::store) fn failed(offset: u64, error: io::Error) -> Self {
        Self { offset, why: Why::Failed(error) }
    }

    /// What the system said: a file that ends too early, or is not there, is damage.
    pub(in crate::store) fn from_system(offset: u64, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => {
                Self { offset, why: Why::Damaged }
            }
            _ => Self::failed(offset, error),
        }
    }
}

impl Dense {
    /// The `length` bytes at `base` of a file. `None` when there are not as many checksums as blocks.
    pub(in crate::store) fn new(
        file: Arc<dyn File>,
        base: u64,
        length: u64,
        checksums: Checksums,
        origin: Origin,
        witness: Weak<dyn Witness>,
    ) -> Option<Self> {
        let fits = checksums.count() as u64 >= length.div_ceil(BLOCK as u64);
        let ends = base.checked_add(length).is_some();
        (fits && ends).then_some(Self {
            file,
            base,
            length,
            checksums,
            origin,
            witness,
            keep: None,
        })
    }

    /// Keeps `keep` for as long as itself.
    #[must_use]
    pub(in crate::store) fn keeping(mut self, keep: Box<dyn Keep>) -> Self {
        self.keep = Some(keep);
        self
    }

    /// How many bytes it has.
    pub(in crate::store) fn length(&self) -> u64 {
        self.length
    }

    /// Where its first byte is in the file.
    pub(in crate::store) fn base(&self) -> u64 {
        self.base
    }

    /// Where it comes from.
    pub(in crate::store) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whom it tells what it meets.
    pub(in crate::store) fn witness(&self) -> &Weak<dyn Witness> {
        &self.witness
    }

    /// The checksums of all its blocks; fewer where it is damaged beyond that.
    pub(in crate::store) fn checksums(&self) -> Box<[u32]> {
        let count = usize::try_from(self.length.div_ceil(BLOCK as u64)).unwrap_or(usize::MAX);
        match &self.checksums {
            Checksums::All(all) => all.clone(),
            Checksums::Growing(some) => some.lock().iter().take(count).copied().collect(),
        }
    }

    /// About how much memory it takes, in bytes.
    pub(in crate::store) fn weight(&self) -> usize {
        size_of::<Self>() + self.checksums.count() * size_of::<u32>()
    }

    /// How many bytes are read at once from `at` on, where `most` are wanted: up to the end of a block.
    pub(in crate::store) fn chunk(at: u64, most: u64) -> u64 {
        (CHUNK as u64 - at % BLOCK as u64).min(most)
    }

    /// Reads `length` bytes from `at` on, at most a [`chunk`](Self::chunk), if it takes no waiting.
    pub(in crate::store) fn read_now(&self, at: u64, length: u64) -> Result<Option<Bytes>, Unread> {
        let span = self.span(at, length)?;
        let mut buffer = room(span.length);
        match self.file.read_now(&mut buffer, span.offset) {
            Ok(Now::Read) => self.verified(buffer, &span).map(Some),
            Ok(Now::WouldWait) => Ok(None),
            Err(error) => Err(Unread::from_system(span.offset, error)),
        }
    }

    /// The same, however long it takes. Says too whether it had to wait.
    pub(in crate::store) fn read(&self, at: u64, length: u64) -> Result<(Bytes, bool), Unread> {
        let span = self.span(at, length)?;
        let mut buffer = room(span.length);
        let now = self.file.read_now(&mut buffer, span.offset);
        let waits = !matches!(now, Ok(Now::Read));
        if waits {
            let read = self.file.read_at(&mut buffer, span.offset);
            read.map_err(|error| Unread::from_system(span.offset, error))?;
        }
        Ok((self.verified(buffer, &span)?, waits))
    }

    /// The whole blocks that hold these bytes.
    fn span(&self, at: u64, length: u64) -> Result<Span, Unread> {
        let lost = || Unread { offset: self.base.saturating_add(at), why: Why::Damaged };
        let end = at.checked_add(length).filter(|end| *end <= self.length).ok_or_else(lost)?;
        let first = at - at % BLOCK as u64;
        let last = end.next_multiple_of(BLOCK as u64).min(self.length);
        let place = |position: u64| usize::try_from(position - first).ok().ok_or_else(lost);
        Ok(Span {
            offset: self.base.saturating_add(first),
            length: place(last)?,
            block: usize::try_from(first / BLOCK as u64).ok().ok_or_else(lost)?,
            wanted: place(at)?..place(end)?,
        })
    }

    fn verified(&self, buffer: Vec<u8>, span: &Span) -> Result<Bytes, Unread> {
        for (index, block) in buffer.chunks(BLOCK).enumerate() {
            if self.checksums.of(span.block + index) != Some(crc32c::crc32c(block)) {
                let offset = span.offset.saturating_add((index * BLOCK) as u64);
                return Err(Unread { offset, why: Why::Damaged });
            }
        }
        Ok(Bytes::from(buffer).slice(span.wanted.clone()))
    }
}

/// Whole blocks, and the bytes of them that are wanted.
struct Span {
    offset: u64,
    length: usize,
    block: usize,
    wanted: Range<usize>,
}
