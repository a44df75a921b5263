//! Responses that cannot be shared: followers go themselves, at once and in parallel, and the key is
//! not collapsed again for a while.

use std::time::Duration;

use larder::cli::serve::Config;

use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const PRIVATE: (&str, &str) = ("Cache-Control", "private");

/// A leader whose head says that it is for itself alone. Its followers reach the origin at once: all of
/// them are there before any is answered, and before the leader's body has ended.
async fn followers_are_released(field: (&str, &str)) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (head, body, alone) = (Gate::new(), Gate::new(), Gate::new());
    let led = Reply::ok("for the first").field(field.0, field.1).after(&head).body_after(&body);
    let own = |n| Reply::ok(format!("for another: {n}")).field(field.0, field.1).after(&alone);
    origin.script("/a", [led, own(1), own(2), own(3), own(4)]);

    let leader = proxy.ask(&origin.url("/a"));
    head.reached(1).await;
    let followers = [(); 4].map(|()| proxy.ask(&origin.url("/a")));
    proxy.wait_for_in_flight(5).await;
    origin.only_request();
    head.open();
    alone.reached(4).await;
    alone.open();
    let mut texts = Vec::new();
    for follower in followers {
        let response = follower.response().await;
        assert!(!response.cache_status().contains("collapsed"), "{}", response.cache_status());
        texts.push(response.text().to_owned());
    }
    texts.sort();
    assert_eq!(texts, [1, 2, 3, 4].map(|n| format!("for another: {n}")));
    body.open();
    assert_eq!(leader.response().await.text(), "for the first");
}

#[tokio::test]
async fn a_private_response_releases_the_followers_at_once_and_in_parallel() {
    followers_are_released(PRIVATE).await;
}

#[tokio::test]
async fn a_no_store_response_releases_the_followers_at_once_and_in_parallel() {
    followers_are_released(("Cache-Control", "no-store")).await;
}

#[tokio::test]
async fn a_response_that_varies_on_anything_releases_the_followers_at_once_and_in_parallel() {
    followers_are_released(("Vary", "*")).await;
}

#[tokio::test]
async fn a_response_with_a_cookie_and_no_lifetime_releases_the_followers() {
    followers_are_released(("Set-Cookie", "a=1")).await;
}

#[tokio::test]
async fn a_response_to_be_validated_each_time_releases_the_followers() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let head = Gate::new();
    let each_time = || Reply::ok("hello").field("Cache-Control", "no-cache").field("ETag", "\"1\"");
    origin.script("/a", [each_time().after(&head), each_time(), each_time()]);

    let leader = proxy.ask(&origin.url("/a"));
    head.reached(1).await;
    let followers = [(); 2].map(|()| proxy.ask(&origin.url("/a")));
    proxy.wait_for_in_flight(3).await;
    head.open();
    assert_eq!(leader.response().await.text(), "hello");
    for follower in followers {
        assert_eq!(follower.response().await.text(), "hello");
    }
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn a_response_that_is_too_large_to_store_releases_the_followers() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.store.max_object = 4).await;
    let (head, alone) = (Gate::new(), Gate::new());
    let large = || Reply::cacheable(60, "hello");
    origin.script("/a", [large().after(&head), large().after(&alone), large().after(&alone)]);

    let leader = proxy.ask(&origin.url("/a"));
    head.reached(1).await;
    let followers = [(); 2].map(|()| proxy.ask(&origin.url("/a")));
    proxy.wait_for_in_flight(3).await;
    head.open();
    alone.reached(2).await;
    alone.open();
    for client in [leader].into_iter().chain(followers) {
        let status = client.response().await.cache_status().to_owned();
        assert_eq!(status, "larder; fwd=uri-miss; detail=too-large");
    }
}

/// Makes `path` proven unshareable by one request.
async fn prove(proxy: &Proxy, origin: &Origin, path: &str) {
    origin.route(path, Reply::ok("mine").field(PRIVATE.0, PRIVATE.1));
    proxy.get(&origin.url(path)).await;
}

/// Whether a second request for `path` waits for the first; both get an answer in the end.
async fn is_collapsed(proxy: &Proxy, origin: &Origin, path: &str) -> bool {
    let before = origin.requests().len();
    let gate = Gate::new();
    origin.route(path, Reply::cacheable(60, "shared").after(&gate));
    let first = proxy.ask(&origin.url(path));
    gate.reached(1).await;
    let second = proxy.ask(&origin.url(path));
    proxy.wait_for_in_flight(2).await;
    // A follower does nothing before the head is there; one that goes alone is on its way already, or
    // its answer shows that it was.
    gate.open();
    let collapsed = second.response().await.cache_status().contains("collapsed");
    first.response().await;
    let requests = origin.requests().len() - before;
    assert_eq!(requests, if collapsed { 1 } else { 2 });
    collapsed
}

#[tokio::test]
async fn a_key_that_proved_unshareable_is_not_collapsed_again() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    prove(&proxy, &origin, "/a").await;
    let gate = Gate::new();
    origin.route("/a", Reply::ok("mine").field(PRIVATE.0, PRIVATE.1).after(&gate));

    let clients = [(); 3].map(|()| proxy.ask(&origin.url("/a")));
    // All three wait at the origin at once: none waits for another.
    gate.reached(3).await;
    gate.open();
    for client in clients {
        assert_eq!(client.response().await.text(), "mine");
    }
    assert!(is_collapsed(&proxy, &origin, "/b").await, "other keys are");
}

#[tokio::test]
async fn what_an_unshareable_key_answers_next_may_still_be_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    prove(&proxy, &origin, "/a").await;
    origin.route("/a", Reply::cacheable(60, "for all"));
    assert_eq!(proxy.get(&origin.url("/a")).await.cache_status(), super::LED);
    assert_eq!(proxy.get(&origin.url("/a")).await.cache_status(), "larder; hit; ttl=60");
}

fn short_memory(config: &mut Config) {
    config.proxy.collapse.unshareable_memory = Duration::from_millis(20);
    config.proxy.collapse.wait = Duration::from_millis(300);
}

#[tokio::test]
async fn an_unshareable_key_is_forgotten_after_its_time() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(short_memory).await);
    prove(&proxy, &origin, "/a").await;
    // A follower of another key waits longer than that: when it is answered the time is over.
    let other = Gate::new();
    origin.script("/b", [Reply::cacheable(60, "").after(&other), Reply::cacheable(60, "")]);
    let held = proxy.ask(&origin.url("/b"));
    other.reached(1).await;
    proxy.get(&origin.url("/b")).await;
    other.open();
    held.response().await;
    proxy.wait_for_in_flight(0).await;

    assert!(is_collapsed(&proxy, &origin, "/a").await);
}

#[tokio::test]
async fn the_table_of_unshareable_keys_is_bounded_and_the_oldest_gives_way() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.proxy.collapse.unshareable_limit = 2).await;
    for path in ["/first", "/second", "/third"] {
        prove(&proxy, &origin, path).await;
    }
    assert!(is_collapsed(&proxy, &origin, "/first").await);
    assert!(!is_collapsed(&proxy, &origin, "/second").await);
    assert!(!is_collapsed(&proxy, &origin, "/third").await);
}

#[tokio::test]
async fn a_head_that_comes_while_a_client_leaves_does_not_prove_anything() {
    // A leader that goes away before its response is no proof that the response cannot be shared.
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    let long = Reply::cacheable(60, "").chunked().pattern(64 << 20).paced(&pace, 1 << 20);
    origin.route("/a", long);
    let mut client = proxy.client().await;
    client.send(request("GET", &origin.url("/a"), &[])).await;
    client.head().await;
    client.reset();
    pace.open();
    origin.wait_for_closed(1).await;
    proxy.wait_for_in_flight(0).await;
    assert!(is_collapsed(&proxy, &origin, "/a").await);
}
