//! A response is seen in the store only when it is complete, and not if it was invalidated meanwhile.

use super::Proxy;
use crate::support::client::{Client, request};
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::wire::Body;

const STORED: &str = "larder; fwd=uri-miss; stored";
const JOINED: &str = "larder; fwd=uri-miss; collapsed";

/// Asks, and has the head; the body is held at the origin.
async fn head_only(proxy: &Proxy, url: &str) -> (Client, Body) {
    let mut client = proxy.client().await;
    client.send(request("GET", url, &[])).await;
    let head = client.head().await;
    assert_eq!(head.fields.get("cache-status"), Some(STORED));
    let body = client.body_of(&head);
    (client, body)
}

#[tokio::test]
async fn a_request_during_the_fill_joins_it_and_only_the_next_one_is_a_hit() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/a", Reply::cacheable(60, "hello").body_after(&gate));
    let url = origin.url("/a");

    let (mut first, mut body) = head_only(&proxy, &url).await;
    proxy.wait_for_stored(0).await;
    let second = proxy.ask(&url);
    proxy.wait_for_in_flight(2).await;
    gate.open();
    assert_eq!(second.response().await.cache_status(), JOINED);
    assert_eq!(first.at_least(&mut body, 5).await, b"hello");
    proxy.wait_for_stored(1).await;
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
    origin.only_request();
}

#[tokio::test]
async fn a_request_with_range_during_the_fill_is_answered_by_the_origin() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    let part = Reply::new(206).field("Content-Range", "bytes 0-1/5").body("he");
    origin.script("/a", [Reply::cacheable(60, "hello").body_after(&gate), part]);
    let url = origin.url("/a");

    let (mut first, mut body) = head_only(&proxy, &url).await;
    let range = proxy.get_with(&url, &[("Range", "bytes=0-1")]).await;
    assert_eq!((range.status, range.text()), (206, "he"));
    gate.open();
    assert_eq!(first.at_least(&mut body, 5).await, b"hello");
    // Once it is complete its parts come from memory.
    let part = proxy.get_with(&url, &[("Range", "bytes=1-2")]).await;
    assert_eq!((part.status, part.text()), (206, "el"));
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn what_was_invalidated_while_it_was_fetched_is_not_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let (old, new) = (Gate::new(), Gate::new());
    origin.script(
        "/a",
        [
            Reply::cacheable(60, "old").body_after(&old),
            Reply::ok("changed"),
            Reply::cacheable(60, "new").body_after(&new),
        ],
    );
    let url = origin.url("/a");

    let (mut first, mut first_body) = head_only(&proxy, &url).await;
    let joined = proxy.ask(&url);
    proxy.wait_for_in_flight(2).await;
    assert_eq!(proxy.client().await.post(&url, "change").await.text(), "changed");
    // From now on nobody joins what is old: the next request leads, and others follow that one.
    let (mut next, mut next_body) = head_only(&proxy, &url).await;
    let follower = proxy.ask(&url);
    proxy.wait_for_in_flight(4).await;
    old.open();
    // Those that were there before the change keep what they get.
    assert_eq!(first.at_least(&mut first_body, 3).await, b"old");
    let joined = joined.response().await;
    assert_eq!((joined.text(), joined.cache_status()), ("old", JOINED));
    proxy.wait_for_stored(0).await;
    new.open();
    assert_eq!(next.at_least(&mut next_body, 3).await, b"new");
    let followed = follower.response().await;
    assert_eq!((followed.text(), followed.cache_status()), ("new", JOINED));
    let again = proxy.get(&url).await;
    assert_eq!((again.text(), again.cache_status()), ("new", "larder; hit; ttl=60"));
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn what_was_invalidated_before_its_head_came_is_not_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let old = Gate::new();
    origin.script(
        "/a",
        [Reply::cacheable(60, "old").after(&old), Reply::ok(""), Reply::cacheable(60, "new")],
    );
    let url = origin.url("/a");

    let first = proxy.ask(&url);
    old.reached(1).await;
    proxy.client().await.post(&url, "change").await;
    old.open();
    assert_eq!(first.response().await.text(), "old");
    // The origin may have made the old response before the change.
    assert_eq!(proxy.get(&url).await.text(), "new");
    origin.wait_for_requests(3).await;
    let first = proxy.log().wait_for(|line| line["method"] == "GET").await;
    assert_eq!((&first["cache"], &first["reason"]), (&"miss".into(), &"invalidated".into()));
}

#[tokio::test]
async fn a_change_that_failed_invalidates_nothing_that_is_under_way() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.script("/a", [Reply::cacheable(60, "hello").body_after(&gate), Reply::new(403)]);
    let url = origin.url("/a");

    let (mut first, mut body) = head_only(&proxy, &url).await;
    assert_eq!(proxy.client().await.post(&url, "change").await.status, 403);
    gate.open();
    assert_eq!(first.at_least(&mut body, 5).await, b"hello");
    assert_eq!(proxy.get(&url).await.cache_status(), "larder; hit; ttl=60");
    origin.wait_for_requests(2).await;
}
