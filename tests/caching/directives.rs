//! What a request may demand of a cache (RFC 9111 §5.2.1, §5.4).

use super::{Proxy, get_with, seconds};
use crate::support::origin::{Origin, Received, Reply};

/// A page that is fresh for a minute, has a validator, and is stored since `age` seconds.
async fn stored_since(age: u64) -> (Origin, Proxy) {
    stored(age, "max-age=60").await
}

async fn stored(age: u64, directives: &'static str) -> (Origin, Proxy) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route_with("/a", move |request: &Received| {
        let held = request.field("if-none-match") == Some("\"v1\"");
        let reply = if held { Reply::new(304) } else { Reply::ok("hello") };
        reply.field("Cache-Control", directives).field("ETag", "\"v1\"")
    });
    proxy.get(&origin.url("/a")).await;
    proxy.advance(seconds(age));
    (origin, proxy)
}

#[tokio::test]
async fn a_demand_for_something_newer_is_met_by_a_validation() {
    let rows: &[&[(&str, &str)]] = &[
        &[("Cache-Control", "no-cache")],
        &[("Pragma", "no-cache")],
        &[("Cache-Control", "max-age=0")],
        &[("Cache-Control", "max-age=9")],
        &[("Cache-Control", "min-fresh=51")],
        &[("Cache-Control", "max-stale, max-age=9")],
    ];
    for fields in rows {
        let (origin, proxy) = stored_since(10).await;
        let response = get_with(&proxy, &origin.url("/a"), fields).await;
        assert_eq!((response.status, response.text()), (200, "hello"));
        let expected = "larder; fwd=request; fwd-status=304; ttl=60";
        assert_eq!(response.cache_status(), expected, "{fields:?}");
        let requests = origin.wait_for_requests(2).await;
        assert_eq!(requests[1].field("if-none-match"), Some("\"v1\""));
        assert_eq!(requests[1].field(fields[0].0), Some(fields[0].1), "directives travel on");
    }
}

#[tokio::test]
async fn a_demand_that_is_met_already_is_answered_from_the_cache() {
    let rows: &[&[(&str, &str)]] = &[
        &[("Cache-Control", "max-age=10")],
        &[("Cache-Control", "min-fresh=50")],
        &[("Cache-Control", "max-stale=5")],
        &[("Cache-Control", "only-if-cached")],
        &[("Cache-Control", "no-transform")],
        // Pragma counts only without Cache-Control.
        &[("Pragma", "no-cache"), ("Cache-Control", "max-age=60")],
    ];
    for fields in rows {
        let (origin, proxy) = stored_since(10).await;
        let response = get_with(&proxy, &origin.url("/a"), fields).await;
        assert_eq!(response.cache_status(), "larder; hit; ttl=50", "{fields:?}");
        origin.only_request();
    }
}

#[tokio::test]
async fn max_stale_accepts_what_is_not_staler() {
    let rows = [
        ("max-stale", true),
        ("max-stale=12", true),
        ("max-stale=11", false),
        ("max-age=80", false),
    ];
    for (directive, accepted) in rows {
        let (origin, proxy) = stored_since(72).await;
        let response = get_with(&proxy, &origin.url("/a"), &[("Cache-Control", directive)]).await;
        assert_eq!((response.status, response.text()), (200, "hello"));
        if accepted {
            assert_eq!(response.cache_status(), "larder; hit; ttl=-12; detail=max-stale");
            assert_eq!(response.field("age"), Some("72"));
            origin.only_request();
            let lines = proxy.log().wait_for_exchanges(2).await;
            assert_eq!(lines[1]["message"], "Served stale from cache");
            assert_eq!(
                (&lines[1]["cache"], &lines[1]["reason"]),
                (&"stale".into(), &"max-stale".into())
            );
        } else {
            let expected = "larder; fwd=stale; fwd-status=304; ttl=60";
            assert_eq!(response.cache_status(), expected, "{directive}");
            origin.wait_for_requests(2).await;
        }
    }
}

#[tokio::test]
async fn max_stale_gets_nothing_that_must_be_validated() {
    for directives in
        ["max-age=60, must-revalidate", "max-age=60, proxy-revalidate", "s-maxage=60", "no-cache"]
    {
        let (origin, proxy) = stored(70, directives).await;
        let fields = [("Cache-Control", "max-stale")];
        let response = get_with(&proxy, &origin.url("/a"), &fields).await;
        assert!(
            response.cache_status().starts_with("larder; fwd=stale; fwd-status=304"),
            "{response:?}"
        );
        origin.wait_for_requests(2).await;
    }
}

#[tokio::test]
async fn only_if_cached_never_reaches_the_origin() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let fields = [("Cache-Control", "only-if-cached")];
    let nothing = get_with(&proxy, &origin.url("/a"), &fields).await;
    assert_eq!(nothing.status, 504);
    assert!(nothing.text().contains("only-if-cached"), "{}", nothing.text());
    assert_eq!(nothing.field("cache-control"), Some("no-store"));
    assert!(nothing.field("proxy-status").is_some_and(|value| value.starts_with("larder; error=")));
    assert!(origin.requests().is_empty());
    assert_eq!(origin.connections(), 0);

    let (origin, proxy) = stored_since(60).await;
    assert_eq!(get_with(&proxy, &origin.url("/a"), &fields).await.status, 504);
    let accepting = [("Cache-Control", "only-if-cached, max-stale")];
    let stale = get_with(&proxy, &origin.url("/a"), &accepting).await;
    assert_eq!((stale.status, stale.text()), (200, "hello"));
    origin.only_request();
}
