//! `Expect: 100-continue`: the client's body waits for the origin's word (RFC 9110 §10.1.1).

use crate::support::client::{Client, request};
use crate::support::gate::{Gate, not_yet};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const EXPECTS: [(&str, &str); 2] = [("Expect", "100-continue"), ("Content-Length", "4")];

async fn expecting(proxy: &Proxy, url: &str) -> Client {
    let mut client = proxy.client().await;
    client.send(request("POST", url, &EXPECTS)).await;
    client
}

#[tokio::test]
async fn the_origins_100_opens_the_clients_body_and_nothing_else_does() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let gate = Gate::new();
    origin.route("/a", Reply::ok("thanks").interim(100, &[]).reading_after(&gate));
    let mut client = expecting(&proxy, &origin.url("/a")).await;
    gate.reached(1).await;
    not_yet("a 100 that is not the origin's", client.some()).await;
    assert_eq!(origin.only_request().field("expect"), Some("100-continue"));
    assert_eq!(origin.only_request().field("content-length"), Some("4"));
    gate.open();

    assert_eq!(client.head().await.status(), Ok(100));
    client.send("body").await;
    let response = client.response().await;
    assert_eq!((response.text(), response.interim.len()), ("thanks", 0));
    assert_eq!(origin.only_request().body, b"body");
    // Both connections stay usable.
    origin.route("/b", Reply::ok("next"));
    assert_eq!(client.get(&origin.url("/b")).await.text(), "next");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_chunked_body_waits_for_the_100_too() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks").interim(100, &[]));
    let mut client = proxy.client().await;
    let fields = [("Expect", "100-Continue"), ("Transfer-Encoding", "chunked")];
    client.send(request("PUT", &origin.url("/a"), &fields)).await;
    assert_eq!(client.head().await.status(), Ok(100));
    client.send("4\r\nbody\r\n0\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "thanks");
    assert_eq!(origin.only_request().body, b"body");
}

#[tokio::test]
async fn a_body_that_the_origin_refuses_early_is_never_asked_for() {
    for status in [417, 401, 413] {
        let (origin, proxy) = (Origin::start().await, Proxy::start().await);
        origin.route("/a", Reply::new(status).body("no").early());
        origin.route("/b", Reply::ok("next"));
        let mut client = expecting(&proxy, &origin.url("/a")).await;
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (status, "no"));
        assert!(response.interim.is_empty(), "the body was asked for");
        // Nobody knows whether the body comes: neither connection can carry another request.
        assert_eq!(response.field("connection"), Some("close"));
        client.half_close().await;
        client.expect_close().await;
        origin.wait_for_closed(1).await;
        assert_eq!(origin.only_request().body_length, 0);
        assert_eq!(proxy.get(&origin.url("/b")).await.text(), "next");
        assert_eq!(origin.connections(), 2);
    }
}

#[tokio::test]
async fn an_origin_that_sends_no_100_gets_the_body_after_a_second() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks"));
    let mut client = expecting(&proxy, &origin.url("/a")).await;
    origin.wait_for_requests(1).await;
    not_yet("the 100", client.some()).await;
    assert_eq!(client.head().await.status(), Ok(100));
    client.send("body").await;
    assert_eq!(client.response().await.text(), "thanks");
    assert_eq!(origin.only_request().body, b"body");
}

#[tokio::test]
async fn a_client_that_does_not_wait_loses_nothing() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks").interim(100, &[]));
    let mut client = expecting(&proxy, &origin.url("/a")).await;
    client.send("body").await;
    assert_eq!(client.response().await.text(), "thanks");
    assert_eq!(origin.only_request().body, b"body");
    origin.route("/b", Reply::ok("next"));
    assert_eq!(client.get(&origin.url("/b")).await.text(), "next");
}

#[tokio::test]
async fn the_expectation_of_an_http_1_0_client_is_none() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("thanks").interim(100, &[]));
    let mut client = proxy.client().await;
    let head = format!("POST {} HTTP/1.0\r\nExpect: 100-continue\r\n", origin.url("/a"));
    client.send(head + "Content-Length: 4\r\n\r\nbody").await;
    let response = client.response().await;
    assert_eq!((response.text(), response.interim.len()), ("thanks", 0));
    assert!(!origin.only_request().has("expect"));
}

#[tokio::test]
async fn a_100_that_nobody_waits_for_is_passed_on_or_dropped_but_never_the_answer() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("hello").interim(100, &[]));
    let mut client = proxy.client().await;
    for _ in 0..2 {
        let response = client.get(&origin.url("/a")).await;
        assert_eq!((response.status, response.text()), (200, "hello"));
    }
}

#[tokio::test]
async fn an_error_of_our_own_says_that_the_rest_of_the_body_will_not_be_read() {
    let proxy = Proxy::start().await;
    let mut client = expecting(&proxy, "http://127.0.0.1:25/").await;
    let response = client.response().await;
    assert_eq!((response.status, response.interim.len()), (403, 0));
    assert_eq!(response.field("connection"), Some("close"));
    client.half_close().await;
    client.expect_close().await;
}
