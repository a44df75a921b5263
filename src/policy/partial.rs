//! Partial content (RFC 9111 §3.3, §3.4; RFC 9110 §14, §15.3.7): which bytes are there, which are asked
//! for, and which parts belong together.

mod encoding;
mod intervals;

use http::header::{IF_RANGE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

pub use intervals::{Interval, Intervals};

use super::reuse::Config;
use super::storable::judge;
use super::validation::{end_to_end, update};
use super::{ExchangeTimes, RequestView, ResponseView, Storable, StoredHead};
use crate::http::range::{self, Requested};
use crate::http::validators::{Validators, strong_last_modified};
use crate::http::{ContentRange, EntityTag, list};
use crate::time::Timestamp;

/// One part of a whole, as a 206 brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its bytes.
    pub interval: Interval,
    /// How long the whole is, where the 206 said so.
    pub complete_length: Option<u64>,
}

impl Part {
    /// The only part of a 206; `None` where there are several, or where `Content-Range` is not valid.
    pub fn of(response: &ResponseView<'_>) -> Option<Self> {
        if response.status != StatusCode::PARTIAL_CONTENT {
            return None;
        }
        match ContentRange::parse(response.fields)? {
            ContentRange::Part { first, last, length } => {
                Some(Self { interval: Interval { first, last }, complete_length: length })
            }
            ContentRange::Unsatisfied { .. } => None,
        }
    }
}

/// What is stored of a whole that is not complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// How long the whole is, where that is known.
    pub complete_length: Option<u64>,
    /// Which bytes are there.
    pub intervals: Intervals,
}

impl From<Part> for Partial {
    fn from(part: Part) -> Self {
        let mut intervals = Intervals::default();
        intervals.add(part.interval);
        Self { complete_length: part.complete_length, intervals }
    }
}

/// How a request for a whole, or for ranges of it, meets what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All that is asked for is there: these ranges, in the order in which they were asked for.
    Within(Vec<Interval>),
    /// Some of it is there; this much has to be asked for.
    Lacks(Missing),
    /// Nothing that is there helps.
    Nothing,
}

/// The bytes to ask for; open at the end where the whole ends, or may end, there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The first byte.
    pub first: u64,
    /// The last byte; `None` for the rest.
    pub last: Option<u64>,
}

impl Partial {
    /// All bytes of a whole of this length.
    pub fn whole(length: u64) -> Self {
        let mut whole = Self { complete_length: Some(length), ..Self::default() };
        Interval::whole(length).into_iter().for_each(|all| whole.intervals.add(all));
        whole
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.complete_length.is_some_and(|length| self.intervals.cover(length))
    }

    /// How much of what a GET asks for is there. `ranged` says whether its `Range` counts (there is one,
    /// and `If-Range` holds).
    pub fn coverage(&self, request: &HeaderMap, ranged: bool) -> Coverage {
        let requested = if ranged { range::requested(request) } else { None };
        let wanted = match &requested {
            Some(ranges) => self.resolve(ranges),
            None => self.complete_length.and_then(Interval::whole).map(|whole| vec![whole]),
        };
        match wanted.as_deref() {
            Some([]) => Coverage::Nothing,
            Some(wanted) if wanted.iter().all(|one| self.intervals.contains(*one)) => {
                Coverage::Within(wanted.to_vec())
            }
            Some([wanted]) => self.lack(*wanted),
            Some(_) => Coverage::Nothing,
            // The length is not known: everything from the first byte that is missing.
            None if requested.is_none() => match self.intervals.first_missing() {
                0 => Coverage::Nothing,
                first => Coverage::Lacks(Missing { first, last: None }),
            },
            None => Coverage::Nothing,
        }
    }

    /// The ranges as intervals of this whole; without its length only those with both ends can be told.
    /// Ranges beyond the end are left out (RFC 9110 §14.1.1), and no byte is in two of them.
    fn resolve(&self, ranges: &[Requested]) -> Option<Vec<Interval>> {
        let intervals = ranges.iter().filter_map(|requested| match self.complete_length {
            Some(length) => requested.within(length).map(Some),
            None => Some(match *requested {
                Requested::From(first, Some(last)) => Some((first, last)),
                Requested::From(..) | Requested::Suffix(_) => None,
            }),
        });
        let is_there = |first, last| self.intervals.contains(Interval { first, last });
        let joined = range::joined(intervals.collect::<Option<_>>()?, is_there);
        Some(joined.into_iter().map(|(first, last)| Interval { first, last }).collect())
    }

    /// What has to be asked for to have all of `wanted`: from the first byte that is missing to the last
    /// one, in one range.
    fn lack(&self, wanted: Interval) -> Coverage {
        let missing = self.intervals.missing(wanted);
        let (Some(from), Some(to)) = (missing.first(), missing.last()) else {
            return Coverage::Within(vec![wanted]);
        };
        if from.first == wanted.first && to.last == wanted.last {
            return Coverage::Nothing;
        }
        let ends = self.complete_length.and_then(Interval::whole).map(|whole| whole.last);
        let last = Some(to.last).filter(|last| ends != Some(*last));
        Coverage::Lacks(Missing { first: from.first, last })
    }
}

/// Makes a request ask for what is missing of a stored response, and only if that is still the same
/// (RFC 9110 §13.1.5). The client's own range and conditions go. `false`, and nothing is changed, when
/// the stored response has no strong validator: then its parts cannot be completed.
pub fn set_range(stored: &StoredHead, missing: Missing, fields: &mut HeaderMap) -> bool {
    let Some(condition) = strong_validator(stored) else { return false };
    let last = missing.last.map(|last| last.to_string()).unwrap_or_default();
    let Ok(range) = HeaderValue::try_from(format!("bytes={}-{last}", missing.first)) else {
        return false;
    };
    for name in &super::reuse::CONDITIONS {
        fields.remove(name);
    }
    fields.insert(RANGE, range);
    fields.insert(IF_RANGE, condition);
    true
}

/// Whether parts can be added to a stored response: it has a strong validator (RFC 9111 §3.4).
pub fn is_completable(stored: &StoredHead) -> bool {
    strong_validator(stored).is_some()
}

/// The strong validator of a stored response, as the origin wrote it: its tag, else its date.
fn strong_validator(stored: &StoredHead) -> Option<HeaderValue> {
    let fields = stored.fields();
    let validators = stored.validators();
    match validators.etag {
        Some(tag) => (!tag.weak).then(|| fields.get(http::header::ETAG).cloned())?,
        None => strong_last_modified(&fields, stored.times.response_time)
            .and_then(|_| fields.get(LAST_MODIFIED).cloned()),
    }
}

/// A stored response and a new part of it, put together.
#[derive(Clone, Debug)]
pub struct Combined {
    /// The head of both: the stored fields, updated by those of the part. A 200 once all is there.
    pub head: StoredHead,
    /// What is there now, the part included.
    pub partial: Partial,
    /// The part that came.
    pub part: Part,
}

/// Puts a part that a 206 brings together with what is stored: `held` says which bytes are there, a
/// complete response has all of them. `None` when they do not belong together: another strong validator
/// or none, another length, another content coding, or after which nothing of it may be kept.
pub fn combine(
    stored: &StoredHead,
    held: &Partial,
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
    config: &Config,
) -> Option<Combined> {
    let part = Part::of(response).filter(|_| *request.method == Method::GET)?;
    let had = stored.fields();
    let same = share_strong_validator(&had, stored.times.response_time, response.fields, times);
    let lengths = held.complete_length.zip(part.complete_length);
    if !same || lengths.is_some_and(|(one, other)| one != other) || recoded(&had, response.fields) {
        return None;
    }
    let mut partial = held.clone();
    partial.complete_length = held.complete_length.or(part.complete_length);
    partial.intervals.add(part.interval);
    if partial.complete_length.is_some_and(|length| partial.intervals.reach_beyond(length)) {
        return None;
    }
    let received = update(had.clone(), response.fields, times);
    let merged = ResponseView { status: stored.status(), fields: &received };
    let Storable::Store(kept) = judge(request, &merged, times, config) else { return None };
    let fields = update(had, &end_to_end(response.fields), times);
    let head = StoredHead::keep(stored.status(), stored.reason(), &fields, times, &kept);
    let head = if partial.is_complete() { head.completed() } else { head };
    Some(Combined { head, partial, part })
}

/// Whether two responses have the same strong validator (RFC 9110 §8.8.1, §13.1.5).
fn share_strong_validator(
    had: &HeaderMap,
    had_at: Timestamp,
    new: &HeaderMap,
    times: ExchangeTimes,
) -> bool {
    let tag = |fields: &HeaderMap, at| -> Option<EntityTag> { Validators::read(fields, at).etag };
    match (tag(had, had_at), tag(new, times.response_time)) {
        (Some(old), Some(new)) => old.strong_eq(&new),
        (None, None) => {
            let old = strong_last_modified(had, had_at);
            old.is_some() && old == strong_last_modified(new, times.response_time)
        }
        _ => false,
    }
}

/// Whether the new fields speak of another coding than that of the stored bytes.
pub(super) fn recoded(had: &HeaderMap, new: &HeaderMap) -> bool {
    use http::header::CONTENT_ENCODING;
    new.contains_key(CONTENT_ENCODING)
        && !list::members(had, &CONTENT_ENCODING).eq(list::members(new, &CONTENT_ENCODING))
}

#[cfg(test)]
mod tests;
