//! What is served although it is stale, because the origin cannot be asked (RFC 9111 §4.2.4, RFC 5861).

use std::time::Duration;

use tokio::net::TcpSocket;

use super::{Proxy, date, get_with, seconds};
use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};

/// Stored for ten seconds, and then `trouble` for whoever asks.
async fn troubled(reply: Reply, trouble: Reply) -> (Origin, Proxy) {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.upstream.response_wait = Duration::from_millis(50);
    })
    .await;
    origin.route("/a", reply);
    proxy.get(&origin.url("/a")).await;
    origin.route("/a", trouble);
    proxy.advance(seconds(12));
    (origin, proxy)
}

async fn served_stale(proxy: &Proxy, response: &Response, detail: &str) {
    assert_eq!((response.status, response.text()), (200, "hello"));
    let member = response.cache_status();
    // What the origin has answered has gone forward; where nobody answered, nothing has.
    let how = if member.contains("fwd-status") { "fwd=stale; fwd-status=50" } else { "hit" };
    assert!(member.starts_with(&format!("larder; {how}")), "{member}");
    assert!(member.ends_with(&format!("; ttl=-2; detail={detail}")), "{member}");
    assert_eq!(response.field("age"), Some("12"));
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!(lines[1]["message"], "Served stale from cache");
    assert_eq!((&lines[1]["cache"], &lines[1]["reason"]), (&"stale".into(), &detail.into()));
}

#[tokio::test]
async fn a_stale_response_is_served_when_the_origin_does_not_answer() {
    for trouble in [Reply::never(), Reply::nothing(), Reply::reset()] {
        for reply in
            [Reply::cacheable(10, "hello"), Reply::cacheable(10, "hello").field("ETag", "\"v1\"")]
        {
            let (origin, proxy) = troubled(reply, trouble.clone()).await;
            let response = proxy.get(&origin.url("/a")).await;
            served_stale(&proxy, &response, "stale-on-error").await;
        }
    }
}

#[tokio::test]
async fn a_stale_response_is_served_when_the_origin_is_gone() {
    // Kept by us, so that nobody else listens there afterwards.
    let port = TcpSocket::new_v4().unwrap();
    port.set_reuseaddr(true).unwrap();
    port.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let origin = Origin::start_on(&port.local_addr().unwrap().to_string()).await;
    let proxy = Proxy::start().await;
    origin.route("/a", Reply::cacheable(10, "hello"));
    let url = origin.url("/a");
    proxy.get(&url).await;
    origin.finish();
    proxy.advance(seconds(12));

    let response = proxy.get(&url).await;
    served_stale(&proxy, &response, "stale-on-error").await;
    let refused = proxy.get(&url.replace("/a", "/b")).await;
    assert_eq!(refused.status, 502);
}

#[tokio::test]
async fn why_the_origin_could_not_be_asked_is_in_the_log() {
    let reply = Reply::cacheable(10, "hello");
    let (origin, proxy) = troubled(reply, Reply::never()).await;
    proxy.get(&origin.url("/a")).await;
    let lines = proxy.log().wait_for_exchanges(2).await;
    let error = lines[1]["error"].as_str().unwrap_or_default();
    assert!(error.contains("did not answer within 50 ms"), "{}", lines[1]);
}

#[tokio::test]
async fn what_must_be_validated_is_never_served_stale() {
    for directives in [
        "max-age=10, must-revalidate",
        "max-age=10, proxy-revalidate",
        "s-maxage=10",
        "max-age=10, no-cache",
        "max-age=10, must-revalidate, stale-if-error=100",
    ] {
        let reply = Reply::ok("hello").field("Cache-Control", directives).field("ETag", "\"v1\"");
        let (origin, proxy) = troubled(reply, Reply::never()).await;
        let response = proxy.get(&origin.url("/a")).await;
        assert_eq!(response.status, 504, "{directives}");
        assert!(!response.text().contains("hello"));
        assert!(response.text().contains("did not answer within 50 ms"), "{}", response.text());
        let lines = proxy.log().wait_for_exchanges(2).await;
        assert_eq!((&lines[1]["message"], &lines[1]["cache"]), (&"Failed".into(), &"error".into()));
    }
}

#[tokio::test]
async fn a_request_that_wants_nothing_stale_gets_the_error() {
    for directive in ["no-cache", "max-age=100", "min-fresh=1", "max-stale=1"] {
        let (origin, proxy) = troubled(Reply::cacheable(10, "hello"), Reply::never()).await;
        let response = get_with(&proxy, &origin.url("/a"), &[("Cache-Control", directive)]).await;
        assert_eq!(response.status, 504, "{directive}");
    }
}

#[tokio::test]
async fn what_is_staler_than_the_setting_allows_is_not_served() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.upstream.response_wait = Duration::from_millis(50);
        config.proxy.policy.max_stale = seconds(30);
    })
    .await;
    origin.route("/a", Reply::cacheable(10, "hello"));
    let url = origin.url("/a");
    proxy.get(&url).await;
    origin.route("/a", Reply::never());
    proxy.advance(seconds(40));
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=-30; detail=stale-on-error");
    proxy.advance(seconds(1));
    assert_eq!(proxy.get(&url).await.status, 504);
}

#[tokio::test]
async fn an_error_of_the_origin_is_passed_on_and_what_is_stored_stays() {
    let reply = Reply::cacheable(10, "hello").field("ETag", "\"v1\"");
    let (origin, proxy) = troubled(reply, Reply::new(503).body("busy")).await;
    let failed = proxy.get(&origin.url("/a")).await;
    assert_eq!((failed.status, failed.text()), (503, "busy"));
    assert!(failed.cache_status().starts_with("larder; fwd=stale; fwd-status=503"), "{failed:?}");

    origin.route("/a", Reply::new(304).field("ETag", "\"v1\"").field("Date", &date(12)));
    let back = proxy.get(&origin.url("/a")).await;
    assert_eq!((back.status, back.text()), (200, "hello"));
    assert_eq!(back.cache_status(), "larder; fwd=stale; fwd-status=304; ttl=10");
}

#[tokio::test]
async fn stale_if_error_covers_errors_of_the_origin_too() {
    for trouble in [Reply::new(500), Reply::new(503).body("busy"), Reply::never()] {
        let reply = Reply::ok("hello").field("Cache-Control", "max-age=10, stale-if-error=2");
        let (origin, proxy) = troubled(reply, trouble).await;
        let response = proxy.get(&origin.url("/a")).await;
        served_stale(&proxy, &response, "stale-if-error").await;
        proxy.advance(seconds(1));
        assert!(proxy.get(&origin.url("/a")).await.status >= 500);
    }
}

#[tokio::test]
async fn each_stale_answer_is_followed_by_a_validation_of_its_own() {
    let origin = Origin::start().await;
    let proxy = Proxy::start().await;
    let url = origin.url("/a");
    let dead_on_arrival = "max-age=0, stale-while-revalidate=600";
    origin.route_with("/a", move |_| Reply::ok("x").field("Cache-Control", dead_on_arrival));
    proxy.get(&url).await;
    for count in 2..6 {
        let stale = proxy.get(&url).await;
        assert!(stale.cache_status().ends_with("detail=stale-while-revalidate"));
        origin.wait_for_requests(count).await;
        proxy.wait_for_in_flight(0).await;
    }
}

#[tokio::test]
async fn one_validation_behind_at_a_time_and_none_holds_a_stop_up() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let url = origin.url("/a");
    let reply = Reply::ok("x").field("Cache-Control", "max-age=1, stale-while-revalidate=600");
    origin.script("/a", [reply, Reply::never()]);
    proxy.get(&url).await;
    proxy.advance(seconds(2));
    for _ in 0..3 {
        assert_eq!(proxy.get(&url).await.text(), "x");
    }
    origin.wait_for_requests(2).await;
    // The validation hangs, and nobody waits for it: the stop has a deadline of its own in `stop`.
    proxy.stop().await;
}

#[tokio::test]
async fn a_follower_is_served_stale_only_as_far_as_it_allows_itself() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    let proxy = Proxy::start().await;
    let url = origin.url("/a");
    let gone = [Reply::nothing().after(&gate), Reply::nothing()];
    origin.script("/a", [Reply::cacheable(10, "hello")].into_iter().chain(gone));
    proxy.get(&url).await;
    proxy.advance(seconds(20));

    let (mut leader, mut follower) = (proxy.client().await, proxy.client().await);
    leader.send(request("GET", &url, &[])).await;
    gate.reached(1).await;
    follower.send(request("GET", &url, &[("Cache-Control", "max-stale=1")])).await;
    proxy.wait_for_in_flight(2).await;
    gate.open();
    assert_eq!(leader.response().await.text(), "hello");
    assert_eq!(follower.response().await.status, 502);
}

#[tokio::test]
async fn what_a_304_says_to_this_client_alone_reaches_it_and_nobody_else() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let url = origin.url("/a");
    let mine = |reply: Reply, who: &str| {
        reply
            .field("ETag", "\"1\"")
            .field("Cache-Control", "max-age=10, private=\"x-mine\"")
            .field("X-Mine", who)
    };
    origin.script("/a", [mine(Reply::ok("x"), "first"), mine(Reply::new(304), "second")]);
    assert_eq!(proxy.get(&url).await.field("x-mine"), Some("first"));
    proxy.advance(seconds(10));
    assert_eq!(proxy.get(&url).await.field("x-mine"), Some("second"));
    assert_eq!(proxy.get(&url).await.field("x-mine"), None);
}
