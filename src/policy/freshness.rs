//! Freshness and age (RFC 9111 §4.2): what can be computed when storing is computed when storing.

mod encoding;

use std::time::Duration;

use http::header::{AGE, DATE, EXPIRES, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use super::cache_control::{ResponseDirectives, parse_seconds};
use super::storable::{Storing, storing};
use crate::http::list;
use crate::http::validators::{Validators, date_field};
use crate::time::Timestamp;

/// The longest heuristic lifetime, in seconds.
const LONGEST_HEURISTIC: u64 = 24 * 60 * 60;

/// When the request was sent and when its response's head arrived: age needs both (§4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeTimes {
    /// When the request was sent.
    pub request_time: Timestamp,
    /// When the head of the response arrived.
    pub response_time: Timestamp,
}

/// How long a stored response is fresh, how old it was when it came, and what its directives and
/// validators allow: all that a look-up needs, in 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Freshness {
    initial_age_millis: u64,
    date: Timestamp,
    lifetime_secs: u32,
    while_revalidate_secs: u32,
    if_error_secs: u32,
    flags: Flags,
}

impl Freshness {
    /// Computes the freshness of a response whose head came at these times (§4.2.1 to §4.2.3).
    /// `error_lifetime` is what an error gets that nothing else gives a lifetime.
    pub fn new(
        status: StatusCode,
        fields: &HeaderMap,
        directives: &ResponseDirectives,
        times: ExchangeTimes,
        error_lifetime: Duration,
    ) -> Self {
        let received = times.response_time;
        let dated = date_field(fields, &DATE, received);
        let date = dated.unwrap_or_else(|| whole_seconds(received));
        let validators = Validators::read(fields, received);
        let explicit = explicit_lifetime(fields, directives, date, received);
        let heuristic = || {
            let modified = validators.last_modified;
            heuristic_lifetime(status, fields, directives, date, modified).unwrap_or_default()
        };
        let mut lifetime = explicit.unwrap_or_else(heuristic);
        let is_error = status.is_client_error() || status.is_server_error();
        let error = is_error
            && explicit.is_none()
            && lifetime < error_lifetime
            && !fields.contains_key(SET_COOKIE);
        if error {
            lifetime = error_lifetime;
        }
        let mut flags = Flags::default();
        flags.set(Flags::EXPLICIT, explicit.is_some());
        flags.set(Flags::NO_CACHE, directives.no_cache.is_whole());
        flags.set(Flags::IMMUTABLE, directives.immutable);
        flags.set(Flags::ERROR, error);
        flags.set(
            Flags::MUST_REVALIDATE,
            error
                || directives.must_revalidate
                || directives.proxy_revalidate
                || directives.s_maxage.is_some(),
        );
        flags.set(Flags::SHARED_WITH_AUTHORIZATION, directives.allows_authorization());
        flags.set(Flags::ETAG, validators.etag.is_some());
        flags.set(Flags::LAST_MODIFIED, validators.last_modified.is_some());
        flags.set(Flags::LIMITED_ON_ERROR, directives.stale_if_error.is_some());
        Self {
            initial_age_millis: corrected_initial_age(fields, dated, times),
            date,
            lifetime_secs: seconds(lifetime),
            while_revalidate_secs: seconds(directives.stale_while_revalidate.unwrap_or_default()),
            if_error_secs: seconds(directives.stale_if_error.unwrap_or_default()),
            flags,
        }
    }

    /// The freshness lifetime (§4.2.1); zero when it was stale from the start.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime_secs.into())
    }

    /// The corrected initial age (§4.2.3): how old the response was when it came.
    pub fn corrected_initial_age(&self) -> Duration {
        Duration::from_millis(self.initial_age_millis)
    }

    /// The response's `Date`, or else the whole second in which it was received.
    pub fn date(&self) -> Timestamp {
        self.date
    }

    /// The current age (§4.2.3).
    pub fn current_age(&self, times: ExchangeTimes, now: Timestamp) -> Duration {
        let resident_time = now.saturating_since(times.response_time);
        self.corrected_initial_age().saturating_add(resident_time)
    }

    /// Whole seconds of freshness left: lifetime less `Age`. Fresh exactly when this is positive.
    pub fn ttl(&self, times: ExchangeTimes, now: Timestamp) -> i64 {
        let age = i64::try_from(self.current_age(times, now).as_secs()).unwrap_or(i64::MAX);
        i64::from(self.lifetime_secs).saturating_sub(age)
    }

    /// Whether the lifetime comes from `s-maxage`, `max-age` or `Expires`.
    pub fn is_explicit(&self) -> bool {
        self.flags.has(Flags::EXPLICIT)
    }

    /// Whether it does not change while it is fresh (RFC 8246).
    pub fn is_immutable(&self) -> bool {
        self.flags.has(Flags::IMMUTABLE)
    }

    /// Whether it is an error that lives only because the operator wants errors to live for a moment.
    pub fn is_error(&self) -> bool {
        self.flags.has(Flags::ERROR)
    }

    /// Whether it must not be used without validation (§5.2.2.4).
    pub fn is_no_cache(&self) -> bool {
        self.flags.has(Flags::NO_CACHE)
    }

    /// Whether it must never be used stale: `must-revalidate`, `proxy-revalidate`, `s-maxage` or
    /// `no-cache` (§4.2.4).
    pub fn forbids_stale(&self) -> bool {
        self.flags.has(Flags::MUST_REVALIDATE) || self.is_no_cache()
    }

    /// Whether a response to a request with `Authorization` may be shared (§3.5).
    pub fn allows_authorization(&self) -> bool {
        self.flags.has(Flags::SHARED_WITH_AUTHORIZATION)
    }

    /// Whether there is an entity tag or a `Last-Modified` to validate with (§4.3.1).
    pub fn has_validator(&self) -> bool {
        self.flags.has(Flags::ETAG) || self.flags.has(Flags::LAST_MODIFIED)
    }

    /// Whether `ETag` is there and valid.
    pub fn has_etag(&self) -> bool {
        self.flags.has(Flags::ETAG)
    }

    /// Whether `Last-Modified` is there and valid.
    pub fn has_last_modified(&self) -> bool {
        self.flags.has(Flags::LAST_MODIFIED)
    }

    /// How stale it may be while it is validated behind; zero when not at all (RFC 5861 §3).
    pub fn stale_while_revalidate(&self) -> Duration {
        Duration::from_secs(self.while_revalidate_secs.into())
    }

    /// How stale it may be when the origin fails; `None` when it does not say (RFC 5861 §4).
    pub fn stale_if_error(&self) -> Option<Duration> {
        self.flags
            .has(Flags::LIMITED_ON_ERROR)
            .then(|| Duration::from_secs(self.if_error_secs.into()))
    }
}

/// Yes-or-no facts of a [`Freshness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Flags(u16);

impl Flags {
    const EXPLICIT: u16 = 1;
    const NO_CACHE: u16 = 1 << 1;
    const MUST_REVALIDATE: u16 = 1 << 2;
    const SHARED_WITH_AUTHORIZATION: u16 = 1 << 3;
    const ETAG: u16 = 1 << 4;
    const LAST_MODIFIED: u16 = 1 << 5;
    const LIMITED_ON_ERROR: u16 = 1 << 6;
    const IMMUTABLE: u16 = 1 << 7;
    const ERROR: u16 = 1 << 8;
    /// All of them. The place of each is part of the format on disk.
    const ALL: u16 = (1 << 9) - 1;

    fn set(&mut self, flag: u16, on: bool) {
        if on {
            self.0 |= flag;
        }
    }

    const fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }
}

/// `s-maxage` over `max-age` over `Expires` (§4.2.1); `None` when there is none of them.
fn explicit_lifetime(
    fields: &HeaderMap,
    directives: &ResponseDirectives,
    date: Timestamp,
    received: Timestamp,
) -> Option<Duration> {
    directives.s_maxage.or(directives.max_age).or_else(|| {
        // RFC 9213 §2.2: a targeted field decides alone.
        let lines = if directives.targeted { 0 } else { fields.get_all(EXPIRES).iter().count() };
        // Invalid, or several lines: already expired (§5.3).
        let expires = (lines == 1).then(|| date_field(fields, &EXPIRES, received)).flatten();
        let lifetime = expires.map_or(Duration::ZERO, |expires| expires.saturating_since(date));
        (lines > 0).then_some(lifetime)
    })
}

/// A tenth of the time between `Last-Modified` and `Date` (§4.2.2), where the status or `public`
/// allows a heuristic. Never for what sets a cookie: nobody said that it may be shared.
fn heuristic_lifetime(
    status: StatusCode,
    fields: &HeaderMap,
    directives: &ResponseDirectives,
    date: Timestamp,
    modified: Option<Timestamp>,
) -> Option<Duration> {
    let allowed = storing(status) == Storing::Heuristic || directives.public;
    if !allowed || fields.contains_key(SET_COOKIE) {
        return None;
    }
    let tenth = date.saturating_since(modified?).as_secs() / 10;
    Some(Duration::from_secs(tenth.min(LONGEST_HEURISTIC)))
}

/// The corrected initial age in milliseconds (§4.2.3). `Date` counts whole seconds, so the moment of
/// receipt is compared with it in whole seconds too: what was just made is not a second old.
fn corrected_initial_age(fields: &HeaderMap, date: Option<Timestamp>, times: ExchangeTimes) -> u64 {
    let received = whole_seconds(times.response_time);
    let apparent_age = date.map_or(Duration::ZERO, |date| received.saturating_since(date));
    let response_delay = times.response_time.saturating_since(times.request_time);
    let corrected_age_value = age_value(fields).saturating_add(response_delay);
    u64::try_from(apparent_age.max(corrected_age_value).as_millis()).unwrap_or(u64::MAX)
}

/// The first member of `Age`; an invalid one is ignored (§5.1).
fn age_value(fields: &HeaderMap) -> Duration {
    list::members(fields, &AGE).next().and_then(parse_seconds).unwrap_or_default()
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_secs(at.unix_secs())
}

fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
