//! Responses as the client gets them: Age, preconditions, ranges, HEAD, Via, Cache-Status.

use hyper::ext::ReasonPhrase;
use hyper::header::{
    AGE, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, DATE, HeaderName, HeaderValue,
};
use hyper::{HeaderMap, Method, Response, StatusCode, Version};

use crate::body::{Body, SpoolReader};
use crate::http::precondition::{self, Precondition};
use crate::http::{date, range, via};
use crate::policy::outcome::CacheOutcome;
use crate::policy::{Interval, StoredHead};
use crate::store::{Damaged, Extent, StoredResponse};
use crate::time::Timestamp;
use crate::upstream::ResponseBody;

use super::Shared;
use super::ask::Ask;
use super::exchange::Exchange;
use super::fill::{Following, Leading};
use super::ranges::{self, Around, Selected};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What was stored, and a part that came for it.
pub(super) struct Whole {
    /// What is stored around the part; `None` when the client has all of it already.
    pub(super) around: Option<Around>,
    /// The head of both.
    pub(super) head: StoredHead,
    /// How long the whole is.
    pub(super) complete_length: Option<u64>,
}

/// Answers from the store. The first bytes of the body have been read, where one is sent.
///
/// # Errors
/// [`Damaged`] when they cannot be.
pub(super) async fn stored(
    shared: &Shared,
    exchange: &mut Exchange,
    ask: &Ask,
    stored: &StoredResponse,
    outcome: &CacheOutcome,
) -> Result<Response<Body>, Damaged> {
    let now = shared.clock.now();
    let head = stored.head();
    if is_sent_as_it_is(ask, stored, outcome) {
        let reader = ranges::primed(stored.reader()).await?;
        if exchange.lend_lines(head, |lines| write_lines(shared, head, now, outcome, lines)) {
            return Ok(assemble(
                head.status(),
                head.reason(),
                HeaderMap::new(),
                Body::from(reader),
            ));
        }
    }
    // RFC 9111 §5.2.2.4: fields that `no-cache` names are sent only after a validation.
    let mut fields = match outcome {
        CacheOutcome::Hit { .. } => head.fields_without_validation(),
        CacheOutcome::Forwarded { .. } => head.fields(),
    };
    fields.insert(AGE, HeaderValue::from(head.current_age(now).as_secs()));
    finish_fields(shared, &mut fields, Version::HTTP_11, outcome);
    if conditions_say_not_modified(ask, head.status(), &fields, now) {
        return Ok(not_modified(fields));
    }
    let ranged = ask.ranged(head, now);
    Ok(match ranges::select(ask, stored, ranged) {
        Selected::Unsatisfiable(length) => unsatisfiable(fields, length),
        Selected::Parts(parts, length) => {
            let body = ranges::parts(stored, &parts, length, &mut fields).await?;
            assemble(StatusCode::PARTIAL_CONTENT, None, fields, body)
        }
        Selected::Whole => {
            let trailers = stored.trailers().filter(|lines| ask.trailers && !lines.is_empty());
            // Trailers need chunks: their announcement is in the stored head.
            if trailers.is_none() && !bodiless(head.status()) && !stored.key().is_head() {
                fields.insert(CONTENT_LENGTH, HeaderValue::from(stored.length()));
            }
            let body = if ask.method == Method::HEAD {
                Body::Empty
            } else {
                let reader = ranges::primed(stored.reader()).await?;
                Body::from(match trailers {
                    Some(trailers) => reader.with_trailers(trailers.clone()),
                    None => reader,
                })
            };
            assemble(head.status(), head.reason(), fields, body)
        }
    })
}

/// Whether a hit is what is stored, whole: then its lines go round hyper (ADR 0014).
fn is_sent_as_it_is(ask: &Ask, stored: &StoredResponse, outcome: &CacheOutcome) -> bool {
    matches!(outcome, CacheOutcome::Hit { .. })
        && ask.is_plain
        && stored.extent() == Extent::Whole
        && stored.trailers().is_none()
        && !bodiless(stored.head().status())
}

/// The lines of a hit: what is stored, `Age`, `Via`, and `Cache-Status` after the members that are there.
fn write_lines(
    shared: &Shared,
    head: &StoredHead,
    now: Timestamp,
    outcome: &CacheOutcome,
    lines: &mut Vec<u8>,
) {
    head.write_lines(lines);
    lines.extend_from_slice(b"age: ");
    let age = head.current_age(now).as_secs();
    lines.extend_from_slice(itoa::Buffer::new().format(age).as_bytes());
    lines.extend_from_slice(b"\r\n");
    via::write_line(lines, &shared.pseudonym);
    lines.extend_from_slice(b"cache-status: ");
    outcome.write(lines);
    lines.extend_from_slice(b"\r\n");
}

/// Answers with a response that is being stored for another request.
pub(super) fn following(
    shared: &Shared,
    ask: &Ask,
    following: &Following,
    reader: SpoolReader,
    outcome: &CacheOutcome,
) -> Response<Body> {
    let now = shared.clock.now();
    let head = &following.head;
    let mut fields = head.fields_without_validation();
    fields.insert(AGE, HeaderValue::from(head.current_age(now).as_secs()));
    finish_fields(shared, &mut fields, following.version, outcome);
    if conditions_say_not_modified(ask, head.status(), &fields, now) {
        return not_modified(fields);
    }
    if let (Some(length), false) = (following.length, bodiless(head.status())) {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let body = if bodiless(head.status()) { Body::Empty } else { Body::from(reader) };
    assemble(head.status(), head.reason(), fields, body)
}

/// Answers with a response that is being stored for this request. `evaluate` says that the origin was
/// not asked with the client's own conditions.
pub(super) fn leading(
    shared: &Shared,
    ask: &Ask,
    leading: Leading,
    outcome: &CacheOutcome,
    evaluate: bool,
) -> Response<Body> {
    let Leading { shown, version, reader, .. } = leading;
    let (status, mut fields) = (shown.status, shown.headers);
    finish_fields(shared, &mut fields, version, outcome);
    let now = shared.clock.now();
    if evaluate && conditions_say_not_modified(ask, status, &fields, now) {
        return not_modified(fields);
    }
    let empty = bodiless(status) || ask.method == Method::HEAD;
    let body = if empty { Body::Empty } else { reader.map_or(Body::Empty, Body::from) };
    let reason = shown.extensions.get::<ReasonPhrase>().map(AsRef::as_ref);
    assemble(status, reason, fields, body)
}

/// Reads what is stored around a part that comes, unless the client has all of it already: `head` is the
/// head of both.
///
/// # Errors
/// [`Damaged`] when it cannot be read.
pub(super) async fn around(
    shared: &Shared,
    ask: &Ask,
    head: &StoredHead,
    stored: &StoredResponse,
    (wanted, part): (Interval, Interval),
) -> Result<Option<Around>, Damaged> {
    let now = shared.clock.now();
    if conditions_say_not_modified(ask, StatusCode::OK, &head.fields(), now) {
        return Ok(None);
    }
    ranges::around(stored, wanted, part).await.map(Some)
}

/// Answers with what was stored and the part that comes, put together (RFC 9111 §3.4).
pub(super) fn joined(
    shared: &Shared,
    whole: Whole,
    (wanted, part, ranged): (Interval, Interval, bool),
    leading: Leading,
    outcome: &CacheOutcome,
) -> Response<Body> {
    let Whole { around, head, complete_length } = whole;
    let now = shared.clock.now();
    let mut fields = head.fields();
    fields.insert(AGE, HeaderValue::from(head.current_age(now).as_secs()));
    finish_fields(shared, &mut fields, leading.version, outcome);
    let Some(around) = around else { return not_modified(fields) };
    fields.insert(CONTENT_LENGTH, HeaderValue::from(wanted.length()));
    let status = if ranged {
        fields.insert(CONTENT_RANGE, ranges::content_range(wanted, complete_length));
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let body = leading.reader.map(|reader| ranges::join(around, wanted, part, reader));
    assemble(status, None, fields, body.unwrap_or_default())
}

/// The same response, with fields that are for this client alone.
pub(super) fn with(mut response: Response<Body>, fields: HeaderMap) -> Response<Body> {
    response.headers_mut().extend(fields);
    response
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
    status: StatusCode,
    fields: &HeaderMap,
    now: Timestamp,
) -> bool {
    let answer = precondition::evaluate(&ask.fields, &ask.method, status, fields, now);
    answer == Precondition::NotModified
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
