//! The text client: a bare hostname, with or without a line end, gets the whole answer and a close.

use std::time::Duration;

use larder::cli::serve::Config;

use crate::support::client::{self, Client};
use crate::support::gate::not_yet;
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

fn soon(config: &mut Config) {
    config.server.quiet_wait = Duration::from_millis(30);
}

/// What must not differ between an answer and its repeat.
fn lasting(response: &Response) -> Vec<(String, String)> {
    let ours = ["age", "cache-status", "content-length", "transfer-encoding", "connection"];
    let lines = response.fields.iter().map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    lines.filter(|(name, _)| !ours.contains(&&**name)).collect()
}

#[tokio::test]
async fn a_bare_hostname_is_fetched_however_its_end_is_told() {
    let origin = Origin::start().await;
    origin.route("/", Reply::ok("welcome"));
    let proxy = Proxy::with(soon).await;
    let host = origin.authority();
    for ending in ["\n", "\r\n", ""] {
        let response = client::text(proxy.address(), &format!("{host}{ending}")).await;
        assert_eq!((response.status, response.text()), (200, "welcome"), "{ending:?}");
        assert_eq!(response.field("connection"), Some("close"));
    }
    let mut closing = proxy.client().await;
    closing.send(&host).await;
    closing.half_close().await;
    assert_eq!(closing.response().await.text(), "welcome");
    closing.expect_close().await;

    let seen = origin.wait_for_requests(4).await;
    for request in &seen {
        assert_eq!((&*request.method, &*request.target), ("GET", "/"));
        assert_eq!(request.field("host"), Some(&*host));
    }
}

#[tokio::test]
async fn a_hostname_without_a_line_end_is_not_taken_before_the_silence() {
    let origin = Origin::start().await;
    origin.route("/path/more", Reply::ok("whole"));
    let proxy = Proxy::with(|config| config.server.quiet_wait = Duration::from_secs(9)).await;
    let mut client = proxy.client().await;
    client.send(format!("{}/path", origin.authority())).await;
    not_yet("an answer to half a line", client.some()).await;
    client.send("/more\n").await;
    assert_eq!(client.response().await.text(), "whole");
    assert_eq!(origin.only_request().target, "/path/more");
}

#[tokio::test]
async fn path_port_query_and_scheme_are_understood() {
    let origin = Origin::start().await;
    origin.route("/a/b?c=d", Reply::ok("found"));
    origin.route("/?q", Reply::ok("query"));
    let (proxy, host) = (Proxy::with(soon).await, origin.authority());
    let port = origin.address().port();
    for (words, body) in [
        (format!("{host}/a/b?c=d"), "found"),
        (format!("http://{host}/a/b?c=d\n"), "found"),
        (format!("HTTP://{host}/a/b?c=d\r\n"), "found"),
        (format!("{host}?q"), "query"),
        (format!("localhost:{port}/a/b?c=d"), "found"),
    ] {
        let response = client::text(proxy.address(), &words).await;
        assert_eq!((response.status, response.text()), (200, body), "{words:?}");
    }
}

#[tokio::test]
async fn an_https_url_is_fetched_over_tls_and_cached() {
    let origin = Origin::start_tls().await;
    origin.route("/a", Reply::cacheable(60, "secret"));
    let ca = origin.ca_file();
    let proxy = Proxy::with(|config| {
        soon(config);
        config.upstream.upstream_ca = Some(ca);
    })
    .await;
    for _ in 0..2 {
        assert_eq!(client::text(proxy.address(), &origin.url("/a")).await.text(), "secret");
    }
    origin.only_request();
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!(lines[1]["message"], "Read from cache");
    assert_eq!(lines[1]["url"], origin.url("/a"));
}

#[tokio::test]
async fn a_repeat_comes_from_the_cache_with_the_same_status_fields_and_body() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(soon).await;
    let page = |reply: Reply| {
        let reply = reply.field("ETag", "\"1\"").field("Set-Cookie", "a").field("Set-Cookie", "b");
        reply.field("Content-Type", "text/plain").field("Date", &proxy.date())
    };
    let gone = Reply::new(404).body("gone").field("Cache-Control", "max-age=60");
    for (path, reply) in [
        ("/length", Reply::cacheable(60, "hello").reason("Very Well")),
        ("/chunked", Reply::cacheable(60, "hello").chunked()),
        ("/close", Reply::cacheable(60, "hello").until_close()),
        ("/gone", gone),
    ] {
        origin.route(path, page(reply));
        let words = format!("{}{path}", origin.authority());
        let first = client::text(proxy.address(), &words).await;
        proxy.advance(Duration::from_secs(5));
        let second = client::text(proxy.address(), &words).await;
        assert_eq!((second.status, &second.reason), (first.status, &first.reason), "{path}");
        assert_eq!(lasting(&second), lasting(&first), "{path}");
        assert_eq!(second.body, first.body, "{path}");
        assert_eq!(second.cache_status(), "larder; hit; ttl=55", "{path}");
        assert_eq!(second.field("age"), Some("5"), "{path}");
    }
    origin.wait_for_requests(4).await;
}

#[tokio::test]
async fn what_a_browser_fetched_is_read_from_the_cache_by_a_text_client() {
    let origin = Origin::start().await;
    origin.route("/", Reply::cacheable(60, "shared"));
    let proxy = Proxy::start().await;
    proxy.get(&origin.url("/")).await;
    let words = format!("{}\n", origin.authority());
    let response = client::text(proxy.address(), &words).await;
    assert_eq!((response.text(), response.cache_status()), ("shared", "larder; hit; ttl=60"));
    origin.only_request();
}

#[tokio::test]
async fn a_host_that_refuses_is_an_error_with_a_sentence_and_a_close() {
    let proxy = Proxy::start().await;
    let refusing = crate::support::listener::Refusing::start();
    let words = format!("{}\n", refusing.address());
    let response = client::text(proxy.address(), &words).await;
    assert_eq!(response.status, 502);
    assert!(response.text().contains("connection refused"), "{}", response.text());
    assert!(response.text().contains(&refusing.address().to_string()), "{}", response.text());
}

#[tokio::test]
async fn what_is_neither_http_nor_a_hostname_is_closed_without_a_byte() {
    let proxy = Proxy::start().await;
    for noise in [&b"\x16\x03\x01\x02\x00"[..], b"SSH-2.0-x\r\n", b"\x05\x01\x00", b"{}\n"] {
        let mut client = Client::connect(proxy.address()).await;
        client.send(noise).await;
        client.expect_close().await;
    }
    assert!(proxy.log().exchanges().is_empty());
    // The proxy serves on.
    assert_eq!(proxy.get("http://127.0.0.1:25/").await.status, 403);
}
