//! Bodies on their way: at once, whole or visibly broken, at the pace of who reads.

mod growing;
mod pressure;
mod truncation;
mod window;

use crate::support::client::{Client, request};
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

/// Asks and reads the head; the body is read by the test.
async fn begin(client: &mut Client, url: &str) -> crate::support::wire::Body {
    client.send(request("GET", url, &[])).await;
    let head = client.head().await;
    assert_eq!(head.status(), Ok(200), "{head:?}");
    client.body_of(&head)
}

async fn each_byte_comes_at_once(reply: Reply) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    origin.route("/a", reply.body("abc").paced(&pace, 1));
    let mut client = proxy.client().await;

    let mut body = begin(&mut client, &origin.url("/a")).await;
    for byte in [b"a", b"b", b"c"] {
        pace.pass(1);
        assert_eq!(client.at_least(&mut body, 1).await, byte);
    }
    // Two ways to see the end: no byte is left, or the framing says so.
    while client.piece(&mut body).await.expect("a clean end").is_some() {}

    origin.only_request();
}

#[tokio::test]
async fn the_head_and_each_byte_of_a_stored_response_come_at_once() {
    each_byte_comes_at_once(Reply::cacheable(60, "")).await;
}

#[tokio::test]
async fn the_head_and_each_byte_of_an_unstorable_response_come_at_once() {
    each_byte_comes_at_once(Reply::ok("").field("Cache-Control", "no-store")).await;
}

#[tokio::test]
async fn each_byte_of_a_chunked_response_comes_at_once() {
    each_byte_comes_at_once(Reply::cacheable(60, "").chunked()).await;
}

#[tokio::test]
async fn each_byte_of_a_response_that_ends_with_its_connection_comes_at_once() {
    each_byte_comes_at_once(Reply::cacheable(60, "").until_close()).await;
}

#[tokio::test]
async fn a_body_is_stored_while_it_streams() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let pace = Gate::new();
    origin.route("/a", Reply::cacheable(60, "abcdef").paced(&pace, 2));
    let mut client = proxy.client().await;

    let mut body = begin(&mut client, &origin.url("/a")).await;
    pace.pass(2);
    assert_eq!(client.at_least(&mut body, 4).await, b"abcd");
    assert_eq!(proxy.usage().responses, 0);
    pace.open();
    assert_eq!(client.at_least(&mut body, 2).await, b"ef");

    // No wait: it is stored before the first client sees the end.
    let second = proxy.get(&origin.url("/a")).await;
    assert_eq!((second.text(), second.cache_status()), ("abcdef", "larder; hit; ttl=60"));
    origin.only_request();
}

#[tokio::test]
async fn a_response_without_content_is_complete_with_its_head() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    for (path, reply) in [
        ("/204", Reply::new(204).field("Cache-Control", "max-age=60")),
        ("/empty", Reply::cacheable(60, "")),
        ("/chunked", Reply::cacheable(60, "").chunked()),
        ("/close", Reply::cacheable(60, "").until_close()),
    ] {
        origin.route(path, reply);
        for expected in ["larder; fwd=uri-miss; stored", "larder; hit; ttl=60"] {
            let response = proxy.get(&origin.url(path)).await;
            assert_eq!((response.text(), response.cache_status()), ("", expected), "{path}");
        }
    }
    origin.wait_for_requests(4).await;
}
