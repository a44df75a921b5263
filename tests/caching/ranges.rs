//! Parts of a response (RFC 9110 §14).

use super::{Proxy, ask, date, get_with};
use crate::support::message::Framing;
use crate::support::origin::{Origin, Received, Reply};

const BODY: &str = "0123456789";

async fn stored() -> (Origin, Proxy) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let reply = Reply::cacheable(60, BODY).field("ETag", "\"v1\"").field("Date", &date(0));
    origin.route(
        "/a",
        reply.field("Last-Modified", &date(-1000)).field("Content-Type", "text/plain"),
    );
    proxy.get(&origin.url("/a")).await;
    (origin, proxy)
}

#[tokio::test]
async fn a_part_is_served_from_the_stored_whole() {
    let rows = [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=7-99", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", BODY, "bytes 0-9/10"),
    ];
    let (origin, proxy) = stored().await;
    for (range, part, content_range) in rows {
        let response = get_with(&proxy, &origin.url("/a"), &[("Range", range)]).await;
        assert_eq!((response.status, response.text()), (206, part), "{range}");
        assert_eq!(response.framing, Framing::Length(part.len() as u64));
        assert_eq!(response.field("content-range"), Some(content_range));
        assert_eq!((response.field("etag"), response.field("age")), (Some("\"v1\""), Some("0")));
        assert_eq!(response.field("content-type"), Some("text/plain"));
        assert_eq!(response.cache_status(), "larder; hit; ttl=60");
    }
    origin.only_request();
    let lines = proxy.log().wait_for_exchanges(rows.len() + 1).await;
    assert_eq!(
        (&lines[1]["message"], &lines[1]["status"]),
        (&"Read from cache".into(), &206.into())
    );
    assert_eq!(lines[1]["bytes"], 3);
}

#[tokio::test]
async fn a_part_beyond_the_end_is_416_with_the_length() {
    let (origin, proxy) = stored().await;
    for range in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
        let response = get_with(&proxy, &origin.url("/a"), &[("Range", range)]).await;
        assert_eq!((response.status, response.text()), (416, ""), "{range}");
        assert_eq!(response.field("content-range"), Some("bytes */10"));
        assert_eq!(response.framing, Framing::Length(0));
    }
    origin.only_request();
}

#[tokio::test]
async fn what_is_no_range_of_bytes_gets_the_whole() {
    let (origin, proxy) = stored().await;
    for range in ["lines=1-2", "bytes=5-2", "bytes=x"] {
        let response = get_with(&proxy, &origin.url("/a"), &[("Range", range)]).await;
        assert_eq!((response.status, response.text()), (200, BODY), "{range}");
        assert!(!response.fields.has("content-range"));
    }
    let head = ask(&proxy, "HEAD", &origin.url("/a"), &[("Range", "bytes=2-4")]).await;
    assert_eq!((head.status, head.field("content-length")), (200, Some("10")));
    origin.only_request();
}

#[tokio::test]
async fn if_range_gets_the_part_only_of_the_same_version() {
    let (same, other) = (date(-1000), date(-999));
    let rows = [
        ("\"v1\"", 206),
        (&*same, 206),
        ("\"v2\"", 200),
        ("W/\"v1\"", 200),
        (&*other, 200),
        ("nonsense", 200),
    ];
    let (origin, proxy) = stored().await;
    for (condition, status) in rows {
        let fields = [("Range", "bytes=2-4"), ("If-Range", condition)];
        let response = get_with(&proxy, &origin.url("/a"), &fields).await;
        let body = if status == 206 { "234" } else { BODY };
        assert_eq!((response.status, response.text()), (status, body), "{condition}");
        assert_eq!(response.cache_status(), "larder; hit; ttl=60");
    }
    origin.only_request();
}

#[tokio::test]
async fn a_condition_is_judged_before_the_range() {
    let (origin, proxy) = stored().await;
    let fields = [("Range", "bytes=2-4"), ("If-None-Match", "\"v1\"")];
    let response = get_with(&proxy, &origin.url("/a"), &fields).await;
    assert_eq!((response.status, response.field("content-range")), (304, None));
    origin.only_request();
}

#[tokio::test]
async fn a_part_is_stored_answers_its_range_and_is_completed_by_asking_for_the_rest() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", |request: &Received| {
        let (range, body) = match request.field("range") {
            Some("bytes=0-4") => ("bytes 0-4/10", &BODY[..5]),
            Some("bytes=5-") => ("bytes 5-9/10", &BODY[5..]),
            other => panic!("{other:?}"),
        };
        let part = Reply::new(206).body(body).field("Content-Range", range);
        part.field("Cache-Control", "max-age=60").field("ETag", "\"v1\"")
    });
    let url = origin.url("/a");
    for (range, expected, status) in [
        ("bytes=0-4", "01234", "larder; fwd=uri-miss; stored"),
        ("bytes=0-4", "01234", "larder; hit; ttl=60"),
        ("bytes=1-3", "123", "larder; hit; ttl=60"),
    ] {
        let part = get_with(&proxy, &url, &[("Range", range)]).await;
        assert_eq!((part.status, part.text(), part.cache_status()), (206, expected, status));
    }
    let whole = proxy.get(&url).await;
    assert_eq!((whole.status, whole.text()), (200, BODY));
    assert_eq!(whole.cache_status(), "larder; fwd=partial; fwd-status=206; stored");
    let again = proxy.get(&url).await;
    assert_eq!((again.status, again.text()), (200, BODY));
    assert_eq!(again.cache_status(), "larder; hit; ttl=60");

    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[1].field("range"), Some("bytes=5-"));
    assert_eq!(requests[1].field("if-range"), Some("\"v1\""));
}

#[tokio::test]
async fn a_range_that_the_origin_answers_with_the_whole_fills_the_cache() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, BODY));
    let url = origin.url("/a");
    let first = get_with(&proxy, &url, &[("Range", "bytes=2-4")]).await;
    let second = get_with(&proxy, &url, &[("Range", "bytes=2-4")]).await;
    assert_eq!((first.status, first.text()), (200, BODY));
    assert_eq!((second.status, second.text()), (206, "234"));
    assert_eq!(origin.only_request().field("range"), Some("bytes=2-4"));
}
