//! May a response be stored (RFC 9111 §3)?

use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};

use super::cache_control::{RequestDirectives, ResponseDirectives};
use super::vary::Nomination;
use super::{Detail, ExchangeTimes, Freshness, NominatedFields};

/// What policy sees of a request: the fields as the client sent them.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The method.
    pub method: &'a Method,
    /// All fields.
    pub fields: &'a HeaderMap,
    /// Its directives, parsed once.
    pub directives: &'a RequestDirectives,
}

/// What policy sees of a response: the fields that are left when hop-by-hop ones are gone.
#[derive(Clone, Copy, Debug)]
pub struct ResponseView<'a> {
    /// The status code.
    pub status: StatusCode,
    /// All fields.
    pub fields: &'a HeaderMap,
}

/// Whether a response may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storable {
    /// It may: how long it is fresh, and which request fields it is for.
    Store(Freshness, NominatedFields),
    /// It may not, or nothing is gained by it.
    Decline(Detail),
}

/// How responses with a status code are stored (RFC 9110 §15.1, RFC 9111 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storing {
    /// Also with a heuristic lifetime.
    Heuristic,
    /// Only with an explicit lifetime.
    Explicit,
    /// Only with an explicit lifetime, and not with `must-understand`: the code is unknown.
    Unknown,
    /// Never: interim, or an answer to this very request, its conditions or its ranges.
    Never,
}

/// The status codes.
pub(super) fn storing(status: StatusCode) -> Storing {
    match status.as_u16() {
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501 => Storing::Heuristic,
        100..200 | 206 | 304 | 407 | 412 | 416 | 428 | 429 | 431 | 511 => Storing::Never,
        201 | 202 | 205 | 302 | 303 | 305 | 307 => Storing::Explicit,
        400..=403 | 406 | 408 | 409 | 411 | 413 | 415 | 417 | 421 | 422 | 426 => Storing::Explicit,
        500 | 502..=505 => Storing::Explicit,
        _ => Storing::Unknown,
    }
}

impl ResponseDirectives {
    /// Whether the answer to a request with `Authorization` may be shared (§3.5).
    pub(super) fn allows_authorization(&self) -> bool {
        self.public || self.must_revalidate || self.s_maxage.is_some()
    }
}

/// Decides whether the response to a request may be stored by this shared cache.
pub fn storable(
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
) -> Storable {
    if request.method != Method::GET {
        return Storable::Decline(Detail::Method);
    }
    keepable(request, response, times)
}

/// [`storable`] whatever the method: also for what a 304 made of a stored response.
pub(super) fn keepable(
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
) -> Storable {
    let directives = ResponseDirectives::parse(response.fields);
    if let Some(detail) = forbidden(request, response, &directives) {
        return Storable::Decline(detail);
    }
    let freshness = Freshness::new(response.status, response.fields, &directives, times);
    if let Some(detail) = pointless(response, &directives, &freshness) {
        return Storable::Decline(detail);
    }
    match Nomination::parse(response.fields) {
        Nomination::Anything => Storable::Decline(Detail::VaryStar),
        Nomination::Fields(names) => {
            Storable::Store(freshness, NominatedFields::read(names, request.fields))
        }
    }
}

/// The clause that forbids storing (§3), if any.
fn forbidden(
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    directives: &ResponseDirectives,
) -> Option<Detail> {
    if request.directives.no_store {
        return Some(Detail::RequestNoStore);
    }
    if response.status == StatusCode::PARTIAL_CONTENT {
        return Some(Detail::Range);
    }
    let storing = storing(response.status);
    // §5.2.2.3: who understands the status code stores it in spite of `no-store`.
    let misunderstood = directives.must_understand && storing == Storing::Unknown;
    if storing == Storing::Never || misunderstood {
        return Some(Detail::Status);
    }
    if directives.no_store && !directives.must_understand {
        return Some(Detail::NoStore);
    }
    // The field-name form of `private` restricts only those fields; restricting all is allowed too.
    if directives.private.is_present() {
        return Some(Detail::Private);
    }
    if request.fields.contains_key(AUTHORIZATION) && !directives.allows_authorization() {
        return Some(Detail::Authorization);
    }
    None
}

/// Why storing would gain nothing: it could never be used, or nobody said that it may live.
fn pointless(
    response: &ResponseView<'_>,
    directives: &ResponseDirectives,
    freshness: &Freshness,
) -> Option<Detail> {
    let lives = !freshness.lifetime().is_zero();
    // A cookie is shared only where the origin gave the response an explicit life (§7.3).
    if response.fields.contains_key(SET_COOKIE) && !(lives && freshness.is_explicit()) {
        return Some(Detail::SetCookie);
    }
    if freshness.is_no_cache() {
        return (!freshness.has_validator()).then_some(Detail::NoCache);
    }
    let allowed = freshness.is_explicit()
        || directives.public
        || storing(response.status) == Storing::Heuristic;
    let useful = lives
        || freshness.has_validator()
        || !freshness.stale_while_revalidate().is_zero()
        || freshness.stale_if_error().is_some_and(|window| !window.is_zero());
    match (allowed, useful) {
        (true, true) => None,
        (false, _) if storing(response.status) == Storing::Unknown => Some(Detail::Status),
        _ => Some(Detail::NoFreshness),
    }
}

#[cfg(test)]
mod tests;
