//! Requests that break off, that are slow, or that are too many.

use std::time::Duration;

use super::{is_error, serves_on};
use crate::support::client::request;
use crate::support::gate::Gate;
use crate::support::origin::{Origin, Received, Reply};
use crate::support::proxy::Proxy;

/// Ten bytes are promised; these have come when the client goes.
const HALF: &str = "half";

fn promised(origin: &Origin, coding: &str) -> String {
    match coding {
        "chunked" => {
            request("POST", &origin.url("/a"), &[("Transfer-Encoding", "chunked")])
                + "4\r\nhalf\r\n"
        }
        _ => request("POST", &origin.url("/a"), &[("Content-Length", "10")]) + HALF,
    }
}

/// The origin has got half of a body and then an end that is no end.
fn broke_off(requests: &[Received]) -> bool {
    requests.iter().any(|seen| seen.body == HALF.as_bytes() && !seen.complete)
}

#[tokio::test]
async fn a_request_body_that_breaks_off_breaks_off_at_the_origin_too() {
    for coding in ["length", "chunked"] {
        for reset in [false, true] {
            let (origin, proxy) = (Origin::start().await, Proxy::start().await);
            origin.route("/a", Reply::ok("never sent"));
            let mut client = proxy.client().await;
            client.send(promised(&origin, coding)).await;
            origin.wait_for("half of the body", broke_off).await;
            if reset {
                client.reset();
            } else {
                drop(client);
            }
            origin.wait_for_closed(1).await;
            assert!(broke_off(&origin.requests()), "{coding}");
            origin.only_request();
            let lines = proxy.log().wait_for_exchanges(1).await;
            assert!(lines[0]["error"].is_string(), "{}", lines[0]);
            assert_eq!(lines[0]["bytes_up"], 4);
            serves_on(&proxy).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_ends_its_side_in_the_middle_of_a_body_is_told() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("never sent"));
    let mut client = proxy.client().await;
    client.send(promised(&origin, "length")).await;
    origin.wait_for("half of the body", broke_off).await;
    client.half_close().await;
    let response = client.response().await;
    is_error(&response, 400, "http_request_error", &["request body ended early"]);
    client.expect_close().await;
    origin.wait_for_closed(1).await;
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_chunked_body_that_is_none_is_refused_and_the_origin_sees_no_end() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("never sent"));
    let mut client = proxy.client().await;
    client.send(promised(&origin, "chunked")).await;
    origin.wait_for("half of the body", broke_off).await;
    client.send("nonsense\r\n").await;
    let response = client.response().await;
    is_error(&response, 400, "http_request_error", &["request body ended early"]);
    origin.wait_for_closed(1).await;
    assert!(!origin.only_request().complete);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn a_request_body_that_stalls_is_given_up() {
    let origin = Origin::start().await;
    let proxy = Proxy::with(|config| {
        config.server.body_stall_wait = Duration::from_millis(50);
    })
    .await;
    origin.route("/a", Reply::ok("never sent"));
    let mut client = proxy.client().await;
    client.send(promised(&origin, "length")).await;
    let response = client.response().await;
    assert_eq!(response.status, 408, "{response:?}");
    client.expect_close().await;
    origin.wait_for_closed(1).await;
    assert!(!origin.only_request().complete);
    serves_on(&proxy).await;
}

#[tokio::test]
async fn one_request_too_many_is_503_with_retry_after() {
    let (origin, gate) = (Origin::start().await, Gate::new());
    origin.route("/a", Reply::ok("slow").after(&gate));
    origin.route("/b", Reply::ok("quick"));
    let proxy = Proxy::with(|config| config.proxy.requests_in_flight = 1).await;
    let mut first = proxy.client().await;
    first.send(request("GET", &origin.url("/a"), &[])).await;
    gate.reached(1).await;

    let mut second = proxy.client().await;
    for _ in 0..2 {
        let refused = second.get(&origin.url("/b")).await;
        is_error(&refused, 503, "proxy_internal_response", &["too many requests", "try again"]);
        assert_eq!(refused.field("retry-after"), Some("1"));
    }
    origin.only_request();
    gate.open();
    assert_eq!(first.response().await.text(), "slow");
    proxy.log().wait_for_exchanges(3).await;
    assert_eq!(second.get(&origin.url("/b")).await.text(), "quick");
    serves_on_one_by_one(&proxy).await;
}

/// With room for one request the next must wait until the last is over.
async fn serves_on_one_by_one(proxy: &Proxy) {
    let lines = proxy.log().wait_for_exchanges(4).await;
    assert_eq!(lines[0]["message"], "Refused");
    assert_eq!(
        (&lines[2]["message"], &lines[3]["message"]),
        (&"Fetched from origin".into(), &"Fetched from origin".into())
    );
}
