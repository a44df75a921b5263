//! Concurrent requests for one key make one request to the origin, and all stream along.

mod crowd;
mod failing;
mod joining;
mod leaving;
mod unshareable;
mod validating;
mod varying;
mod waiting;

use std::time::Duration;

use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::message::Framing;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// `Cache-Status` of who leads, and of who joined.
const LED: &str = "larder; fwd=uri-miss; stored";
const JOINED: &str = "larder; fwd=uri-miss; collapsed";

#[tokio::test]
async fn concurrent_requests_for_one_key_make_one_request_to_the_origin() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "hello").after(&gate));

    let leader = proxy.ask(&origin.url("/a"));
    gate.reached(1).await;
    let followers = [(); 4].map(|()| proxy.ask(&origin.url("/a")));
    proxy.wait_for_in_flight(5).await;
    gate.open();

    let first = leader.response().await;
    assert_eq!((first.text(), first.cache_status()), ("hello", LED));
    assert_eq!(first.field("age"), None);
    for follower in followers {
        let response = follower.response().await;
        assert_eq!((response.text(), response.cache_status()), ("hello", JOINED));
        assert_eq!(response.field("age"), Some("0"));
    }
    origin.only_request();
    let lines = proxy.log().wait_for_exchanges(5).await;
    let joined = lines.iter().filter(|line| line["cache"] == "collapsed");
    for line in joined.clone() {
        assert_eq!(line["message"], "Joined a fetch under way");
        assert_eq!(line["tier"], "origin");
    }
    assert_eq!(joined.count(), 4);
}

#[tokio::test]
async fn requests_for_other_keys_do_not_wait() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "a").after(&gate));
    origin.route("/a?", Reply::cacheable(60, "another"));

    let held = proxy.ask(&origin.url("/a"));
    gate.reached(1).await;
    assert_eq!(proxy.get(&origin.url("/a?")).await.text(), "another");
    gate.open();
    assert_eq!(held.response().await.text(), "a");
}

#[tokio::test]
async fn two_spellings_of_one_target_share_a_fetch() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "hello").after(&gate));

    let leader = proxy.ask(&origin.url("/a"));
    gate.reached(1).await;
    let follower = proxy.ask(&origin.url("/a").replace("http://", "HTTP://"));
    proxy.wait_for_in_flight(2).await;
    gate.open();
    assert_eq!(leader.response().await.cache_status(), LED);
    assert_eq!(follower.response().await.cache_status(), JOINED);
    origin.only_request();
}

#[tokio::test]
async fn who_comes_during_the_fill_joins_and_is_no_hit() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "hello").body_after(&gate));

    let mut leader = proxy.client().await;
    leader.send(request("GET", &origin.url("/a"), &[])).await;
    let head = leader.head().await;
    assert_eq!(proxy.usage().responses, 0);
    proxy.advance(Duration::from_secs(7));
    let joiner = proxy.ask(&origin.url("/a"));
    proxy.wait_for_in_flight(2).await;
    gate.open();

    let joined = joiner.response().await;
    assert_eq!((joined.text(), joined.cache_status()), ("hello", JOINED));
    assert_eq!(joined.field("age"), Some("7"));
    let mut body = leader.body_of(&head);
    assert_eq!(leader.at_least(&mut body, 5).await, b"hello");
    assert_eq!(proxy.get(&origin.url("/a")).await.cache_status(), "larder; hit; ttl=53");
    origin.only_request();
}

#[tokio::test]
async fn who_comes_when_what_is_under_way_is_stale_already_fetches_anew() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.script("/a", [Reply::cacheable(5, "old").body_after(&gate), Reply::cacheable(5, "new")]);

    let mut leader = proxy.client().await;
    leader.send(request("GET", &origin.url("/a"), &[])).await;
    let head = leader.head().await;
    proxy.advance(Duration::from_secs(6));
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "new");
    gate.open();
    let mut body = leader.body_of(&head);
    assert_eq!(leader.at_least(&mut body, 3).await, b"old");
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn clients_of_http_1_0_and_the_text_client_stream_along() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "hello").chunked().after(&gate));
    let url = origin.url("/a");
    let leader = proxy.ask(&url);
    gate.reached(1).await;
    let (mut old, mut text) = (proxy.client().await, proxy.client().await);
    old.send(format!("GET {url} HTTP/1.0\r\n\r\n")).await;
    text.send(format!("{url}\n")).await;
    proxy.wait_for_in_flight(3).await;
    gate.open();
    assert_eq!(leader.response().await.text(), "hello");
    for client in [&mut old, &mut text] {
        let response = client.response().await;
        assert_eq!((response.text(), response.cache_status()), ("hello", JOINED));
        assert_eq!(response.framing, Framing::Close);
        client.expect_close().await;
    }
    origin.only_request();
}
