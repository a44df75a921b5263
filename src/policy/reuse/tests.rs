use super::*;
use crate::policy::partial::Interval;
use crate::policy::scene::{at, at_millis, request, stored};

/// A decision in a few words.
fn words(decision: Decision) -> String {
    let named = |grant: Option<StaleGrant>| match grant {
        Some(grant) => format!(", else {}", grant.detail()),
        None => String::new(),
    };
    match decision {
        Decision::Reuse { age, ttl } => format!("reuse {} {ttl}", age.as_secs()),
        Decision::ReuseStale { age, ttl, grant } => {
            format!("stale {} {ttl} {}", age.as_secs(), grant.detail())
        }
        Decision::Validate { reason, on_error } => format!("validate {reason}{}", named(on_error)),
        Decision::Forward { reason, detail } => {
            detail.map_or(format!("forward {reason}"), |d| format!("forward {reason} {d}"))
        }
        Decision::Complete { missing: Missing { first, last } } => {
            format!("complete {first}-{}", last.map(|n| n.to_string()).unwrap_or_default())
        }
        Decision::OnlyIfCached => "504".to_owned(),
    }
}

fn decided(asked: &str, answered: &str, after: i64) -> String {
    let head = stored("GET", answered);
    let decision =
        decide(&request(asked).view(), Candidate::Stored(&head), at(after), &Config::default());
    words(decision)
}

/// (request, stored, seconds after, decision).
#[test]
fn a_request_and_a_stored_response_give_a_decision() {
    const WEEK: i64 = 7 * 24 * 3600;
    #[rustfmt::skip]
    let rows = [
        // Fresh and stale.
        ("GET", "200 | Cache-Control: max-age=60", 0, "reuse 0 60"),
        ("GET", "200 | Cache-Control: max-age=60", 59, "reuse 59 1"),
        ("GET", "200 | Cache-Control: max-age=60", 60, "validate stale, else stale-on-error"),
        ("GET", "200 | Cache-Control: max-age=60", WEEK, "forward stale"),
        ("GET", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 60, "validate stale, else stale-on-error"),
        ("GET", "200 | Cache-Control: max-age=60 | ETag: \"a\"", WEEK, "validate stale"),
        ("GET", "200 | Cache-Control: max-age=60 | Age: 90 | ETag: \"a\"", 0, "validate stale, else stale-on-error"),
        ("GET", "200 | Expires: {+60} | Date: {-30}", 20, "reuse 50 40"),
        ("GET", "200 | Last-Modified: {-1000}", 99, "reuse 99 1"),
        ("GET", "200 | ETag: \"a\"", 0, "validate stale, else stale-on-error"),
        ("HEAD", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("HEAD", "200 | Cache-Control: max-age=60", WEEK, "forward stale"),
        // Methods.
        ("POST", "200 | Cache-Control: max-age=60", 0, "forward method"),
        ("PUT | Cache-Control: only-if-cached", "200 | Cache-Control: max-age=60", 0, "forward method"),
        ("OPTIONS", "200 | Cache-Control: max-age=60", 0, "forward method"),
        // Response directives.
        ("GET", "200 | Cache-Control: no-cache | ETag: \"a\"", 0, "validate stale"),
        ("GET", "200 | Cache-Control: no-cache, max-age=60 | ETag: \"a\"", 1, "validate stale"),
        ("GET", "200 | Cache-Control: max-age=60, must-revalidate", 30, "reuse 30 30"),
        ("GET", "200 | Cache-Control: max-age=60, must-revalidate", 90, "forward stale"),
        ("GET", "200 | Cache-Control: max-age=60, must-revalidate | ETag: \"a\"", 90, "validate stale"),
        ("GET", "200 | Cache-Control: max-age=60, proxy-revalidate | ETag: \"a\"", 90, "validate stale"),
        ("GET", "200 | Cache-Control: s-maxage=60 | ETag: \"a\"", 90, "validate stale"),
        // max-age.
        ("GET | Cache-Control: max-age=30", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 30, "reuse 30 30"),
        ("GET | Cache-Control: max-age=30", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 31, "validate request"),
        ("GET | Cache-Control: max-age=0", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 0, "validate request"),
        ("GET | Cache-Control: max-age=0", "200 | Cache-Control: max-age=60", 0, "forward request"),
        ("GET | Cache-Control: max-age=900", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "validate stale"),
        ("GET | Cache-Control: max-age=x", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 5, "validate request"),
        // min-fresh.
        ("GET | Cache-Control: min-fresh=30", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 30, "reuse 30 30"),
        ("GET | Cache-Control: min-fresh=30", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 31, "validate request"),
        ("GET | Cache-Control: min-fresh=1", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "validate stale"),
        ("GET | Cache-Control: min-fresh=x", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 0, "validate request"),
        // max-stale.
        ("GET | Cache-Control: max-stale", "200 | Cache-Control: max-age=60", 30, "reuse 30 30"),
        ("GET | Cache-Control: max-stale", "200 | Cache-Control: max-age=60", 90, "stale 90 -30 max-stale"),
        ("GET | Cache-Control: max-stale", "200 | Cache-Control: max-age=60", WEEK, "stale 604800 -604740 max-stale"),
        ("GET | Cache-Control: max-stale=30", "200 | Cache-Control: max-age=60", 90, "stale 90 -30 max-stale"),
        ("GET | Cache-Control: max-stale=30", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 91, "validate stale"),
        ("GET | Cache-Control: max-stale=x", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 91, "validate stale"),
        ("GET | Cache-Control: max-stale", "200 | Cache-Control: max-age=60, must-revalidate | ETag: \"a\"", 90, "validate stale"),
        ("GET | Cache-Control: max-stale", "200 | Cache-Control: s-maxage=60 | ETag: \"a\"", 90, "validate stale"),
        ("GET | Cache-Control: max-stale", "200 | Cache-Control: no-cache | ETag: \"a\"", 0, "validate stale"),
        ("GET | Cache-Control: max-stale, no-cache", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "validate stale"),
        ("GET | Cache-Control: max-stale, max-age=100", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "stale 90 -30 max-stale"),
        ("GET | Cache-Control: max-stale, max-age=80", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "validate stale, else stale-on-error"),
        // no-cache, no-store, Pragma.
        ("GET | Cache-Control: no-cache", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 0, "validate request"),
        ("GET | Cache-Control: no-cache", "200 | Cache-Control: max-age=60", 0, "forward request"),
        ("GET | Cache-Control: no-cache", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "validate stale"),
        ("GET | Pragma: no-cache", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 0, "validate request"),
        ("GET | Pragma: no-cache | Cache-Control: max-age=99", "200 | Cache-Control: max-age=60", 0, "reuse 0 60"),
        ("GET | Cache-Control: no-store", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("GET | Cache-Control: no-store", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "forward stale request-no-store"),
        // What is in no key.
        ("GET | Range: lines=1-2", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("GET | Range: lines=1-2", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "forward stale unkeyed"),
        // only-if-cached.
        ("GET | Cache-Control: only-if-cached", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("GET | Cache-Control: only-if-cached", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "504"),
        ("GET | Cache-Control: only-if-cached, max-stale", "200 | Cache-Control: max-age=60", 90, "stale 90 -30 max-stale"),
        ("GET | Cache-Control: only-if-cached, no-cache", "200 | Cache-Control: max-age=60", 5, "504"),
        // Errors (RFC 5861).
        ("GET", "200 | Cache-Control: max-age=60, stale-if-error=30 | ETag: \"a\"", 90, "validate stale, else stale-if-error"),
        ("GET", "200 | Cache-Control: max-age=60, stale-if-error=30 | ETag: \"a\"", 91, "validate stale"),
        ("GET", "200 | Cache-Control: max-age=60, stale-if-error=9999999", WEEK, "validate stale, else stale-if-error"),
        ("GET", "200 | Cache-Control: max-age=60, stale-if-error=0 | ETag: \"a\"", 61, "validate stale"),
        ("GET", "200 | Cache-Control: max-age=60, stale-if-error=30, must-revalidate | ETag: \"a\"", 90, "validate stale"),
        ("GET | Cache-Control: stale-if-error=600", "200 | Cache-Control: max-age=60", 90, "validate stale, else stale-if-error"),
        ("GET | Cache-Control: max-stale=10", "200 | Cache-Control: max-age=60, stale-if-error=90 | ETag: \"a\"", 90, "validate stale"),
        ("GET | Cache-Control: stale-if-error=600", "200 | Cache-Control: max-age=60, stale-if-error=30 | ETag: \"a\"", 91, "validate stale"),
        ("GET | Cache-Control: stale-if-error=20", "200 | Cache-Control: max-age=60, stale-if-error=600 | ETag: \"a\"", 90, "validate stale"),
        // Validated behind the answer (RFC 5861).
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", 59, "reuse 59 1"),
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", 60, "stale 60 0 stale-while-revalidate"),
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", 90, "stale 90 -30 stale-while-revalidate"),
        ("HEAD", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", 90, "stale 90 -30 stale-while-revalidate"),
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=30 | ETag: \"a\"", 91, "validate stale, else stale-on-error"),
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=0 | ETag: \"a\"", 60, "validate stale, else stale-on-error"),
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=x | ETag: \"a\"", 61, "validate stale, else stale-on-error"),
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=30, must-revalidate | ETag: \"a\"", 70, "validate stale"),
        ("GET", "200 | Cache-Control: max-age=60, stale-while-revalidate=30, proxy-revalidate | ETag: \"a\"", 70, "validate stale"),
        ("GET", "200 | Cache-Control: s-maxage=60, stale-while-revalidate=30 | ETag: \"a\"", 70, "validate stale"),
        ("GET", "200 | Cache-Control: no-cache, max-age=60, stale-while-revalidate=30 | ETag: \"a\"", 70, "validate stale"),
        ("GET | Cache-Control: no-cache", "200 | Cache-Control: max-age=60, stale-while-revalidate=30 | ETag: \"a\"", 70, "validate stale"),
        ("GET | Cache-Control: max-age=600", "200 | Cache-Control: max-age=60, stale-while-revalidate=30 | ETag: \"a\"", 70, "validate stale"),
        ("GET | Cache-Control: min-fresh=1", "200 | Cache-Control: max-age=60, stale-while-revalidate=30 | ETag: \"a\"", 70, "validate stale"),
        ("GET | Cache-Control: max-stale=5", "200 | Cache-Control: max-age=60, stale-while-revalidate=30 | ETag: \"a\"", 70, "validate stale"),
        ("GET | Cache-Control: max-stale=15", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", 70, "stale 70 -10 max-stale"),
        ("GET | Cache-Control: only-if-cached", "200 | Cache-Control: max-age=60, stale-while-revalidate=30", 70, "stale 70 -10 stale-while-revalidate"),
        // Immutable (RFC 8246).
        ("GET | Cache-Control: max-age=0", "200 | Cache-Control: max-age=60, immutable | ETag: \"a\"", 30, "reuse 30 30"),
        ("GET | Cache-Control: no-cache", "200 | Cache-Control: max-age=60, immutable | ETag: \"a\"", 30, "validate request"),
        ("GET | Cache-Control: max-age=0", "200 | Cache-Control: max-age=60, immutable | ETag: \"a\"", 70, "validate stale"),
        ("GET", "200 | Cache-Control: max-age=60, immutable | ETag: \"a\"", 70, "validate stale, else stale-on-error"),
        // The form of no-cache that names fields.
        ("GET", "200 | Cache-Control: no-cache=\"x-a\", max-age=60", 30, "reuse 30 30"),
        ("GET", "200 | Cache-Control: no-cache=\"x-a\", no-cache, max-age=60 | ETag: \"a\"", 30, "validate stale"),
        // Conditions and credentials.
        ("GET | If-None-Match: \"a\"", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("GET | If-Modified-Since: {-5}", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("GET | Range: bytes=0-1", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("GET | If-Match: \"a\"", "200 | Cache-Control: max-age=60", 5, "forward request condition"),
        ("GET | If-Unmodified-Since: {-5}", "200 | Cache-Control: max-age=60", 5, "forward request condition"),
        ("GET | If-Match: \"a\" | Cache-Control: only-if-cached", "200 | Cache-Control: max-age=60", 5, "504"),
        ("GET | Authorization: x", "200 | Cache-Control: max-age=60", 5, "reuse 5 55"),
        ("GET | Authorization: x", "200 | Cache-Control: max-age=60 | ETag: \"a\"", 90, "forward stale authorization"),
        ("GET | Authorization: x", "200 | Cache-Control: max-age=60, public | ETag: \"a\"", 90, "validate stale, else stale-on-error"),
    ];
    for (asked, answered, after, expected) in rows {
        assert_eq!(decided(asked, answered, after), expected, "{asked} ← {answered} +{after}");
    }
}

#[test]
fn without_a_candidate_the_reason_says_what_was_missing() {
    let config = Config::default();
    let rows = [
        ("GET", Candidate::None, "forward uri-miss"),
        ("GET", Candidate::OtherVariant { tagged: false }, "forward vary-miss"),
        ("GET | Cache-Control: no-cache", Candidate::None, "forward uri-miss"),
        ("DELETE", Candidate::None, "forward method"),
        ("GET | Cache-Control: only-if-cached", Candidate::None, "504"),
        ("HEAD | Cache-Control: only-if-cached", Candidate::OtherVariant { tagged: false }, "504"),
    ];
    for (asked, candidate, expected) in rows {
        let decision = decide(&request(asked).view(), candidate, at(0), &config);
        assert_eq!(words(decision), expected, "{asked} {candidate:?}");
    }
}

/// (request, fields of the stored part, its bytes, seconds after, decision).
#[test]
fn stored_parts_answer_what_lies_in_them_and_are_completed() {
    const TAGGED: &str = "Cache-Control: max-age=60 | ETag: \"a\"";
    const PLAIN: &str = "Cache-Control: max-age=60";
    #[rustfmt::skip]
    let rows = [
        ("GET | Range: bytes=1-3", PLAIN, 5, "reuse 5 55"),
        ("GET | Range: bytes=1-3 | If-Range: \"a\"", TAGGED, 5, "reuse 5 55"),
        ("GET | Range: bytes=1-3", TAGGED, 70, "validate stale, else stale-on-error"),
        ("GET | Range: bytes=1-3 | Cache-Control: no-cache", TAGGED, 5, "validate request"),
        ("GET | Range: bytes=1-3 | Cache-Control: only-if-cached", TAGGED, 5, "reuse 5 55"),
        ("GET | Range: bytes=1-3 | If-Match: \"a\"", TAGGED, 5, "forward request condition"),
        ("GET", TAGGED, 5, "complete 5-"),
        ("GET", TAGGED, 70, "complete 5-"),
        ("GET | Range: bytes=3-7", TAGGED, 5, "complete 5-7"),
        ("GET | Range: bytes=0-", TAGGED, 5, "complete 5-"),
        ("GET | Range: bytes=1-3 | If-Range: \"b\"", TAGGED, 5, "complete 5-"),
        ("GET | Cache-Control: no-cache", TAGGED, 5, "complete 5-"),
        ("GET", PLAIN, 5, "forward partial"),
        ("GET", "Cache-Control: max-age=60 | ETag: W/\"a\"", 5, "forward partial"),
        ("GET | Range: bytes=6-7", TAGGED, 5, "forward partial"),
        ("GET | Range: bytes=0-1, 6-7", TAGGED, 5, "forward partial"),
        ("GET | Range: bytes=10-", TAGGED, 5, "forward partial"),
        ("GET | If-None-Match: \"a\"", TAGGED, 5, "forward partial"),
        ("GET | If-Match: \"a\"", TAGGED, 5, "forward partial"),
        ("GET | Cache-Control: no-store", TAGGED, 5, "forward partial request-no-store"),
        ("GET | Authorization: x", TAGGED, 5, "forward partial authorization"),
        ("GET | Cache-Control: only-if-cached", TAGGED, 5, "504"),
        ("HEAD", TAGGED, 5, "forward partial"),
        ("HEAD | Range: bytes=1-3", TAGGED, 5, "forward partial"),
    ];
    for (asked, had, after, expected) in rows {
        let answered = format!("206 | {had} | Content-Range: bytes 0-4/10");
        let head = stored("GET | Range: bytes=0-4", &answered);
        let mut partial = Partial { complete_length: Some(10), ..Partial::default() };
        partial.intervals.add(Interval { first: 0, last: 4 });
        let candidate = Candidate::Partial(&head, &partial);
        let decision = decide(&request(asked).view(), candidate, at(after), &Config::default());
        assert_eq!(words(decision), expected, "{asked} ← {had} +{after}");
    }
}

#[test]
fn the_operator_limits_what_is_sent_stale_when_the_origin_is_gone() {
    let head = stored("GET", "200 | Cache-Control: max-age=60 | ETag: \"a\"");
    let rows = [(30, 90, true), (30, 91, false), (0, 60, true), (0, 61, false)];
    for (limit, after, expected) in rows {
        let config = Config { max_stale: Duration::from_secs(limit), ..Config::default() };
        let decision = decide(&request("GET").view(), Candidate::Stored(&head), at(after), &config);
        let Decision::Validate { on_error, .. } = decision else { panic!("{decision:?}") };
        let expected = expected.then_some(StaleGrant::Disconnected);
        assert_eq!(on_error, expected, "{limit} {after}");
    }
}

#[test]
fn an_age_between_two_seconds_is_older_than_the_first() {
    let head = stored("GET", "200 | Cache-Control: max-age=60 | ETag: \"a\"");
    let asked = request("GET | Cache-Control: max-age=30");
    let decided = |millis| {
        words(decide(
            &asked.view(),
            Candidate::Stored(&head),
            at_millis(millis),
            &Config::default(),
        ))
    };
    assert_eq!(decided(30_000), "reuse 30 30");
    assert_eq!(decided(30_001), "validate request");
}

#[test]
fn only_stale_if_error_covers_an_error_that_the_origin_sends() {
    for status in [500, 502, 503, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(StaleGrant::StaleIfError.covers(status));
        assert!(!StaleGrant::Disconnected.covers(status));
    }
    for status in [200, 404, 501, 505] {
        assert!(!StaleGrant::StaleIfError.covers(StatusCode::from_u16(status).unwrap()));
    }
}

#[test]
fn only_requests_that_a_shared_response_could_answer_collapse() {
    let rows = [
        ("GET", true),
        ("GET | Accept: text/html | Cookie: a=b", true),
        ("GET | Cache-Control: max-stale=5", true),
        ("GET | Cache-Control: no-transform", true),
        ("HEAD", false),
        ("POST", false),
        ("GET | Range: bytes=0-", false),
        ("GET | Authorization: x", false),
        ("GET | If-None-Match: \"a\"", false),
        ("GET | If-Modified-Since: {-5}", false),
        ("GET | If-Match: *", false),
        ("GET | If-Unmodified-Since: {-5}", false),
        ("GET | If-Range: \"a\"", false),
        ("GET | Cache-Control: no-cache", false),
        ("GET | Cache-Control: no-store", false),
        ("GET | Cache-Control: max-age=0", false),
        ("GET | Cache-Control: max-age=600", false),
        ("GET | Cache-Control: min-fresh=5", false),
        ("GET | Cache-Control: only-if-cached", false),
        ("GET | Pragma: no-cache", false),
    ];
    for (asked, expected) in rows {
        assert_eq!(may_collapse(&request(asked).view()), expected, "{asked}");
    }
}

#[test]
fn a_response_under_way_answers_those_for_whom_it_would_be_a_fresh_hit() {
    const VARIES: &str = "200 | Cache-Control: max-age=60 | Vary: Accept-Language";
    let rows = [
        ("GET", "200 | Cache-Control: max-age=60", "GET", 0, true),
        ("GET", "200 | Cache-Control: max-age=60", "GET", 60, false),
        ("GET", "200 | Cache-Control: max-age=0 | ETag: \"a\"", "GET", 0, false),
        ("GET", "200 | Cache-Control: no-cache | ETag: \"a\"", "GET", 0, false),
        ("GET | Accept-Language: de", VARIES, "GET | Accept-Language: DE", 0, true),
        ("GET | Accept-Language: de", VARIES, "GET | Accept-Language: en", 0, false),
        ("GET | Accept-Language: de", VARIES, "GET", 0, false),
        ("GET", "200 | Cache-Control: max-age=60", "GET | Cache-Control: max-stale", 90, false),
        ("GET", "200 | Cache-Control: max-age=60", "POST", 0, false),
    ];
    for (first, answered, second, after, expected) in rows {
        let head = stored(first, answered);
        let found = answers(&head, &request(second).view(), at(after));
        assert_eq!(found, expected, "{first} → {answered}; {second} +{after}");
    }
}
