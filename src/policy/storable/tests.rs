use super::*;
use std::time::Duration;

use crate::policy::scene::{ask_storable, fields, instant, storable_with};

/// `stored` or the detail.
fn answer(asked: &str, answered: &str) -> &'static str {
    match ask_storable(asked, answered, instant(0)) {
        Storable::Store(..) => "stored",
        Storable::Decline(detail) => detail.as_str(),
    }
}

#[test]
fn a_response_is_stored_when_every_clause_allows_it_and_something_is_gained() {
    const FRESH: &str = "Cache-Control: max-age=60";
    #[rustfmt::skip]
    let rows = [
        // Freshness.
        ("GET", "200 | Cache-Control: max-age=60", "stored"),
        ("GET", "200 | Cache-Control: s-maxage=60", "stored"),
        ("GET", "200 | Expires: {+60}", "stored"),
        ("GET", "200 | Last-Modified: {-1000}", "stored"),
        ("GET", "200 | ETag: \"a\"", "stored"),
        ("GET", "200 | Cache-Control: max-age=0 | ETag: \"a\"", "stored"),
        ("GET", "200 | Expires: 0 | Last-Modified: {-1000}", "stored"),
        ("GET", "200 | Cache-Control: max-age=0, stale-while-revalidate=9", "stored"),
        ("GET", "200 | Cache-Control: max-age=0, stale-if-error=9", "stored"),
        ("GET", "200 | Cache-Control: max-age=60 | Age: 90", "stored"),
        ("GET", "200", "no-freshness"),
        ("GET", "200 | Content-Type: text/html", "no-freshness"),
        ("GET", "200 | Cache-Control: public", "no-freshness"),
        ("GET", "200 | Cache-Control: max-age=0", "no-freshness"),
        ("GET", "200 | Expires: 0", "no-freshness"),
        ("GET", "200 | Pragma: no-cache | Cache-Control: max-age=60", "stored"),
        // Directives of the response.
        ("GET", "200 | Cache-Control: max-age=60, no-store", "no-store"),
        ("GET", "200 | Cache-Control: max-age=60 | Cache-Control: NO-STORE", "no-store"),
        ("GET", "200 | Cache-Control: max-age=60, private", "private"),
        ("GET", "200 | Cache-Control: s-maxage=60, private", "private"),
        ("GET", "200 | Cache-Control: max-age=60, private=\"x-a\"", "stored"),
        ("GET", "200 | Cache-Control: max-age=60, private=\"x-a\", private", "private"),
        ("GET", "200 | Cache-Control: max-age=60, private=x-a", "stored"),
        ("GET", "200 | Cache-Control: max-age=60, private=\"\"", "private"),
        ("GET", "200 | Cache-Control: max-age=60, private=\"no name\"", "private"),
        ("GET", "200 | Cache-Control: no-cache | ETag: \"a\"", "stored"),
        ("GET", "200 | Cache-Control: no-cache, max-age=60 | Last-Modified: {-9}", "stored"),
        ("GET", "200 | Cache-Control: no-cache, max-age=60", "no-cache"),
        ("GET", "200 | Cache-Control: must-understand, no-store, max-age=60", "stored"),
        ("GET", "299 | Cache-Control: must-understand, no-store, max-age=60", "status"),
        ("GET", "299 | Cache-Control: must-understand, max-age=60", "status"),
        // The request.
        ("HEAD", "200 | Cache-Control: max-age=60", "stored"),
        ("POST", "200 | Cache-Control: max-age=60", "method"),
        ("OPTIONS", "200 | Cache-Control: max-age=60", "method"),
        ("PUT", "200 | Cache-Control: max-age=60 | Content-Location: /dir/x", "method"),
        ("DELETE", "200 | Cache-Control: max-age=60 | Content-Location: /dir/x", "method"),
        ("PURGE", "200 | Cache-Control: max-age=60", "method"),
        ("get", "200 | Cache-Control: max-age=60", "method"),
        ("GET | Cache-Control: no-store", "200 | Cache-Control: max-age=60", "request-no-store"),
        ("GET | Cache-Control: no-cache", "200 | Cache-Control: max-age=60", "stored"),
        ("GET | Range: bytes=0-1", "200 | Cache-Control: max-age=60", "stored"),
        // Authorization.
        ("GET | Authorization: Basic eA==", "200 | Cache-Control: max-age=60", "authorization"),
        ("GET | Authorization: Basic eA==", "200 | Cache-Control: max-age=60, public", "stored"),
        ("GET | Authorization: Basic eA==", "200 | Cache-Control: max-age=60, must-revalidate", "stored"),
        ("GET | Authorization: Basic eA==", "200 | Cache-Control: s-maxage=60", "stored"),
        ("GET | Authorization: Basic eA==", "200 | Cache-Control: max-age=60, proxy-revalidate", "authorization"),
        ("GET | Authorization: Basic eA==", "200 | Cache-Control: max-age=60, immutable", "authorization"),
        // Cookies.
        ("GET", "200 | Cache-Control: max-age=60 | Set-Cookie: a=b", "stored"),
        ("GET", "200 | Last-Modified: {-1000} | Set-Cookie: a=b", "set-cookie"),
        ("GET", "200 | Cache-Control: public | Last-Modified: {-1000} | Set-Cookie: a=b", "set-cookie"),
        ("GET", "200 | Cache-Control: max-age=0 | ETag: \"a\" | Set-Cookie: a=b", "set-cookie"),
        ("GET", "200 | Cache-Control: no-cache | ETag: \"a\" | Set-Cookie: a=b", "set-cookie"),
        ("GET | Cookie: a=b", "200 | Cache-Control: max-age=60", "stored"),
        // Vary.
        ("GET", "200 | Cache-Control: max-age=60 | Vary: Accept", "stored"),
        ("GET", "200 | Cache-Control: max-age=60 | Vary: *", "vary-star"),
        ("GET", "200 | Cache-Control: max-age=60 | Vary: Accept,, *", "vary-star"),
        ("GET", "200 | Cache-Control: max-age=60 | Vary: Accept | Vary: *", "vary-star"),
        ("GET", "200 | Cache-Control: max-age=60 | Vary: no name", "vary-star"),
        // Statuses without explicit freshness.
        ("GET", "404 | Last-Modified: {-1000}", "stored"),
        ("GET", "404 | ETag: \"a\"", "stored"),
        ("GET", "302 | Last-Modified: {-1000}", "no-freshness"),
        ("GET", "302 | Cache-Control: public | Last-Modified: {-1000}", "stored"),
        ("GET", "500 | ETag: \"a\"", "no-freshness"),
        ("GET", "302 | Cache-Control: no-cache | ETag: \"a\"", "no-freshness"),
        ("GET", "302 | Cache-Control: no-cache, public | ETag: \"a\"", "stored"),
        ("GET", "302 | Cache-Control: must-revalidate | ETag: \"a\"", "no-freshness"),
        ("GET", "599 | ETag: \"a\"", "status"),
        // Parts.
        ("GET | Range: bytes=0-1", "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/9", "stored"),
        ("GET | Range: bytes=0-1", "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/*", "stored"),
        ("GET | Range: bytes=0-1", "206 | Last-Modified: {-1000} | Content-Range: bytes 0-1/9", "stored"),
        ("GET", "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/9", "range"),
        ("GET | Range: bytes=0-1", "206 | Cache-Control: max-age=60", "range"),
        ("GET | Range: bytes=0-1", "206 | Cache-Control: max-age=60 | Content-Range: bytes 1-0/9", "range"),
        ("GET | Range: bytes=0-1", "206 | Cache-Control: max-age=60 | Content-Range: bytes */9", "range"),
        ("GET | Range: bytes=0-1", "206 | Cache-Control: max-age=60 | Content-Range: lines 0-1/9", "range"),
        ("GET | Range: bytes=0-1, 4-5", "206 | Cache-Control: max-age=60 | Content-Type: multipart/byteranges; boundary=b", "range"),
        ("HEAD | Range: bytes=0-1", "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/9", "range"),
        ("GET | Range: bytes=0-1", "206 | Cache-Control: no-store | Content-Range: bytes 0-1/9", "no-store"),
    ];
    for (asked, answered, expected) in rows {
        assert_eq!(answer(asked, answered), expected, "{asked} → {answered}");
    }
    for status in [200, 201, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 404, 410, 418, 500] {
        assert_eq!(answer("GET", &format!("{status} | {FRESH}")), "stored", "{status}");
    }
    for status in [100, 101, 103, 304, 407, 412, 416, 428, 429, 431, 511] {
        assert_eq!(answer("GET", &format!("{status} | {FRESH}")), "status", "{status}");
    }
}

#[test]
fn a_stored_response_knows_its_lifetime_and_the_request_fields_that_it_is_for() {
    let asked = "GET | Accept: text/html";
    let answered = "200 | Cache-Control: max-age=60 | Vary: accept, x-a";
    let Storable::Store(Kept { freshness, nominated, .. }) =
        ask_storable(asked, answered, instant(0))
    else {
        panic!("not stored");
    };
    assert_eq!(freshness.lifetime().as_secs(), 60);
    assert!(nominated.matches(&fields("Accept: text/html")));
    assert!(!nominated.matches(&fields("Accept: text/html | X-A: 1")));
}

#[test]
fn a_part_that_the_client_asked_for_with_if_range_is_only_added_to_others() {
    let answered = "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-4/10 | ETag: \"a\"";
    let rows = [
        ("GET | Range: bytes=0-4", answered, false),
        ("GET | Range: bytes=0-4 | If-Range: \"a\"", answered, true),
        ("GET | Range: bytes=0-4 | If-Range: \"a\"", "200 | Cache-Control: max-age=60", false),
    ];
    for (asked, answered, expected) in rows {
        let Storable::Store(kept) = ask_storable(asked, answered, instant(0)) else {
            panic!("{asked} → {answered} is not stored");
        };
        assert_eq!(kept.only_onto, expected, "{asked} → {answered}");
    }
}

#[test]
fn a_post_or_patch_is_stored_when_its_answer_shows_its_target_and_says_how_long() {
    const HERE: &str = "Content-Location: /dir/x";
    #[rustfmt::skip]
    let rows = [
        ("POST", format!("200 | Cache-Control: max-age=60 | {HERE}"), "stored"),
        ("PATCH", format!("200 | Cache-Control: max-age=60 | {HERE}"), "stored"),
        ("POST", format!("200 | Expires: {{+60}} | {HERE}"), "stored"),
        ("POST", "200 | Cache-Control: max-age=60 | Content-Location: http://A.test:80/dir/x".to_owned(), "stored"),
        ("POST", "200 | Cache-Control: max-age=60 | Content-Location: x".to_owned(), "stored"),
        ("POST", "200 | Cache-Control: max-age=60".to_owned(), "method"),
        ("POST", "200 | Cache-Control: max-age=60 | Content-Location: /other".to_owned(), "method"),
        ("POST", "200 | Cache-Control: max-age=60 | Content-Location: http://b.test/dir/x".to_owned(), "method"),
        ("POST", format!("200 | Cache-Control: max-age=60 | {HERE} | {HERE}"), "method"),
        ("POST", format!("200 | Last-Modified: {{-1000}} | {HERE}"), "method"),
        ("POST", format!("200 | ETag: \"a\" | {HERE}"), "method"),
        ("POST", format!("200 | Cache-Control: no-store, max-age=60 | {HERE}"), "no-store"),
        ("POST", format!("200 | Cache-Control: private, max-age=60 | {HERE}"), "private"),
        ("POST", format!("201 | Cache-Control: max-age=60 | {HERE}"), "method"),
        ("POST", format!("404 | Cache-Control: max-age=60 | {HERE}"), "method"),
        ("PUT", format!("200 | Cache-Control: max-age=60 | {HERE}"), "method"),
    ];
    for (asked, answered, expected) in rows {
        assert_eq!(answer(asked, &answered), expected, "{asked} → {answered}");
    }
}

#[test]
fn fields_that_private_names_are_withheld_and_those_that_no_cache_names_guarded() {
    let answered = "200 | Cache-Control: max-age=60, private=\"Set-Cookie, x-a\", no-cache=\"X-B\" \
        | Set-Cookie: a=b | Set-Cookie: c=d | X-A: 1 | X-B: 2 | X-C: 3";
    let Storable::Store(kept) = ask_storable("GET", answered, instant(0)) else {
        panic!("not stored");
    };
    let all = fields(&answered["200 |".len()..]);
    let withheld = kept.withheld_of(&all);
    assert_eq!(withheld, fields("Set-Cookie: a=b | Set-Cookie: c=d | X-A: 1"));
    assert_eq!(*kept.guarded, [HeaderName::from_static("x-b")]);
    // What is for one user alone needs no permission to be shared.
    let rows = [
        ("200 | ETag: \"a\" | Cache-Control: private=\"set-cookie\" | Set-Cookie: a=b", "stored"),
        ("200 | ETag: \"a\" | Cache-Control: private=\"x-a\" | Set-Cookie: a=b", "set-cookie"),
    ];
    for (answered, expected) in rows {
        assert_eq!(answer("GET", answered), expected, "{answered}");
    }
}

#[test]
fn an_error_lives_for_a_moment_where_the_operator_says_so() {
    let lifetime = |answered: &str, seconds: u64| {
        let error_lifetime = Duration::from_secs(seconds);
        let config = Config { error_lifetime, ..Config::default() };
        match storable_with("GET", answered, instant(0), &config) {
            Storable::Store(kept) => kept.freshness.lifetime().as_secs().to_string(),
            Storable::Decline(detail) => detail.as_str().to_owned(),
        }
    };
    #[rustfmt::skip]
    let rows = [
        ("500", 0, "no-freshness"),
        ("404", 0, "no-freshness"),
        ("500", 5, "5"),
        ("404", 5, "5"),
        ("503", 60, "10"),
        ("599", 5, "5"),
        ("404 | Last-Modified: {-1000}", 5, "100"),
        ("404 | Last-Modified: {-10}", 5, "5"),
        ("404 | Cache-Control: max-age=2", 5, "2"),
        ("500 | Cache-Control: max-age=0", 5, "no-freshness"),
        ("500 | Expires: 0", 5, "no-freshness"),
        ("500 | Cache-Control: no-store", 5, "no-store"),
        ("500 | Cache-Control: private", 5, "private"),
        ("500 | Set-Cookie: a=b", 5, "set-cookie"),
        ("416", 5, "status"),
        ("407", 5, "status"),
        ("200", 5, "no-freshness"),
        ("302", 5, "no-freshness"),
    ];
    for (answered, seconds, expected) in rows {
        assert_eq!(lifetime(answered, seconds), expected, "{answered} {seconds}");
    }
    // It is never sent stale.
    let config = Config { error_lifetime: Duration::from_secs(5), ..Config::default() };
    let Storable::Store(kept) = storable_with("GET", "500", instant(0), &config) else {
        panic!("not stored");
    };
    assert!(kept.freshness.forbids_stale() && kept.freshness.is_error());
}
