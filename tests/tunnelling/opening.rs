//! How a tunnel opens: dialled first, answered then, or refused.

use std::time::Duration;

use super::{any_port, tunnel};
use crate::support::client;
use crate::support::gate::not_yet;
use crate::support::listener::{Deaf, Listener, Refusing};
use crate::support::origin::{Origin, Reply};
use crate::support::pattern;
use crate::support::proxy::Proxy;
use crate::support::tls::secure_by_file;

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_as_they_are() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    let (mut client, mut server) = tunnel(&proxy, &listener).await;
    for words in [&b"\x16\x03\x01"[..], b"GET / HTTP/1.1\r\n\r\n", b"\0\r\n"] {
        client.send(words).await;
        assert_eq!(server.exactly(words.len()).await, words);
        server.send(words).await;
        assert_eq!(client.exactly(words.len()).await, words);
    }
}

#[tokio::test]
async fn the_200_has_no_length_no_coding_and_keeps_the_connection() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    for version in ["1.1", "1.0"] {
        let mut client = proxy.client().await;
        let head = format!("CONNECT {} HTTP/{version}\r\n", listener.address());
        client.send(head + "Host: x\r\n\r\n").await;
        let mut server = listener.accept().await;
        let response = client.response_to("CONNECT").await;
        assert_eq!(response.status, 200, "{version}");
        for name in ["Content-Length", "Transfer-Encoding", "Connection", "Via", "Cache-Status"] {
            assert!(!response.fields.has(name), "{version}: {:?}", response.fields);
        }
        client.send("up").await;
        assert_eq!(server.exactly(2).await, b"up");
    }
}

#[tokio::test]
async fn the_200_comes_only_when_the_connection_stands() {
    let deaf = Deaf::start().await;
    let proxy = Proxy::with(|config| {
        any_port(config);
        config.upstream.connect_wait = Duration::from_millis(400);
        config.upstream.connect_total_wait = Duration::from_millis(400);
    })
    .await;
    let mut client = proxy.client().await;
    let to = deaf.address();
    client.send(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")).await;
    not_yet("an answer", client.some()).await;
    let response = client.response_to("CONNECT").await;
    assert_eq!(response.status, 504);
    let status = response.field("proxy-status").unwrap();
    assert!(status.starts_with("larder; error=connection_timeout"), "{status}");
}

#[tokio::test]
async fn what_the_client_sends_before_the_200_is_not_lost() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    let mut client = proxy.client().await;
    let to = listener.address();
    client.send(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\nearly")).await;
    let mut server = listener.accept().await;
    assert_eq!(client.response_to("CONNECT").await.status, 200);
    assert_eq!(server.exactly(5).await, b"early");
}

#[tokio::test]
async fn a_server_that_speaks_first_is_heard() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    let mut client = proxy.client().await;
    let to = listener.address();
    client.send(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")).await;
    listener.accept().await.send("220 ready\r\n").await;
    assert_eq!(client.response_to("CONNECT").await.status, 200);
    assert_eq!(client.exactly(11).await, b"220 ready\r\n");
}

#[tokio::test]
async fn a_tunnel_may_follow_ordinary_requests_on_a_connection() {
    let (listener, origin) = (Listener::start().await, Origin::start().await);
    origin.route("/a", Reply::ok("plain"));
    let proxy = Proxy::with(any_port).await;
    let mut client = proxy.client().await;
    assert_eq!(client.get(&origin.url("/a")).await.text(), "plain");
    let to = listener.address().to_string();
    let (response, mut server) = tokio::join!(client.tunnel(&to), listener.accept());
    assert_eq!(response.status, 200);
    client.send("up").await;
    assert_eq!(server.exactly(2).await, b"up");
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_end_to_end_and_nothing_of_it_is_stored() {
    let (origin, proxy) = (Origin::start_tls().await, Proxy::with(any_port).await);
    origin.route("/a", Reply::cacheable(60, "secret"));
    for _ in 0..2 {
        let mut client = proxy.client().await;
        assert_eq!(client.tunnel(&origin.authority()).await.status, 200);
        let mut client = secure_by_file(client, "localhost", &origin.ca_file()).await;
        client.send(client::request("GET", "/a", &[])).await;
        let response = client.response().await;
        assert_eq!(response.text(), "secret");
        assert!(!response.fields.has("via"), "nobody was in between");
    }
    assert_eq!(origin.wait_for_requests(2).await[1].connection, 1);
}

#[tokio::test]
async fn a_port_that_is_not_allowed_is_a_403_and_nobody_is_dialled() {
    let (origin, proxy) = (Origin::start().await, Proxy::start().await);
    origin.route("/a", Reply::ok("plain"));
    let mut client = proxy.client().await;
    let port = origin.address().port();
    for to in [origin.authority(), "mail.example:25".into(), "www.example.com:8443".into()] {
        let response = client.tunnel(&to).await;
        assert_eq!(response.status, 403, "{to}");
        let named = to.rsplit(':').next().unwrap();
        assert!(response.text().contains(named), "{}", response.text());
        assert!(response.text().contains("tunnel_ports"), "{}", response.text());
        let status = response.field("proxy-status").unwrap();
        assert!(status.starts_with("larder; error=http_request_denied"), "{status}");
    }
    assert_eq!(origin.connections(), 0, "{port}");
    // A tunnel that was refused leaves an ordinary connection.
    assert_eq!(client.get(&origin.url("/a")).await.text(), "plain");
    let lines = proxy.log().wait_for_exchanges(4).await;
    assert_eq!((&lines[0]["message"], &lines[0]["method"]), (&"Refused".into(), &"CONNECT".into()));
}

#[tokio::test]
async fn by_default_tunnels_go_to_the_ports_of_the_web_and_nowhere_else() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client().await;
    // Nobody listens there: it is the dialling that fails, not the port.
    for (to, refused) in [("127.0.0.9:443", false), ("127.0.0.9:80", false), ("127.0.0.9:22", true)]
    {
        let response = client.tunnel(to).await;
        assert_eq!(response.status == 403, refused, "{to}: {}", response.text());
    }
}

#[tokio::test]
async fn a_refused_connection_is_a_502() {
    let (refusing, proxy) = (Refusing::start(), Proxy::with(any_port).await);
    let mut client = proxy.client().await;
    let to = refusing.address().to_string();
    let response = client.tunnel(&to).await;
    assert_eq!(response.status, 502);
    assert!(response.text().contains("connection refused"), "{}", response.text());
    assert!(response.text().contains(&to), "{}", response.text());
    let status = response.field("proxy-status").unwrap();
    assert!(status.starts_with("larder; error=connection_refused"), "{status}");
    let line = &proxy.log().wait_for_exchanges(1).await[0];
    assert_eq!((&line["message"], &line["status"]), (&"Failed".into(), &502.into()));
    assert_eq!((&line["method"], &line["url"]), (&"CONNECT".into(), &to.into()));
}

#[tokio::test]
async fn a_tunnel_needs_a_host_and_a_port() {
    let proxy = Proxy::with(any_port).await;
    let mut client = proxy.client().await;
    for (to, hint) in [("www.example.com", "443"), ("www.example.com:0", "port")] {
        let response = client.tunnel(to).await;
        assert_eq!((response.status, response.text().contains(hint)), (400, true), "{to}");
    }
    let own = client.tunnel(&proxy.address().to_string()).await;
    assert_eq!((own.status, own.text().contains("the proxy itself")), (403, true));
}

#[tokio::test]
async fn a_loop_of_tunnels_is_found() {
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    let to = listener.address();
    let via: Vec<_> = (0..10).map(|at| format!("1.1 larder-{at:08x}")).collect();
    let mut client = proxy.client().await;
    let head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nVia: {}\r\n\r\n", via.join(", "));
    client.send(head).await;
    assert_eq!(client.response_to("CONNECT").await.status, 502);
}

#[tokio::test]
async fn a_large_amount_goes_through_a_tunnel_both_ways_at_once() {
    const LENGTH: usize = 8 * 1024 * 1024;
    let (listener, proxy) = (Listener::start().await, Proxy::with(any_port).await);
    let (client, server) = tunnel(&proxy, &listener).await;
    let ends = [client, server].map(|end| end.into_wire().into_tcp());
    let both = ends.map(|end| async move {
        let (mut from, mut to) = end.into_split();
        let sending = async {
            use tokio::io::AsyncWriteExt as _;
            to.write_all(&pattern::bytes(0, LENGTH)).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let receiving = async {
            use tokio::io::AsyncReadExt as _;
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).await.unwrap();
            assert_eq!(bytes.len(), LENGTH);
            pattern::check(0, &bytes);
        };
        tokio::join!(sending, receiving);
    });
    crate::support::gate::within("all bytes", futures_join(both)).await;
    let line = &proxy.log().wait_for_exchanges(1).await[0];
    assert_eq!((&line["bytes"], &line["bytes_up"]), (&LENGTH.into(), &LENGTH.into()));
}

async fn futures_join<F: Future<Output = ()>>([one, other]: [F; 2]) {
    tokio::join!(one, other);
}
