//! What the memory tier holds, and who is given it.

mod under_way;
mod variants;

use std::time::Duration;

use super::Proxy;
use crate::support::client::request;
use crate::support::message::Framing;
use crate::support::origin::{Origin, Reply};

#[tokio::test]
async fn what_is_stale_stays_and_is_validated_however_old_it_is() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let unchanged = Reply::new(304).field("ETag", "\"1\"").field("Cache-Control", "max-age=60");
    origin.script("/a", [Reply::cacheable(60, "hello").field("ETag", "\"1\""), unchanged]);
    let url = origin.url("/a");

    proxy.get(&url).await;
    proxy.advance(Duration::from_secs(10 * 365 * 86_400));
    let validated = proxy.get(&url).await;
    assert_eq!(validated.text(), "hello");
    assert_eq!(validated.cache_status(), "larder; fwd=stale; fwd-status=304; ttl=60");
    assert_eq!(origin.wait_for_requests(2).await[1].field("if-none-match"), Some("\"1\""));
}

#[tokio::test]
async fn a_stored_response_has_the_status_the_fields_and_the_bytes_of_the_origin() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let body: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let reply = Reply::new(404)
        .reason("Gone Fishing")
        .body(body.clone())
        .field("Cache-Control", "max-age=60")
        .field("X-Twice", "one")
        .field("X-Twice", "two")
        .field("X-Bytes", "caf\u{e9}")
        .field("Content-Type", "application/x-thing");
    origin.route("/a", reply);
    let url = origin.url("/a");

    let first = proxy.get(&url).await;
    let second = proxy.get(&url).await;
    for response in [&first, &second] {
        assert_eq!((response.status, response.reason.as_str()), (404, "Gone Fishing"));
        assert_eq!(response.fields.all("x-twice"), ["one", "two"]);
        assert_eq!(response.field("x-bytes"), Some("caf\u{e9}"));
        assert_eq!(response.field("content-type"), Some("application/x-thing"));
        assert_eq!(response.framing, Framing::Length(70_000));
        assert_eq!(response.body, body);
    }
    assert_eq!(second.cache_status(), "larder; hit; ttl=60");
    origin.only_request();
}

fn with_trailer() -> Reply {
    Reply::cacheable(60, "hello").field("Trailer", "Sum").trailer("Sum", "42")
}

#[tokio::test]
async fn trailers_are_stored_and_given_to_those_who_ask() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", with_trailer());
    let url = origin.url("/a");
    let takes = [("TE", "trailers"), ("Connection", "TE")];

    proxy.get(&url).await;
    let with = proxy.get_with(&url, &takes).await;
    assert_eq!((with.text(), with.framing), ("hello", Framing::Chunked));
    assert_eq!(with.trailers.get("sum"), Some("42"));
    let without = proxy.get(&url).await;
    assert_eq!((without.text(), without.framing), ("hello", Framing::Length(5)));
    assert!(!without.trailers.has("sum"));
    for response in [with, without] {
        assert_eq!(response.cache_status(), "larder; hit; ttl=60");
    }
    origin.only_request();
}

#[tokio::test]
async fn trailers_reach_everybody_who_streams_along() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = crate::support::gate::Gate::new();
    origin.route("/a", with_trailer().body_after(&gate));
    let takes = [("TE", "trailers"), ("Connection", "TE")];
    let clients = [(); 2].map(|()| proxy.ask_with(&origin.url("/a"), &takes));
    proxy.wait_for_in_flight(2).await;
    gate.open();
    for client in clients {
        let response = client.response().await;
        assert_eq!((response.text(), response.trailers.get("sum")), ("hello", Some("42")));
    }
    origin.only_request();
}

#[tokio::test]
async fn a_head_request_is_answered_from_what_a_get_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, "hello"));
    let url = origin.url("/a");
    proxy.get(&url).await;
    let mut client = proxy.client().await;
    client.send(request("HEAD", &url, &[])).await;
    let head = client.response_to("HEAD").await;
    assert_eq!((head.field("content-length"), head.text()), (Some("5"), ""));
    assert_eq!(head.cache_status(), "larder; hit; ttl=60");
    // The connection is in order: nothing of a body is left on it.
    assert_eq!(client.get(&url).await.text(), "hello");
    origin.only_request();
}
