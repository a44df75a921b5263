//! Validations collapse too: one conditional request, whatever it comes to.

use std::time::Duration;

use crate::support::gate::Gate;
use crate::support::message::Response;
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::Proxy;

fn tagged(tag: &str, body: &str) -> Reply {
    Reply::cacheable(60, body).field("ETag", tag)
}

/// Stores a response, lets it become stale, and asks for it four times while the origin is held.
async fn four_ask_for_what_is_stale(
    origin: &Origin,
    proxy: &Proxy,
    answer: Reply,
) -> (Vec<Response>, Vec<Received>) {
    let gate = Gate::new();
    // The connection is closed, so that no request meets a dead one and is sent twice.
    origin.script("/a", [tagged("\"1\"", "old").close(), answer.after(&gate)]);
    let url = origin.url("/a");
    proxy.get(&url).await;
    proxy.advance(Duration::from_secs(70));

    let clients = [(); 4].map(|()| proxy.ask(&url));
    gate.reached(1).await;
    proxy.wait_for_in_flight(4).await;
    gate.open();
    let mut responses = Vec::new();
    for client in clients {
        responses.push(client.response().await);
    }
    (responses, origin.wait_for_requests(2).await)
}

#[tokio::test]
async fn one_304_freshens_the_stored_response_for_all() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let unchanged = Reply::new(304).field("ETag", "\"1\"").field("Cache-Control", "max-age=60");
    let (responses, requests) = four_ask_for_what_is_stale(&origin, &proxy, unchanged).await;

    assert_eq!(requests[1].field("if-none-match"), Some("\"1\""));
    let validated = "larder; fwd=stale; fwd-status=304; ttl=60";
    let joined = "larder; fwd=stale; fwd-status=304; collapsed; ttl=60";
    let mut statuses: Vec<_> = responses.iter().map(Response::cache_status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [joined, joined, joined, validated]);
    for response in &responses {
        assert_eq!((response.status, response.text()), (200, "old"));
    }
    let again = proxy.get(&origin.url("/a")).await;
    assert_eq!((again.text(), again.cache_status()), ("old", "larder; hit; ttl=60"));
    let lines = proxy.log().wait_for_exchanges(6).await;
    let count = |word: &str| lines.iter().filter(|line| line["cache"] == word).count();
    assert_eq!((count("revalidated"), count("collapsed"), count("hit")), (1, 3, 1));
}

#[tokio::test]
async fn one_200_replaces_the_stored_response_for_all() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (responses, requests) =
        four_ask_for_what_is_stale(&origin, &proxy, tagged("\"2\"", "new")).await;

    assert_eq!(requests[1].field("if-none-match"), Some("\"1\""));
    let mut statuses: Vec<_> = responses.iter().map(Response::cache_status).collect();
    statuses.sort_unstable();
    let (replaced, joined) =
        ("larder; fwd=stale; fwd-status=200; stored", "larder; fwd=stale; collapsed");
    assert_eq!(statuses, [joined, joined, joined, replaced]);
    for response in &responses {
        assert_eq!((response.status, response.text()), (200, "new"));
        assert_eq!(response.field("etag"), Some("\"2\""));
    }
    let again = proxy.get(&origin.url("/a")).await;
    assert_eq!((again.text(), again.cache_status()), ("new", "larder; hit; ttl=60"));
}

#[tokio::test]
async fn one_failure_serves_the_stale_response_to_all() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gone = Reply::nothing();
    let (responses, requests) = four_ask_for_what_is_stale(&origin, &proxy, gone).await;

    assert_eq!(requests.len(), 2);
    for response in &responses {
        assert_eq!((response.status, response.text()), (200, "old"));
        assert_eq!(response.cache_status(), "larder; hit; ttl=-10; detail=stale-on-error");
    }
}

#[tokio::test]
async fn a_validation_that_comes_back_private_releases_its_followers() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (gate, alone) = (Gate::new(), Gate::new());
    let private = || Reply::ok("mine").field("Cache-Control", "private");
    origin.script(
        "/a",
        [
            tagged("\"1\"", "old"),
            private().after(&gate),
            private().after(&alone),
            private().after(&alone),
        ],
    );
    let url = origin.url("/a");
    proxy.get(&url).await;
    proxy.advance(Duration::from_secs(70));
    let clients = [(); 3].map(|()| proxy.ask(&url));
    gate.reached(1).await;
    proxy.wait_for_in_flight(3).await;
    gate.open();
    alone.reached(2).await;
    alone.open();
    for client in clients {
        assert_eq!(client.response().await.text(), "mine");
    }
    assert_eq!(proxy.usage().responses, 0, "what did not hold is gone");
}

#[tokio::test]
async fn a_client_with_conditions_of_its_own_is_answered_while_others_validate() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    let unchanged = || Reply::new(304).field("ETag", "\"1\"").field("Cache-Control", "max-age=60");
    origin.script("/a", [tagged("\"1\"", "old"), unchanged().after(&gate), unchanged()]);
    let url = origin.url("/a");
    proxy.get(&url).await;
    proxy.advance(Duration::from_secs(70));
    let leader = proxy.ask(&url);
    gate.reached(1).await;
    let own = proxy.get_with(&url, &[("If-None-Match", "\"1\"")]).await;
    assert_eq!(own.status, 304);
    gate.open();
    assert_eq!(leader.response().await.text(), "old");
    origin.wait_for_requests(3).await;
}
