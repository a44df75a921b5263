//! Upgrades: a WebSocket passes through, and its connections never carry another request.

use crate::support::client::{Client, request};
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

const ASKS: [(&str, &str); 4] = [
    ("Connection", "keep-alive, Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

async fn asking(proxy: &Proxy, url: &str) -> Client {
    let mut client = proxy.client().await;
    client.send(request("GET", url, &ASKS)).await;
    client
}

#[tokio::test]
async fn a_websocket_passes_through_both_ways() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let key = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    origin.route("/ws", Reply::echo("websocket").field(key.0, key.1));
    let mut client = asking(&proxy, &origin.url("/ws")).await;
    let head = client.head().await;
    assert_eq!(head.status(), Ok(101));
    assert_eq!(head.fields.get("upgrade"), Some("websocket"));
    assert!(head.fields.get("connection").unwrap().eq_ignore_ascii_case("upgrade"));
    assert_eq!(head.fields.get("sec-websocket-accept"), Some(key.1));
    for word in [&b"\x81\x05hello"[..], b"\0", b"GET / HTTP/1.1\r\n\r\n"] {
        client.send(word).await;
        assert_eq!(client.exactly(word.len()).await, word);
    }
    client.half_close().await;
    client.expect_close().await;

    let seen = origin.only_request();
    assert_eq!(seen.field("connection"), Some("upgrade"));
    assert_eq!(seen.field("upgrade"), Some("websocket"));
    assert_eq!(seen.field("sec-websocket-key"), Some(ASKS[2].1));
    let line = &proxy.log().wait_for_exchanges(1).await[0];
    assert_eq!((&line["status"], &line["cache"]), (&101.into(), &"bypass".into()));
    assert_eq!((&line["bytes"], &line["bytes_up"]), (&26.into(), &26.into()));
}

#[tokio::test]
async fn bytes_sent_right_behind_the_request_reach_the_websocket() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/ws", Reply::echo("websocket"));
    let mut client = proxy.client().await;
    client.send(request("GET", &origin.url("/ws"), &ASKS) + "early").await;
    assert_eq!(client.head().await.status(), Ok(101));
    assert_eq!(client.exactly(5).await, b"early");
}

#[tokio::test]
async fn the_connections_of_a_websocket_never_return_to_the_pool() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/ws", Reply::echo("websocket"));
    origin.route("/a", Reply::ok("plain"));
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "plain");
    // The upgrade may take a pooled connection, and keeps it.
    let mut client = asking(&proxy, &origin.url("/ws")).await;
    assert_eq!(client.head().await.status(), Ok(101));
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "plain");
    client.send("still mine").await;
    assert_eq!(client.exactly(10).await, b"still mine");
    client.half_close().await;
    client.expect_close().await;
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "plain");
    let seen = origin.wait_for_requests(4).await;
    let places: Vec<_> = seen.iter().map(|request| request.connection).collect();
    assert_eq!(places, [0, 0, 1, 1]);
}

#[tokio::test]
async fn an_upgrade_that_the_origin_declines_is_an_ordinary_answer() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/ws", Reply::cacheable(60, "no sockets here"));
    origin.route("/bad", Reply::new(426).field("Upgrade", "websocket").body("later"));
    origin.route("/a", Reply::ok("plain"));
    let mut client = asking(&proxy, &origin.url("/ws")).await;
    let declined = client.response().await;
    assert_eq!((declined.status, declined.text()), (200, "no sockets here"));
    client.send(request("GET", &origin.url("/bad"), &ASKS)).await;
    assert_eq!(client.response().await.status, 426);
    // Both connections are what they were.
    assert_eq!(client.get(&origin.url("/a")).await.text(), "plain");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn an_upgrade_is_never_answered_from_the_cache() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.script("/ws", [Reply::cacheable(60, "page"), Reply::echo("websocket")]);
    proxy.get(&origin.url("/ws")).await;
    let mut client = asking(&proxy, &origin.url("/ws")).await;
    assert_eq!(client.head().await.status(), Ok(101));
    assert_eq!(proxy.get(&origin.url("/ws")).await.cache_status(), "larder; hit; ttl=60");
}

#[tokio::test]
async fn no_other_protocol_is_upgraded_to() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("plain"));
    let mut client = proxy.client().await;
    let h2c =
        [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "")];
    assert_eq!(client.get_with(&origin.url("/a"), &h2c).await.text(), "plain");
    let head = format!("GET {} HTTP/1.0\r\nConnection: Upgrade\r\n", origin.url("/a"));
    client.send(head + "Upgrade: websocket\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "plain");
    let seen = origin.wait_for_requests(2).await;
    assert!(seen.iter().all(|request| !request.has("upgrade") && !request.has("connection")));
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_a_502() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::echo("websocket"));
    let response = proxy.get(&origin.url("/a")).await;
    assert_eq!(response.status, 502);
    let status = response.field("proxy-status").unwrap();
    assert!(status.starts_with("larder; error=http_upgrade_failed"), "{status}");
    origin.wait_for_closed(1).await;
}

#[tokio::test]
async fn a_websocket_that_the_origin_ends_ends_at_the_client() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    let head = "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbye";
    origin.route("/ws", Reply::raw(head));
    let mut client = asking(&proxy, &origin.url("/ws")).await;
    assert_eq!(client.head().await.status(), Ok(101));
    assert_eq!(client.read_to_close().await, b"bye");
}
