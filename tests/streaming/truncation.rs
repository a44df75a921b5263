//! A body that breaks off: never stored, and never passed on as if it were whole.

use super::begin;
use crate::support::client::{Client, request};
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;
use crate::support::wire::{Body, Broken};

const BODY: &str = "0123456789";

/// Reads what is left of [`BODY`] or of its beginning, and says how it ended.
async fn to_the_end(client: &mut Client, body: &mut Body) -> Result<Vec<u8>, Broken> {
    let mut got = Vec::new();
    while let Some(piece) = client.piece(body).await? {
        got.extend(piece);
        assert!(BODY.as_bytes().starts_with(&got), "{got:?}");
    }
    Ok(got)
}

/// Two clients have the head and share a body that breaks off after six bytes; a third asks again.
async fn nothing_is_stored_and_every_client_sees_it(cut: impl Fn(Reply) -> Reply) {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let body = Gate::new();
    let broken = cut(Reply::cacheable(60, BODY).body_after(&body));
    origin.script("/a", [broken, Reply::cacheable(60, BODY)]);

    let url = origin.url("/a");
    let (mut one, mut two) = (proxy.client().await, proxy.client().await);
    let bodies = [begin(&mut one, &url).await, begin(&mut two, &url).await];
    body.open();
    for (mut client, mut body) in [one, two].into_iter().zip(bodies) {
        let end = to_the_end(&mut client, &mut body).await;
        assert!(end.is_err(), "a whole response came: {end:?}");
    }

    assert_eq!(proxy.usage().responses, 0);
    let lines = proxy.log().wait_for_exchanges(2).await;
    for line in &lines {
        assert!(line["error"].as_str().is_some_and(|why| why.contains("broke off")), "{line}");
    }
    let again = proxy.get(&url).await;
    assert_eq!((again.text(), again.cache_status()), (BODY, "larder; fwd=uri-miss; stored"));
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_body_shorter_than_its_content_length_is_an_error_for_everybody() {
    nothing_is_stored_and_every_client_sees_it(|reply| reply.cut_after(6)).await;
}

#[tokio::test]
async fn a_chunked_body_without_its_last_chunk_is_an_error_for_everybody() {
    nothing_is_stored_and_every_client_sees_it(|reply| reply.chunked().cut_after(6)).await;
}

#[tokio::test]
async fn a_chunked_body_that_ends_between_two_chunks_is_an_error_for_everybody() {
    let gate = Gate::new();
    gate.open();
    nothing_is_stored_and_every_client_sees_it(|reply| {
        reply.chunked().paced(&gate, 3).cut_after(6)
    })
    .await;
}

#[tokio::test]
async fn a_reset_is_an_error_for_everybody() {
    nothing_is_stored_and_every_client_sees_it(|reply| reply.reset_after(6)).await;
}

#[tokio::test]
async fn a_reset_before_the_first_byte_of_the_body_is_an_error_for_everybody() {
    nothing_is_stored_and_every_client_sees_it(|reply| reply.reset_after(0)).await;
}

#[tokio::test]
async fn a_reset_of_a_body_that_ends_with_its_connection_is_an_error_for_everybody() {
    nothing_is_stored_and_every_client_sees_it(|reply| reply.until_close().reset_after(6)).await;
}

#[tokio::test]
async fn an_invalid_chunk_is_an_error_for_everybody() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n";
    origin.route("/a", Reply::raw(format!("{head}3\r\nabc\r\nzz\r\n")));

    let mut client = proxy.client().await;
    client.send(request("GET", &origin.url("/a"), &[])).await;
    client.broken_response().await;

    assert_eq!(proxy.usage().responses, 0);
}

#[tokio::test]
async fn an_origin_that_falls_silent_in_its_body_breaks_it_off() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.upstream.read_wait = std::time::Duration::from_millis(150);
    })
    .await;
    origin.route("/a", Reply::cacheable(60, BODY).stall_after(6));

    let mut asked = proxy.ask(&origin.url("/a"));
    let response = asked.any().await;
    assert!(response.broken.is_some(), "{response:?}");
    assert!(BODY.starts_with(response.text()), "{response:?}");

    assert_eq!(proxy.usage().responses, 0);
    let lines = proxy.log().wait_for_exchanges(1).await;
    assert!(
        lines[0]["error"].as_str().is_some_and(|why| why.contains("sent nothing")),
        "{lines:?}"
    );
    origin.wait_for_closed(1).await;
}

#[tokio::test]
async fn an_unstorable_body_that_breaks_off_is_an_error_too() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let unstorable = || Reply::ok(BODY).field("Cache-Control", "no-store");
    for (path, reply) in [
        ("/length", unstorable().cut_after(6)),
        ("/chunked", unstorable().chunked().cut_after(6)),
        ("/reset", unstorable().reset_after(6)),
    ] {
        origin.route(path, reply);
        let mut asked = proxy.ask(&origin.url(path));
        let response = asked.any().await;
        assert!(response.broken.is_some(), "{path}: {response:?}");
        assert!(BODY.starts_with(response.text()), "{path}: {response:?}");
    }
    origin.wait_for_requests(3).await;
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_complete_and_stored() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/1.1", Reply::cacheable(60, BODY).until_close());
    origin.route("/1.0", Reply::cacheable(60, BODY).until_close().http10());
    for path in ["/1.1", "/1.0"] {
        let first = proxy.get(&origin.url(path)).await;
        let second = proxy.get(&origin.url(path)).await;
        assert_eq!((first.text(), first.cache_status()), (BODY, "larder; fwd=uri-miss; stored"));
        assert_eq!((second.text(), second.cache_status()), (BODY, "larder; hit; ttl=60"));
        assert_eq!(second.field("content-length"), Some("10"));
    }
    origin.wait_for_requests(2).await;
}

#[tokio::test]
async fn a_client_that_knows_the_end_by_the_close_sees_a_reset_instead() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let stored = || Reply::cacheable(60, BODY).chunked();
    let unstorable = || Reply::ok(BODY).field("Cache-Control", "no-store").chunked();
    for (path, reply) in [
        ("/stored", stored().cut_after(6)),
        ("/reset", stored().reset_after(6)),
        ("/unstorable", unstorable().cut_after(6)),
    ] {
        let gate = Gate::new();
        origin.route(path, reply.body_after(&gate));
        let mut client = proxy.client().await;
        client.send(format!("GET {} HTTP/1.0\r\n\r\n", origin.url(path))).await;
        let head = client.head().await;
        let mut body = client.body_of(&head);
        gate.open();
        let end = to_the_end(&mut client, &mut body).await;
        assert!(matches!(end, Err(Broken::Failed(_))), "{path}: a clean end: {end:?}");
    }
    assert_eq!(proxy.usage().responses, 0);
}

#[tokio::test]
async fn the_connection_of_a_client_whose_response_broke_off_is_closed() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::cacheable(60, BODY).chunked().cut_after(6));
    origin.route("/b", Reply::ok("another"));
    let mut client = proxy.client().await;
    let requests = ["/a", "/b"].map(|path| request("GET", &origin.url(path), &[]));
    // Two in a row on the wire: the second must not be read as a part of the first.
    client.send(requests.concat()).await;
    let response = client.any_response_to("GET").await;
    assert!(response.broken.is_some(), "{response:?}");
    assert!(!String::from_utf8_lossy(&response.raw).contains("another"));
}
