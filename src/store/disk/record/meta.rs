//! What a record says of a response, as bytes: key, head, where it came from, trailers, which parts of it are there,
//! and where the body is.

use http::HeaderMap;

use super::{ALIGN, HAS_RULE, HEADER, Header, Kind, LONGEST_BODY, LONGEST_META, variant_of};
use crate::net::Whence;
use crate::policy::{CacheKey, Partial, StoredHead};
use crate::store::disk::checksum;

/// What a record says of a response.
#[derive(Clone, Debug)]
pub(in crate::store) struct Meta {
    /// The key that it is stored under.
    pub(in crate::store) key: CacheKey,
    /// Status, fields, times, nominated fields, freshness.
    pub(in crate::store) head: StoredHead,
    /// Where it came from.
    pub(in crate::store) whence: Whence,
    /// The trailer fields.
    pub(in crate::store) trailers: Option<HeaderMap>,
    /// Of a response that is not whole: which bytes are there, and the id of the latest exchange that it
    /// comes from.
    pub(in crate::store) partial: Option<(Partial, u64)>,
    /// Where the body is: of a response that is not whole, the bytes that are there, one after another.
    pub(in crate::store) body: Place,
}

/// Where a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Place {
    /// Behind this meta: [`Kind::Object`].
    Here {
        /// The checksums of the body, see [`checksum`].
        crcs: Box<[u32]>,
    },
    /// In an older record: [`Kind::Update`].
    Base {
        /// The number of that record's segment.
        seq: u32,
        /// Where that record begins.
        offset: u64,
        /// The length of its meta.
        meta_len: u32,
        /// The length of its body.
        body_len: u32,
        /// The checksums of its body.
        crcs: Box<[u32]>,
    },
    /// In files of its own, one run after another: [`Kind::Pointer`]. No run has bytes of two intervals.
    Files(Box<[Run]>),
}

/// A part of a file, all of it bytes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) struct Run {
    /// The id that is the name of the file.
    pub(in crate::store) file: u64,
    /// The first byte in it.
    pub(in crate::store) offset: u64,
    /// How many bytes; never 0.
    pub(in crate::store) length: u64,
}

impl Place {
    /// The kind of a record whose body is there.
    pub(in crate::store) fn kind(&self) -> Kind {
        match self {
            Self::Here { .. } => Kind::Object,
            Self::Base { .. } => Kind::Update,
            Self::Files(_) => Kind::Pointer,
        }
    }

    /// Whether a body of `length` bytes can be there; `None` where only the header knows how many.
    fn is_possible(&self, length: Option<u64>) -> bool {
        let fits = |crcs: &[u32], body_len: u64| {
            let count = u64::try_from(crcs.len()).unwrap_or(u64::MAX);
            length.is_none_or(|length| length == body_len) && count == checksum::count(body_len)
        };
        match self {
            Self::Here { crcs } => length.is_none_or(|length| fits(crcs, length)),
            Self::Base { offset, meta_len, body_len, crcs, .. } => {
                (1..=LONGEST_META).contains(meta_len)
                    && *body_len <= LONGEST_BODY
                    && *offset >= ALIGN
                    && offset.is_multiple_of(ALIGN)
                    && offset.checked_add(HEADER as u64 + u64::from(LONGEST_META) * 2).is_some()
                    && fits(crcs, u64::from(*body_len))
            }
            Self::Files(runs) => {
                let sum = runs.iter().try_fold(0_u64, |sum, run| sum.checked_add(run.length));
                runs.iter()
                    .all(|run| run.length > 0 && run.offset.checked_add(run.length).is_some())
                    && sum.is_some_and(|sum| length.is_none_or(|length| length == sum))
            }
        }
    }
}

impl Meta {
    /// The header of its record: `meta_len` is the length of its bytes, `body_len` that of the body behind
    /// them, 0 where the body is elsewhere.
    pub(in crate::store) fn header(
        &self,
        generation: u64,
        lineage: u64,
        meta_len: u32,
        body_len: u32,
    ) -> Header {
        Header {
            kind: self.body.kind(),
            flags: if self.head.query_rule().is_some() { HAS_RULE } else { 0 },
            digest: self.key.digest(),
            generation,
            lineage,
            meta_len,
            body_len,
            variant: variant_of(&self.head.nominated),
        }
    }

    /// Whether the parts belong together. `body_len` is that of the header, where it is known.
    pub(super) fn is_consistent(&self, body_len: Option<u32>) -> bool {
        let held = self.partial.as_ref().map(|(partial, _)| partial.intervals.length());
        let here = body_len.map(u64::from).filter(|_| self.body.kind() == Kind::Object);
        held.zip(here).is_none_or(|(held, here)| held == here)
            && self.body.is_possible(held.or(here))
            && self.is_parted()
    }

    /// Whether each interval ends where a run does.
    fn is_parted(&self) -> bool {
        let (Some((partial, _)), Place::Files(runs)) = (&self.partial, &self.body) else {
            return true;
        };
        let mut runs = runs.iter();
        partial.intervals.as_slice().iter().all(|interval| {
            let mut left = interval.length();
            while left > 0 {
                let run = runs.next().and_then(|run| left.checked_sub(run.length));
                let Some(rest) = run else { return false };
                left = rest;
            }
            true
        })
    }
}
