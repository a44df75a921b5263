//! May a stored response be used for a request, and if not, what then (RFC 9111 §4)?

use std::time::Duration;

use http::header::{
    AUTHORIZATION, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, PRAGMA, RANGE,
};
use http::{HeaderMap, Method, StatusCode};

use super::cache_control::MaxStale;
use super::partial::{Coverage, Missing, Partial, is_completable};
use super::select::could_be_chosen;
use super::storable::carries_unkeyed;
use super::targeted::TargetList;
use super::{Detail, ForwardReason, RequestView, StoredHead};
use crate::http::precondition;
use crate::time::Timestamp;

/// The longest that an error may live that nothing gives a lifetime.
const LONGEST_ERROR: Duration = Duration::from_secs(10);

/// The fields that make a request conditional (RFC 9110 §13.1).
pub(super) const CONDITIONS: [HeaderName; 5] =
    [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE];

/// What the operator may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How stale a response may be sent when the origin cannot be reached, where the response does
    /// not name a limit of its own (`stale-if-error`). One day by default; zero turns it off.
    pub max_stale: Duration,
    /// How long an error is fresh that nothing gives a lifetime; at most ten seconds count. Zero by
    /// default, which turns it off.
    pub error_lifetime: Duration,
    /// The targeted fields that are listened to (RFC 9213). None by default.
    pub targets: TargetList,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_stale: Duration::from_secs(24 * 60 * 60),
            error_lifetime: Duration::ZERO,
            targets: TargetList::default(),
        }
    }
}

impl Config {
    /// How long an error lives that nothing gives a lifetime.
    pub(super) fn error_lifetime(&self) -> Duration {
        self.error_lifetime.min(LONGEST_ERROR)
    }
}

/// What the look-up found under the target URI.
#[derive(Clone, Copy, Debug)]
pub enum Candidate<'a> {
    /// Nothing.
    None,
    /// Responses, but none for this request's nominated fields.
    OtherVariant {
        /// Whether one of them has a strong entity tag: the origin can say that it is the one.
        tagged: bool,
    },
    /// The response that the request selects.
    Stored(&'a StoredHead),
    /// The same, but not all of it is there.
    Partial(&'a StoredHead, &'a Partial),
}

/// Who allows that a stale response is sent (RFC 9111 §4.2.4, RFC 5861).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleGrant {
    /// The request's `max-stale`.
    MaxStale,
    /// The origin cannot be reached: no connection, no response in time.
    Disconnected,
    /// `stale-if-error`: as above, and also when the origin answers with an error.
    StaleIfError,
    /// `stale-while-revalidate`: it is to be validated behind the answer.
    StaleWhileRevalidate,
}

impl StaleGrant {
    /// The detail that says so.
    pub const fn detail(self) -> Detail {
        match self {
            Self::MaxStale => Detail::MaxStale,
            Self::Disconnected => Detail::StaleOnError,
            Self::StaleIfError => Detail::StaleIfError,
            Self::StaleWhileRevalidate => Detail::StaleWhileRevalidate,
        }
    }

    /// Whether the stale response may be sent instead of a response with this status code.
    pub fn covers(self, status: StatusCode) -> bool {
        self == Self::StaleIfError && matches!(status.as_u16(), 500 | 502 | 503 | 504)
    }
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer with the stored response: it is fresh.
    Reuse {
        /// Its current age.
        age: Duration,
        /// Seconds of freshness left.
        ttl: i64,
    },
    /// Answer with the stored response although it is stale.
    ReuseStale {
        /// Its current age.
        age: Duration,
        /// Seconds of freshness left: zero or less.
        ttl: i64,
        /// Who allows it.
        grant: StaleGrant,
    },
    /// Ask the origin about the stored response: with conditions where it has validators, and with
    /// the stored response at hand should the origin fail.
    Validate {
        /// Why it cannot be used as it is.
        reason: ForwardReason,
        /// Whether it may be sent stale if the origin fails.
        on_error: Option<StaleGrant>,
    },
    /// Ask the origin for what is missing of the stored parts
    /// ([`set_range`](super::partial::set_range)), and answer with all of them together.
    Complete {
        /// The bytes to ask for.
        missing: Missing,
    },
    /// Send the request on as it is: nothing stored helps.
    Forward {
        /// Why.
        reason: ForwardReason,
        /// More about it.
        detail: Option<Detail>,
    },
    /// Answer 504: the client wants only what is stored, and nothing stored may be used (§5.2.1.7).
    OnlyIfCached,
}

/// Decides what to do with a request, given what the look-up found.
pub fn decide(
    request: &RequestView<'_>,
    candidate: Candidate<'_>,
    now: Timestamp,
    config: &Config,
) -> Decision {
    if !matches!(*request.method, Method::GET | Method::HEAD) {
        return Decision::Forward { reason: ForwardReason::Method, detail: None };
    }
    let decision = match candidate {
        Candidate::None => Decision::Forward { reason: ForwardReason::UriMiss, detail: None },
        // §4.1: preconditions describe what is stored. Not where the answer could not be used here.
        Candidate::OtherVariant { tagged: true }
            if !request.directives.no_store
                && !carries_unkeyed(request)
                && !has_any(request.fields, &[AUTHORIZATION, IF_MATCH, IF_UNMODIFIED_SINCE]) =>
        {
            Decision::Validate { reason: ForwardReason::VaryMiss, on_error: None }
        }
        Candidate::OtherVariant { .. } => {
            Decision::Forward { reason: ForwardReason::VaryMiss, detail: None }
        }
        Candidate::Stored(head) => consider(request, head, now, config),
        Candidate::Partial(head, partial) => match coverage(request, head, partial, now) {
            Coverage::Within(_) => consider(request, head, now, config),
            lacking => complete(request, head, &lacking),
        },
    };
    match decision {
        Decision::Validate { .. } | Decision::Complete { .. } | Decision::Forward { .. }
            if request.directives.only_if_cached =>
        {
            Decision::OnlyIfCached
        }
        decision => decision,
    }
}

/// How much of what the request asks for is among the stored parts. A HEAD asks for nothing that
/// parts could answer.
pub(super) fn coverage(
    request: &RequestView<'_>,
    head: &StoredHead,
    partial: &Partial,
    now: Timestamp,
) -> Coverage {
    if *request.method != Method::GET {
        return Coverage::Nothing;
    }
    let ranged = request.fields.contains_key(RANGE);
    let holds = || precondition::if_range_holds(request.fields, &head.fields(), now);
    partial.coverage(request.fields, ranged && holds())
}

/// Asks for what is missing, where the answer can be put together with what is there.
fn complete(request: &RequestView<'_>, head: &StoredHead, lacking: &Coverage) -> Decision {
    let forward = |detail| Decision::Forward { reason: ForwardReason::Partial, detail };
    let Coverage::Lacks(missing) = *lacking else { return forward(None) };
    if let Some(detail) = unfreshenable(request, head) {
        return forward(Some(detail));
    }
    // Conditions of the client's are about the whole: only the origin can tell.
    let conditions = [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE];
    if has_any(request.fields, &conditions) || !is_completable(head) {
        return forward(None);
    }
    Decision::Complete { missing }
}

/// Decides between the stored response and the origin.
fn consider(
    request: &RequestView<'_>,
    head: &StoredHead,
    now: Timestamp,
    config: &Config,
) -> Decision {
    let age = head.current_age(now);
    let ttl = head.ttl(now);
    let reason = match fitness(request, head, age, ttl) {
        Fitness::Fresh => return Decision::Reuse { age, ttl },
        Fitness::Stale(grant) => return Decision::ReuseStale { age, ttl, grant },
        Fitness::Unfit(reason, Some(detail)) => {
            return Decision::Forward { reason, detail: Some(detail) };
        }
        Fitness::Unfit(reason, None) => reason,
    };
    let on_error = match reason {
        ForwardReason::Stale => stale_on_error(request, head, staleness(head, age), config),
        _ => None,
    };
    if let Some(detail) = unfreshenable(request, head) {
        return Decision::Forward { reason, detail: Some(detail) };
    }
    if head.freshness.has_validator() || on_error.is_some() {
        return Decision::Validate { reason, on_error };
    }
    Decision::Forward { reason, detail: None }
}

/// How a stored response suits a request.
enum Fitness {
    /// Fresh, and the request allows its use.
    Fresh,
    /// Stale, and allowed.
    Stale(StaleGrant),
    /// Not to be used; with a detail, not to be validated either.
    Unfit(ForwardReason, Option<Detail>),
}

fn fitness(request: &RequestView<'_>, head: &StoredHead, age: Duration, ttl: i64) -> Fitness {
    let wants = request.directives;
    // We never answer 412: these conditions are the origin's to judge.
    if request.fields.contains_key(IF_MATCH) || request.fields.contains_key(IF_UNMODIFIED_SINCE) {
        return Fitness::Unfit(ForwardReason::Request, Some(Detail::Condition));
    }
    if head.freshness.is_no_cache() {
        let detail = (!head.freshness.has_validator()).then_some(Detail::NoCache);
        return Fitness::Unfit(ForwardReason::Stale, detail);
    }
    // §5.2.1: `max-age=0` asks for validation, even of what came this very moment.
    let too_old = wants.max_age.is_some_and(|limit| limit.is_zero() || age > limit);
    if ttl > 0 {
        let left = head.freshness.lifetime().saturating_sub(age);
        let too_short = wants.min_fresh.is_some_and(|wanted| left < wanted);
        // RFC 8246 §2: what does not change is not validated because somebody reloads.
        let too_old = too_old && !head.freshness.is_immutable();
        if wants.no_cache || too_old || too_short {
            return Fitness::Unfit(ForwardReason::Request, None);
        }
        return Fitness::Fresh;
    }
    let staleness = staleness(head, age);
    let refused =
        head.freshness.forbids_stale() || wants.no_cache || wants.min_fresh.is_some() || too_old;
    let accepted = match wants.max_stale {
        None => false,
        Some(MaxStale::Any) => true,
        Some(MaxStale::Within(limit)) => staleness <= limit,
    };
    if accepted && !refused {
        return Fitness::Stale(StaleGrant::MaxStale);
    }
    // RFC 5861 §3; a client that names a limit of its own has not accepted more than that.
    let window = head.freshness.stale_while_revalidate();
    let unlimited = wants.max_stale.is_none() && wants.max_age.is_none();
    if !window.is_zero() && staleness <= window && unlimited && !refused {
        return Fitness::Stale(StaleGrant::StaleWhileRevalidate);
    }
    Fitness::Unfit(ForwardReason::Stale, None)
}

/// How long ago the response stopped being fresh.
fn staleness(head: &StoredHead, age: Duration) -> Duration {
    age.saturating_sub(head.freshness.lifetime())
}

/// Whether a stale response may be sent when the origin fails (§4.2.4, RFC 5861 §4).
fn stale_on_error(
    request: &RequestView<'_>,
    head: &StoredHead,
    staleness: Duration,
    config: &Config,
) -> Option<StaleGrant> {
    let wants = request.directives;
    let refused = head.freshness.forbids_stale()
        || wants.no_cache
        || wants.min_fresh.is_some()
        || (wants.max_age.is_some() && wants.max_stale.is_none())
        || matches!(wants.max_stale, Some(MaxStale::Within(limit)) if staleness > limit);
    if refused {
        return None;
    }
    // Where both name a limit, the lesser one counts.
    let limits = [head.freshness.stale_if_error(), wants.stale_if_error];
    match limits.into_iter().flatten().min() {
        Some(window) => (staleness <= window).then_some(StaleGrant::StaleIfError),
        None => (staleness <= config.max_stale).then_some(StaleGrant::Disconnected),
    }
}

/// Why the answer to this request could not freshen what is stored: then conditions of ours would
/// only spoil the answer.
fn unfreshenable(request: &RequestView<'_>, head: &StoredHead) -> Option<Detail> {
    if request.directives.no_store {
        return Some(Detail::RequestNoStore);
    }
    // What shapes its answer is in no key: the fields of a 304 to it are for nobody else.
    if carries_unkeyed(request) {
        return Some(Detail::Unkeyed);
    }
    let foreign =
        request.fields.contains_key(AUTHORIZATION) && !head.freshness.allows_authorization();
    foreign.then_some(Detail::Authorization)
}

/// Whether a request may join, or lead, others for the same key: a GET that any shared response could
/// answer, without conditions, ranges, credentials, or a demand for a newer response.
pub fn may_collapse(request: &RequestView<'_>) -> bool {
    let wants = request.directives;
    let demanding = wants.no_cache
        || wants.no_store
        || wants.only_if_cached
        || wants.max_age.is_some()
        || wants.min_fresh.is_some();
    let particular = [RANGE, AUTHORIZATION, PRAGMA];
    *request.method == Method::GET
        && !demanding
        && !has_any(request.fields, &particular)
        && !has_any(request.fields, &CONDITIONS)
        && !carries_unkeyed(request)
}

/// Whether a response that is being fetched for another client may answer this request: the
/// nominated fields match, and it is fresh for this request too.
pub fn answers(head: &StoredHead, request: &RequestView<'_>, now: Timestamp) -> bool {
    matches!(*request.method, Method::GET | Method::HEAD)
        && could_be_chosen(head, request)
        && matches!(fitness(request, head, head.current_age(now), head.ttl(now)), Fitness::Fresh)
}

fn has_any(fields: &HeaderMap, names: &[HeaderName]) -> bool {
    names.iter().any(|name| fields.contains_key(name))
}

#[cfg(test)]
mod tests;
