//! What an unsafe method makes doubtful (RFC 9111 §4.4).

use super::{Proxy, ask};
use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Received, Reply};

/// An origin that stores its pages for a minute and answers anything but GET with `written`.
async fn writable(written: Reply) -> Origin {
    let origin = Origin::start().await;
    for path in ["/a", "/b", "/c", "/d"] {
        let written = written.clone();
        origin.route_with(path, move |request: &Received| match request.method.as_str() {
            "GET" => Reply::cacheable(60, "page"),
            _ => written.clone(),
        });
    }
    origin
}

/// Whether each page is still read from the cache.
async fn hits(proxy: &Proxy, origin: &Origin, paths: &[&str]) -> Vec<bool> {
    let mut all = Vec::new();
    for path in paths {
        let response = proxy.get(&origin.url(path)).await;
        all.push(response.cache_status().starts_with("larder; hit"));
    }
    all
}

#[tokio::test]
async fn a_post_that_succeeds_invalidates_its_target_and_is_not_stored() {
    let (origin, proxy) = (writable(Reply::cacheable(60, "done")).await, Proxy::start().await);
    hits(&proxy, &origin, &["/a", "/b"]).await;
    let post = proxy.client().await.post(&origin.url("/a"), "change").await;
    assert_eq!((post.text(), post.cache_status()), ("done", "larder; fwd=method"));
    assert_eq!(hits(&proxy, &origin, &["/a", "/b", "/a"]).await, [false, true, true]);

    let lines = proxy.log().wait_for_exchanges(6).await;
    assert_eq!(
        (&lines[2]["message"], &lines[2]["bytes_up"]),
        (&"Passed through".into(), &6.into())
    );
}

#[tokio::test]
async fn every_unsafe_or_unknown_method_invalidates_and_safe_ones_do_not() {
    let rows = [
        ("PUT", true),
        ("DELETE", true),
        ("PATCH", true),
        ("FROBNICATE", true),
        ("OPTIONS", false),
        ("PROPFIND", false),
    ];
    for (method, invalidates) in rows {
        let (origin, proxy) = (writable(Reply::ok("done")).await, Proxy::start().await);
        hits(&proxy, &origin, &["/a"]).await;
        let response = ask(&proxy, method, &origin.url("/a"), &[]).await;
        assert_eq!((response.status, response.cache_status()), (200, "larder; fwd=method"));
        assert_eq!(hits(&proxy, &origin, &["/a"]).await, [!invalidates], "{method}");
    }
}

#[tokio::test]
async fn a_post_that_fails_invalidates_nothing() {
    for status in [400, 404, 409, 500, 503] {
        let (origin, proxy) = (writable(Reply::new(status)).await, Proxy::start().await);
        hits(&proxy, &origin, &["/a"]).await;
        proxy.client().await.post(&origin.url("/a"), "change").await;
        assert_eq!(hits(&proxy, &origin, &["/a"]).await, [true], "{status}");
    }
}

#[tokio::test]
async fn location_and_content_location_of_the_same_origin_are_invalidated_too() {
    let elsewhere = writable(Reply::ok("done")).await;
    let written = Reply::new(201).field("Location", "/b").field("Content-Location", "c");
    let (origin, proxy) = (writable(written).await, Proxy::start().await);
    hits(&proxy, &origin, &["/a", "/b", "/c", "/d"]).await;
    proxy.client().await.post(&origin.url("/a"), "change").await;
    let paths = ["/a", "/b", "/c", "/d"];
    assert_eq!(hits(&proxy, &origin, &paths).await, [false, false, false, true]);

    let foreign = Reply::new(201).field("Location", &elsewhere.url("/a"));
    let other = writable(foreign).await;
    hits(&proxy, &elsewhere, &["/a"]).await;
    proxy.client().await.post(&other.url("/a"), "change").await;
    assert_eq!(hits(&proxy, &elsewhere, &["/a"]).await, [true]);
}

#[tokio::test]
async fn what_is_being_fetched_is_given_to_nobody_once_its_group_is_invalidated() {
    let (origin, proxy, gate) = (Origin::start().await, Proxy::start().await, Gate::new());
    let (url, other) = (origin.url("/a"), origin.url("/b"));
    let grouped = |body: &str| Reply::cacheable(60, body).field("Cache-Groups", "\"g\"");
    origin.script("/a", [grouped("old").body_after(&gate), grouped("new")]);
    origin.route("/b", Reply::ok("done").field("Cache-Group-Invalidation", "\"g\""));

    let mut first = proxy.client().await;
    first.send(request("GET", &url, &[])).await;
    let head = first.head().await;
    ask(&proxy, "POST", &other, &[("Content-Length", "0")]).await;
    let after = proxy.get(&url).await;
    assert_eq!(after.text(), "new");
    assert!(after.cache_status().contains("stored"), "{}", after.cache_status());
    gate.open();
    let mut body = first.body_of(&head);
    assert_eq!(first.at_least(&mut body, 3).await, b"old");
    assert_eq!(proxy.get(&url).await.text(), "new");
}
