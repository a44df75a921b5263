//! Field lines in one block of bytes: a name that is known takes one byte.

use std::ops::Range;

use bytes::BufMut;
use http::HeaderName;
use http::header::*;

/// Set in the first byte of a line that is sent only after a validation.
const GUARDED: u8 = 1 << 7;

/// In place of the number of a known name: the name itself follows.
const SPELT: u8 = GUARDED - 1;

/// The names that responses often have; a line has the place of its name in this table. Blocks are on disk,
/// so the places are for ever: names may be added at the end, none may move or go.
static KNOWN: [HeaderName; 64] = [
    CACHE_CONTROL,
    CONTENT_TYPE,
    CONTENT_LENGTH,
    DATE,
    ETAG,
    LAST_MODIFIED,
    EXPIRES,
    VARY,
    SERVER,
    ACCEPT_RANGES,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    CONTENT_DISPOSITION,
    CONTENT_SECURITY_POLICY,
    CONTENT_SECURITY_POLICY_REPORT_ONLY,
    STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
    X_XSS_PROTECTION,
    X_DNS_PREFETCH_CONTROL,
    REFERRER_POLICY,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
    VIA,
    SET_COOKIE,
    LOCATION,
    LINK,
    ALT_SVC,
    PRAGMA,
    ALLOW,
    RETRY_AFTER,
    WARNING,
    WWW_AUTHENTICATE,
    TRAILER,
    REFRESH,
    ORIGIN,
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
    HeaderName::from_static("surrogate-key"),
    HeaderName::from_static("cache-status"),
    HeaderName::from_static("cache-groups"),
    HeaderName::from_static("no-vary-search"),
    HeaderName::from_static("age"),
    HeaderName::from_static("x-cache"),
    HeaderName::from_static("x-cache-hits"),
    HeaderName::from_static("x-served-by"),
    HeaderName::from_static("x-timer"),
    HeaderName::from_static("x-powered-by"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-amz-request-id"),
    HeaderName::from_static("x-amz-id-2"),
    HeaderName::from_static("x-amz-cf-id"),
    HeaderName::from_static("x-amz-cf-pop"),
    HeaderName::from_static("cf-ray"),
    HeaderName::from_static("cf-cache-status"),
    HeaderName::from_static("cross-origin-resource-policy"),
    HeaderName::from_static("timing-allow-origin"),
    HeaderName::from_static("permissions-policy"),
    HeaderName::from_static("server-timing"),
];

/// One line of a block.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: Name,
    /// Where its value is.
    pub(super) value: Range<usize>,
    /// Whether it is sent only after a validation.
    pub(super) guarded: bool,
}

/// The name of a line.
#[derive(Debug)]
pub(super) enum Name {
    /// One of the known ones.
    Known(&'static HeaderName),
    /// It is here in the block.
    Spelt(Range<usize>),
}

impl Name {
    /// The name in lower case.
    pub(super) fn as_bytes<'a>(&self, block: &'a [u8]) -> Option<&'a [u8]>
    where
        'static: 'a,
    {
        match self {
            Self::Known(name) => Some(name.as_str().as_bytes()),
            Self::Spelt(range) => block.get(range.clone()),
        }
    }

    /// Whether it is this name.
    pub(super) fn is(&self, name: &HeaderName, block: &[u8]) -> bool {
        match self {
            Self::Known(known) => *known == name,
            Self::Spelt(range) => block.get(range.clone()) == Some(name.as_str().as_bytes()),
        }
    }

    /// The name as a value.
    pub(super) fn to_header_name(&self, block: &[u8]) -> Option<HeaderName> {
        match self {
            Self::Known(name) => Some((*name).clone()),
            Self::Spelt(range) => HeaderName::from_bytes(block.get(range.clone())?).ok(),
        }
    }
}

/// Whether a value may be sent (RFC 9110 §5.5).
pub(super) fn is_sendable(value: &[u8]) -> bool {
    // Without an early end, so that many bytes are looked at together.
    value
        .iter()
        .fold(true, |so_far, &byte| so_far & (byte == b'\t' || (byte >= b' ' && byte != 0x7f)))
}

/// Appends a line; `false`, and nothing is appended, when name or value is absurdly long.
pub(super) fn push(block: &mut Vec<u8>, name: &HeaderName, value: &[u8], guarded: bool) -> bool {
    let mark = if guarded { GUARDED } else { 0 };
    let known = KNOWN.iter().position(|known| known == name).and_then(|at| u8::try_from(at).ok());
    let (Ok(name_len), Ok(mut left)) =
        (u16::try_from(name.as_str().len()), u32::try_from(value.len()))
    else {
        return false;
    };
    match known {
        Some(at) => block.put_u8(at | mark),
        None => {
            block.put_u8(SPELT | mark);
            block.put_u16(name_len);
            block.put_slice(name.as_str().as_bytes());
        }
    }
    // Seven bits of the length in each byte, the lowest first; the highest bit says that more follow.
    while left >= 0x80 {
        block.put_u8((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    block.put_u8(left as u8);
    block.put_slice(value);
    true
}

/// Reads the line that begins at `at`, and says where the next one does.
pub(super) fn read(block: &[u8], at: usize) -> Option<(Line, usize)> {
    let (first, rest) = block.get(at..)?.split_first()?;
    let guarded = first & GUARDED != 0;
    let (name, mut at) = match first & !GUARDED {
        SPELT => {
            let from = at + 3;
            let end = from + usize::from(u16::from_be_bytes(*rest.first_chunk()?));
            (Name::Spelt(from..end), end)
        }
        known => (Name::Known(KNOWN.get(usize::from(known))?), at + 1),
    };
    let mut length: usize = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = *block.get(at)?;
        at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let end = at.checked_add(length).filter(|end| *end <= block.len())?;
    Some((Line { name, value: at..end, guarded }, end))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_is_pushed_is_read() {
        let names = ["etag", "server-timing", "x-a", "x-some-longer-name-than-others"];
        let lengths = [0, 1, 127, 128, 16_383, 16_384, 2_097_152];
        let mut block = b"reason".to_vec();
        for (at, length) in lengths.iter().enumerate() {
            for name in names {
                let name = HeaderName::from_static(name);
                assert!(push(&mut block, &name, &vec![at as u8; *length], at % 2 == 0));
            }
        }
        let mut next = 6;
        for (at, length) in lengths.iter().enumerate() {
            for name in names {
                let (line, end) = read(&block, next).unwrap();
                assert_eq!(line.name.as_bytes(&block), Some(name.as_bytes()));
                assert_eq!(line.name.to_header_name(&block).unwrap(), name);
                assert_eq!(block[line.value.clone()], vec![at as u8; *length]);
                assert_eq!(line.guarded, at % 2 == 0);
                next = end;
            }
        }
        assert_eq!(next, block.len());
        assert!(read(&block, next).is_none());
    }

    #[test]
    fn a_cut_block_is_not_read_beyond_its_end() {
        let mut block = Vec::new();
        push(&mut block, &HeaderName::from_static("x-a"), &[b'v'; 200], false);
        for end in 0..block.len() {
            assert!(read(&block[..end], 0).is_none(), "{end}");
        }
    }

    #[test]
    fn known_names_are_few_and_each_once() {
        let names: HashSet<_> = KNOWN.iter().collect();
        assert_eq!(names.len(), KNOWN.len());
        assert!(KNOWN.len() < usize::from(SPELT));
    }

    /// A place that changes gives the lines of every stored response other names. Names that are added at
    /// the end are frozen the same way, the first time that they are released.
    #[test]
    fn the_place_of_a_known_name_never_changes() {
        const FIRST_64: u128 = 328_579_467_380_498_095_538_062_792_998_667_600_571;
        let names: Vec<&str> = KNOWN.iter().take(64).map(HeaderName::as_str).collect();
        assert_eq!(crate::policy::key::digest(names.join("\n").as_bytes()), FIRST_64, "{names:?}");
        assert_eq!(KNOWN.len(), 64, "what was added is to be frozen too");
    }
}
