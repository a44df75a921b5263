//! Conditions of the client's own (RFC 9110 §13, RFC 9111 §4.3.2).

use super::{Proxy, date, get_with, seconds};
use crate::support::message::Framing;
use crate::support::origin::{Origin, Received, Reply};

async fn stored() -> (Origin, Proxy) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let reply = Reply::cacheable(60, "hello")
        .field("ETag", "\"v1\"")
        .field("Last-Modified", &date(-1000))
        .field("Content-Type", "text/plain")
        .field("Content-Language", "en")
        .field("Vary", "Accept");
    origin.route("/a", reply);
    proxy.get(&origin.url("/a")).await;
    (origin, proxy)
}

#[tokio::test]
async fn a_client_that_has_it_already_gets_304_from_the_cache() {
    let (same, later) = (date(-1000), date(-999));
    let rows: &[&[(&str, &str)]] = &[
        &[("If-None-Match", "\"v1\"")],
        &[("If-None-Match", "W/\"v1\"")],
        &[("If-None-Match", "\"v0\", W/\"v0\" , \"v1\"")],
        &[("If-None-Match", "\"v0\""), ("If-None-Match", "\"v1\"")],
        &[("If-None-Match", "*")],
        &[("If-Modified-Since", &same)],
        &[("If-Modified-Since", &later)],
        &[("If-None-Match", "\"v1\""), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
    ];
    let (origin, proxy) = stored().await;
    proxy.advance(seconds(4));
    for conditions in rows {
        let response = get_with(&proxy, &origin.url("/a"), conditions).await;
        assert_eq!((response.status, response.framing), (304, Framing::None), "{conditions:?}");
        assert_eq!(response.cache_status(), "larder; hit; ttl=56", "{conditions:?}");
        for (name, value) in
            [("etag", "\"v1\""), ("age", "4"), ("cache-control", "max-age=60"), ("vary", "Accept")]
        {
            assert_eq!(response.field(name), Some(value), "{conditions:?}");
        }
        assert!(response.fields.has("date"));
        for name in ["content-length", "content-type", "content-language"] {
            assert!(!response.fields.has(name), "{name} in {response:?}");
        }
    }
    origin.only_request();
    let lines = proxy.log().wait_for_exchanges(rows.len() + 1).await;
    assert_eq!(
        (&lines[1]["message"], &lines[1]["status"]),
        (&"Read from cache".into(), &304.into())
    );
}

#[tokio::test]
async fn a_client_that_has_something_else_gets_the_whole_from_the_cache() {
    let (earlier, same) = (date(-1001), date(-1000));
    let rows: &[&[(&str, &str)]] = &[
        &[("If-None-Match", "\"v2\"")],
        &[("If-None-Match", "v1")],
        &[("If-None-Match", "")],
        &[("If-Modified-Since", &earlier)],
        &[("If-Modified-Since", "yesterday")],
        &[("If-None-Match", "\"v2\""), ("If-Modified-Since", &same)],
    ];
    let (origin, proxy) = stored().await;
    for conditions in rows {
        let response = get_with(&proxy, &origin.url("/a"), conditions).await;
        assert_eq!((response.status, response.text()), (200, "hello"), "{conditions:?}");
        assert_eq!(response.cache_status(), "larder; hit; ttl=60");
    }
    origin.only_request();
}

#[tokio::test]
async fn conditions_travel_untouched_when_nothing_is_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin
        .route("/a", Reply::new(304).field("ETag", "\"v1\"").field("Cache-Control", "max-age=60"));
    let conditions = [
        ("If-None-Match", "W/\"a\",\"v1\""),
        ("If-None-Match", "\"c\""),
        ("If-Modified-Since", "Friday, 15-Jan-27 07:00:00 GMT"),
    ];
    for _ in 0..2 {
        let response = get_with(&proxy, &origin.url("/a"), &conditions).await;
        assert_eq!((response.status, response.framing), (304, Framing::None));
        assert_eq!(response.field("etag"), Some("\"v1\""));
        assert!(response.cache_status().starts_with("larder; fwd=uri-miss"), "{response:?}");
    }
    for request in origin.wait_for_requests(2).await {
        assert_eq!(request.fields.all("if-none-match"), ["W/\"a\",\"v1\"", "\"c\""]);
        assert_eq!(request.field("if-modified-since"), Some("Friday, 15-Jan-27 07:00:00 GMT"));
    }
}

#[tokio::test]
async fn a_whole_answer_to_a_conditional_request_is_stored_for_everybody() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "hello").field("ETag", "\"v2\""));
    let url = origin.url("/a");
    let first = get_with(&proxy, &url, &[("If-None-Match", "\"v1\"")]).await;
    let second = proxy.get(&url).await;
    assert_eq!((first.status, first.text()), (200, "hello"));
    assert_eq!(first.cache_status(), "larder; fwd=uri-miss; stored");
    assert_eq!((second.text(), second.cache_status()), ("hello", "larder; hit; ttl=60"));
    origin.only_request();
}

#[tokio::test]
async fn if_match_and_if_unmodified_since_are_for_the_origin_to_judge() {
    let since = date(-2000);
    for condition in [("If-Match", "\"v0\""), ("If-Unmodified-Since", &since)] {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route_with("/a", |request: &Received| {
            if request.has("if-match") || request.has("if-unmodified-since") {
                Reply::new(412).body("not that one")
            } else {
                Reply::cacheable(60, "hello").field("ETag", "\"v1\"")
            }
        });
        let url = origin.url("/a");
        proxy.get(&url).await;
        let response = get_with(&proxy, &url, &[condition]).await;
        let after = proxy.get(&url).await;
        assert_eq!((response.status, response.text()), (412, "not that one"));
        assert!(response.cache_status().starts_with("larder; fwd=request"), "{response:?}");
        assert_eq!((after.text(), after.cache_status()), ("hello", "larder; hit; ttl=60"));
        let requests = origin.wait_for_requests(2).await;
        assert_eq!(requests[1].field(condition.0), Some(condition.1));
    }
}
