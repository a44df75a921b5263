use super::*;
use crate::policy::scene::{ask_storable, fields, instant};

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
