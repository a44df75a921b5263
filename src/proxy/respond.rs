//! Responses as the client gets them: Age, preconditions, ranges, HEAD, Via, Cache-Status.

use hyper::ext::ReasonPhrase;
use hyper::header::{
    AGE, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, DATE, HeaderName, HeaderValue,
};
use hyper::{HeaderMap, Method, Response, StatusCode, Version};

use crate::body::{Body, SpoolReader};
use crate::http::precondition::{self, Precondition};
use crate::http::range::{self, RangeAnswer};
use crate::http::{date, via};
use crate::policy::StoredHead;
use crate::policy::outcome::CacheOutcome;
use crate::store::StoredResponse;
use crate::time::Timestamp;
use crate::upstream::ResponseBody;

use super::Shared;
use super::ask::Ask;
use super::fill::Following;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Answers from the store.
pub(super) fn stored(
    shared: &Shared,
    ask: &Ask,
    stored: &StoredResponse,
    outcome: &CacheOutcome,
) -> Response<Body> {
    let now = shared.clock.now();
    let head = stored.head();
    // RFC 9111 §5.2.2.4: fields that `no-cache` names are sent only after a validation.
    let mut fields = match outcome {
        CacheOutcome::Hit { .. } => head.fields_without_validation(),
        CacheOutcome::Forwarded { .. } => head.fields(),
    };
    fields.insert(AGE, HeaderValue::from(head.current_age(now).as_secs()));
    finish_fields(shared, &mut fields, Version::HTTP_11, outcome);
    if conditions_say_not_modified(ask, head, &fields, now) {
        return not_modified(fields);
    }
    let length = stored.length();
    let selected = select(ask, head, &fields, length, now);
    let (status, body) = match selected {
        RangeAnswer::Unsatisfiable => return unsatisfiable(fields, length),
        RangeAnswer::Part { first, last } => {
            fields.insert(CONTENT_RANGE, range::content_range(first, last, length));
            fields.insert(CONTENT_LENGTH, HeaderValue::from(last - first + 1));
            (
                StatusCode::PARTIAL_CONTENT,
                Body::from(stored.reader_range(first, last).unwrap_or_default()),
            )
        }
        RangeAnswer::Whole | RangeAnswer::Parts(_) => {
            // Trailers need chunks: their announcement is in the stored head.
            let reader = match stored.trailers() {
                Some(trailers) if ask.trailers => stored.reader().with_trailers(trailers.clone()),
                _ => stored.reader(),
            };
            if !reader.has_trailers() && !bodiless(head.status()) {
                fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            (head.status(), Body::from(reader))
        }
    };
    let body = if ask.method == Method::HEAD { Body::Empty } else { body };
    assemble(status, head.reason(), fields, body)
}

/// Answers with a response that is being stored.
pub(super) fn following(
    shared: &Shared,
    ask: &Ask,
    following: &Following,
    reader: Option<SpoolReader>,
    outcome: &CacheOutcome,
) -> Response<Body> {
    let now = shared.clock.now();
    let head = &following.head;
    // What was fetched for another client is reused; what was fetched for this one is passed on.
    let fields = if matches!(outcome, CacheOutcome::Forwarded { collapsed: true, .. }) {
        let mut fields = head.fields_without_validation();
        fields.insert(AGE, HeaderValue::from(head.current_age(now).as_secs()));
        fields
    } else {
        let mut fields = head.fields();
        let withheld = following.withheld.iter();
        fields.extend(withheld.map(|(name, value)| (name.clone(), value.clone())));
        fields
    };
    let mut fields = fields;
    finish_fields(shared, &mut fields, following.version, outcome);
    // Conditions that the origin was asked with were its to answer.
    if ask.has_conditions() && conditions_say_not_modified(ask, head, &fields, now) {
        return not_modified(fields);
    }
    if let (Some(length), false) = (following.length, bodiless(head.status())) {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let body = reader.map_or(Body::Empty, Body::from);
    assemble(head.status(), head.reason(), fields, body)
}

/// Passes an answer of the origin through.
pub(super) fn upstream(
    shared: &Shared,
    ask: &Ask,
    response: Response<ResponseBody>,
    version: Version,
    outcome: &CacheOutcome,
) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    finish_fields(shared, &mut head.headers, version, outcome);
    let reason = head.extensions.get::<ReasonPhrase>().cloned();
    let body = if ask.method == Method::HEAD { Body::Empty } else { Body::from(body) };
    assemble(head.status, reason.as_ref().map(AsRef::as_ref), head.headers, body)
}

/// A response of our own: one plain text, never stored.
pub(super) fn own(
    status: StatusCode,
    content_type: &'static str,
    text: impl Into<bytes::Bytes>,
    now: Timestamp,
) -> Response<Body> {
    let text = text.into();
    let mut fields = HeaderMap::new();
    fields.insert(DATE, date::format(now));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    fields.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    assemble(status, None, fields, Body::full(text))
}

/// The same response, as the last of its connection: of its request some content is still unread, and
/// the client shall not send it for nothing (RFC 9110 §10.1.1).
pub(super) fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A head that opens a tunnel or answers an upgrade: what follows is not HTTP.
pub(super) fn opened(status: StatusCode, fields: HeaderMap) -> Response<Body> {
    assemble(status, None, fields, Body::Empty)
}

/// Our own part of the fields: Via, and Cache-Status after the members that are there already.
fn finish_fields(
    shared: &Shared,
    fields: &mut HeaderMap,
    version: Version,
    outcome: &CacheOutcome,
) {
    via::append(fields, version, &shared.pseudonym);
    if let Ok(member) = HeaderValue::try_from(outcome.member()) {
        fields.append(CACHE_STATUS, member);
    }
}

fn conditions_say_not_modified(
    ask: &Ask,
    head: &StoredHead,
    fields: &HeaderMap,
    now: Timestamp,
) -> bool {
    let answer = precondition::evaluate(&ask.fields, &ask.method, head.status(), fields, now);
    answer == Precondition::NotModified
}

/// `Range` counts only for GET, after the preconditions, and only where the answer would be 200.
fn select(
    ask: &Ask,
    head: &StoredHead,
    fields: &HeaderMap,
    length: u64,
    now: Timestamp,
) -> RangeAnswer {
    if ask.method != Method::GET
        || head.status() != StatusCode::OK
        || !precondition::if_range_holds(&ask.fields, fields, now)
    {
        return RangeAnswer::Whole;
    }
    range::select(&ask.fields, length)
}

/// RFC 9110 §15.4.5: what guides the client's cache stays, what describes a body goes.
fn not_modified(mut fields: HeaderMap) -> Response<Body> {
    for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE] {
        fields.remove(name);
    }
    assemble(StatusCode::NOT_MODIFIED, None, fields, Body::Empty)
}

fn unsatisfiable(mut fields: HeaderMap, length: u64) -> Response<Body> {
    for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
        fields.remove(name);
    }
    fields.insert(CONTENT_RANGE, range::unsatisfied(length));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(0));
    assemble(StatusCode::RANGE_NOT_SATISFIABLE, None, fields, Body::Empty)
}

/// Statuses that never have content (RFC 9110 §6.4.1).
fn bodiless(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}

fn assemble(
    status: StatusCode,
    reason: Option<&[u8]>,
    fields: HeaderMap,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    if let Some(phrase) = reason.and_then(|text| ReasonPhrase::try_from(text).ok()) {
        response.extensions_mut().insert(phrase);
    }
    response
}
