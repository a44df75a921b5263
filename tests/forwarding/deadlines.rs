//! Origins that take too long: every wait ends, with a 504 or with the end of a connection.

use std::time::Duration;

use larder::cli::serve::Config;

use crate::support::client::request;
use crate::support::gate::{Gate, QUIET, not_yet};
use crate::support::listener::{Deaf, Listener};
use crate::support::message::Response;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const SHORT: Duration = Duration::from_millis(40);

fn hurried(config: &mut Config) {
    config.upstream.connect_wait = SHORT;
    config.upstream.connect_total_wait = SHORT;
    config.upstream.response_wait = SHORT;
    config.upstream.read_wait = SHORT;
}

#[track_caller]
fn is_late(response: &Response, why: &str) {
    assert_eq!(response.status, 504, "{}", response.text());
    let status = response.field("proxy-status").unwrap();
    assert!(status.starts_with(&format!("larder; error={why}")), "{status}");
    assert_eq!(response.field("cache-control"), Some("no-store"));
    assert!(response.text().contains("within 40 ms"), "{}", response.text());
}

#[tokio::test]
async fn an_origin_that_accepts_no_connection_is_a_504() {
    let (deaf, proxy) = (Deaf::start().await, Proxy::with(hurried).await);
    let response = proxy.get(&format!("http://{}/", deaf.address())).await;
    is_late(&response, "connection_timeout");
    assert!(response.text().contains(&deaf.address().to_string()), "{}", response.text());
}

#[tokio::test]
async fn an_origin_that_never_answers_is_a_504_and_its_connection_is_closed() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(hurried).await);
    origin.route("/get", Reply::never());
    origin.route("/post", Reply::never());
    is_late(&proxy.get(&origin.url("/get")).await, "http_response_timeout");
    is_late(&proxy.client().await.post(&origin.url("/post"), "x").await, "http_response_timeout");
    origin.wait_for_closed(2).await;
    // It took the request and may be at work: nothing is tried again.
    origin.wait_for_requests(2).await;
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!((&lines[0]["message"], &lines[0]["status"]), (&"Failed".into(), &504.into()));
    assert!(lines[0]["error"].as_str().unwrap().contains("did not answer within"));
}

#[tokio::test]
async fn an_origin_that_says_half_a_head_is_a_504() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(hurried).await);
    let url = format!("http://{}/", listener.address());
    let answer = async {
        let mut origin = listener.accept().await;
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nContent-").await;
        origin.expect_close().await;
    };
    let (response, ()) = tokio::join!(proxy.get(&url), answer);
    is_late(&response, "http_response_timeout");
}

#[tokio::test]
async fn interim_responses_do_not_buy_time_for_ever() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(hurried).await);
    let gate = Gate::new();
    origin.route("/a", Reply::ok("late").interim(102, &[]).after(&gate));
    is_late(&proxy.get(&origin.url("/a")).await, "http_response_timeout");
}

#[tokio::test]
async fn an_origin_that_makes_no_tls_is_a_504() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(hurried).await);
    let url = format!("https://{}/", listener.address());
    let silent = async {
        let mut origin = listener.accept().await;
        origin.some().await.unwrap();
        origin
    };
    let (response, _origin) = tokio::join!(proxy.get(&url), silent);
    is_late(&response, "connection_timeout");
}

#[tokio::test]
async fn a_body_that_stands_still_ends_as_an_error_of_the_clients_connection() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.upstream.read_wait = SHORT).await;
    origin.route("/through", Reply::ok("a body").stall_after(2));
    origin.route("/stored", Reply::cacheable(60, "a body").stall_after(2));
    for path in ["/through", "/stored"] {
        let mut client = proxy.client().await;
        client.send(request("GET", &origin.url(path), &[])).await;
        let response = client.broken_response().await;
        assert_eq!((response.status, &*response.body), (200, &b"a "[..]), "{path}");
    }
    origin.wait_for_closed(2).await;
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert!(lines.iter().all(|line| line["error"].is_string()), "{lines:#?}");
    // Nothing was stored.
    origin.route("/stored", Reply::ok("fresh"));
    assert_eq!(proxy.get(&origin.url("/stored")).await.text(), "fresh");
}

#[tokio::test]
async fn the_wait_for_an_answer_begins_with_the_last_byte_of_the_request() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| config.upstream.response_wait = 4 * QUIET).await;
    let gate = Gate::new();
    origin.route("/a", Reply::ok("thanks"));
    let mut client = proxy.client().await;
    client.send(request("POST", &origin.url("/a"), &[("Content-Length", "4")])).await;
    client.send("bo").await;
    // Longer than the wait for an answer: the client is slow, not the origin.
    for _ in 0..5 {
        not_yet("an answer", gate.wait()).await;
    }
    client.send("dy").await;
    assert_eq!(client.response().await.text(), "thanks");
}
