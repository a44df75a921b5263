//! Who joins: only requests that the shared response could answer. Who leads: the same.

use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

use super::{JOINED, LED};

/// A request with `fields` neither joins a fetch under way nor is joined.
async fn goes_alone(fields: &[(&str, &str)]) {
    does_not_join(fields).await;
    leads_nobody(fields).await;
}

async fn does_not_join(fields: &[(&str, &str)]) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let held = Gate::new();
    origin.script(
        "/a",
        [Reply::cacheable(60, "shared").after(&held), Reply::cacheable(60, "its own")],
    );
    let leader = proxy.ask(&origin.url("/a"));
    held.reached(1).await;
    let other = proxy.ask_with(&origin.url("/a"), fields).response().await;
    assert_eq!(other.text(), "its own", "{fields:?}");
    assert!(!other.cache_status().contains("collapsed"), "{}", other.cache_status());
    let requests = origin.wait_for_requests(2).await;
    for (name, value) in fields {
        assert_eq!(requests[1].field(name), Some(*value));
    }
    held.open();
    assert_eq!(leader.response().await.text(), "shared");
}

async fn leads_nobody(fields: &[(&str, &str)]) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let held = Gate::new();
    origin.script("/a", [Reply::ok("its own").after(&held), Reply::cacheable(60, "shared")]);
    let particular = proxy.ask_with(&origin.url("/a"), fields);
    held.reached(1).await;
    let plain = proxy.ask(&origin.url("/a")).response().await;
    assert_eq!((plain.text(), plain.cache_status()), ("shared", LED), "{fields:?}");
    origin.wait_for_requests(2).await;
    held.open();
    assert_eq!(particular.response().await.text(), "its own");
}

#[tokio::test]
async fn a_request_with_range_goes_alone() {
    goes_alone(&[("Range", "bytes=0-3")]).await;
}

#[tokio::test]
async fn a_request_with_authorization_goes_alone() {
    goes_alone(&[("Authorization", "Basic dTpw")]).await;
}

#[tokio::test]
async fn a_request_with_no_cache_goes_alone() {
    goes_alone(&[("Cache-Control", "no-cache")]).await;
    goes_alone(&[("Pragma", "no-cache")]).await;
}

#[tokio::test]
async fn a_request_with_max_age_goes_alone() {
    goes_alone(&[("Cache-Control", "max-age=0")]).await;
    goes_alone(&[("Cache-Control", "max-age=30")]).await;
}

#[tokio::test]
async fn a_request_with_min_fresh_goes_alone() {
    goes_alone(&[("Cache-Control", "min-fresh=10")]).await;
}

#[tokio::test]
async fn a_request_with_no_store_goes_alone() {
    goes_alone(&[("Cache-Control", "no-store")]).await;
}

#[tokio::test]
async fn a_request_with_conditions_of_its_own_goes_alone() {
    goes_alone(&[("If-None-Match", "\"1\"")]).await;
    goes_alone(&[("If-Modified-Since", "Fri, 15 Jan 2027 07:00:00 GMT")]).await;
    goes_alone(&[("If-Match", "\"1\"")]).await;
    goes_alone(&[("If-Unmodified-Since", "Fri, 15 Jan 2027 07:00:00 GMT")]).await;
    goes_alone(&[("Range", "bytes=0-3"), ("If-Range", "\"1\"")]).await;
}

#[tokio::test]
async fn a_request_that_takes_only_what_is_stored_waits_for_nobody() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let held = Gate::new();
    origin.route("/a", Reply::cacheable(60, "shared").after(&held));
    let leader = proxy.ask(&origin.url("/a"));
    held.reached(1).await;
    let only = [("Cache-Control", "only-if-cached")];
    assert_eq!(proxy.get_with(&origin.url("/a"), &only).await.status, 504);
    held.open();
    assert_eq!(leader.response().await.text(), "shared");
    origin.only_request();
}

#[tokio::test]
async fn a_request_that_takes_stale_responses_joins_too() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let held = Gate::new();
    origin.route("/a", Reply::cacheable(60, "shared").after(&held));
    let leader = proxy.ask(&origin.url("/a"));
    held.reached(1).await;
    let other = proxy.ask_with(&origin.url("/a"), &[("Cache-Control", "max-stale")]);
    proxy.wait_for_in_flight(2).await;
    held.open();
    assert_eq!(other.response().await.cache_status(), JOINED);
    assert_eq!(leader.response().await.cache_status(), LED);
    origin.only_request();
}

#[tokio::test]
async fn other_methods_go_alone() {
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PURR"] {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        let held = Gate::new();
        origin.script("/a", [Reply::cacheable(60, "shared").after(&held), Reply::ok("alone")]);
        let leader = proxy.ask(&origin.url("/a"));
        held.reached(1).await;
        let mut client = proxy.client().await;
        client.send(request(method, &origin.url("/a"), &[])).await;
        assert_eq!(client.response_to(method).await.status, 200, "{method}");
        assert_eq!(origin.wait_for_requests(2).await[1].method, method);
        held.open();
        assert_eq!(leader.response().await.text(), "shared");
    }
}

#[tokio::test]
async fn a_get_with_content_goes_alone() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let held = Gate::new();
    origin.script("/a", [Reply::cacheable(60, "shared").after(&held), Reply::ok("alone")]);
    let leader = proxy.ask(&origin.url("/a"));
    held.reached(1).await;
    let mut client = proxy.client().await;
    client.send(request("GET", &origin.url("/a"), &[("Content-Length", "2")]) + "hi").await;
    assert_eq!(client.response().await.text(), "alone");
    assert_eq!(origin.wait_for_requests(2).await[1].body, b"hi");
    held.open();
    assert_eq!(leader.response().await.text(), "shared");
}
