//! What the head of a stored response looks like when it is used: Date, Via, Cache-Status, reason.

use super::{Proxy, date, seconds};
use crate::support::message::{Framing, Response};
use crate::support::origin::{Origin, Reply};

/// The first answer, and the one that is read from the cache.
async fn twice(reply: Reply) -> (Response, Response) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", reply);
    let first = proxy.get(&origin.url("/a")).await;
    let second = proxy.get(&origin.url("/a")).await;
    origin.only_request();
    (first, second)
}

#[tokio::test]
async fn a_response_without_a_date_is_dated_when_it_arrives() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "undated"));
    let arrived = proxy.date();
    let first = proxy.get(&origin.url("/a")).await;
    proxy.advance(seconds(30));
    let second = proxy.get(&origin.url("/a")).await;
    assert_eq!(first.field("date"), Some(&*arrived));
    assert_eq!(second.field("date"), Some(&*arrived));
}

#[tokio::test]
async fn a_date_of_the_origin_is_left_alone() {
    let (first, second) = twice(Reply::cacheable(60, "dated").field("Date", &date(-5))).await;
    assert_eq!(first.field("date"), Some(&*date(-5)));
    assert_eq!(second.field("date"), Some(&*date(-5)));
}

#[tokio::test]
async fn our_member_of_via_stands_once_whether_stored_or_not() {
    let reply = Reply::cacheable(60, "via").field("Via", "1.0 elsewhere");
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", reply);
    for _ in 0..3 {
        let response = proxy.get(&origin.url("/a")).await;
        let via = response.fields.all("via").join(", ");
        assert!(via.starts_with("1.0 elsewhere, 1.1 larder-"), "{via}");
        assert_eq!(via.matches("larder-").count(), 1, "{via}");
    }
    origin.only_request();
}

#[tokio::test]
async fn our_member_of_cache_status_comes_after_those_of_other_caches() {
    let reply = Reply::cacheable(60, "shared").field("Cache-Status", "Nearby; hit; ttl=5");
    let (first, second) = twice(reply).await;
    let expected = ["Nearby; hit; ttl=5", "larder; fwd=uri-miss; stored"];
    assert_eq!(first.fields.all("cache-status"), expected);
    assert_eq!(second.fields.all("cache-status"), ["Nearby; hit; ttl=5", "larder; hit; ttl=60"]);
}

#[tokio::test]
async fn the_reason_phrase_of_the_origin_is_kept() {
    let (first, second) = twice(Reply::cacheable(60, "fine").reason("Quite All Right")).await;
    assert_eq!((first.status, &*first.reason), (200, "Quite All Right"));
    assert_eq!((second.status, &*second.reason), (200, "Quite All Right"));
}

#[tokio::test]
async fn every_line_of_a_field_is_stored_in_its_order() {
    let reply = Reply::cacheable(60, "lines")
        .field("Link", "</a.css>")
        .field("X-Between", "1")
        .field("Link", "</b.css>")
        .field("Set-Cookie", "a=1")
        .field("Set-Cookie", "b=2");
    let (first, second) = twice(reply).await;
    for response in [first, second] {
        assert_eq!(response.fields.all("link"), ["</a.css>", "</b.css>"]);
        assert_eq!(response.fields.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(response.field("x-between"), Some("1"));
    }
}

#[tokio::test]
async fn connection_fields_are_neither_passed_on_nor_stored() {
    let reply = Reply::cacheable(60, "hops")
        .field("Connection", "X-Secret")
        .field("X-Secret", "between two neighbours")
        .field("Keep-Alive", "timeout=5")
        .field("Proxy-Authenticate", "Basic realm=\"a\"");
    let (first, second) = twice(reply).await;
    for response in [first, second] {
        for name in ["connection", "x-secret", "keep-alive", "proxy-authenticate"] {
            assert!(!response.fields.has(name), "{name}: {response:?}");
        }
    }
}

#[tokio::test]
async fn a_chunked_response_is_stored_whole_and_sent_with_its_length() {
    let (first, second) = twice(Reply::cacheable(60, "in pieces").chunked()).await;
    assert_eq!((first.framing, first.text()), (Framing::Chunked, "in pieces"));
    assert_eq!((second.framing, second.text()), (Framing::Length(9), "in pieces"));
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_stored_whole() {
    let (first, second) = twice(Reply::cacheable(60, "to the end").until_close()).await;
    assert_eq!((first.text(), second.text()), ("to the end", "to the end"));
    assert_eq!(second.framing, Framing::Length(10));
}

#[tokio::test]
async fn a_response_without_content_is_stored_and_has_no_length() {
    let reply = Reply::new(204).field("Cache-Control", "max-age=60");
    let (first, second) = twice(reply).await;
    assert_eq!((first.status, second.status), (204, 204));
    assert!(!second.fields.has("content-length"), "{second:?}");
    assert_eq!(second.cache_status(), "larder; hit; ttl=60");
}
