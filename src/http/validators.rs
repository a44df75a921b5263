//! Validators: entity tags and modification dates (RFC 9110 §8.8).

use std::fmt;

use http::header::{DATE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName};

use super::{date, list};
use crate::time::Timestamp;

/// An entity tag (RFC 9110 §8.8.3). `==` asks whether two are written the same; whether they validate each
/// other is asked of [`strong_eq`](Self::strong_eq) or [`weak_eq`](Self::weak_eq).
#[derive(Clone, PartialEq, Eq)]
pub struct EntityTag {
    /// Whether it is marked `W/`.
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: Box<[u8]>,
}

impl EntityTag {
    /// Reads one whole entity tag: `"opaque"` or `W/"opaque"`. A backslash is a character like others.
    pub fn parse(text: impl AsRef<[u8]>) -> Option<Self> {
        let (weak, opaque, rest) = leading_tag(text.as_ref())?;
        rest.is_empty().then(|| Self { weak, opaque: opaque.into() })
    }

    /// The strong comparison (RFC 9110 §8.8.3.2): the same, and neither is weak.
    pub fn strong_eq(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// The weak comparison (RFC 9110 §8.8.3.2): the same, whichever is weak.
    pub fn weak_eq(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }
}

impl fmt::Debug for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque.escape_ascii())
    }
}

/// The validators of a response. A field that is invalid, or whose lines differ, gives none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<EntityTag>,
    /// `Last-Modified`.
    pub last_modified: Option<Timestamp>,
}

impl Validators {
    /// Reads them from a response; `now` is for dates with a two-digit year.
    pub fn read(fields: &HeaderMap, now: Timestamp) -> Self {
        Self {
            etag: list::single(fields, &ETAG).and_then(EntityTag::parse),
            last_modified: date_field(fields, &LAST_MODIFIED, now),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// The response's modification date if it is a strong validator: at least a second before its `Date`
/// (RFC 9110 §8.8.2.2), so that two versions of the same second are not taken for one.
pub fn strong_last_modified(fields: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let modified = date_field(fields, &LAST_MODIFIED, now)?;
    let date = date_field(fields, &DATE, now)?;
    (modified.unix_secs() < date.unix_secs()).then_some(modified)
}

/// A field that holds one HTTP-date; `None` when it is absent, invalid, or its lines differ.
pub fn date_field(fields: &HeaderMap, name: &HeaderName, now: Timestamp) -> Option<Timestamp> {
    let text = std::str::from_utf8(list::single(fields, name)?).ok()?;
    date::parse(text, now)
}

/// The entity tags of a list such as `If-None-Match`, over all its lines. What is no entity tag is
/// skipped up to the next comma. (Not [`list::members`]: there a backslash escapes.)
pub fn entity_tags<'a>(
    fields: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = EntityTag> + use<'a> {
    fields.get_all(name).iter().flat_map(|line| {
        let mut rest = line.as_bytes();
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                rest = rest.trim_ascii_start();
                if let Some((weak, opaque, after)) = leading_tag(rest) {
                    let after = after.trim_ascii_start();
                    if after.is_empty() || after.starts_with(b",") {
                        rest = after.get(1..).unwrap_or_default();
                        return Some(EntityTag { weak, opaque: opaque.into() });
                    }
                }
                let comma = rest.iter().position(|byte| *byte == b',');
                rest = comma.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
            }
            None
        })
    })
}

/// The entity tag that `text` starts with, and what follows it.
fn leading_tag(text: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (weak, text) = match text.strip_prefix(b"W/") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|byte| !is_etagc(*byte))?;
    let (opaque, rest) = text.split_at_checked(end)?;
    Some((weak, opaque, rest.strip_prefix(b"\"")?))
}

/// `etagc`: visible except the quote, and obs-text.
fn is_etagc(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff)
}

#[cfg(test)]
mod tests;
