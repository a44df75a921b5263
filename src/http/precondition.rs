//! Preconditions that a cache evaluates (RFC 9110 §13, RFC 9111 §4.3.2). `If-Match` and
//! `If-Unmodified-Since` are not among them: they are the origin's (§4.3.2).

use http::header::{DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED};
use http::{HeaderMap, Method, StatusCode};

use super::list;
use super::validators::{EntityTag, date_field, entity_tags, strong_last_modified};
use crate::time::Timestamp;

/// What a request's conditions make of a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Send it.
    Proceed,
    /// The client has it: send 304.
    NotModified,
}

/// Evaluates `If-None-Match` (weak comparison, any line, `*`) or, only where that is absent,
/// `If-Modified-Since` against a stored response: its `Last-Modified`, or `Date` where it has none. Only
/// `GET` and `HEAD` and stored 200 and 206 are conditional; a date that is invalid or not alone is ignored.
pub fn evaluate(
    request: &HeaderMap,
    method: &Method,
    stored_status: StatusCode,
    stored: &HeaderMap,
    now: Timestamp,
) -> Precondition {
    let conditional = matches!(*method, Method::GET | Method::HEAD)
        && matches!(stored_status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    let not_modified = if !conditional {
        false
    } else if request.contains_key(IF_NONE_MATCH) {
        is_named(request, stored)
    } else {
        is_unmodified(request, stored, now)
    };
    if not_modified { Precondition::NotModified } else { Precondition::Proceed }
}

/// Whether `Range` may be answered with a part: there is no `If-Range`, or it names the stored response
/// by a strong validator (RFC 9110 §13.1.5). If not, the whole is to be sent.
pub fn if_range_holds(request: &HeaderMap, stored: &HeaderMap, now: Timestamp) -> bool {
    if !request.contains_key(IF_RANGE) {
        return true;
    }
    match list::single(request, &IF_RANGE).and_then(EntityTag::parse) {
        Some(tag) => stored_tag(stored).is_some_and(|stored| stored.strong_eq(&tag)),
        None => date_field(request, &IF_RANGE, now)
            .is_some_and(|date| strong_last_modified(stored, now) == Some(date)),
    }
}

/// Whether `If-None-Match` names the stored response.
fn is_named(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let any = list::members(request, &IF_NONE_MATCH).eq(["*"]);
    any || stored_tag(stored).is_some_and(|stored| {
        entity_tags(request, &IF_NONE_MATCH).any(|named| named.weak_eq(&stored))
    })
}

/// Whether the stored response is no newer than `If-Modified-Since`.
fn is_unmodified(request: &HeaderMap, stored: &HeaderMap, now: Timestamp) -> bool {
    // Asked first: most requests have no condition, and need no date of what is stored.
    let Some(since) = date_field(request, &IF_MODIFIED_SINCE, now) else { return false };
    let alone = request.get_all(IF_MODIFIED_SINCE).iter().nth(1).is_none();
    let modified =
        date_field(stored, &LAST_MODIFIED, now).or_else(|| date_field(stored, &DATE, now));
    alone && modified.is_some_and(|modified| modified <= since)
}

fn stored_tag(stored: &HeaderMap) -> Option<EntityTag> {
    list::single(stored, &ETAG).and_then(EntityTag::parse)
}

#[cfg(test)]
mod tests;
