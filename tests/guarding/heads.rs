//! Request heads that are too large, or that others would read differently.

use super::{is_error, serves_on};
use crate::support::client::request;
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// Sends `bytes`, of which the proxy may not want all, and reads the answer.
async fn sent(proxy: &Proxy, bytes: impl AsRef<[u8]>) -> Response {
    let mut client = proxy.client().await;
    client.try_send(bytes).await.ok();
    let response = client.response().await;
    assert_eq!(response.field("connection"), Some("close"), "{response:?}");
    client.expect_close().await;
    response
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let url = origin.url("/a");
    let half = "x".repeat(30_000);
    let whole = "x".repeat(40_000);
    let three = [("X-A", &*half), ("X-B", &*half), ("X-C", &*half)];
    let many: Vec<_> = (0..101).map(|n| (format!("X-{n}"), "1")).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    for fields in [&three[..], &[("X-One", &whole)], &many] {
        let response = sent(&proxy, request("GET", &url, fields)).await;
        is_error(&response, 431, "http_request_error", &["larger than this proxy takes"]);
    }
    // A head that never ends is not waited for.
    let endless = format!("GET {url} HTTP/1.1\r\nHost: a\r\nX-Endless: {}", "x".repeat(70_000));
    assert_eq!(sent(&proxy, endless).await.status, 431);
    assert_eq!(origin.connections(), 0);
    let lines = proxy.log().wait_for_exchanges(4).await;
    for line in lines {
        assert_eq!((&line["message"], &line["status"]), (&"Refused".into(), &431.into()), "{line}");
    }
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_target_that_is_too_long_is_414() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let long = origin.url(&format!("/{}", "x".repeat(17_000)));
    let endless = format!("GET {}", origin.url(&"x".repeat(70_000)));
    for bytes in [request("GET", &long, &[]), endless] {
        let response = sent(&proxy, bytes).await;
        is_error(&response, 414, "http_request_error", &["request line is longer"]);
    }
    assert_eq!(origin.connections(), 0);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_head_within_the_limits_passes() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let path = format!("/{}", "x".repeat(16_000));
    origin.route(&path, Reply::ok("fits"));
    let large = "y".repeat(30_000);
    let fields = [("X-Large", &*large)];
    let response = proxy.client().await.get_with(&origin.url(&path), &fields).await;
    assert_eq!((response.status, response.text()), (200, "fits"));
    assert_eq!(origin.only_request().field("x-large"), Some(&*large));
}

#[tokio::test]
async fn a_host_that_is_missing_double_or_none_is_400() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let url = origin.url("/a");
    let rows = [
        ("", "needs a Host field"),
        ("Host: a\r\nHost: a\r\n", "only one Host field"),
        ("Host: a\r\nX-A: 1\r\nHost: b\r\n", "only one Host field"),
        ("Host: a b\r\n", "not a host"),
        ("Host: a/b\r\n", "not a host"),
        ("Host: me@a\r\n", "not a host"),
    ];
    for (fields, sentence) in rows {
        let mut client = proxy.client().await;
        client.send(format!("GET {url} HTTP/1.1\r\n{fields}\r\n")).await;
        is_error(&client.response().await, 400, "http_request_error", &[sentence]);
    }
    assert_eq!(origin.connections(), 0);
    proxy.log().wait_for_exchanges(rows.len()).await;
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_transfer_coding_other_than_chunked_is_refused_unread() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let url = origin.url("/a");
    for codings in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
    ] {
        let head = format!("POST {url} HTTP/1.1\r\nHost: a\r\n{codings}\r\n\r\n");
        let smuggled = format!("{head}0\r\n\r\n{}", request("GET", &origin.url("/smuggled"), &[]));
        let response = sent(&proxy, smuggled).await;
        assert!(matches!(response.status, 400 | 501), "{codings}: {response:?}");
    }
    assert_eq!(origin.connections(), 0);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn two_ways_to_say_the_length_never_both_reach_the_origin() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("done"));
    let url = origin.url("/a");
    let fields = "Content-Length: 3\r\nTransfer-Encoding: chunked";
    let body = "2\r\nhi\r\n0\r\n\r\n";
    let mut client = proxy.client().await;
    client.send(format!("POST {url} HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")).await;
    let response = client.response().await;
    if response.status == 200 {
        let seen = origin.only_request();
        assert!(!seen.has("content-length"), "{seen:?}");
        assert_eq!((seen.field("transfer-encoding"), &*seen.body), (Some("chunked"), &b"hi"[..]));
    } else {
        assert_eq!(response.status, 400);
        assert_eq!(origin.connections(), 0);
    }
    for lengths in
        ["Content-Length: 2\r\nContent-Length: 3", "Content-Length: +2", "Content-Length: 2, 3"]
    {
        let text = format!("POST {url} HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\nhi!");
        assert_eq!(sent(&proxy, text).await.status, 400, "{lengths}");
    }
    assert!(origin.requests().len() <= 1);
    serves_on(&proxy).await;
}
