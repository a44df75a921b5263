//! How long a follower waits, and what happens when its leader leaves.

use std::time::Duration;

use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

use super::JOINED;

#[tokio::test]
async fn a_follower_waits_at_most_collapse_wait_for_the_head_and_then_goes_alone() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.collapse.wait = Duration::from_millis(60)).await;
    let held = Gate::new();
    origin.script("/a", [Reply::cacheable(60, "late").after(&held), Reply::cacheable(60, "alone")]);

    let leader = proxy.ask(&origin.url("/a"));
    held.reached(1).await;
    let follower = proxy.ask(&origin.url("/a")).response().await;
    assert_eq!(follower.text(), "alone");
    assert!(!follower.cache_status().contains("collapsed"), "{}", follower.cache_status());
    origin.wait_for_requests(2).await;
    held.open();
    assert_eq!(leader.response().await.text(), "late");
}

#[tokio::test]
async fn a_follower_that_waited_too_long_takes_what_was_stored_meanwhile() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.collapse.wait = Duration::from_millis(300)).await;
    let held = Gate::new();
    origin.script("/a", [Reply::cacheable(60, "late").after(&held), Reply::cacheable(60, "new")]);

    let leader = proxy.ask(&origin.url("/a"));
    held.reached(1).await;
    let follower = proxy.ask(&origin.url("/a"));
    proxy.wait_for_in_flight(2).await;
    // Somebody who goes alone is done before the follower's wait is over.
    let refresh = [("Cache-Control", "no-cache")];
    assert_eq!(proxy.get_with(&origin.url("/a"), &refresh).await.text(), "new");
    assert_eq!(follower.response().await.text(), "new");
    origin.wait_for_requests(2).await;
    held.open();
    assert_eq!(leader.response().await.text(), "late");
}

#[tokio::test]
async fn the_wait_is_for_the_head_and_not_for_the_body() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.collapse.wait = Duration::from_millis(30)).await;
    let (body, other) = (Gate::new(), Gate::new());
    origin.route("/a", Reply::cacheable(60, "slow").body_after(&body));
    origin.script("/b", [Reply::cacheable(60, "").after(&other), Reply::cacheable(60, "")]);

    let mut leader = proxy.client().await;
    leader.send(request("GET", &origin.url("/a"), &[])).await;
    let head = leader.head().await;
    let joiner = proxy.ask(&origin.url("/a"));
    proxy.wait_for_in_flight(2).await;
    // What a follower of another fetch waits for is over by then.
    let held = proxy.ask(&origin.url("/b"));
    other.reached(1).await;
    proxy.get(&origin.url("/b")).await;
    body.open();
    assert_eq!(joiner.response().await.text(), "slow");
    let mut rest = leader.body_of(&head);
    assert_eq!(leader.at_least(&mut rest, 4).await, b"slow");
    other.open();
    held.response().await;
    assert_eq!(origin.requests().iter().filter(|request| request.target == "/a").count(), 1);
}

/// The leader leaves before the head is there: its followers go on.
async fn the_leader_leaves_before_the_head(followers: usize) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (head, body) = (Gate::new(), Gate::new());
    let reply = Reply::cacheable(60, "").pattern(4 << 20).after(&head).paced(&body, 1 << 20);
    origin.route("/a", reply);

    let mut leader = proxy.client().await;
    leader.send(request("GET", &origin.url("/a"), &[])).await;
    head.reached(1).await;
    let waiting: Vec<_> = (0..followers).map(|_| proxy.ask(&origin.url("/a"))).collect();
    proxy.wait_for_in_flight(1 + followers).await;
    leader.reset();
    head.open();
    body.open();
    for follower in waiting {
        let response = follower.response().await;
        assert_eq!(response.body.len(), 4 << 20);
        assert_eq!(response.cache_status(), JOINED);
    }
    origin.only_request();
}

#[tokio::test]
async fn the_leader_leaving_before_the_head_does_not_disturb_its_followers() {
    the_leader_leaves_before_the_head(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_leader_leaving_before_the_head_does_not_disturb_a_crowd_on_many_threads() {
    the_leader_leaves_before_the_head(40).await;
}

#[tokio::test]
async fn the_fill_outlives_the_client_that_started_it() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    origin.route("/a", Reply::cacheable(60, "").pattern(4 << 20).paced(&pace, 1 << 20));

    let mut leader = proxy.client().await;
    leader.send(request("GET", &origin.url("/a"), &[])).await;
    let head = leader.head().await;
    let follower = proxy.ask(&origin.url("/a"));
    proxy.wait_for_in_flight(2).await;
    pace.pass(1);
    let mut body = leader.body_of(&head);
    leader.at_least(&mut body, 1000).await;
    leader.reset();
    pace.open();
    let response = follower.response().await;
    assert_eq!((response.body.len(), response.cache_status()), (4 << 20, JOINED));
    origin.only_request();
    assert_eq!(proxy.usage().responses, 1);
    let left = proxy.log().wait_for(|line| line["cache"] == "miss").await;
    assert!(left["error"].as_str().is_some_and(|why| why.contains("went away")), "{left}");
}
