//! How a tunnel ends: each direction for itself, by a limit, or with the proxy; and what is logged.

use std::time::Duration;

use super::{any_port, tunnel};
use crate::support::client::{Client, request};
use crate::support::gate::{Gate, not_yet};
use crate::support::listener::Listener;
use crate::support::origin::{Origin, Reply};
use crate::support::proxy::Proxy;

#[tokio::test]
async fn each_direction_is_closed_for_itself() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    for client_first in [true, false] {
        let (mut client, mut server) = tunnel(&proxy, &listener).await;
        let (first, second) =
            if client_first { (&mut client, &mut server) } else { (&mut server, &mut client) };
        first.send("the last word").await;
        first.half_close().await;
        assert_eq!(second.read_to_close().await, b"the last word");
        // The other direction goes on.
        for _ in 0..2 {
            second.send("not mine").await;
            assert_eq!(first.exactly(8).await, b"not mine");
        }
        second.half_close().await;
        first.expect_close().await;
    }
    let lines = proxy.log().wait_for_exchanges(2).await;
    assert_eq!((&lines[0]["bytes_up"], &lines[0]["bytes"]), (&13.into(), &16.into()));
    assert_eq!((&lines[1]["bytes_up"], &lines[1]["bytes"]), (&16.into(), &13.into()));
}

#[tokio::test]
async fn a_tunnel_is_logged_when_it_ends_with_the_bytes_of_each_direction() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    let (mut client, mut server) = tunnel(&proxy, &listener).await;
    client.send("hello").await;
    assert_eq!(server.exactly(5).await, b"hello");
    server.send("good day").await;
    assert_eq!(client.exactly(8).await, b"good day");
    assert!(proxy.log().exchanges().is_empty(), "it has not ended");
    client.half_close().await;
    server.half_close().await;

    let line = &proxy.log().wait_for_exchanges(1).await[0];
    assert_eq!((&line["message"], &line["cache"]), (&"Tunnelled".into(), &"tunnel".into()));
    assert_eq!((&line["method"], &line["status"]), (&"CONNECT".into(), &200.into()));
    assert_eq!(line["url"], listener.address().to_string());
    assert_eq!((&line["bytes_up"], &line["bytes"]), (&5.into(), &8.into()));
    assert_eq!((&line["client"], &line["error"]), (&"127.0.0.1".into(), &().into()));
}

#[tokio::test]
async fn a_side_that_breaks_off_ends_the_tunnel_and_the_log_says_so() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    for client_breaks in [true, false] {
        let (client, server) = tunnel(&proxy, &listener).await;
        let (breaking, mut other) = if client_breaks { (client, server) } else { (server, client) };
        breaking.reset();
        other.expect_close().await;
    }
    let lines = proxy.log().wait_for_exchanges(2).await;
    for line in lines {
        assert!(line["error"].as_str().unwrap().contains("broke off"), "{line}");
    }
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_is_closed_at_both_ends() {
    let listener = Listener::start().await;
    let proxy = Proxy::with(|config| {
        any_port(config);
        config.proxy.tunnel.idle = Duration::from_millis(150);
    })
    .await;
    let (mut client, mut server) = tunnel(&proxy, &listener).await;
    client.send("hello").await;
    assert_eq!(server.exactly(5).await, b"hello");
    server.send("hi").await;
    assert_eq!(client.exactly(2).await, b"hi");
    client.expect_close().await;
    server.expect_close().await;
    let line = &proxy.log().wait_for_exchanges(1).await[0];
    assert_eq!((&line["bytes_up"], &line["bytes"]), (&5.into(), &2.into()));
    assert!(line["error"].as_str().unwrap().contains("nothing moved"), "{line}");
}

#[tokio::test]
async fn a_tunnel_does_not_outlive_its_lifetime_however_busy_it_is() {
    let listener = Listener::start().await;
    let proxy = Proxy::with(|config| {
        any_port(config);
        config.proxy.tunnel.lifetime = Duration::from_millis(60);
    })
    .await;
    let (mut client, mut server) = tunnel(&proxy, &listener).await;
    while client.try_send("x").await.is_ok() {
        if !matches!(server.some().await.as_deref(), Ok([_, ..])) {
            break;
        }
    }
    let line = &proxy.log().wait_for_exchanges(1).await[0];
    assert!(line["error"].as_str().unwrap().contains("lifetime"), "{line}");
}

#[tokio::test]
async fn the_limits_of_requests_do_not_count_in_a_tunnel() {
    const SHORT: Duration = Duration::from_millis(20);
    let listener = Listener::start().await;
    let proxy = Proxy::with(|config| {
        any_port(config);
        config.server.idle_wait = SHORT;
        config.server.head_wait = SHORT;
        config.server.body_stall_wait = SHORT;
        config.upstream.response_wait = SHORT;
        config.upstream.read_wait = SHORT;
        config.upstream.idle_wait = SHORT;
    })
    .await;
    let (mut client, mut server) = tunnel(&proxy, &listener).await;
    for _ in 0..2 {
        not_yet("the end", client.some()).await;
        server.send("still here").await;
        assert_eq!(client.exactly(10).await, b"still here");
    }
}

#[tokio::test]
async fn the_connection_of_a_tunnel_is_never_pooled() {
    let (origin, proxy) = (Origin::start().await, Proxy::with(any_port).await);
    origin.route("/a", Reply::ok("plain"));
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "plain");
    // A tunnel takes no pooled connection, and leaves none behind.
    let mut client = proxy.client().await;
    assert_eq!(client.tunnel(&origin.authority()).await.status, 200);
    client.send(request("GET", "/a", &[])).await;
    assert_eq!(client.response().await.text(), "plain");
    client.half_close().await;
    client.expect_close().await;
    origin.wait_for_closed(1).await;
    assert_eq!(proxy.get(&origin.url("/a")).await.text(), "plain");
    let seen = origin.wait_for_requests(3).await;
    let places: Vec<_> = seen.iter().map(|request| request.connection).collect();
    assert_eq!(places, [0, 1, 0]);
}

#[tokio::test]
async fn a_drain_closes_tunnels_when_nothing_else_is_in_flight() {
    let (listener, origin) = (Listener::start().await, Origin::start().await);
    let proxy = Proxy::with(any_port).await;
    let log = proxy.log().clone();
    let gate = Gate::new();
    origin.route("/slow", Reply::ok("slow").after(&gate));
    let (mut client, mut server) = tunnel(&proxy, &listener).await;
    let mut slow = proxy.client().await;
    slow.send(request("GET", &origin.url("/slow"), &[])).await;
    gate.reached(1).await;
    let mut idle = proxy.client().await;
    idle.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.response().await.status, 200);

    let address = proxy.address();
    let stopping = proxy.stop();
    let watching = async {
        // The drain has begun when the idle connection is closed.
        idle.expect_close().await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it still listens");
        client.send("during the drain").await;
        assert_eq!(server.exactly(16).await, b"during the drain");
        not_yet("the end of the tunnel", client.some()).await;
        gate.open();
        assert_eq!(slow.response().await.text(), "slow");
        drop(slow);
        client.expect_close().await;
        server.expect_close().await;
    };
    tokio::join!(stopping, watching);
    let lines = log.wait_for_exchanges(3).await;
    assert_eq!((&lines[2]["cache"], &lines[2]["bytes_up"]), (&"tunnel".into(), &16.into()));
    assert!(lines[2]["error"].as_str().unwrap().contains("stopping"), "{}", lines[2]);
}

#[tokio::test]
async fn a_drain_closes_websockets_like_tunnels() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/ws", Reply::echo("websocket"));
    let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    let mut client: Client = proxy.client().await;
    client.send(request("GET", &origin.url("/ws"), &fields)).await;
    assert_eq!(client.head().await.status(), Ok(101));
    client.send("x").await;
    assert_eq!(client.exactly(1).await, b"x");
    tokio::join!(proxy.stop(), client.expect_close());
    origin.wait_for_closed(1).await;
}
