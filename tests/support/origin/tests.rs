//! The origin and the raw client, tried on each other.

use super::{Origin, Reply};
use crate::support::client::{Client, get, request};
use crate::support::gate::{Gate, not_yet};
use crate::support::message::Framing;

#[tokio::test]
async fn a_route_is_answered_every_time_and_each_request_is_remembered() {
    let origin = Origin::start().await;
    origin.route("/a?b", Reply::cacheable(60, "hello").field("ETag", "\"1\""));
    let mut client = Client::connect(origin.address()).await;
    for _ in 0..2 {
        client.send("GET /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\nA: 2\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (200, "hello"));
        assert_eq!(response.field("cache-control"), Some("max-age=60"));
        assert_eq!(response.framing, Framing::Length(5));
    }
    let requests = origin.wait_for_requests(2).await;
    assert_eq!(requests[1].target, "/a?b");
    assert_eq!(requests[1].fields.all("a"), ["1", "2"]);
    assert_eq!(requests[1].connection, 0);
    assert_eq!(origin.connections(), 1);
}
