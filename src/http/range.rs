//! Range requests (RFC 9110 §14): which part of a whole is asked for.

use http::header::RANGE;
use http::{HeaderMap, HeaderValue};

use super::list::is_ows;

/// How `Range` is to be answered from a whole of known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeAnswer {
    /// 200 with the whole: there is no `Range`, or none that is understood.
    Whole,
    /// 206 with these bytes.
    Part {
        /// The first byte, from 0.
        first: u64,
        /// The last byte; it belongs to the part.
        last: u64,
    },
    /// 416: all of it lies beyond the end.
    Unsatisfiable,
}

/// Reads `Range` for a whole of `length` bytes: one range of bytes, its end open or not, or a suffix.
/// Another unit, several ranges and anything malformed is answered with the whole, as if it were not
/// there (RFC 9110 §14.2). The caller has looked at method and `If-Range`.
pub fn select(request: &HeaderMap, length: u64) -> RangeAnswer {
    let mut lines = request.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return RangeAnswer::Whole };
    match line.to_str().ok().and_then(only_range) {
        None => RangeAnswer::Whole,
        // A suffix of an empty whole is satisfiable, but no Content-Range can say so.
        Some(Requested::Suffix(1..)) if length == 0 => RangeAnswer::Whole,
        Some(requested) => match requested.within(length) {
            Some((first, last)) => RangeAnswer::Part { first, last },
            None => RangeAnswer::Unsatisfiable,
        },
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

/// One range as written; numbers too long for us are the largest that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Requested {
    /// From a first byte to a last one, or to the end.
    From(u64, Option<u64>),
    /// So many bytes from the end.
    Suffix(u64),
}

impl Requested {
    /// First and last byte of what there is of it; `None` when there is nothing.
    fn within(self, length: u64) -> Option<(u64, u64)> {
        let end = length.checked_sub(1)?;
        match self {
            Self::From(first, last) if first <= end => {
                Some((first, last.map_or(end, |last| last.min(end))))
            }
            Self::From(..) | Self::Suffix(0) => None,
            Self::Suffix(count) => Some((length.saturating_sub(count), end)),
        }
    }
}

/// The only range of a set of byte ranges.
fn only_range(text: &str) -> Option<Requested> {
    let (unit, set) = text.split_once('=')?;
    unit.eq_ignore_ascii_case("bytes").then_some(())?;
    let mut ranges = set.split(',').map(|range| range.trim_matches(is_ows));
    let mut present = ranges.by_ref().filter(|range| !range.is_empty());
    let (Some(range), None) = (present.next(), present.next()) else { return None };
    let (first, last) = range.split_once('-')?;
    match (first, last) {
        ("", count) => Some(Requested::Suffix(number(count)?)),
        (first, "") => Some(Requested::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Requested::From(first, Some(last)))
        }
    }
}

/// Digits as a number; the largest one when there are too many of them.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample::{Lines, head};
    use super::RangeAnswer::{Unsatisfiable, Whole};
    use super::*;

    fn part(first: u64, last: u64) -> RangeAnswer {
        RangeAnswer::Part { first, last }
    }

    #[test]
    fn one_range_of_bytes_is_a_part_of_the_whole() {
        let rows = [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-9", part(0, 9)),
            ("bytes=2-4", part(2, 4)),
            ("bytes=9-9", part(9, 9)),
            ("bytes=2-", part(2, 9)),
            ("bytes=0-", part(0, 9)),
            ("bytes=-1", part(9, 9)),
            ("bytes=-10", part(0, 9)),
            ("bytes=-99", part(0, 9)),
            ("bytes=5-99", part(5, 9)),
            ("bytes=5-99999999999999999999999", part(5, 9)),
            ("bytes=-99999999999999999999999", part(0, 9)),
            ("Bytes=2-4", part(2, 4)),
            ("bytes=02-004", part(2, 4)),
            ("bytes= 2-4 ", part(2, 4)),
            ("bytes=,2-4,", part(2, 4)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-11", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
        ];
        for (value, expected) in rows {
            assert_eq!(select(&head(&[("range", value)]), 10), expected, "{value}");
        }
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_answered_with_the_whole() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=4-2",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1-2-3",
            "bytes=--1",
            "bytes=1 - 2",
            "bytes =1-2",
            "items=0-1",
            "0-1",
            "bytes:0-1",
            "bytes=0-1,3-4",
            "bytes=0-1,x",
            "bytes=0x1-2",
        ] {
            assert_eq!(select(&head(&[("range", value)]), 10), Whole, "{value}");
        }
        let several: Lines<'_> = &[("range", "bytes=0-1"), ("range", "bytes=0-1")];
        assert_eq!(select(&head(several), 10), Whole);
        assert_eq!(select(&HeaderMap::new(), 10), Whole);
    }

    #[test]
    fn nothing_of_an_empty_whole_is_satisfiable_but_a_suffix() {
        let rows = [
            ("bytes=0-", Unsatisfiable),
            ("bytes=0-0", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=-1", Whole),
        ];
        for (value, expected) in rows {
            assert_eq!(select(&head(&[("range", value)]), 0), expected, "{value}");
        }
    }

    #[test]
    fn the_largest_whole_has_a_last_byte() {
        let answer = select(&head(&[("range", "bytes=0-")]), u64::MAX);
        assert_eq!(answer, part(0, u64::MAX - 1));
        let beyond = select(&head(&[("range", "bytes=18446744073709551615-")]), u64::MAX);
        assert_eq!(beyond, Unsatisfiable);
    }

    #[test]
    fn content_range_names_the_part_and_the_whole() {
        assert_eq!(content_range(2, 4, 10), "bytes 2-4/10");
        assert_eq!(content_range(0, u64::MAX, u64::MAX), format!("bytes 0-{0}/{0}", u64::MAX));
        assert_eq!(unsatisfied(10), "bytes */10");
    }
}
