//! May a response be stored (RFC 9111 §3)?

use http::header::{AUTHORIZATION, CONTENT_LOCATION, IF_RANGE, RANGE, SET_COOKIE};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::cache_control::{RequestDirectives, ResponseDirectives};
use super::partial::Part;
use super::reuse::Config;
use super::vary::Nomination;
use super::{Detail, ExchangeTimes, Freshness, NominatedFields};
use crate::http::{TargetUri, range};

/// What policy sees of a request: the fields as the client sent them.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target URI.
    pub uri: &'a TargetUri,
    /// All fields.
    pub fields: &'a HeaderMap,
    /// Its directives, parsed once.
    pub directives: &'a RequestDirectives,
}

/// What policy sees of a response: the fields as they were received. A field that `Connection` names still
/// restricts; what is stored lacks it.
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
    /// It may.
    Store(Kept),
    /// It may not, or nothing is gained by it.
    Decline(Detail),
}

/// How a response is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How long it is fresh.
    pub freshness: Freshness,
    /// Which request fields it is for.
    pub nominated: NominatedFields,
    /// Which part of a whole it is: of a 206.
    pub part: Option<Part>,
    /// It may only be added to parts that are stored, never be the first: the client's `If-Range` let the
    /// origin leave out fields that the client has already (RFC 9110 §15.3.7), and nobody else.
    pub only_onto: bool,
    /// The fields that `private` names: not stored, sent to this client only (§5.2.2.7).
    pub withheld: Box<[HeaderName]>,
    /// The fields that `no-cache` names: stored, sent again only after a validation (§5.2.2.4).
    pub guarded: Box<[HeaderName]>,
}

impl Kept {
    /// The fields of this response that are for this client only.
    pub fn withheld_of(&self, response: &HeaderMap) -> HeaderMap {
        let lines = response.iter().filter(|(name, _)| self.withheld.contains(name));
        lines.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
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
        200 | 203 | 204 | 206 => Storing::Heuristic,
        300 | 301 | 308 | 404 | 405 | 410 | 414 | 501 => Storing::Heuristic,
        100..200 | 304 | 407 | 412 | 416 | 428 | 429 | 431 | 511 => Storing::Never,
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

/// Decides whether the response to a request may be stored by this shared cache. What is stored of a
/// GET, POST or PATCH belongs under [`CacheKey::new`](super::CacheKey::new), what is stored of a HEAD
/// under [`CacheKey::head`](super::CacheKey::head).
pub fn storable(
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
    config: &Config,
) -> Storable {
    let method = request.method;
    // RFC 9110 §9.3.3, RFC 5789 §2: what a POST or PATCH answers may be a new state of its target.
    let writes = matches!(*method, Method::POST | Method::PATCH);
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if !(reads || writes && shows_target(request, response)) {
        return Storable::Decline(Detail::Method);
    }
    if carries_unkeyed(request) {
        return Storable::Decline(Detail::Unkeyed);
    }
    let part = Part::of(response);
    if response.status == StatusCode::PARTIAL_CONTENT {
        // Several parts, or one that nobody asked for.
        let asked = *method == Method::GET && request.fields.contains_key(RANGE);
        if part.is_none() || !asked {
            return Storable::Decline(Detail::Range);
        }
    }
    match judge(request, response, times, config) {
        Storable::Store(kept) if writes && !kept.freshness.is_explicit() => {
            Storable::Decline(Detail::Method)
        }
        Storable::Store(kept) => {
            let only_onto = part.is_some() && request.fields.contains_key(IF_RANGE);
            Storable::Store(Kept { part, only_onto, ..kept })
        }
        declined => declined,
    }
}

/// The most bytes of fields, names and values, with which a request is like any other.
const COMMON_FIELDS: usize = 8 * 1024;

/// Whether a GET or HEAD carries what may shape its answer although no key holds it: a `Range` that we do
/// not understand and an origin may, or so many fields that an origin may refuse them.
pub(super) fn carries_unkeyed(request: &RequestView<'_>) -> bool {
    let fields = request.fields;
    let bytes: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let reads = matches!(*request.method, Method::GET | Method::HEAD);
    let strange = fields.contains_key(RANGE) && range::requested(fields).is_none();
    reads && (strange || bytes > COMMON_FIELDS)
}

/// Whether the response to a state-changing request says that it shows its target (RFC 9110 §8.7).
fn shows_target(request: &RequestView<'_>, response: &ResponseView<'_>) -> bool {
    let shown = matches!(response.status.as_u16(), 200 | 203);
    let mut lines = response.fields.get_all(CONTENT_LOCATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let named = line.to_str().ok().and_then(|reference| request.uri.resolve(reference));
    shown && named.as_ref() == Some(request.uri)
}

/// [`storable`] whatever the method and the part: also for what a 304 or another part made of a stored
/// response.
pub(super) fn judge(
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    times: ExchangeTimes,
    config: &Config,
) -> Storable {
    let directives = ResponseDirectives::read(response.fields, &config.targets);
    if let Some(detail) = forbidden(request, response, &directives) {
        return Storable::Decline(detail);
    }
    let errors = config.error_lifetime();
    let freshness = Freshness::new(response.status, response.fields, &directives, times, errors);
    if let Some(detail) = pointless(response, &directives, &freshness) {
        return Storable::Decline(detail);
    }
    match Nomination::parse(response.fields) {
        Nomination::Anything => Storable::Decline(Detail::VaryStar),
        Nomination::Fields(names) => Storable::Store(Kept {
            freshness,
            nominated: NominatedFields::read(names, request.fields),
            part: None,
            only_onto: false,
            withheld: directives.private.fields().into(),
            guarded: directives.no_cache.fields().into(),
        }),
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
    let storing = storing(response.status);
    // §5.2.2.3: who understands the status code stores it in spite of `no-store`.
    let misunderstood = directives.must_understand && storing == Storing::Unknown;
    if storing == Storing::Never || misunderstood {
        return Some(Detail::Status);
    }
    if directives.no_store && !directives.must_understand {
        return Some(Detail::NoStore);
    }
    if directives.private.is_whole() {
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
    let sets_cookie = response.fields.contains_key(SET_COOKIE)
        && !directives.private.fields().contains(&SET_COOKIE);
    if sets_cookie && !(lives && freshness.is_explicit()) {
        return Some(Detail::SetCookie);
    }
    let allowed = freshness.is_explicit()
        || directives.public
        || freshness.is_error()
        || storing(response.status) == Storing::Heuristic;
    if !allowed {
        let unknown = storing(response.status) == Storing::Unknown;
        return Some(if unknown { Detail::Status } else { Detail::NoFreshness });
    }
    if freshness.is_no_cache() {
        return (!freshness.has_validator()).then_some(Detail::NoCache);
    }
    let useful = lives
        || freshness.has_validator()
        || !freshness.stale_while_revalidate().is_zero()
        || freshness.stale_if_error().is_some_and(|window| !window.is_zero());
    (!useful).then_some(Detail::NoFreshness)
}

#[cfg(test)]
mod tests;
