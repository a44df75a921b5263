//! Looks into the disk tier of a stopped proxy: what is stored, how much, and whether it is undamaged.
//!
//! It finds what a start would find, by the same rule: the newest record of a response counts, unless a
//! younger tombstone hides it. Nothing is changed.

mod files;
mod live;
mod segments;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;

use self::files::Files;
use self::live::Live;
use self::segments::Segment;
use super::OpenError;
use super::disk::directory::Directory;
use super::disk::io::Io;
use super::disk::record::{Header, Kind, Meta, Place};
use super::disk::uses;
use crate::policy::CacheKey;
use crate::time::Timestamp;

/// The cache directory of a stopped proxy. While it is held, no proxy can use the directory.
#[derive(Debug)]
pub struct Inspection {
    segments: Vec<Segment>,
    files: Files,
    live: Vec<Live>,
    /// How often each was used, by id.
    uses: HashMap<u64, u8>,
    /// Keeps proxies away.
    _directory: Option<Directory>,
}

/// A stored response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The key that it is stored under.
    pub key: CacheKey,
    /// The status code.
    pub status: StatusCode,
    /// Bytes of its body that are stored.
    pub size: u64,
    /// When it came, or was last freshened.
    pub stored: Timestamp,
    /// Until when it is fresh; may be before `stored`.
    pub expires: Timestamp,
    /// How often it was used lately, as far as that is written down.
    pub uses: Option<u8>,
    /// Where its body is, and whether all of it is there.
    pub kind: BodyKind,
    /// The file that its record is in.
    pub file: String,
    /// Where in that file.
    pub offset: u64,
}

/// Where a body is, and whether all of it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// In a segment.
    Small,
    /// In a file of its own.
    Large,
    /// Only parts of it are there, wherever they are.
    Partial,
}

/// How many, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Stored responses.
    pub responses: u64,
    /// Bytes of their bodies that are stored.
    pub bytes: u64,
}

/// What is stored, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Whole, in segments.
    pub small: Count,
    /// Whole, in files of their own.
    pub large: Count,
    /// In parts.
    pub partial: Count,
    /// Responses that are stale now.
    pub stale: u64,
    /// When the response came that came first.
    pub oldest: Option<Timestamp>,
    /// When the one came that came last.
    pub newest: Option<Timestamp>,
    /// Segments.
    pub segments: u64,
    /// Files with a body each.
    pub files: u64,
    /// Bytes of all of these files.
    pub on_disk: u64,
}

impl Stats {
    /// All kinds together.
    pub fn all(&self) -> Count {
        let kinds = [self.small, self.large, self.partial];
        Count {
            responses: kinds.iter().map(|kind| kind.responses).sum(),
            bytes: kinds.iter().map(|kind| kind.bytes).sum(),
        }
    }
}

/// What [`Inspection::verify`] comes across.
#[derive(Clone, Debug)]
pub enum Seen {
    /// So many bytes more were read; in the end, as many as [`Inspection::bytes`].
    Read(u64),
    /// Something is damaged.
    Damaged(Damage),
}

/// Something that is not what was written.
#[derive(Clone, Debug)]
pub struct Damage {
    /// The file, below the cache directory.
    pub file: String,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub why: String,
    /// What it belongs to, where that is known.
    pub key: Option<CacheKey>,
}

/// How much [`Inspection::verify`] has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Records of all kinds, also those that are out of date.
    pub records: u64,
    /// Files with a body each.
    pub files: u64,
    /// Bytes of all of these.
    pub bytes: u64,
}

impl Inspection {
    /// Looks into a cache directory. Nothing is made there that is missing.
    ///
    /// # Errors
    /// When there is no cache, a proxy uses it, its format is not known, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let directory = Directory::look(dir)?;
        let inspection = Self::of(&directory.io());
        let inspection = inspection.map_err(|source| OpenError::Io { dir: dir.into(), source })?;
        Ok(Self { _directory: Some(directory), ..inspection })
    }

    /// Looks at a tree of files.
    fn of(io: &dyn Io) -> io::Result<Self> {
        let segments = segments::all(io)?;
        let files = Files::of(io)?;
        let live = live::of(&segments);
        let uses = uses::read(io);
        Ok(Self { segments, files, live, uses, _directory: None })
    }

    /// All that is stored and can be read, in no order. What cannot be read is left out, as a start
    /// would leave it out when it is asked for; [`verify`](Self::verify) tells of it.
    pub fn responses(&self) -> impl Iterator<Item = Response> {
        self.live.iter().filter_map(|live| {
            let segment = self.segments.get(live.segment)?;
            let (header, meta) = segment.meta(live.offset).ok()?;
            // After a crash, nothing is known.
            let known = (!self.uses.is_empty()).then_some(0);
            let uses = self.uses.get(&header.generation).copied().or(known);
            Some(Response { uses, ..Response::of(&header, meta, segment.name(), live.offset) })
        })
    }

    /// What is stored, counted; stale is what is stale at `now`.
    pub fn stats(&self, now: Timestamp) -> Stats {
        let mut stats = Stats {
            segments: self.segments.len() as u64,
            files: self.files.count(),
            on_disk: self.bytes(),
            ..Stats::default()
        };
        for response in self.responses() {
            let count = match response.kind {
                BodyKind::Small => &mut stats.small,
                BodyKind::Large => &mut stats.large,
                BodyKind::Partial => &mut stats.partial,
            };
            count.responses += 1;
            count.bytes += response.size;
            stats.stale += u64::from(response.expires <= now);
            let at = response.stored;
            stats.oldest = Some(stats.oldest.map_or(at, |oldest| oldest.min(at)));
            stats.newest = Some(stats.newest.map_or(at, |newest| newest.max(at)));
        }
        stats
    }

    /// Bytes of all segments and files.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::length).sum::<u64>() + self.files.bytes()
    }

    /// Reads everything, also what is out of date, and compares it with its checksums. Tells `each` of
    /// what it comes across.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn verify(&self, each: &mut dyn FnMut(Seen) -> io::Result<()>) -> io::Result<Verified> {
        verify::all(&self.segments, &self.files, each)
    }
}

impl Response {
    fn of(header: &Header, meta: Meta, file: &str, offset: u64) -> Self {
        let Meta { key, head, partial, body, .. } = meta;
        let kind = match (&partial, header.kind) {
            (Some(_), _) => BodyKind::Partial,
            (None, Kind::Pointer) => BodyKind::Large,
            (None, _) => BodyKind::Small,
        };
        let stored = head.times.response_time;
        let lifetime = head.freshness.lifetime();
        let age = head.freshness.corrected_initial_age();
        let expires = match lifetime.checked_sub(age) {
            Some(left) => stored.saturating_add(left),
            None => before(stored, age.saturating_sub(lifetime)),
        };
        Self {
            key,
            status: head.status(),
            size: length(header, &body),
            stored,
            expires,
            uses: None,
            kind,
            file: file.to_owned(),
            offset,
        }
    }
}

/// Bytes of a body, wherever it is.
fn length(header: &Header, body: &Place) -> u64 {
    match body {
        Place::Here { .. } => header.body_len.into(),
        Place::Base { body_len, .. } => (*body_len).into(),
        Place::Files(runs) => runs.iter().map(|run| run.length).sum(),
    }
}

/// The moment so long before another.
fn before(at: Timestamp, span: Duration) -> Timestamp {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_unix_millis(at.unix_millis().saturating_sub(millis))
}
