//! Validation (RFC 9111 §4.3): the conditions that we add, and what an answer to them means.

use http::header::{
    AGE, CONTENT_ENCODING, DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::reuse::CONDITIONS;
use super::storable::keepable;
use super::{ExchangeTimes, RequestView, ResponseView, Storable, StoredHead};
use crate::http::validators::{Validators, date_field, strong_last_modified};
use crate::http::{date, fields, list};

/// Makes a request validate the stored response: the client's own conditions and range go, the stored
/// validators come, both where there are both (§4.3.1). Without validators nothing is added.
pub fn set_conditions(stored: &StoredHead, fields: &mut HeaderMap) {
    for name in CONDITIONS.iter().chain([&RANGE]) {
        fields.remove(name);
    }
    // Sent byte for byte as the origin wrote them.
    if stored.freshness.has_etag() {
        copy(stored, &ETAG, fields, IF_NONE_MATCH);
    }
    if stored.freshness.has_last_modified() {
        copy(stored, &LAST_MODIFIED, fields, IF_MODIFIED_SINCE);
    }
}

fn copy(stored: &StoredHead, from: &HeaderName, fields: &mut HeaderMap, to: HeaderName) {
    if let Some(Ok(value)) = stored.field(from).map(HeaderValue::from_bytes) {
        fields.insert(to, value);
    }
}

/// What the answer to a validation means.
#[derive(Clone, Debug)]
pub enum Validated {
    /// A 304 for the stored response: this is its freshened head (§4.3.4).
    Freshened(StoredHead),
    /// A 304 that says nothing about the stored response, or after which it may not be kept: ask once
    /// more, without conditions.
    Repeat,
    /// Any other answer: treat it like the answer to a forwarded request (§4.3.3).
    Replace,
}

/// Decides what the answer to a validation of `stored` means. `request` is the client's request,
/// `times` are those of the validation.
pub fn assess(
    stored: &StoredHead,
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
) -> Validated {
    if response.status != StatusCode::NOT_MODIFIED {
        return Validated::Replace;
    }
    let had = stored.fields();
    if !selects(&had, stored.times, response.fields, times) || recoded(&had, response.fields) {
        return Validated::Repeat;
    }
    let fields = freshened(had, response.fields, times);
    let merged = ResponseView { status: stored.status(), fields: &fields };
    match keepable(request, &merged, times) {
        Storable::Store(freshness, nominated) => Validated::Freshened(StoredHead::new(
            stored.status(),
            stored.reason(),
            &fields,
            times,
            nominated,
            freshness,
        )),
        Storable::Decline(_) => Validated::Repeat,
    }
}

/// Whether a 304 is about the stored response (§4.3.4): a strong validator of it must be the same, or
/// else its weak ones; one without validators answers the conditions that we made.
fn selects(
    had: &HeaderMap,
    had_times: ExchangeTimes,
    new: &HeaderMap,
    times: ExchangeTimes,
) -> bool {
    let old = Validators::read(had, had_times.response_time);
    let now = Validators::read(new, times.response_time);
    if old.is_empty() {
        return false;
    }
    let same_date = old.last_modified == now.last_modified;
    match (&old.etag, &now.etag) {
        (Some(old), Some(now)) if now.weak => old.weak_eq(now),
        (Some(old), Some(now)) => old.strong_eq(now),
        // A tag that the stored response did not have: only a strong date says that it is the same.
        (None, Some(_)) => {
            same_date && strong_last_modified(had, had_times.response_time).is_some()
        }
        (_, None) => now.last_modified.is_none() || same_date,
    }
}

/// Whether the 304 speaks of another coding than that of the stored bytes.
fn recoded(had: &HeaderMap, new: &HeaderMap) -> bool {
    new.contains_key(CONTENT_ENCODING)
        && !list::members(had, &CONTENT_ENCODING).eq(list::members(new, &CONTENT_ENCODING))
}

/// The stored fields, updated by those of a 304 (§3.2).
fn freshened(had: HeaderMap, new: &HeaderMap, times: ExchangeTimes) -> HeaderMap {
    let mut merged = had;
    // No `Age` is stored, so the age is that of the newer answer.
    if let Some(age) = new.get(AGE) {
        merged.insert(AGE, age.clone());
    }
    for name in new.keys().filter(|name| fields::rule(name).updated) {
        merged.remove(name);
        for value in new.get_all(name) {
            merged.append(name.clone(), value.clone());
        }
    }
    if date_field(new, &DATE, times.response_time).is_none() {
        merged.insert(DATE, date::format(times.response_time));
    }
    merged
}

#[cfg(test)]
mod tests;
