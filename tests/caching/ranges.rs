//! Parts of a response (RFC 9110 §14).

use super::{ask, date, get_with};
use crate::support::message::Framing;
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::Proxy;

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
async fn what_is_not_one_range_of_bytes_gets_the_whole() {
    let (origin, proxy) = stored().await;
    for range in ["bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes=x"] {
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
async fn a_range_of_what_is_not_stored_passes_through_and_its_206_is_not_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", |request: &Received| match request.field("range") {
        Some(_) => Reply::new(206)
            .body("234")
            .field("Content-Range", "bytes 2-4/10")
            .field("Cache-Control", "max-age=60")
            .field("ETag", "\"v1\""),
        None => Reply::cacheable(60, BODY).field("ETag", "\"v1\""),
    });
    let url = origin.url("/a");
    for _ in 0..2 {
        let fields = [("Range", "bytes=2-4"), ("If-Range", "\"v1\"")];
        let part = get_with(&proxy, &url, &fields).await;
        assert_eq!((part.status, part.text()), (206, "234"));
        assert_eq!(part.field("content-range"), Some("bytes 2-4/10"));
        assert_eq!(part.cache_status(), "larder; fwd=uri-miss; detail=range");
    }
    let whole = proxy.get(&url).await;
    assert_eq!((whole.status, whole.text()), (200, BODY));
    assert_eq!(whole.cache_status(), "larder; fwd=uri-miss; stored");
    let requests = origin.wait_for_requests(3).await;
    assert_eq!(requests[1].field("range"), Some("bytes=2-4"));
    assert_eq!(requests[1].field("if-range"), Some("\"v1\""));
    assert_eq!(requests[2].field("range"), None);
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
