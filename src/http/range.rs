//! Range requests (RFC 9110 §14): which parts of a whole are asked for.

mod content;
mod multipart;

use http::HeaderMap;
use http::header::RANGE;

use super::list::is_ows;

pub use content::{ContentRange, content_range, unsatisfied};
pub use multipart::{Boundary, Multipart};

/// The most ranges of a set; a larger set is ignored, as RFC 9110 §14.2 allows.
const MOST: usize = 256;

/// Up to so many parts are sent as they were asked for. Of more, those are joined that less lies between
/// than the head of a part takes (§15.3.7.2).
const PLENTY: usize = 8;

/// What the head of a part takes, roughly.
const PART_HEAD: u64 = 80;

/// How `Range` is to be answered from a whole of known length.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// 206 with several parts, as `multipart/byteranges`: at least two, in the order in which they were
    /// asked for, no byte in two of them.
    Parts(Vec<(u64, u64)>),
    /// 416: all of it lies beyond the end.
    Unsatisfiable,
}

/// One range as written; numbers too long for us are the largest that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// From a first byte to a last one, or to the end.
    From(u64, Option<u64>),
    /// So many bytes from the end.
    Suffix(u64),
}

impl Requested {
    /// First and last byte of what there is of it; `None` when there is nothing.
    pub fn within(self, length: u64) -> Option<(u64, u64)> {
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

/// The ranges of a request, in their order. `None` when there is no `Range` or it is to be ignored: another
/// unit, anything malformed, more lines than one, more ranges than anybody needs (§14.2). The caller has
/// looked at method and `If-Range`.
pub fn requested(request: &HeaderMap) -> Option<Vec<Requested>> {
    let mut lines = request.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (unit, set) = line.to_str().ok()?.split_once('=')?;
    unit.eq_ignore_ascii_case("bytes").then_some(())?;
    let present = set.split(',').map(|range| range.trim_matches(is_ows)).filter(|r| !r.is_empty());
    let ranges = present.take(MOST + 1).map(range).collect::<Option<Vec<_>>>()?;
    (1..=MOST).contains(&ranges.len()).then_some(ranges)
}

/// Answers `Range` from a whole of `length` bytes; see [`requested`] for when it is ignored.
pub fn select(request: &HeaderMap, length: u64) -> RangeAnswer {
    let Some(ranges) = requested(request) else { return RangeAnswer::Whole };
    // A suffix of an empty whole is satisfiable, but no Content-Range can say so.
    if length == 0 && ranges.iter().any(|range| matches!(range, Requested::Suffix(1..))) {
        return RangeAnswer::Whole;
    }
    let parts = ranges.into_iter().filter_map(|range| range.within(length)).collect();
    match joined(parts, |_, _| true).as_slice() {
        [] => RangeAnswer::Unsatisfiable,
        [(first, last)] => RangeAnswer::Part { first: *first, last: *last },
        parts => RangeAnswer::Parts(parts.to_vec()),
    }
}

/// Joins parts, first and last byte each, that overlap, and of many also those that are near each other,
/// where `is_there` says that the bytes between two of them can be sent: from the last byte of the one to
/// the first of the other. A joined part stands where the first of its parts stood (RFC 9110 §15.3.7.2).
pub fn joined(parts: Vec<(u64, u64)>, is_there: impl Fn(u64, u64) -> bool) -> Vec<(u64, u64)> {
    let near = if parts.len() > PLENTY { PART_HEAD } else { 0 };
    let mut sorted: Vec<_> = parts.into_iter().enumerate().collect();
    sorted.sort_unstable_by_key(|(_, part)| *part);
    let mut joined: Vec<(usize, (u64, u64))> = Vec::with_capacity(sorted.len());
    for (at, (first, last)) in sorted {
        match joined.last_mut() {
            Some((place, (_, end)))
                if first <= *end || first <= end.saturating_add(near) && is_there(*end, first) =>
            {
                *end = last.max(*end);
                *place = at.min(*place);
            }
            _ => joined.push((at, (first, last))),
        }
    }
    joined.sort_unstable_by_key(|(place, _)| *place);
    joined.into_iter().map(|(_, part)| part).collect()
}

fn range(text: &str) -> Option<Requested> {
    match text.split_once('-')? {
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

#[cfg(test)]
mod tests;
