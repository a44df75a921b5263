//! `Content-Range` (RFC 9110 §14.4): which part of which whole this is.

use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderValue};

/// What `Content-Range` says of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes first-last/length`, or `bytes first-last/*` where the length is not known.
    Part {
        /// The first byte, from 0.
        first: u64,
        /// The last byte; it belongs to the part.
        last: u64,
        /// How long the whole is, where that is known.
        length: Option<u64>,
    },
    /// `bytes */length`: of a 416.
    Unsatisfied {
        /// How long the whole is.
        length: u64,
    },
}

impl ContentRange {
    /// Reads a response's only `Content-Range`. `None` when it is absent, malformed or of another unit,
    /// when its last byte comes before the first or lies beyond the end, or when a number is too long:
    /// such a part must not be combined with others (§14.4).
    pub fn parse(response: &HeaderMap) -> Option<Self> {
        let mut lines = response.get_all(CONTENT_RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let (unit, said) = line.to_str().ok()?.split_once(' ')?;
        unit.eq_ignore_ascii_case("bytes").then_some(())?;
        let (range, length) = said.split_once('/')?;
        let length = if length == "*" { None } else { Some(exact(length)?) };
        if range == "*" {
            return Some(Self::Unsatisfied { length: length? });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (exact(first)?, exact(last)?);
        let inside = first <= last && length.is_none_or(|length| last < length);
        // The last byte of all is never there: no length could count it.
        (inside && last < u64::MAX).then_some(Self::Part { first, last, length })
    }
}

/// `Content-Range` of a part: `bytes first-last/length`.
pub fn content_range(first: u64, last: u64, length: u64) -> HeaderValue {
    value(format!("bytes {first}-{last}/{length}"))
}

/// `Content-Range` of a 416: `bytes */length`.
pub fn unsatisfied(length: u64) -> HeaderValue {
    value(format!("bytes */{length}"))
}

/// Digits as a number; none when there are too many of them.
fn exact(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::sample::head;
    use super::*;

    fn of(value: &str) -> Option<ContentRange> {
        ContentRange::parse(&head(&[("content-range", value)]))
    }

    #[test]
    fn a_content_range_is_read_strictly() {
        let part = |first, last, length| Some(ContentRange::Part { first, last, length });
        let rows = [
            ("bytes 0-0/1", part(0, 0, Some(1))),
            ("bytes 2-4/10", part(2, 4, Some(10))),
            ("Bytes 2-9/10", part(2, 9, Some(10))),
            ("bytes 2-4/*", part(2, 4, None)),
            ("bytes 002-04/010", part(2, 4, Some(10))),
            ("bytes */10", Some(ContentRange::Unsatisfied { length: 10 })),
            ("bytes */0", Some(ContentRange::Unsatisfied { length: 0 })),
            ("bytes */*", None),
            ("bytes 2-10/10", None),
            ("bytes 4-2/10", None),
            ("bytes 0-0/0", None),
            ("bytes 2-/10", None),
            ("bytes -2/10", None),
            ("bytes 2/10", None),
            ("bytes 2-4", None),
            ("bytes 2-4/", None),
            ("bytes=2-4/10", None),
            ("bytes  2-4/10", None),
            ("bytes 2-4/10 ", None),
            ("bytes 2 - 4/10", None),
            ("bytes +2-4/10", None),
            ("bytes 2-4/10, bytes 5-6/10", None),
            ("bytes 2-4/10/10", None),
            ("bytes 0-99999999999999999999/*", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes 0-4/99999999999999999999", None),
            ("items 2-4/10", None),
            ("2-4/10", None),
            ("", None),
        ];
        for (value, expected) in rows {
            assert_eq!(of(value), expected, "{value}");
        }
        assert_eq!(ContentRange::parse(&HeaderMap::new()), None);
        let twice = head(&[("content-range", "bytes 0-1/2"), ("content-range", "bytes 0-1/2")]);
        assert_eq!(ContentRange::parse(&twice), None);
    }

    #[test]
    fn content_range_names_the_part_and_the_whole() {
        assert_eq!(content_range(2, 4, 10), "bytes 2-4/10");
        assert_eq!(content_range(0, u64::MAX, u64::MAX), format!("bytes 0-{0}/{0}", u64::MAX));
        assert_eq!(unsatisfied(10), "bytes */10");
    }
}
