//! Asking the origin whether what is stored still holds (RFC 9111 §4.3).

use serde_json::Value;

use super::{Proxy, date, get_with, seconds};
use crate::support::message::Framing;
use crate::support::origin::{Origin, Reply};

/// Fresh for ten seconds, with a validator.
fn page(body: &str, etag: &str) -> Reply {
    Reply::cacheable(10, body).field("ETag", etag)
}

#[tokio::test]
async fn a_304_freshens_what_is_stored_and_the_client_gets_the_freshened_head() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let first = page("hello", "\"v1\"").field("X-Old", "1").field("X-Both", "old");
    let freshened = Reply::new(304)
        .field("ETag", "\"v1\"")
        .field("Cache-Control", "max-age=100")
        .field("X-Both", "new")
        .field("X-New", "2")
        .field("Date", &date(10));
    origin.script("/a", [first, freshened]);
    let url = origin.url("/a");

    proxy.get(&url).await;
    proxy.wait_for_stored(1).await;
    proxy.advance(seconds(10));
    let second = proxy.get(&url).await;
    proxy.advance(seconds(30));
    let third = proxy.get(&url).await;

    for response in [&second, &third] {
        assert_eq!((response.status, response.text()), (200, "hello"));
        assert_eq!(response.field("cache-control"), Some("max-age=100"));
        assert_eq!((response.field("x-old"), response.field("x-both")), (Some("1"), Some("new")));
        assert_eq!(response.field("x-new"), Some("2"));
        assert_eq!(response.field("date"), Some(&*date(10)));
        assert_eq!(response.fields.all("via").join(", ").matches("larder-").count(), 1);
    }
    assert_eq!(second.cache_status(), "larder; fwd=stale; fwd-status=304; ttl=100");
    assert_eq!(third.cache_status(), "larder; hit; ttl=70");
    assert_eq!((second.field("age"), third.field("age")), (Some("0"), Some("30")));
    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[0].field("if-none-match"), None);
    assert_eq!(requests[1].field("if-none-match"), Some("\"v1\""));
    let lines = proxy.log().wait_for_exchanges(3).await;
    assert_eq!(lines[1]["message"], "Revalidated with origin");
    assert_eq!(lines[1]["cache"], "revalidated");
    assert!(Proxy::reads_from(&lines[1]["tier"]), "{}", lines[1]);
    assert_eq!((&lines[1]["status"], &lines[1]["bytes"]), (&200.into(), &5.into()));
}

#[tokio::test]
async fn both_validators_are_sent_byte_for_byte() {
    let modified = "Friday, 15-Jan-27 07:00:00 GMT";
    let rows: &[&[(&str, &str)]] = &[
        &[("ETag", "W/\"a\\b\"")],
        &[("Last-Modified", modified)],
        &[("ETag", "\"x\""), ("Last-Modified", modified)],
    ];
    for validators in rows {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        let reply = validators.iter().fold(Reply::cacheable(10, "x"), |r, (n, v)| r.field(n, v));
        origin.script("/a", [reply, Reply::new(304)]);
        proxy.get(&origin.url("/a")).await;
        proxy.advance(seconds(10));
        let second = proxy.get(&origin.url("/a")).await;
        assert_eq!((second.status, second.text()), (200, "x"), "{validators:?}");
        let requests = origin.wait_for_requests(2).await;
        let sent = |name| validators.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        assert_eq!(requests[1].field("if-none-match"), sent("ETag"));
        assert_eq!(requests[1].field("if-modified-since"), sent("Last-Modified"));
    }
}

#[tokio::test]
async fn the_length_of_a_304_is_never_that_of_the_body() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let lying = Reply::new(304).field("Content-Length", "9999").field("ETag", "\"v1\"");
    origin.script("/a", [page("hello", "\"v1\""), lying]);
    proxy.get(&origin.url("/a")).await;
    proxy.advance(seconds(10));
    for _ in 0..2 {
        let response = proxy.get(&origin.url("/a")).await;
        assert_eq!((response.text(), response.framing), ("hello", Framing::Length(5)));
    }
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_200_replaces_what_was_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.script("/a", [page("old", "\"v1\"").field("X-Old", "1"), page("newer", "\"v2\"")]);
    let url = origin.url("/a");
    proxy.get(&url).await;
    proxy.advance(seconds(10));
    let second = proxy.get(&url).await;
    let third = proxy.get(&url).await;
    assert_eq!(second.cache_status(), "larder; fwd=stale; fwd-status=200; stored");
    assert_eq!(third.cache_status(), "larder; hit; ttl=10");
    for response in [second, third] {
        assert_eq!((response.text(), response.field("etag")), ("newer", Some("\"v2\"")));
        assert!(!response.fields.has("x-old"), "{response:?}");
    }
    let lines = proxy.log().wait_for_exchanges(3).await;
    assert_eq!(lines[1]["message"], "Fetched from origin");
    assert_eq!((&lines[0]["reason"], &lines[1]["reason"]), (&Value::Null, &"stale".into()));
}

#[tokio::test]
async fn an_answer_that_may_not_be_stored_takes_the_old_one_away() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let private = Reply::ok("for you").field("Cache-Control", "private");
    origin.script("/a", [page("old", "\"v1\""), private.clone(), private]);
    let url = origin.url("/a");
    proxy.get(&url).await;
    proxy.advance(seconds(10));
    let second = proxy.get(&url).await;
    let third = proxy.get(&url).await;
    assert_eq!(second.cache_status(), "larder; fwd=stale; fwd-status=200; detail=private");
    assert_eq!(third.cache_status(), "larder; fwd=uri-miss; detail=private");
    assert!(!origin.wait_for_requests(3).await[2].has("if-none-match"));
}

#[tokio::test]
async fn a_304_for_another_version_is_not_believed_and_the_whole_is_asked_for() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let other = Reply::new(304).field("ETag", "\"v2\"");
    origin.script("/a", [page("old", "\"v1\""), other, page("new", "\"v2\"")]);
    proxy.get(&origin.url("/a")).await;
    proxy.advance(seconds(10));
    let second = proxy.get(&origin.url("/a")).await;
    assert_eq!((second.status, second.text()), (200, "new"));
    let requests = origin.wait_for_requests(3).await;
    assert_eq!(requests[1].field("if-none-match"), Some("\"v1\""));
    assert!(!requests[2].has("if-none-match"), "{:?}", requests[2]);
}

#[tokio::test]
async fn no_cache_with_a_validator_is_stored_and_asked_about_each_time() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let reply = Reply::ok("look first").field("Cache-Control", "no-cache, max-age=60");
    let held = Reply::new(304).field("ETag", "\"v1\"");
    origin.script("/a", [reply.field("ETag", "\"v1\""), held.clone(), held]);
    assert_eq!(proxy.get(&origin.url("/a")).await.cache_status(), "larder; fwd=uri-miss; stored");
    for _ in 0..2 {
        let response = proxy.get(&origin.url("/a")).await;
        assert_eq!((response.status, response.text()), (200, "look first"));
        assert_eq!(response.cache_status(), "larder; fwd=stale; fwd-status=304; ttl=60");
    }
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn the_client_s_tags_are_joined_with_ours_and_judged_after_a_304() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let held = Reply::new(304).field("ETag", "\"v1\"").field("Cache-Control", "max-age=10");
    origin.script("/a", [page("hello", "\"v1\""), held.clone(), held]);
    let url = origin.url("/a");
    proxy.get(&url).await;

    proxy.advance(seconds(10));
    let known = get_with(&proxy, &url, &[("If-None-Match", "W/\"v0\", \"v1\"")]).await;
    proxy.advance(seconds(10));
    let unknown =
        get_with(&proxy, &url, &[("If-None-Match", "\"v0\""), ("If-Modified-Since", &date(0))])
            .await;

    assert_eq!((known.status, known.framing), (304, Framing::None));
    assert_eq!(known.field("etag"), Some("\"v1\""));
    assert_eq!(known.cache_status(), "larder; fwd=stale; fwd-status=304; ttl=10");
    assert_eq!((unknown.status, unknown.text()), (200, "hello"));
    let requests = origin.wait_for_requests(3).await;
    for (request, joined) in requests[1..].iter().zip(["\"v1\", W/\"v0\"", "\"v1\", \"v0\""]) {
        assert_eq!(request.fields.all("if-none-match"), [joined]);
        assert!(!request.has("if-modified-since"), "{request:?}");
    }
}

#[tokio::test]
async fn a_stale_response_with_nothing_to_validate_it_by_is_fetched_again() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.script("/a", [Reply::cacheable(10, "one"), Reply::cacheable(10, "two")]);
    proxy.get(&origin.url("/a")).await;
    proxy.advance(seconds(10));
    let second = proxy.get(&origin.url("/a")).await;
    assert_eq!(second.text(), "two");
    assert!(second.cache_status().starts_with("larder; fwd=stale; "), "{second:?}");
    assert!(second.cache_status().ends_with("; stored"), "{second:?}");
    let requests = origin.wait_for_requests(2).await;
    assert!(!requests[1].has("if-none-match") && !requests[1].has("if-modified-since"));
}
