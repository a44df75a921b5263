//! Whatever else is written beside a lifetime: nothing of it lengthens a life.

use std::time::Duration;

use http::header::{CACHE_CONTROL, EXPIRES};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use larder::http::{TargetUri, date};
use larder::policy::reuse::Config;
use larder::policy::{
    ExchangeTimes, RequestDirectives, RequestView, ResponseDirectives, ResponseView, Storable,
    storable,
};
use larder::time::Timestamp;
use proptest::prelude::*;

use super::{cases, noise};

const NOW: Timestamp = Timestamp::from_unix_secs(1_785_542_400);

/// How long a response with these fields is fresh; zero when it is not stored at all.
fn life(fields: &HeaderMap) -> Duration {
    let times = ExchangeTimes { request_time: NOW, response_time: NOW };
    let (asked, directives) = (HeaderMap::new(), RequestDirectives::default());
    let uri = TargetUri::parse("http://example.org/").unwrap();
    let request =
        RequestView { method: &Method::GET, uri: &uri, fields: &asked, directives: &directives };
    let response = ResponseView { status: StatusCode::OK, fields };
    match storable(&request, &response, times, &Config::default()) {
        Storable::Store(kept) => kept.freshness.lifetime(),
        Storable::Decline(_) => Duration::ZERO,
    }
}

/// Lines before and after one line, and noise behind it on the same line.
fn surrounded(before: &[Vec<u8>], line: &str, behind: &[u8], after: &[Vec<u8>]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    let middle = [line.as_bytes(), b", ", behind].concat();
    for value in before.iter().chain([&middle]).chain(after) {
        fields.append(CACHE_CONTROL, HeaderValue::from_bytes(value).unwrap());
    }
    fields
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn nothing_beside_a_directive_lengthens_a_life(
        (shared, private, behind_error) in (0..99_u64, 0..99_u64, 0..99_u64),
        before in prop::collection::vec(noise::value(), 0..3),
        behind in noise::value(),
        after in prop::collection::vec(noise::value(), 0..3),
    ) {
        let line = format!(
            "s-maxage={shared}, max-age={private}, stale-while-revalidate={behind_error}, \
             stale-if-error={behind_error}"
        );
        let fields = surrounded(&before, &line, &behind, &after);
        prop_assert!(life(&fields) <= Duration::from_secs(shared), "{fields:?}");

        let read = ResponseDirectives::parse(&fields);
        let at_most = |found: Option<Duration>, most: u64| {
            found.is_some_and(|found| found <= Duration::from_secs(most))
        };
        prop_assert!(at_most(read.s_maxage, shared), "{fields:?}");
        prop_assert!(at_most(read.max_age, private), "{fields:?}");
        prop_assert!(at_most(read.stale_while_revalidate, behind_error), "{fields:?}");
        prop_assert!(at_most(read.stale_if_error, behind_error), "{fields:?}");
    }

    #[test]
    fn what_is_forbidden_stays_forbidden(
        word in prop::sample::select(&["no-store", "private", "no-cache", "must-revalidate"][..]),
        before in prop::collection::vec(noise::value(), 0..3),
        behind in noise::value(),
    ) {
        let read = ResponseDirectives::parse(&surrounded(&before, word, &behind, &[]));
        let kept = match word {
            "no-store" => read.no_store,
            "private" => read.private.is_present(),
            "no-cache" => read.no_cache.is_present(),
            _ => read.must_revalidate,
        };
        prop_assert!(kept, "{word}");
    }

    #[test]
    fn another_expires_never_lengthens_a_life(
        seconds in 0..99_u64,
        others in prop::collection::vec(noise::value(), 0..3),
        first: bool,
    ) {
        let expires = date::format(NOW.saturating_add(Duration::from_secs(seconds)));
        let mut lines: Vec<_> =
            others.iter().map(|other| HeaderValue::from_bytes(other).unwrap()).collect();
        lines.insert(if first { 0 } else { lines.len() }, expires);
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(EXPIRES, line);
        }
        prop_assert!(life(&fields) <= Duration::from_secs(seconds), "{fields:?}");
    }

    #[test]
    fn a_request_s_demand_is_never_weakened(
        (age, fresh, stale) in (0..99_u64, 0..99_u64, 0..99_u64),
        before in prop::collection::vec(noise::value(), 0..3),
        behind in noise::value(),
    ) {
        let line = format!("max-age={age}, min-fresh={fresh}, max-stale={stale}");
        let fields = surrounded(&before, &line, &behind, &[]);
        let read = RequestDirectives::parse(&fields);
        prop_assert!(read.max_age.is_some_and(|found| found <= Duration::from_secs(age)));
        prop_assert!(read.min_fresh.is_some_and(|found| found >= Duration::from_secs(fresh)));
        let most = larder::policy::MaxStale::Within(Duration::from_secs(stale));
        let accepted = match (read.max_stale, most) {
            (
                Some(larder::policy::MaxStale::Within(found)),
                larder::policy::MaxStale::Within(most),
            ) => found <= most,
            _ => false,
        };
        prop_assert!(accepted, "{fields:?}");
    }
}
