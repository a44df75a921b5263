use super::*;
use crate::policy::scene::{START, at, at_millis, fields, instant};

/// A text, and what holds of it.
type Row<T> = (&'static str, fn(&T) -> bool);

fn freshness(text: &str, times: ExchangeTimes) -> Freshness {
    let fields = fields(text);
    Freshness::new(
        StatusCode::OK,
        &fields,
        &ResponseDirectives::parse(&fields),
        times,
        Duration::ZERO,
    )
}

#[test]
fn a_freshness_takes_32_bytes() {
    assert_eq!(size_of::<Freshness>(), 32);
}

#[test]
fn the_lifetime_comes_from_s_maxage_then_max_age_then_expires_then_a_heuristic() {
    let rows = [
        ("Cache-Control: s-maxage=9, max-age=5 | Expires: {+3}", 9),
        ("Cache-Control: max-age=5 | Expires: {+3}", 5),
        ("Cache-Control: max-age=5 | Expires: 0", 5),
        ("Cache-Control: s-maxage=x, max-age=5", 0),
        ("Date: {+0} | Expires: {+3}", 3),
        ("Date: {-10} | Expires: {+3}", 13),
        ("Date: {+10} | Expires: {+30}", 20),
        ("Expires: {+3}", 3),
        ("Date: nonsense | Expires: {+3}", 3),
        ("Date: {+0} | Expires: {+0}", 0),
        ("Date: {+0} | Expires: {-3}", 0),
        ("Expires: 0", 0),
        ("Expires: -1", 0),
        ("Expires: {+3} | Expires: {+9}", 0),
        ("Expires: {+3} | Expires: {+3}", 0),
        ("Expires: Thu, 01 Jan 2099 00:00:00 PST", 0),
        ("Expires: Thursday, 01-Jan-99 00:00:00 GMT", 0),
        ("Expires: 0 | Last-Modified: {-1000}", 0),
        ("Date: {+0} | Last-Modified: {-1000}", 100),
        ("Date: {+0} | Last-Modified: {-1009}", 100),
        ("Last-Modified: {-1000}", 100),
        ("Date: {-500} | Last-Modified: {-1000}", 50),
        ("Date: {+0} | Last-Modified: {+10}", 0),
        ("Date: {+0} | Last-Modified: {-100000000}", 86_400),
        ("Last-Modified: {-1000} | Set-Cookie: a=b", 0),
        ("Last-Modified: nonsense", 0),
        ("Date: {+0}", 0),
    ];
    for (text, lifetime) in rows {
        let found = freshness(text, instant(0)).lifetime();
        assert_eq!(found, Duration::from_secs(lifetime), "{text}");
    }
}

#[test]
fn a_heuristic_lifetime_is_for_the_statuses_that_allow_it_and_for_what_is_public() {
    let rows = [
        (200, "", 100),
        (203, "", 100),
        (204, "", 100),
        (300, "", 100),
        (301, "", 100),
        (308, "", 100),
        (404, "", 100),
        (405, "", 100),
        (410, "", 100),
        (414, "", 100),
        (501, "", 100),
        (201, "", 0),
        (302, "", 0),
        (307, "", 0),
        (403, "", 0),
        (500, "", 0),
        (503, "", 0),
        (599, "", 0),
        (302, "public", 100),
        (503, "public", 100),
    ];
    for (status, control, lifetime) in rows {
        let fields = fields(&format!("Last-Modified: {{-1000}} | Cache-Control: {control}"));
        let directives = ResponseDirectives::parse(&fields);
        let status = StatusCode::from_u16(status).unwrap();
        let found = Freshness::new(status, &fields, &directives, instant(0), Duration::ZERO);
        assert_eq!(found.lifetime(), Duration::from_secs(lifetime), "{status} {control}");
    }
}

/// RFC 9111 §4.2.3, each term of it: (name, fields, asked at, answered at, now, age); milliseconds.
#[test]
fn the_age_is_that_of_the_rfc() {
    #[rustfmt::skip]
    let rows = [
        ("just made", "Date: {+0}", 0, 0, 0, 0),
        ("resident time", "Date: {+0}", 0, 0, 5_250, 5_250),
        ("Age", "Date: {+0} | Age: 7", 0, 0, 0, 7_000),
        ("Age and resident time", "Date: {+0} | Age: 7", 0, 0, 3_000, 10_000),
        ("response delay", "Date: {+0}", 0, 400, 400, 400),
        ("Age and response delay", "Date: {+0} | Age: 7", 0, 900, 1_900, 8_900),
        ("apparent age", "Date: {-20}", 0, 0, 1_000, 21_000),
        ("apparent age over Age", "Date: {-20} | Age: 7", 0, 0, 0, 20_000),
        ("Age over apparent age", "Date: {-20} | Age: 50", 0, 0, 0, 50_000),
        ("apparent age over response delay", "Date: {-20}", 0, 2_000, 2_000, 22_000),
        ("apparent age in whole seconds", "Date: {+0}", 999, 999, 999, 0),
        ("Date in the future", "Date: {+60}", 0, 0, 2_000, 2_000),
        ("Date missing", "Age: 7", 0, 0, 1_000, 8_000),
        ("Date invalid", "Date: yesterday", 0, 0, 1_000, 1_000),
        ("first member of Age", "Age: 7, 9", 0, 0, 0, 7_000),
        ("first line of Age", "Age: 7 | Age: 9", 0, 0, 0, 7_000),
        ("negative Age", "Age: -7", 0, 0, 1_000, 1_000),
        ("Age that is no number", "Age: seven", 0, 0, 1_000, 1_000),
        ("fractional Age", "Age: 7.5", 0, 0, 1_000, 1_000),
        ("invalid first member", "Age: x, 9", 0, 0, 1_000, 1_000),
        ("overlong Age", "Age: 99999999999999999999", 0, 0, 0, 2_147_483_648_000),
        ("clock set back", "Date: {+0}", 5_000, 5_000, 1_000, 5_000),
        ("clock set back while asking", "Age: 7", 5_000, 4_000, 4_000, 7_000),
    ];
    for (name, text, asked, answered, now, age) in rows {
        let times =
            ExchangeTimes { request_time: at_millis(asked), response_time: at_millis(answered) };
        let found = freshness(text, times).current_age(times, at_millis(now));
        assert_eq!(found, Duration::from_millis(age), "{name}");
    }
}

#[test]
fn the_ttl_is_the_lifetime_less_the_age_as_it_is_sent() {
    let times = instant(0);
    let rows = [
        ("max-age=60", 0, 60),
        ("max-age=60", 400, 60),
        ("max-age=60", 59_999, 1),
        ("max-age=60", 60_000, 0),
        ("max-age=60", 72_500, -12),
        ("max-age=0", 0, 0),
        ("max-age=99999999999", 0, 2_147_483_648),
    ];
    for (control, now, ttl) in rows {
        let found = freshness(&format!("Cache-Control: {control}"), times);
        assert_eq!(found.ttl(times, at_millis(now)), ttl, "{control} {now}");
    }
    let old = freshness("Cache-Control: max-age=60 | Age: 100", times);
    assert_eq!(old.ttl(times, START), -40);
}

#[test]
fn age_never_decreases_with_time() {
    let times = ExchangeTimes { request_time: at(-2), response_time: at(0) };
    for text in ["Date: {-9} | Age: 3", "Age: 3", "Date: {+99}", ""] {
        let found = freshness(text, times);
        let ages: Vec<_> = (0..100).map(|n| found.current_age(times, at_millis(n * 77))).collect();
        assert!(ages.is_sorted(), "{text}: {ages:?}");
    }
}

#[test]
fn the_date_is_the_response_s_own_or_else_that_of_its_receipt() {
    let times = ExchangeTimes { request_time: at(0), response_time: at_millis(1_700) };
    assert_eq!(freshness("Date: {-20}", times).date(), at(-20));
    assert_eq!(freshness("", times).date(), at(1));
    assert_eq!(freshness("Date: 20 seconds ago", times).date(), at(1));
}

#[test]
fn directives_that_forbid_stale_use_are_known_without_parsing_again() {
    let rows: [Row<Freshness>; 15] = [
        ("max-age=1", |f| !f.forbids_stale()),
        ("max-age=1, must-revalidate", Freshness::forbids_stale),
        ("max-age=1, proxy-revalidate", Freshness::forbids_stale),
        ("s-maxage=1", Freshness::forbids_stale),
        ("no-cache", Freshness::forbids_stale),
        ("no-cache", Freshness::is_no_cache),
        ("max-age=1, no-cache=\"x-a\"", |f| !f.is_no_cache() && !f.forbids_stale()),
        ("no-cache=\"x-a\", no-cache", Freshness::is_no_cache),
        ("immutable", Freshness::is_immutable),
        ("immutable=1", |f| !f.is_immutable()),
        ("max-age=1", Freshness::is_explicit),
        ("public", |f| !f.is_explicit()),
        ("public", Freshness::allows_authorization),
        ("max-age=1, proxy-revalidate", |f| !f.allows_authorization()),
        ("stale-if-error=0", |f| f.stale_if_error() == Some(Duration::ZERO)),
    ];
    for (control, holds) in rows {
        let found = freshness(&format!("Cache-Control: {control}"), instant(0));
        assert!(holds(&found), "{control}: {found:?}");
    }
}

#[test]
fn validators_count_only_when_they_are_valid() {
    let rows = [
        ("", false, false),
        ("ETag: \"a\"", true, false),
        ("ETag: W/\"a\"", true, false),
        ("ETag: a", false, false),
        ("ETag: \"a\" | ETag: \"b\"", false, false),
        ("Last-Modified: {-5}", false, true),
        ("Last-Modified: last week", false, false),
        ("ETag: \"a\" | Last-Modified: {-5}", true, true),
    ];
    for (text, etag, modified) in rows {
        let found = freshness(text, instant(0));
        assert_eq!((found.has_etag(), found.has_last_modified()), (etag, modified), "{text}");
        assert_eq!(found.has_validator(), etag || modified, "{text}");
    }
}
